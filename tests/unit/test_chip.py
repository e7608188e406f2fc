"""A chip is what its file says."""

import pickle
from pathlib import Path

import pytest

from bk7238 import chip
from bk7238.chip import ChipError
from bk7238.machine import Machine


def test_the_bk7238():
    bk7238 = chip.load("bk7238")
    assert (bk7238.name, bk7238.sizes) == ("BK7238", {"2M": 0x200000, "4M": 0x400000})
    assert bk7238.flash(0x400000).area("rf").start == 0x3E0000
    assert bk7238.flash(0x200000).area("network").end == 0x1E2000
    assert bk7238.flash_for(0x132000).name == "2M" and bk7238.flash_for(0x200001).name == "4M"


@pytest.mark.parametrize("flash", chip.usual().flashes, ids=lambda flash: flash.name)
def test_areas_lie_in_their_flash_and_do_not_overlap(flash):
    areas = sorted(flash.areas.values(), key=lambda area: area.start)
    for area, after in zip(areas, [*areas[1:], None], strict=True):
        assert area.end <= (after.start if after else flash.size)
    assert 1 << (flash.jedec_id & 0xFF) == flash.size  # as the boot loader takes it


@pytest.mark.parametrize(
    ("family", "size", "start"),
    [
        ("openbeken", 0x200000, 0x1E1000),
        ("openbeken", 0x400000, 0x1E1000),
        ("beken-sdk", 0x200000, 0x1E1000),
        ("beken-sdk", 0x400000, 0x3E1000),
        ("none", 0x400000, 0x3E1000),
    ],
)
def test_where_a_family_keeps_its_configuration(family, size, start):
    area = chip.usual().configuration(family, size)
    assert (area.start, area.size) == (start, 0x1000)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: chip.load("bk9999"), "no chip 'bk9999' is known; there is bk7238"),
        (lambda: chip.usual().flash(12345), "no flash of 0x3039 bytes is known of the BK7238; it has 2M or 4M"),
        (lambda: chip.usual().flash_for(0x400001), "more than the largest flash, 0x400000"),
        (lambda: chip.usual().largest.area("attic"), "has no area 'attic'; it has app, download, rf, network"),
        (lambda: Machine(b"", flash_size=12345), "no flash of 0x3039 bytes"),
    ],
)
def test_what_a_chip_does_not_have_is_refused(made, said):
    with pytest.raises(ChipError, match=said):
        made()


WHOLE = (chip.usual().folder / "chip.toml").read_text()
BROKEN = {
    "no TOML": ("name =", "= name", "chip.toml: "),
    "no text": ('name = "BK7238"', "name = 7238", "name: expected `str`, got `int`"),
    "a codec that nobody knows": ("crc-frames", "plain", "no codec 'plain' is known"),
    "coefficients for nothing": ("[partition_table]", "coefficients = [1]\n[partition_table]", "has no coefficients"),
    "a missing fact": ("below = 0x10000", "", "partition_table: object missing required field `below`"),
    "a fact that is no table": ("[configuration]", "[more]", "chip.toml: object contains unknown field `more`"),
    "a size that is a text": ("size = 0x200000", 'size = "2M"', "flash.2M.size: expected `int`, got `str`"),
    "an area that is no range": (
        "areas.rf = [0x1E0000, 0x1000]",
        "areas.rf = 0x1E0000",
        "flash.2M.areas.rf: expected `array`, got `int`",
    ),
    "an area beyond the flash": (
        "areas.rf = [0x1E0000, 0x1000]",
        "areas.rf = [0x1FF800, 0x1000]",
        "the area rf does not",
    ),
    "no app": ("areas.app = [0x11000, 0x121000]", "", "a flash of 2M has no area 'app'"),
    "an app elsewhere": ("areas.app = [0x11000, 0x121000]", "areas.app = [0x22000, 0x1000]", "app begins elsewhere"),
    "a configuration that is none": ('"network"', "1", "configuration.beken-sdk: expected `str \\| array`, got `int`"),
    "flashes that are none": ("[flash.2M]", "[flash]\n2M = 3\n[other]", "chip.toml: "),
}


def made(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "chip.toml").write_text(text)
    (folder / "board.repl").write_text(chip.usual().board.read_text())
    return folder


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_named_in_one_line(tmp_path, what):
    before, after, said = BROKEN[what]
    assert before in WHOLE
    with pytest.raises(ChipError, match=said) as error:
        chip.load(made(tmp_path, WHOLE.replace(before, after)))
    assert str(error.value).startswith(f"{tmp_path}/chip.toml: ") and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ChipError, match=r"chip\.toml: "):
        chip.read(tmp_path)
    (tmp_path / "chip.toml").write_text(WHOLE)
    with pytest.raises(ChipError, match=r"there is no board\.repl beside it"):
        chip.read(tmp_path)


def test_a_folder_is_a_chip_and_says_itself_again(tmp_path, monkeypatch):
    folder = made(tmp_path / "mine", WHOLE.replace("BK7238", "BK7239"))
    monkeypatch.chdir(tmp_path)
    found = [chip.load(name) for name in (folder, str(folder), "mine", "./mine", "mine/", Path("mine"))]
    assert {one.name for one in found} == {"BK7239"} and {one.word for one in found} == {str(folder)}
    assert chip.load(found[0].word) == found[0] != chip.usual()
    assert pickle.loads(pickle.dumps(found[0])) == found[0]
    (folder / "chip.toml").write_text(WHOLE.replace("BK7238", "BK7240"))
    assert chip.load("mine").name == "BK7240", "what was read before is not remembered"


def test_those_with_a_name():
    assert chip.known()[0].word == "bk7238" == chip.usual().word
    assert chip.load(chip.usual().folder) is chip.load("bk7238") is chip.usual()


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b", "no/such", "\udcff", ".."])
def test_what_is_no_chip_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChipError) as error:
        chip.load(name)
    assert "\n" not in str(error.value) and "bk7238" in str(error.value)
