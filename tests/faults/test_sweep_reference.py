"""Sweeps of the reference firmware, which every clone has."""

import json
from dataclasses import replace
from functools import cache

import pytest

from bk7238 import resources
from bk7238.cli import main
from bk7238.faults import all_kinds, parse
from bk7238.faults.flash_operations import FlashOperations
from bk7238.image import flash_image, package
from bk7238.sweep.explore.trunk import ALL_MODES
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.network import COLUMNS, SECTIONS, cell
from bk7238.sweep.plan.plan import NothingToSweep
from bk7238.sweep.point import Job
from bk7238.sweep.report import page, saved
from bk7238.sweep.report.report import Report, explained
from bk7238.update.session import Settings

BUILT = resources.reference()
TIERS = pytest.mark.parametrize("tier", ["quick", pytest.param("pr", marks=pytest.mark.full)])


@cache
def plan(name, compression="none", modes=()):
    update_package = package.read(BUILT / f"reference_1.0.1_{compression}_aes.rbl")
    return registry.make(
        name, Job(flash_image.read(BUILT / "reference_1.0.0.bin"), update_package, Settings()), modes=modes
    )


def explored(name, points, *more):
    found = []
    plan(name, *more).explore(points, found.append)
    assert [one.id for one in found] == [point.id for point in points]
    return found


@pytest.mark.full
def test_shards_joined_are_the_whole_sweep(tmp_path, capsys):
    files = [str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_none_aes.rbl")]
    for shard in ("1/1", "1/3", "2/3", "3/3"):
        folder = tmp_path / shard.replace("/", "of")
        assert main(["sweep", *files, "--processes=2", "--shard", shard, "--artifacts", str(folder)]) == 0
    folders = sorted(tmp_path.iterdir())
    whole, *parts = [saved.read(folder) for folder in folders]
    (joined,) = saved.joined(parts)
    assert len(joined.outcomes) == len(whole.outcomes) > 20
    assert joined == whole and page.html([joined]) == page.html([whole])
    target = tmp_path / "page.html"
    assert main(["report", *map(str, folders[1:]), "-o", str(target)]) == 0
    assert capsys.readouterr().out.endswith(f"{target}: None of {len(whole.outcomes)} points ends badly\n")
    assert target.read_bytes() == (folders[0] / "report.html").read_bytes()


@TIERS
def test_a_map_of_power_cuts_has_no_brick(tier):
    cuts = plan("install", "none", ALL_MODES)
    points = cuts.points(tier)
    found = []
    cuts.explore(points, found.append)
    assert sorted(one.id for one in found) == sorted(point.id for point in points)
    assert len(points) > {"quick": 25, "pr": 40}[tier]
    assert {one.verdict for one in found} <= {"new-app-runs", "old-app-runs", "old-app-retries-each-boot"}
    for point in points[:: len(points) // 5]:
        again = cuts.full(point)
        assert [(again.verdict, again.reason)] == [(one.verdict, one.reason) for one in found if one.id == point.id]


@pytest.mark.full
@pytest.mark.parametrize("tier", ["quick", pytest.param("pr", marks=pytest.mark.nightly)])
def test_after_a_cut_in_the_download_it_is_downloaded_again(tier):
    """Or, after the last operations, installed at once."""
    cuts = plan("download", "gzip", ("torn",))
    assert cuts.trunk.operations[cuts.trunk.first - 1].address == 0x132000
    points = [*cuts.points(tier), cuts.cut(len(cuts.trunk.operations), "after")]
    found = explored("download", points, "gzip", ("torn",))
    assert len(found) == {"quick": 6, "pr": 61}[tier] and {one.verdict for one in found} == {"new-app-runs"}
    for point, one in [*[*zip(points, found, strict=True)][:: len(found) // 3], (points[-1], found[-1])]:
        again = cuts.full(point)
        downloads = sum("the device asks for" in line for line in again.story)
        assert downloads == (1 if point is points[-1] else 2)
        assert (again.verdict, again.reason, again.did) == (one.verdict, one.reason, one.did)
        assert one.shared or (again.digest, again.story) == (one.digest, one.story)


@pytest.mark.full
def test_what_has_the_future_of_another_ends_as_it_does_when_it_is_run_in_full():
    """The cuts around the first operations of the download, in all four ways."""
    cuts = plan("download", "gzip", ALL_MODES)
    points = cuts.points("full")[:32]
    found = explored("download", points, "gzip", ALL_MODES)
    shared = [(point, one) for point, one in zip(points, found, strict=True) if one.shared]
    own = {one.id for one in found if not one.shared}
    assert len(shared) > len(points) // 2 and {one.shared for _, one in shared} <= own
    for point, one in shared[::4]:
        again = cuts.full(point)
        assert (again.verdict, again.reason, again.did) == (one.verdict, one.reason, one.did)


@pytest.mark.parametrize(("name", "who"), [("join", "old"), ("rejoin", "new")])
def test_an_app_that_writes_nothing_as_it_starts_cannot_be_cut_there(name, who):
    with pytest.raises(
        NothingToSweep, match=f"the {who} app's start has no flash operation to cut: the package was installed"
    ):
        plan(name)


def moments(point):
    """The numbers of the operations that are cut."""
    return [int(fault.when.removeprefix("flash-op=")) for fault in point.faults]


@pytest.mark.full
def test_pairs_of_cuts_are_a_sample_by_the_seed():
    points = plan("pairs").points("quick")
    assert points == plan("pairs").points("quick") and len(points) == 10
    assert all(second > first for first, second in (moments(point) for point in points))
    found = explored("pairs", points)
    assert {one.verdict for one in found} == {"new-app-runs"}
    for point, one in zip(points, found, strict=True):
        assert str(point.faults[0]) not in one.silent
        assert len(one.did) + len(one.silent) == 2
    assert sum(len(one.did) == 2 for one in found) >= 5, "the second cut, too"
    assert sum(one.merged is not None for one in found) >= 5
    for point, one in [*zip(points, found, strict=True)][::3]:
        again = plan("pairs").full(point)
        assert (again.verdict, again.reason, again.did) == (one.verdict, one.reason, one.did)
        assert again.story[: len(one.story)] == one.story and one.digest in (again.digest, "")


def test_the_matrix_has_each_fault_of_the_network():
    rows = {cell.row.partition(":")[0] for cell in plan("network", "gzip").points("pr")}
    assert rows == {name for name, kind in all_kinds().items() if kind.SECTION in SECTIONS}
    assert {cell.column for cell in plan("network").points("full")} == set(COLUMNS)


CELLS = {
    "50%": {
        "frame-loss": ("new-app-runs", ""),
        "wrong-key": ("device-waits", "the MIC of message 2"),
        "connection-close": ("new-app-runs", ""),
        "body-corrupt": ("old-app-retries-each-boot", "Verify firmware CRC32"),
        "http-truncated": ("old-app-retries-each-boot", "Verify firmware CRC32"),
    },
    "99%": {"dns-fail": ("device-waits", "knows no ota.example"), "http-wrong-file": ("old-app-runs", "is damaged")},
}


@pytest.mark.parametrize(
    "column", [pytest.param("50%", marks=pytest.mark.nightly), pytest.param("99%", marks=pytest.mark.full)]
)
def test_a_cell_is_what_its_fault_gives_from_the_beginning(column):
    cells = [cell(parse(row), column) for row in CELLS[column]]
    for point, one in zip(cells, explored("network", cells, "gzip"), strict=True):
        verdict, reason = CELLS[column][point.row]
        assert (one.verdict, reason in one.reason) == (verdict, True), one.reason
        again = plan("network", "gzip").full(point)
        assert (again.digest, again.reason, again.did, again.story) == (one.digest, one.reason, one.did, one.story)
        assert one.silent == () and one.did[0].startswith(point.id)


def test_a_fault_over_the_whole_download():
    job = plan("network", "gzip").job
    over = registry.make("network", job, faults=("connection-close", "body-corrupt"))
    assert [cell.column for cell in over.points("quick")] == [
        f"{place}%" for place in (0, 25, 50, 75, 99) for _ in "12"
    ]
    assert len(over.points("full")) == 200
    found = []
    over.explore(over.points("quick")[-2:], found.append)
    assert [(one.id, one.verdict) for one in found] == [
        ("connection-close@99%", "new-app-runs"),
        ("body-corrupt@99%", "old-app-retries-each-boot"),
    ]


@cache
def undisturbed():
    update = plan("network-cuts", "gzip").job.update()
    update.run()
    return bytes(update.machine.flash.data)


@pytest.mark.full
@pytest.mark.parametrize(
    ("row", "ends"),
    [
        ("connection-close", ["new-app-runs", "new-app-runs"]),
        ("body-corrupt", ["old-app-retries-each-boot", "new-app-runs"]),
        ("http-truncated", ["old-app-retries-each-boot", "old-app-retries-each-boot"]),
    ],
)
def test_a_fault_of_the_network_and_a_power_cut(row, ends):
    """Both strike; a body that is spoiled is replaced after a cut, and installed by none that came before it. The cut
    leaves half a page of the package, and in the end the app is the new one, byte for byte, or the old one."""
    matrix = plan("network-cuts", "gzip")
    points = [point for point in matrix.points("quick") if point.row == row]
    assert [point.column for point in points] == ["cut at 25%, fault at 50%", "fault at 50%, cut at 75%"]
    app, download = (matrix.job.image.partitions[name] for name in ("app", "download"))
    for point, one, end in zip(points, explored("network-cuts", points, "gzip"), ends, strict=True):
        assert (one.verdict, one.silent, len(one.did)) == (end, (), len(point.faults)), one.reason
        update = matrix.job.update(*point.faults)
        operations, left = FlashOperations.of(update.machine), []
        at = moments(replace(point, faults=point.faults[:1] if "power" in str(point.faults[0]) else point.faults[-1:]))

        def reset(_kind, operations=operations, left=left, at=at, update=update):
            if operations.begun == at[0]:
                left.append(bytes(update.machine.flash.data))

        update.machine.engine.on_reset.connect(reset)
        result = update.run()
        assert (result.digest, result.reason) == (one.digest, one.reason)
        address = int(
            next(text for text in one.did if "power-cut" in text).partition(" at 0x")[2].partition(":")[0], 16
        )
        assert download.physical_start < address < download.physical_end
        assert left[0][address : address + 64] != b"\xff" * 64 == left[0][address + 192 : address + 256]
        flash, own = bytes(update.machine.flash.data), undisturbed() if end == "new-app-runs" else matrix.job.image.data
        assert flash[app.physical_start : app.physical_end] == own[app.physical_start : app.physical_end]


@pytest.mark.parametrize(
    ("name", "more", "match"),
    [
        ("network", {"faults": ("network-stall@1%",)}, "leave out the @"),
        ("network", {"faults": ("package-key",)}, "faults of Radio, Network, HTTP"),
        ("network", {"faults": ("nonsense",)}, "no fault is called"),
        ("network", {"modes": ("torn",)}, "takes no modes"),
        ("pairs", {"faults": ("rssi:-85",)}, "takes no faults"),
        ("second", {"faults": ("rssi:-85",), "depth": 3}, "takes no faults"),
        ("network-cuts", {"modes": ("torn",)}, "takes no modes"),
        ("packages", {"modes": ("torn",)}, "takes no modes"),
    ],
)
def test_what_a_plan_does_not_take(name, more, match):
    with pytest.raises(ValueError, match=match):
        registry.make(name, plan("network", "gzip").job, **more)


def test_a_fault_that_has_no_chance_says_so():
    (found,) = explored("network", [cell(parse("deauthenticate"), "power-on")], "gzip")
    assert found.silent == ("deauthenticate",)
    assert "deauthenticate never fired: " in explained(found) and "a station was told that it is out" in explained(
        found
    )


def test_hostile_packages_and_tables():
    """What the reference boot loader refuses it refuses before it erases anything; all kinds are tried."""
    hostile = plan("packages", "gzip")
    points = hostile.points("quick")
    assert {point.row.partition(":")[0] for point in points} == {
        name for name, kind in all_kinds().items() if kind.SECTION in ("Package", "Partition table")
    }
    found = explored("packages", points, "gzip")
    assert {one.verdict for one in found} == {"old-app-runs", "old-app-retries-each-boot"}
    assert all(one.reason and not one.silent for one in found)
    told = {point.id for point in hostile.points("full")}
    assert "package-compression:none" in told and "package-compression:gzip" not in told, "it is gzip"
    assert Report(hostile, points, found, "quick", 0.0).bad == []


@pytest.mark.parametrize("name", ["network", "network-cuts", "packages"])
def test_what_is_laid_into_a_run_is_what_its_replay_says(name):
    points = plan(name, "gzip").points("full")
    assert len({point.id for point in points}) == len({(point.row, point.column) for point in points}) == len(points)
    for point in points:
        assert point.faults == tuple(parse(option.removeprefix("--fault=")) for option in point.options) != ()


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_each_cell_goes_to_one_worker(workers):
    matrix = plan("network", "gzip")
    points = matrix.points("full")
    chunks = matrix.chunks(points, workers)
    assert sorted(cell.id for chunk in chunks for cell in chunk) == sorted(cell.id for cell in points)
    assert all(len({cell.column for cell in chunk}) == 1 for chunk in chunks)
    assert [len(chunk) for chunk in chunks if chunk[0].column == "power-on"] == [1] * 32
    assert chunks[0][0].column == "99%" and chunks[-1][0].column == "power-on"


@pytest.mark.full
def test_a_network_of_the_users_own(tmp_path, capsys):
    """It is the device's in each point, and stands in the command that replays one."""
    paths = [str(BUILT / name) for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl")]
    network = ["--ssid", "Work shop", "--psk", "a passphrase", "--channel", "11", "--ht"]
    options = ["--of", "download", "--mode", "torn", "--processes", "2", "--artifacts", str(tmp_path), *network]
    assert main(["sweep", *paths, *options]) == 0
    saved = json.loads((tmp_path / "sweep.json").read_text())
    told = ["--ssid=Work shop", "--psk=a passphrase", "--channel=11", "--ht"]
    assert saved["replay"] == ["bk7238", "ota", *paths, *told, "--seed=0", "--within=840"]
    one = saved["outcomes"][1]
    assert any("key handshake is complete" in line for line in one["story"])
    capsys.readouterr()
    assert main([*saved["replay"][1:], f"--fault={one['faults'][0]}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == one["digest"]
