"""Areas of the flash that are blank or corrupt at power-on, around the reference firmware."""

import pytest
from boot.reference import image as flash_with
from images import image, update_package

from bk7238.families import recognise
from bk7238.faults.run import Faults
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from faults.reference.trunk import (
    APP_END,
    DOWNLOAD,
    NEW,
    OLD,
    RETRIES,
    SECTOR,
    clean,
    put,
)

NAMED = {
    ("calibration", 0x200000): 0x1E0000,
    ("configuration", 0x200000): 0x1E1000,  # Beken's SDK keeps it in the network area
    ("calibration", 0x400000): 0x3E0000,
    ("configuration", 0x400000): 0x3E1000,
}
NOTHING_THERE = 0x1F0000
# start of another area -> where the device ends, and what the flash is then
OTHERS = {
    0x14000: (NEW, "installed over"),
    APP_END - SECTOR: (NEW, "installed over"),
    DOWNLOAD: (OLD, "as it was"),
    DOWNLOAD + SECTOR: (RETRIES, "as it was"),
    NOTHING_THERE: (NEW, "installed beside"),
}
OTHER_AREAS = [(start, how) for start in OTHERS for how in ("blank", "zeros", "corrupt")]
OTHER_AREAS.remove((NOTHING_THERE, "blank"))


def stands(flash, how, start):
    """What stands in the area at power-on. It alone is not as it should be."""
    found = flash.before[start : start + SECTOR]
    others = flash_with(update_package().data).ljust(len(flash.before), b"\xff")
    assert flash.before == put(others, (start, found)) != others
    if how == "corrupt":
        assert len(set(found)) > 200
    else:
        assert found == {"blank": b"\xff" * SECTOR, "zeros": bytes(SECTOR)}[how]
    return found


@pytest.mark.parametrize("how", ["zeros", "corrupt"])
@pytest.mark.parametrize(("name", "size"), NAMED, ids=lambda value: value if isinstance(value, str) else hex(value))
def test_an_area_that_has_a_name(dut, flash, name, size, how):
    dut.configure(faults=[f"flash-area:{name},{how}"], delivered=True, flash_size=size)
    dut.expect_verdict(NEW)
    start = NAMED[name, size]
    assert dut.fired().firings[0].where == f"{name}, {start:#x} to {start + SECTOR:#x}"
    assert flash.data == put(clean().ljust(size, b"\xff"), (start, stands(flash, how, start)))


@pytest.mark.full
@pytest.mark.parametrize(
    ("start", "how"), OTHER_AREAS, ids=lambda value: value if isinstance(value, str) else hex(value)
)
def test_another_area(dut, flash, start, how):
    verdict, then = OTHERS[start]
    dut.configure(faults=[f"flash-area:other,{how},at={start:#x}"], delivered=True)
    dut.expect_verdict(verdict)
    assert dut.fired().firings[0].where == f"other, {start:#x} to {start + SECTOR:#x}"
    area = (start, stands(flash, how, start))
    after = {"installed over": clean(), "installed beside": put(clean(), area), "as it was": flash.before}
    assert flash.data == after[then] and bool(flash.journal) == (then != "as it was")


def test_what_is_blank_already_is_not_a_fault(dut, flash):
    fault = f"flash-area:other,blank,at={NOTHING_THERE:#x}"
    dut.configure(faults=[fault], delivered=True)
    assert dut.update.faults.silent == [fault] and flash.before == flash_with(update_package().data)


OPENBEKEN = b"OpenBK7 openshwprojects AddEventHandler StartupCommand SetPinRole cfg_startup cfg_webapp cfg_mqtt"


@pytest.mark.parametrize(("texts", "start"), [(b"", 0x3E1000), (OPENBEKEN, 0x1E1000)])
def test_where_nobody_names_the_family_the_app_does(texts, start):
    machine = Machine(image().data, flash_size=0x400000)
    view = FlashView(machine.chip, bytes(machine.flash.data))
    at, framed = view.patch(view.app.offset + 0x1000, texts + b"\0")
    machine.flash.load(framed, at)
    before = bytes(machine.flash.data)
    faults = Faults(["flash-area:configuration,zeros"], 0)
    view = FlashView(machine.chip, before)
    faults.begin(machine, None, None, lambda: recognise.configuration(view))
    assert faults.all[0].count == 1
    assert bytes(machine.flash.data) == put(before, (start, bytes(SECTOR)))
