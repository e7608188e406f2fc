"""What the world does at random depends on the seed and the number of the boot, not on how often it was asked."""

from __future__ import annotations

from bk7238.formats import ieee80211 as dot11


def drawn(make_dut, cut_at, **settings):
    """A device whose power was cut at that microsecond and which has joined again; the flash as the cut left it, and
    the nonces of the key handshake from then on: ANonce and SNonce in turn."""
    dut = make_dut(psk="correct horse", faults=("frame-loss:rate=0.05",), **settings)
    dut.machine.run(until=cut_at)
    left, passed = bytes(dut.machine.flash.data), len(dut.frames)
    dut.machine.power_cycle()
    dut.run("2 s")
    nonces = []
    for frame in dut.frames[passed:]:
        at = frame.data.find(dot11.LLC_SNAP + b"\x88\x8e")
        if at >= 0 and any(frame.data[at + 25 : at + 57]):
            nonces.append(frame.data[at + 25 : at + 57])
    return dut.machine, left, nonces


def test_two_runs_that_are_alike_at_a_boot_draw_alike_after_it(make_dut):
    (early, flash, nonces), (late, same_flash, same_nonces) = (drawn(make_dut, at) for at in (1_300_000, 1_450_000))
    assert flash == same_flash and early.resets == late.resets == 1
    assert len(nonces) >= 2 and nonces == same_nonces


def test_another_seed_and_another_boot_draw_otherwise(make_dut):
    (machine, _, nonces), (_, _, others) = (drawn(make_dut, 1_300_000, seed=seed) for seed in (0, 1))
    assert nonces[0] != others[0]
    source = machine.random("anything")
    first = source.getrandbits(64)
    machine.power_cycle()
    machine.run(until=machine.now + 1)
    second = source.getrandbits(64)
    assert first != second
    source.begin(machine.resets)
    assert source.getrandbits(64) == second
