"""Full images boot to their consoles and keep running."""

import pytest
from images import BOOTLOADER_UART1, BOOTLOADER_UART2, FULL, vendor

from bk7238.formats import crc_framing
from bk7238.image import flash_image

pytestmark = [pytest.mark.full, pytest.mark.bk7238(image=FULL, package=False, profile="none")]

BOOTLOADER_LINES = [
    "BK7238_1.0.15",
    "[I/FAL] Fal(V0.4.0)success",
    "[I/OTA] RT-Thread OTA package(V0.2.8-beken-1133282d-20220604) initialize success.",
    "go os_addr(0x10000)..........",
]
APP_LINES = [
    "bk_misc_init_start_type 0 0",
    "prvHeapInit-start addr:0x416ad8, size:169256",
    "[Flash]init over",
    "SDK Rev: 3.0.78 1e0e16e",
    "chip id=7238 device id=22068000",
    "IP Rev: W4-3.0.78-P0",
    "int watchdog enabled, period=10000",
    "OpenBK7238, version 1.18.300",
]


def printed(console, lines):
    """The lines of `lines` that the console printed, in the order in which it printed them."""
    seen = []
    for line in console.text.splitlines():
        seen += [wanted for wanted in lines if wanted in line and wanted not in seen]
    return seen


@pytest.mark.parametrize(("name", "uart"), [(BOOTLOADER_UART1, 1), (BOOTLOADER_UART2, 2)])
def test_a_bootloader_without_an_app_comes_to_its_jump(make_dut, name, uart):
    framed = crc_framing.frame(vendor(name).read_bytes())
    dut = make_dut(image=flash_image.parse(framed, name, force=True))
    console = (dut.machine.uart1, dut.machine.uart2)[uart - 1]
    dut.expect("^go os_addr", within="5 s", console=uart)
    assert printed(console, BOOTLOADER_LINES) == BOOTLOADER_LINES
    assert "App verify failed! Need to recovery factory firmware." in console.text
    assert dut.operations == []


@pytest.mark.parametrize(
    ("size", "jedec_id"), [(0x200000, "c84015"), pytest.param(0x400000, "ef4016", marks=pytest.mark.nightly)]
)
def test_an_image_boots_and_runs_for_a_minute(dut, size, jedec_id):
    dut.configure(flash_size=size)
    dut.run("60 s")
    machine = dut.machine
    assert printed(machine.uart1, BOOTLOADER_LINES) == BOOTLOADER_LINES
    assert printed(machine.uart2, APP_LINES) == APP_LINES
    assert f"[Flash]id:0x{jedec_id}" in machine.uart2.text
    assert "Info:HTTP:TCP server listening" in machine.uart2.text
    assert "Time 55," in machine.uart2.text
    for complaint in ("task watchdog tiggered", "assert", "undefined", "abort"):
        assert complaint not in machine.uart2.text.replace("about", "")
    assert machine.resets == 0
    assert [record for record in machine.log.records if record.level == "warning"] == []


def test_a_reboot_is_seen_as_one(dut):
    """Bit 16 of the retention register, cleared boot scratch and kept RAM make the app name the cause."""
    dut.run("3 s")
    machine = dut.machine
    machine.board.wdt.write(0, 0x5A << 16 | 5)
    machine.board.wdt.write(0, 0xA5 << 16 | 5)
    dut.run("2 s")
    assert machine.resets == 1
    assert "bk_misc_init_start_type 0 0" in machine.uart2.text
    second_boot = machine.uart2.text.split("bk_misc_init_start_type")[2]
    assert second_boot.split()[0] == "2", "the watchdog, as the app's own feeding had left it in the register"


def test_power_cycle_forgets_ram(dut, power):
    dut.run("1 s")
    power.cycle()
    dut.run("1 s")
    assert dut.machine.uart2.text.count("bk_misc_init_start_type 0 0") == 2
