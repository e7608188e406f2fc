"""Deep sleep on a whole device: everything starts anew when it ends, and one that nothing can wake is seen."""

import pytest

from bk7238.update.verdict import Verdict

alone = pytest.mark.bk7238(package=False)

SLEEP, ROSC_TIMER, GPIO_WAKEUP_EN, GPIO_WAKEUP_TYPE = 0x104, 0x11C, 0x120, 0x124
PERI_CLK_PWD, WATCHDOG = 0x08, 1 << 8
SECOND = 32_000  # counts of the ROSC timer


@alone
def test_it_starts_anew_when_its_timer_ends(dut):
    dut.join()
    machine, sctrl = dut.machine, dut.machine.board.sctrl
    sctrl.write(ROSC_TIMER, SECOND << 16 | 1)
    sctrl.write(SLEEP, 0xADC1)
    before, resets = machine.uart1.text.count("reference app"), machine.resets
    dut.run("100 ms")
    instructions = machine.instructions
    dut.run("850 ms")
    assert machine.resets == resets + 1 and machine.instructions == instructions and not machine.dead_end.why
    dut.run("2 s")
    assert machine.uart1.text.count("reference app") == before + 1 and sctrl.read(ROSC_TIMER) & 0x100


@alone
def test_one_that_nothing_can_wake_is_gone_until_its_power_was(dut):
    dut.join()
    dut.machine.board.sctrl.write(SLEEP, 0xADC1)
    dut.run("1 s")
    why = "it sleeps deeply, and has enabled nothing that could wake it: no timer and no pin"
    assert dut.machine.dead_end.why == why
    gone = dut.back(within="3 s")
    assert gone.verdict is Verdict.GONE and why in gone.reason and gone.resets == 0
    dut.machine.power_cycle()
    dut.run("1 s")
    assert not dut.machine.dead_end.why and dut.machine.uart1.text.count("reference app") == 2


@alone
@pytest.mark.parametrize("mode", [0x4F89, 0xADC1], ids=["normal voltage", "deep"])
def test_one_that_sleeps_on_is_gone(dut, mode):
    dut.join()
    dut.machine.board.icu.write(PERI_CLK_PWD, WATCHDOG)
    dut.machine.board.sctrl.write(GPIO_WAKEUP_EN, 1 << 5)
    dut.machine.board.sctrl.write(GPIO_WAKEUP_TYPE, 1 << 5)
    dut.machine.board.sctrl.write(SLEEP, mode)
    gone = dut.back(within="12 s")
    assert gone.verdict is Verdict.GONE and "s, and nothing has woken it up" in gone.reason


def test_an_update_does_not_come_to_one_that_sleeps(make_dut):
    dut = make_dut(within="150 s")
    dut.expect("IP up")
    dut.machine.board.sctrl.write(GPIO_WAKEUP_EN, 1 << 5)
    dut.machine.board.sctrl.write(GPIO_WAKEUP_TYPE, 1 << 5)
    dut.machine.board.sctrl.write(SLEEP, 0xADC1)
    result = dut.verdict()
    assert result.verdict is Verdict.DEVICE_WAITS and result.reason.startswith("it sleeps since")
