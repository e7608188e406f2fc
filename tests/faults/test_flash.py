"""A flash that does not do as it is told, below the real boot loader."""

import pytest
from ota import expected

from bk7238.formats import crc_framing
from faults.bench import Run

pytestmark = pytest.mark.full


def test_a_stuck_bit_is_found_by_the_last_check():
    run = Run("flash-stuck-bit:0x11001,bit=0,value=1", delivered=True)
    should = expected.after_update(run.before, run.update.package.data)
    bit = next(bit for bit in range(8) if not should[0x11001] >> bit & 1)
    run = Run(f"flash-stuck-bit:0x11001,bit={bit},value=1", delivered=True).to_app()
    assert run.fault().count and run.flash[0x11001] >> bit & 1
    assert "Verify firmware hash" in run.bootloader_text
    flash = run.flash
    wrong = [at for at in range(expected.APP, expected.FOOTER_SECTORS) if flash[at] != should[at]]
    assert wrong == [0x11001]


def test_a_sector_that_cannot_be_erased():
    run = Run("flash-failing-sector:0x12000,erase", delivered=True)
    should = expected.after_update(run.before, run.update.package.data)
    run.to_app()
    assert "erase" in run.fault().firings[0].what
    sector = run.flash[0x12000:0x13000]
    old, new = run.before[0x12000:0x13000], should[0x12000:0x13000]
    assert sector == bytes(a & b for a, b in zip(old, new, strict=True)), "programmed over what stood there"


def test_a_bit_too_much_is_programmed_and_the_verdict_says_what_the_device_does():
    run = Run("flash-program-flip@flash-op=100", delivered=True)
    result = run.update.run()
    fault = run.fault()
    at = int(fault.firings[0].where, 16)
    should = expected.after_update(run.before, run.update.package.data)
    assert fault.count == 1 and fault.firings[0].flash_operation == 100
    assert bin(run.flash[at] ^ should[at]).count("1") == 1 and not run.flash[at] & ~should[at]
    assert result.verdict.value == "new-app-reflashes-each-boot" and "Verify firmware hash" in result.reason
    assert result.evidence["app"]["first_bad_frame"] == at // crc_framing.FRAME * crc_framing.FRAME


def test_a_wrong_jedec_id_is_read():
    run = Run("flash-jedec-id:0xC84013", delivered=True)
    run.until(lambda: run.update.faults.all[0].count, seconds=1)
    assert run.fault().firings[0].what == "said it is c84013" and run.machine.flash.jedec_id == 0xC84013


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
def test_areas(area, size, start, how):
    run = Run(f"flash-area:{area},{how}", flash_size=size)
    plain = Run(flash_size=size)
    assert run.fault().firings[0].where == f"{area}, {start:#x} to {start + 0x1000:#x}"
    changed = [at for at in range(size) if run.before[at] != plain.before[at]]
    assert start <= changed[0] and changed[-1] < start + 0x1000


def test_what_is_blank_already_is_not_a_fault():
    run = Run("flash-area:calibration,blank", "flash-area:configuration,blank")
    assert run.update.faults.silent == ["flash-area:calibration,blank"]
    assert run.fault(1).count == 1 and run.before[0x1E1000:0x1E2000] == b"\xff" * 0x1000


def test_another_area():
    run = Run("flash-area:other,corrupt,at=0x1F0000,size=16")
    assert run.fault().firings[0].where == "other, 0x1f0000 to 0x1f0010"
    with pytest.raises(ValueError, match="the flash has 0x200000 bytes"):
        Run("flash-area:other,at=0x1FFFFF,size=2")
