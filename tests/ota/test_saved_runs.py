"""A run in a file goes on in another process as it would have gone on in its own, and no trace of that is left."""

import hashlib
import json
import os
import random
import subprocess
import sys
import zlib

import msgspec
import pytest
from images import FULL, GZIP, vendor

from bk7238 import Settings, Update, flash_image, host_files, package, resources
from bk7238.chip import Chip
from bk7238.formats.plain import Reader
from bk7238.machine.snapshot import Snapshot, SnapshotError, Snapshots, places, set_states, states
from bk7238.update import run_file

REFERENCE = ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl")
SMALL = 8 << 20  # bytes: more than a snapshot is
FAULTS = (
    "network-slow:40000,2000@30%",
    "power-cut:torn,times=2,step=40@flash-op=100",
    "connection-reset@60%",
    "ap-gone:1s@0.4s",
    "frame-loss:2%",
    "wrong-key@40s",
    "dns-fail@insn=500000000",
    'deauthenticate@uart="that is never printed"',
)
"""Some fire early, some late, and some are pending to the end."""

PROGRAM = """
import json, sys
from pathlib import Path
from bk7238 import Update
for path in sys.argv[1:]:
    result = Update.load(Path(path)).run().as_json()
    del result["wall_seconds"]
    print(json.dumps(result))
"""


def update(**settings):
    image, rbl = (resources.reference() / name for name in REFERENCE)
    return Update(flash_image.read(image), package.read(rbl), Settings(**settings))


def protected(faults):
    return {"psk": "correct horse", "faults": faults, "ht": True}


def as_json(result):
    whole = result.as_json()
    del whole["wall_seconds"]
    return json.loads(json.dumps(whole))


def saved(run, moments, folder):
    """The run carried out, with a file at each moment of it; the files and the result."""
    run.begin()
    files = []
    for moment in sorted(moments):
        run.machine.run(until=moment)
        files.append(folder / f"{moment}.run")
        run.save(files[-1])
    return files, as_json(run.run())


def elsewhere(files):
    """What comes of the files in another process, whose hashes are others."""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", PROGRAM, *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def whole():
    """What comes of a run that is never saved."""
    return as_json(update(**protected(FAULTS)).run())


@pytest.mark.full
@pytest.mark.parametrize("count", [1, pytest.param(20, marks=pytest.mark.full)])
def test_a_run_goes_on_in_another_process(tmp_path, count, whole):
    fired = [fault["fired"] for fault in whole["faults"]]
    assert all(fired[:5]) and fired[-1] == 0
    chance = random.Random(count)
    moments = {chance.randrange(round(whole["virtual_seconds"] * 1e6)) for _ in range(count)}
    files, result = saved(update(**protected(FAULTS)), moments, tmp_path)
    assert result == whole, "saving leaves no trace"
    assert len(files) == count
    for file, found in zip(files, elsewhere(files), strict=True):
        assert found == whole, file.name


@pytest.mark.nightly
@pytest.mark.full
@pytest.mark.parametrize("faults", [(), ("connection-close@70%", "power-cut:random@flash-op=900")])
def test_a_vendors_firmware_goes_on_in_another_process(tmp_path, faults):
    run = Update(flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), Settings(faults=faults))
    chance = random.Random(1)
    files, whole = saved(run, {chance.randrange(40_000_000) for _ in range(20)}, tmp_path)
    assert whole["verdict"] == "new-app-runs"
    for file, found in zip(files, elsewhere(files), strict=True):
        assert found == whole, file.name


@pytest.mark.parametrize("count", [4, pytest.param(100, marks=pytest.mark.full)])
def test_a_run_that_is_saved_and_restored_again_and_again(count, whole):
    """From one machine to another and back: each goes on where the other was."""
    runs = [update(**protected(FAULTS)) for _ in range(2)]
    runs[0].begin()
    for number in range(count):
        here, there = runs[number % 2], runs[1 - number % 2]
        here.machine.run(until=round(whole["virtual_seconds"] * 1e6 * (number + 0.5) / count))
        data = msgspec.msgpack.encode(Snapshots(here.machine).take().pack())
        Snapshots(there.machine).restore(Snapshot.unpack(msgspec.msgpack.decode(data)))
    assert as_json(runs[count % 2].run()) == whole


def test_every_actor_takes_over_the_state_of_another_and_declares_all_that_changes():
    run, fresh = (update(**protected(FAULTS)) for _ in range(2))
    parts = {place: undeclared(actor) for place, actor in places(run.machine)}
    run.begin()
    for moment in (50_000, 450_000, 900_000):
        run.machine.run(until=moment)
        here = states(run.machine)
        Snapshots(fresh.machine).restore(Snapshots(run.machine).take())
        assert states(fresh.machine) == here
        set_states(run.machine, here)
        assert states(run.machine) == here
    changed = [place for place, actor in places(run.machine) if undeclared(actor) != parts[place]]
    assert not changed
    assert len(parts) > 60


def undeclared(actor):
    """What an actor does not declare, as far as it can change: numbers, texts, and what is in containers."""
    return {name: shown(value) for name, value in vars(actor).items() if name not in {*actor._states, *actor._handlers}}


def shown(value):
    """Plain data as text, and of an object which it is."""
    if isinstance(value, dict):
        return {repr(key): shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    plain = (int, float, str, bytes, bytearray, set, type(None))
    return repr(value) if isinstance(value, plain) else id(value)


def test_what_is_no_run_of_this_version_is_refused_in_one_line(tmp_path):
    run, path = update(), tmp_path / "some.run"
    run.save(path)
    data = path.read_bytes()
    place = random.Random(5).randrange(len(data))
    flipped = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]

    def rewritten(old, new):
        content = data[len(b"bk7238 run\n") + 32 :].replace(old, new, 1)
        return b"bk7238 run\n" + hashlib.sha256(content).digest() + content

    later = rewritten(b"version\x01", b"version\x02")
    other = rewritten(b"bk7238-sim 0.1.0", b"bk7238-sim 0.0.9")
    for changed, why in (
        (b"BK7238 " + data, "some.run: this is no saved run"),
        (data[:-100], "some.run: the saved run is damaged, its SHA-256 is another: run it anew"),
        (flipped, "some.run: the saved run is damaged, its SHA-256 is another: run it anew"),
        (data[:20], "some.run: the saved run is damaged"),
        (later, f"some.run: a saved run of format 2, known here is {run_file.VERSION}: run it anew"),
        (other, "some.run: saved with bk7238-sim 0.0.9 ("),
    ):
        path.write_bytes(changed)
        with pytest.raises(SnapshotError) as refused:
            Update.load(path)
        assert str(refused.value).startswith(why)
        assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """The file of a run that has not begun."""
    path = tmp_path_factory.mktemp("saved") / "some.run"
    update().save(path)
    return path.read_bytes()


def made_up(run, change):
    """The file of a run whose snapshot, or what the run was made of, is another, and whose SHA-256 is right."""
    content = msgspec.msgpack.decode(run[len(b"bk7238 run\n") + 32 :])
    inner = msgspec.msgpack.decode(zlib.decompress(content["body"]))
    content["head"]["made_of"], inner = change(content["head"]["made_of"], inner)
    body = inner if isinstance(inner, bytes) else zlib.compress(msgspec.msgpack.encode(inner))
    data = msgspec.msgpack.encode({**content, "body": body})
    return b"bk7238 run\n" + hashlib.sha256(data).digest() + data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _made_of, inner: ("what a boot is kept as", inner), id="a boot"),
        pytest.param(lambda made_of, _inner: (made_of, ["what", 1]), id="no kind of value"),
        pytest.param(lambda made_of, _inner: (made_of, ["name", "os:system"]), id="none of ours"),
        pytest.param(lambda made_of, _inner: (made_of, ["object", "bk7238.machine.snapshot:Snapshot", []]), id="empty"),
        pytest.param(lambda made_of, inner: (made_of, zlib.compress(msgspec.msgpack.encode(inner))[:-9]), id="cut off"),
        pytest.param(lambda made_of, _inner: (made_of, zlib.compress(bytes(SMALL + 1), 1)), id="too large"),
        pytest.param(lambda made_of, inner: (["no chip", made_of[1]], inner), id="another chip"),
        pytest.param(lambda made_of, inner: ([made_of[0], ["list", []]], inner), id="of nothing"),
    ],
)
def test_made_up_content_is_refused_in_one_line(tmp_path, beginning, change, monkeypatch):
    assert host_files.RESULTS <= 256 << 20
    monkeypatch.setattr(host_files, "RESULTS", SMALL)  # a small limit, for a small bomb
    path = tmp_path / "some.run"
    path.write_bytes(made_up(beginning, change))
    with pytest.raises(SnapshotError, match=r"\Asome\.run: .*\Z"):
        Update.load(path)


@pytest.mark.parametrize(
    "name",
    ["os:system", "bk7238.resources:os.system", "bk7238.cli.__main__:main", "bk7238.chip:USUAL", "bk7238.chip:os"],
)
def test_a_snapshot_leads_to_nothing_but_our_classes_and_functions(name):
    with pytest.raises(ValueError, match=f"a snapshot names {name}, which is none of ours"):
        Reader(lambda _place: None).value(["name", name])
    assert Reader(lambda _place: None).value(["name", "bk7238.chip:Chip"]) is Chip


def test_a_run_that_is_connected_to_the_host_cannot_be_saved(tmp_path):
    run = update(gateway=("127.0.0.1:9",))
    with pytest.raises(SnapshotError, match=r"^a run that is connected to the host \(gateway\) cannot be saved$"):
        run.save(tmp_path / "some.run")


def test_a_snapshot_of_another_bench_is_refused():
    with pytest.raises(SnapshotError, match=r"put together otherwise: machine\.actors\."):
        Snapshots(update().machine).restore(Snapshots(update(faults=("ap-gone",)).machine).take())
