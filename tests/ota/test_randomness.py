"""What the world does at random depends on the seed and the number of the boot, not on how often it was asked."""

from __future__ import annotations

from bk7238 import resources
from bk7238.formats import ieee80211 as dot11
from bk7238.image import flash_image, package
from bk7238.update.session import Settings, Update

REFERENCE = resources.reference()


class Draws:
    """One run with a power cut: what was drawn at random after it."""

    def __init__(self, cut_at: int, *, seed: int = 0) -> None:
        rbl = package.read(REFERENCE / "reference_1.0.1_gzip_aes.rbl")
        settings = Settings(psk="correct horse", seed=seed, faults=("frame-loss:rate=0.05",))
        self.update = Update(flash_image.read(REFERENCE / "reference_1.0.0.bin"), rbl, settings)
        machine = self.update.machine
        self.nonces: list[bytes] = []  # of the key handshake: ANonce and SNonce in turn
        self.flash = b""

        def cut() -> None:
            self.nonces.clear()
            self.flash = bytes(machine.flash.data)
            machine.power_cycle()

        machine.clock.after(cut_at, cut)
        self.update.air.on_frame(self._frame)
        machine.run(until=cut_at + 2_000_000)

    def _frame(self, time: int, frame: bytes, channel: int, from_device: bool) -> None:
        at = frame.find(dot11.LLC_SNAP + b"\x88\x8e")
        if at >= 0 and any(frame[at + 25 : at + 57]):
            self.nonces.append(frame[at + 25 : at + 57])


def test_two_runs_that_are_alike_at_a_boot_draw_alike_after_it():
    early, late = Draws(1_300_000), Draws(1_450_000)
    assert early.flash == late.flash
    assert early.update.machine.resets == late.update.machine.resets == 1
    assert len(early.nonces) >= 2 and early.nonces == late.nonces


def test_another_seed_and_another_boot_draw_otherwise():
    cut, other = Draws(1_300_000), Draws(1_300_000, seed=1)
    machine = cut.update.machine
    assert cut.nonces[0] != other.nonces[0]
    source = machine.random("anything")
    first = source.getrandbits(64)
    machine.power_cycle()
    machine.run(until=machine.now + 1)
    second = source.getrandbits(64)
    assert first != second
    source.begin(machine.resets)
    assert source.getrandbits(64) == second
