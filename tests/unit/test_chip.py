"""A chip is what its file says."""

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


@pytest.mark.parametrize("flash", chip.load().flashes, ids=lambda flash: flash.name)
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
    area = chip.load().configuration(family, size)
    assert (area.start, area.size) == (start, 0x1000)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: chip.load("bk9999"), "no chip 'bk9999' is known; there is bk7238"),
        (lambda: chip.load().flash(12345), "no flash of 0x3039 bytes is known of the BK7238; it has 2M or 4M"),
        (lambda: chip.load().flash_for(0x400001), "more than the largest flash, 0x400000"),
        (lambda: chip.load().largest.area("attic"), "has no area 'attic'; it has app, download, rf, network"),
        (lambda: Machine(b"", flash_size=12345), "no flash of 0x3039 bytes"),
    ],
)
def test_what_a_chip_does_not_have_is_refused(made, said):
    with pytest.raises(ChipError, match=said):
        made()


@pytest.mark.parametrize(
    ("text", "said"),
    [("name = 1 2", "chip.toml: "), ('name = "X"', "chip.toml: 'flash' is missing"), (None, "chip.toml: ")],
)
def test_a_broken_file_is_named(tmp_path, text, said):
    if text is not None:
        (tmp_path / "chip.toml").write_text(text)
    with pytest.raises(ChipError, match=said):
        chip.read(tmp_path)
