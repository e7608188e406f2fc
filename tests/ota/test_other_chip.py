"""A chip that nobody makes, from a file of this test: the reference firmware updates itself on it.

It differs from the BK7238 in every fact that does not lie in the firmware's own binaries: those are linked to where the
app begins, and their flash is framed with CRCs.
"""

import shutil
import tomllib

import pytest
from boot.reference import image, installed
from images import built

from bk7238 import chip
from bk7238.image import flash_image
from bk7238.image.flash_view import FlashView

CHIP = """
name = "BK9999"
codec = "crc-frames"
[partition_table]
below = 0x8000
[packager]
version = "4M.1"
boot_loader_footer = 0xE000
[flash.large]
size = 0x400000
jedec_id = 0x1C7016
areas.app = [0x11000, 0x220000]
areas.download = [0x231000, 0x100000]
areas.rf = [0x380000, 0x2000]
areas.network = [0x390000, 0x2000]
[configuration]
beken-sdk = "rf"
openbeken = [0x3A0000, 0x2000]
"""
KEPT = {"codec", "app.start"}


@pytest.fixture
def other(tmp_path):
    shutil.copy(chip.load().board, tmp_path / "board.repl")
    (tmp_path / "chip.toml").write_text(CHIP)
    return chip.read(tmp_path)


def facts(value, name=""):
    """The facts of a chip.toml by their names, those of the largest flash alone."""
    if isinstance(value, list):
        return {f"{name}.{part}": one for part, one in zip(("start", "size"), value, strict=True)}
    if not isinstance(value, dict):
        return {name: value}
    if "flash" in value:
        value = value | max(value["flash"].values(), key=lambda flash: flash["size"])
        del value["flash"]
    return {key: fact for part, one in value.items() for key, fact in facts(one, part).items()}


def test_it_differs_wherever_it_can():
    ours = facts(tomllib.loads(chip.load().board.with_name("chip.toml").read_text()))
    other = facts(tomllib.loads(CHIP))
    assert ours.keys() == other.keys() and len(ours) > 12
    assert {name for name in ours if ours[name] == other[name]} == KEPT | {"size"}


def test_the_reference_firmware_updates_itself_on_it(make_dut, other):
    parsed = flash_image.parse(built("reference_1.0.0.bin"), "other.bin", chip=other, force=True)
    dut = make_dut(image=parsed, delivered=True, faults=("flash-area:configuration,zeros",))
    assert dut.machine.chip is other and dut.machine.flash.size == 0x400000
    dut.expect_verdict("new-app-runs")
    assert dut.fired().firings[0].where == "configuration, 0x380000 to 0x382000"
    assert dut.machine.flash.jedec_id == 0x1C7016 and dut.update.family.name == "beken-sdk"
    should = bytearray(installed(image(dut.package.data)).ljust(0x400000, b"\xff"))
    should[0x380000:0x382000] = bytes(0x2000)
    assert bytes(dut.machine.flash.data) == should != dut.flash_before


def test_what_its_view_knows(other):
    view = FlashView(other, built("reference_1.0.0.bin")).whole()
    assert view.area("network").start == 0x390000 and view.area("download").start == 0x132000, "the image's wins"
    assert {name: entry.physical_start for name, entry in other.usual_table(0x400000).items()} == {
        "bootloader": 0,
        "app": 0x11000,
        "download": 0x231000,
    }
    moved = bytes(0x8000) + view.boot_loader[0x6700:0x6800]
    assert view.app is not None and other.table_in(moved) == [], "not above its place"
