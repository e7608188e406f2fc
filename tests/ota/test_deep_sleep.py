"""Deep sleep on a whole device: everything starts anew when it ends, and one that nothing can wake is seen."""

import pytest

from bk7238.update.verdict import Verdict

pytestmark = pytest.mark.bk7238(package=False)

SLEEP, ROSC_TIMER = 0x104, 0x11C
SECOND = 32_000  # counts of the ROSC timer


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
