"""A chip that nobody makes, from the files beside this test: the reference firmware updates itself on it.

Each fact of its chip.toml is another than the BK7238's. The firmware in tests/ota/invented is what the Makefile of
firmware/reference builds for it (tests/unit/test_reference_build.py compares).
"""

import json
import tomllib
from pathlib import Path

import pytest

from bk7238 import chip, cli, testing
from bk7238.formats import rbl
from bk7238.image import bootloader, chip_check, flash_image, package, split, unpack
from bk7238.image.flash_view import FlashView
from bk7238.update.session import Settings, Update

INVENTED = Path(__file__).resolve().parent / "invented"
IMAGE, PACKAGE = INVENTED / "reference_1.0.0.bin", INVENTED / "reference_1.0.1_gzip_aes.rbl"
CHIP = ["--chip", str(INVENTED)]
SCRAMBLED = "the code at 0x0 is scrambled or no ARM code"


@pytest.fixture(scope="module")
def other():
    return chip.load(INVENTED)


@pytest.fixture(scope="module")
def image(other):
    return flash_image.read(IMAGE, chip=other)


@pytest.fixture(scope="module")
def update_package():
    return package.read(PACKAGE)


def run(capsys, *arguments):
    """Status, standard output and standard error of a command on it, after a verb or two."""
    status = cli.main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def leaves(value, place=""):
    """All values of a chip.toml by their places; those of its flashes are at one place, whatever they are called."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {place: {value}}
    found = {}
    for name, one in value.items():
        for at, values in leaves(one, f"{place}/{'' if place == '/flash' else name}").items():
            found.setdefault(at, set()).update(values)
    return found


def test_it_differs_in_every_field():
    ours = leaves(tomllib.loads((chip.usual().folder / "chip.toml").read_text()))
    other = leaves(tomllib.loads((INVENTED / "chip.toml").read_text()))
    assert len(ours) > 15 and ours["/flash//size"] == {0x200000, 0x400000}
    assert ours.keys() <= other.keys()
    assert {place: values & other[place] for place, values in ours.items() if values & other[place]} == {}
    assert all(other[f"/coefficients/{number}"] for number in range(4))


# The update, from power-on to the new app


def after_update(image, update_package):
    """The flash that a right update leaves; addresses are those of its chip.toml."""
    codec, app = image.chip.codec, unpack.unpack(update_package).app
    flash = bytearray(image.data.ljust(0x80000, b"\xff"))
    body = codec.encode(app, 0x20000)
    flash[0x22000 : 0x22000 + 0x8000] = body.ljust(0x8000, b"\xff")
    footer = codec.encode(update_package.data[: rbl.SIZE], 0x30000 - rbl.SIZE)
    flash[0x31000:0x33000] = footer.rjust(0x2000, b"\xff")
    end = 0x34000 + -(-len(update_package.data) // 0x400) * 0x400
    flash[0x34000:end] = update_package.data.ljust(end - 0x34000, b"\xff")
    flash[0x34000:0x35000] = b"\xff" * 0x1000
    assert 0x7000 < len(body) <= 0x8000
    return bytes(flash)


def test_the_reference_firmware_updates_itself_on_it(make_dut, image, update_package, capsys):
    dut = make_dut(image=image, package=update_package, seed=3)
    result = dut.expect_verdict("new-app-runs")
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.1")
    assert dut.machine.flash.jedec_id == 0x1C3013 and dut.update.family.name == "beken-sdk"
    assert bytes(dut.machine.flash.data) == after_update(image, update_package)
    status, out, _ = run(capsys, "ota", IMAGE, PACKAGE, *CHIP, "--seed", "3", "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["digest"]) == (0, "new-app-runs", result.digest)


def test_in_its_larger_flash_where_a_fault_hits_its_own_areas(image, update_package):
    faults = ("flash-area:configuration,zeros",)
    update = Update(image, update_package, Settings(delivered=True, flash_size="1M", faults=faults))
    result = update.run()
    assert result.verdict.value == "new-app-runs", result.reason
    assert update.faults.all[0].firings[0].where == "configuration, 0xf0000 to 0xf2000"
    assert update.machine.flash.size == 0x100000 and update.machine.flash.jedec_id == 0x1C3014
    assert bytes(update.machine.flash.data[0xF0000:0xF2000]) == bytes(0x2000)


@pytest.mark.full
def test_power_cuts_in_the_installation(capsys):
    arguments = ("--of", "install", "--tier", "quick", "--processes", "1", "--json")
    status, out, err = run(capsys, "sweep", IMAGE, PACKAGE, *CHIP, *arguments)
    told = json.loads(out)
    assert (status, err, set(told["verdicts"])) == (0, "", {"new-app-runs"})
    assert told["replay"][:4] == ["bk7238", "ota", str(IMAGE), str(PACKAGE)] and f"--chip={INVENTED}" in told["replay"]


def test_it_is_run_for_its_console(capsys):
    status, out, err = run(capsys, "run", IMAGE, *CHIP, "--until", "reference app, version 1.0.0", "--within", "1")
    assert (status, err) == (0, "") and "BK7299_1.0.0 (reference)" in out and "go os_addr(0x20000)" in out


def test_the_kit_has_it_too(image, update_package):
    device = testing.Dut(image, update_package, Settings())
    device.configure(chip=INVENTED, flash_size="1M")
    device.expect_exact("go os_addr(0x20000)", within="1 s")
    assert device.machine.chip == image.chip
    with pytest.raises(ValueError, match="no flash of 0x200000 bytes is known of the BK7299; it has 512K or 1M"):
        testing.Dut(image, update_package, Settings()).configure(flash_size="2M")


# Its image


def test_info(capsys):
    status, out, _ = run(capsys, "image", "info", IMAGE, *CHIP, "--json")
    told = json.loads(out)
    assert (status, told["loader"], told["family"]) == (0, "reference boot loader 1.0.0", "Beken SDK")
    assert [(one["name"], one["physical_start"], one["physical_end"]) for one in told["partitions"]] == [
        ("bootloader", 0, 0x22000),
        ("app", 0x22000, 0x33000),
        ("download", 0x34000, 0x54000),
    ]
    assert told["app_writes_to"] == 0x34000 and told["app_matches_footer"] and told["warnings"] == []
    assert all(frames["good"] > 800 and frames["bad"] == [] for frames in told["frames"])


def test_check(capsys, tmp_path, image, update_package):
    after = tmp_path / "after.bin"
    status, out, _ = run(capsys, "image", "check", IMAGE, PACKAGE, *CHIP, "--flash", after, "--json")
    assert (status, json.loads(out)["end"]) == (0, "installed")
    expected = after_update(image, update_package)
    assert after.read_bytes() == expected


def test_split_and_build(capsys, tmp_path):
    assert run(capsys, "image", "split", IMAGE, *CHIP, "-o", tmp_path / "parts")[0] == 0
    assert b"reference app, version" in (tmp_path / "parts" / "app.bin").read_bytes(), "descrambled"
    build = ("image", "build", tmp_path / "parts", "-o", tmp_path / "built.bin")
    status, _, err = run(capsys, *build)
    assert (status, (tmp_path / "built.bin").exists()) == (2, False) and "'BK7299'" in err and "--chip" in err
    assert run(capsys, *build, *CHIP)[0] == 0
    assert (tmp_path / "built.bin").read_bytes() == IMAGE.read_bytes()


def test_build_of_a_boot_loader_and_an_app(capsys, tmp_path, image):
    parts = split.split(image)
    for name, data in (("boot.bin", parts.bootloader), ("app.bin", parts.app)):
        (tmp_path / name).write_bytes(data)
    files = ("--bootloader", tmp_path / "boot.bin", "--app", tmp_path / "app.bin", "-o", tmp_path / "built.bin")
    assert run(capsys, "image", "build", *files, *CHIP, "--mac", "c8:47:8c:00:00:01")[0] == 0
    view = FlashView(image.chip, (tmp_path / "built.bin").read_bytes())
    assert view.content(view.app).startswith(parts.app) and rbl.unpack(view.footer(view.app)).version == "512K.7"
    assert view.data[0x70000:0x70004] == bytes.fromhex("544c5600") and len(view.data) < 0x72000
    assert rbl.unpack(view.logical(0x1EFA0, 0x1F000)).partition == "bootloader"


def test_partitions(capsys, tmp_path, image):
    moved = tmp_path / "moved.bin"
    status, out, _ = run(
        capsys, "image", "partitions", IMAGE, *CHIP, "--move", "download=0x40000", "-o", moved, "--dump"
    )
    offsets = {entry["name"]: entry["offset"] for entry in json.loads(out)["part_table"]}
    assert status == 0 and offsets["download"] == "0x00040000"
    changed = flash_image.read(moved, chip=image.chip)
    assert changed.partitions["download"].offset == 0x40000
    assert changed.data[0x22000:] == image.data[0x22000:]


def test_unpack(capsys, tmp_path):
    status, out, _ = run(capsys, "image", "unpack", PACKAGE, "-o", tmp_path / "app.bin", "--json")
    assert status == 0 and all(field["right"] is not False for field in json.loads(out)["fields"])
    assert b"reference app, version" in (tmp_path / "app.bin").read_bytes()


@pytest.mark.parametrize(
    "verb", [("run",), ("ota", PACKAGE), ("image", "info"), ("image", "check"), ("image", "partitions")], ids=str
)
def test_without_its_chip_it_is_refused(verb, capsys):
    words = [*verb[:2], IMAGE] if verb[0] == "image" else [verb[0], IMAGE, *verb[1:]]
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "") and SCRAMBLED in err and err.count("\n") == 1


def test_it_is_recognised_among_those_that_have_a_name(monkeypatch, other):
    usual = chip.usual()
    monkeypatch.setattr(chip, "known", lambda: [usual, other])
    ours = flash_image.read(usual.folder.parents[1] / "firmware" / "reference" / "built" / "reference_1.0.0.bin")
    theirs = flash_image.read(IMAGE)
    assert (ours.chip, theirs.chip) == (usual, other) and theirs.bootloader_version == "BK7299_1.0.0"
    assert bootloader.parse(theirs.view.boot_loader, "boot.bin").chip == other
    assert chip_check.recognise(bytes(0x1000)).chip == usual


def test_settings_that_name_another_chip_are_refused(image, update_package):
    with pytest.raises(ValueError, match="chip: the image was read as a BK7299's, the settings name another one"):
        Update(image, update_package, Settings(chip="bk7238"))


def test_what_its_view_knows(other, image):
    view = image.view.whole()
    assert view.area("network").start == 0x72000 and view.area("download").start == 0x34000
    assert {name: entry.physical_start for name, entry in other.usual_table(0x100000).items()} == {
        "bootloader": 0,
        "app": 0x22000,
        "download": 0x50000,
    }
    highest, _ = view.table[0]
    for end, found in ((0x8000, 3), (0x8040, 2)):
        moved = bytes(end - 64 - highest) + view.boot_loader[: highest + 64]
        assert len(other.table_in(moved)) == found, "no entry ends above its place"
