"""A flash that does not do as it is told, below the real boot loader."""

import pytest
from images import VENDOR
from ota import expected

from bk7238.formats import crc_framing
from bk7238.testing import Flash

pytestmark = [pytest.mark.full, VENDOR]


def test_a_stuck_bit_is_found_by_the_last_check(make_dut, dut, flash):
    should = expected.after_update(Flash(make_dut(delivered=True)).before, dut.package.data)
    bit = next(bit for bit in range(8) if not should[0x11001] >> bit & 1)
    dut.configure(faults=[f"flash-stuck-bit:0x11001,bit={bit},value=1"], delivered=True)
    dut.expect("go os_addr", within="30 s")
    assert dut.fired().count and flash.data[0x11001] >> bit & 1
    assert "Verify firmware hash" in dut.machine.uart1.text
    left = flash.data
    wrong = [at for at in range(expected.APP, expected.FOOTER_SECTORS) if left[at] != should[at]]
    assert wrong == [0x11001]


def test_a_sector_that_cannot_be_erased(dut, flash):
    dut.configure(faults=["flash-failing-sector:0x12000,erase"], delivered=True)
    should = expected.after_update(flash.before, dut.update.package.data)
    dut.expect("go os_addr", within="30 s")
    assert "erase" in dut.fired().firings[0].what
    sector = flash.data[0x12000:0x13000]
    old, new = flash.before[0x12000:0x13000], should[0x12000:0x13000]
    assert sector == bytes(a & b for a, b in zip(old, new, strict=True)), "programmed over what stood there"


def test_a_bit_too_much_is_programmed_and_the_verdict_says_what_the_device_does(dut, flash):
    dut.configure(faults=["flash-program-flip@flash-op=100"], delivered=True)
    result = dut.verdict()
    fault = dut.fired()
    at = int(fault.firings[0].where, 16)
    should = expected.after_update(flash.before, dut.update.package.data)
    assert fault.count == 1 and fault.firings[0].flash_operation == 100
    assert bin(flash.data[at] ^ should[at]).count("1") == 1 and not flash.data[at] & ~should[at]
    assert result.verdict.value == "new-app-reflashes-each-boot" and "Verify firmware hash" in result.reason
    assert result.evidence["app"]["first_bad_frame"] == at // crc_framing.FRAME * crc_framing.FRAME


def test_a_wrong_jedec_id_is_read(dut):
    dut.configure(faults=["flash-jedec-id:0xC84013"], delivered=True)
    dut.wait(lambda: dut.faults[0].count, within="1 s")
    assert dut.fired().firings[0].what == "said it is c84013" and dut.machine.flash.jedec_id == 0xC84013


@pytest.mark.parametrize("how", ["zeros", "corrupt"])
@pytest.mark.parametrize(
    ("area", "size", "start"),
    [
        ("calibration", 0x200000, 0x1E0000),
        ("configuration", 0x200000, 0x1E1000),
        ("calibration", 0x400000, 0x3E0000),
        ("configuration", 0x400000, 0x1E1000),  # OpenBeken's, whatever the flash
    ],
)
def test_areas(dut, flash, make_dut, area, size, start, how):
    dut.configure(faults=[f"flash-area:{area},{how}"], flash_size=size)
    plain = Flash(make_dut(flash_size=size))
    assert dut.fired().firings[0].where == f"{area}, {start:#x} to {start + 0x1000:#x}"
    changed, untouched, end = flash.before, plain.before, start + 0x1000
    assert len(changed) == size and changed[start:end] != untouched[start:end]
    assert changed[:start] == untouched[:start] and changed[end:] == untouched[end:]


def test_what_is_blank_already_is_not_a_fault(dut, flash):
    dut.configure(faults=["flash-area:calibration,blank", "flash-area:configuration,blank"])
    assert dut.update.faults.silent == ["flash-area:calibration,blank"]
    assert dut.fired(1).count == 1 and flash.before[0x1E1000:0x1E2000] == b"\xff" * 0x1000


def test_another_area(dut, make_dut):
    dut.configure(faults=["flash-area:other,corrupt,at=0x1F0000,size=16"])
    assert dut.fired().firings[0].where == "other, 0x1f0000 to 0x1f0010"
    with pytest.raises(ValueError, match="the flash has 0x200000 bytes"):
        _ = make_dut(faults=["flash-area:other,at=0x1FFFFF,size=2"]).machine
