"""The cache of boots: a device begins where it had joined its network, and nobody can tell."""

from dataclasses import replace

import pytest

from bk7238 import Settings, Update, flash_image, package, resources
from bk7238.network.events import LeaseGranted
from bk7238.testing import Dut, NotSeen
from bk7238.update import boots, run_file
from bk7238.update.story import DOWNLOAD

IMAGE, PACKAGE = "reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"


@pytest.fixture
def given():
    image, rbl = (resources.reference() / name for name in (IMAGE, PACKAGE))
    return flash_image.read(image), package.read(rbl), Settings(psk="correct horse")


def test_a_device_begins_where_it_had_joined(given, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert resources.cache() == tmp_path / "bk7238-sim"
    results, duts = [], [Dut(*given) for _ in range(2)]
    for dut in duts:
        dut.join()
        [*_, leased] = dut.update.network.events.recent
        assert isinstance(leased, LeaseGranted) and dut.update.story.phase == DOWNLOAD
        results.append((dut.now, dut.machine.instructions, dut.machine.digest(), dut.machine.uart1.text))
        with pytest.raises(RuntimeError, match="switched on already"):
            dut.join()
        monkeypatch.setattr(Update, "begin", lambda _update: pytest.fail("the second is carried out again"))
    assert results[0] == results[1]
    assert len(list(resources.cache().iterdir())) == 1
    monkeypatch.undo()
    assert duts[1].verdict().digest == Update(*given).run().digest


def test_what_hangs_on_the_board_is_of_a_boot(given, tmp_path):
    image, rbl, settings = given
    path, keys = tmp_path / "desk.toml", set()
    for pin in (1, 2):
        path.write_text(f'[[thing]]\nname = "x"\nkind = "led"\npin = {pin}\n')
        keys.add(boots.key(image, rbl, replace(settings, devices=[path])))
    assert len(keys) == 2


def test_what_differs_in_anything_is_not_found(given, monkeypatch):
    image, rbl, settings = given
    found = boots.key(*given)
    assert boots.key(replace(image), replace(rbl), replace(settings)) == found
    for other in (
        (replace(image, view=replace(image.view, data=image.data[:-1] + b"\0")), rbl, settings),
        (image, replace(rbl, data=rbl.data[:-1] + b"\0"), settings),
        (image, replace(rbl, name="other.rbl"), settings),
        (image, rbl, replace(settings, seed=1)),
        (image, rbl, replace(settings, faults=("ap-gone@60s",))),
    ):
        assert boots.key(*other) != found
    monkeypatch.setattr(run_file, "versions", lambda: "bk7238-sim 9.9.9")
    assert boots.key(*given) != found


@pytest.mark.full
def test_few_are_kept_and_a_damaged_one_is_made_anew(given, tmp_path, monkeypatch):
    monkeypatch.setattr(boots, "KEPT", 2)
    image, rbl, settings = given
    for seed in (0, 1, 2):
        boots.joined(image, rbl, replace(settings, seed=seed), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    newest = tmp_path / f"{boots.key(image, rbl, replace(settings, seed=2))}.run"
    sound = newest.read_bytes()
    _, snapshot = run_file.unpack(sound, newest.name)
    for damaged in (sound[:-1000], run_file.pack(replace(snapshot, engine=None), newest.name)):
        newest.write_bytes(damaged)
        assert boots.joined(image, rbl, replace(settings, seed=2), tmp_path).story.phase == DOWNLOAD
        assert run_file.unpack(newest.read_bytes(), newest.name)[1].engine is not None


def test_a_device_that_does_not_join(given):
    image, rbl, settings = given
    dut = Dut(image, rbl, replace(settings, ap_psk="another passphrase"))
    dut.cache = None
    with pytest.raises(NotSeen, match="did not join until"):
        dut.join()
