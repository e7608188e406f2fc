"""The power fails at a flash operation of the reference boot loader's update: after the next start the new app runs.

The flash is then that of an update without a cut, byte for byte. The operation that was cut is left undone, half done
or garbled.
"""

import random

import pytest

from boot.reference import DOWNLOAD, SECTOR, STARTED, Bench, built, image, installed, packed

HOW = ("undone", "half", "garbled")


class Cut:
    """Cuts the power at one operation, counted from 0, and tears it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.shadow = bytearray(bench.flash)
        self.count = 0
        self.at: int | None = None
        self.how, self.rng = "undone", random.Random(0)
        self.fired = False
        bench.machine.board.flash.operated.connect(self._operated)

    def prepare(self, flash: bytearray, at: int | None, how: str = "undone") -> None:
        self.bench.load(flash)
        self.shadow[:] = flash
        self.count, self.at, self.how, self.fired = 0, at, how, False
        self.rng = random.Random(f"{at}:{how}")

    def _operated(self, kind: str, address: int, what: bytes | int) -> None:
        length = what if isinstance(what, int) else len(what)
        flash, place = self.bench.flash, slice(address, address + length)
        if self.count == self.at:
            self.fired = True
            flash[place] = self._torn(bytes(self.shadow[place]), bytes(flash[place]))
            self.bench.machine.stop()
        self.shadow[place] = flash[place]
        self.count += 1

    def _torn(self, old: bytes, new: bytes) -> bytes:
        if self.how == "undone":
            return old
        if self.how == "half":
            return new[: len(new) // 2] + old[len(old) // 2 :]
        mask = self.rng.randbytes(len(old))
        return bytes(o & ~m & 0xFF | n & m for o, n, m in zip(old, new, mask, strict=True))


@pytest.fixture(scope="module")
def cut():
    return Cut(Bench())


def count(cut, before, raw):
    """How many operations the update takes without a cut."""
    cut.prepare(before, None)
    cut.bench.start()
    assert cut.bench.ended == STARTED and bytes(cut.bench.flash) == installed(before, raw)
    return cut.count


def cut_once(cut, before, raw, at, how, operations):
    new = installed(before, raw)
    cut.prepare(before, at, how)
    cut.bench.start()
    assert cut.fired and cut.bench.ended == "", (at, how)
    cut.at = None
    cut.bench.show()
    printed = cut.bench.start()
    assert cut.bench.ended == STARTED, (at, how, printed)
    after = bytearray(cut.bench.flash)
    if at == operations - 1:  # the package's first sector, which nobody needs any more
        after[DOWNLOAD : DOWNLOAD + SECTOR] = new[DOWNLOAD : DOWNLOAD + SECTOR]
    assert bytes(after) == new, (at, how, printed)


@pytest.mark.full
@pytest.mark.parametrize("how", HOW)
def test_a_cut_at_every_operation(cut, how):
    raw = built("app-1.0.1.bin")[:8000]
    before = image(packed(raw))
    operations = count(cut, before, raw)
    for at in range(operations):
        cut_once(cut, before, raw, at, how, operations)


@pytest.mark.full
def test_a_cut_somewhere_in_the_update_to_the_reference_app(cut):
    before = image(built("reference_1.0.1_none_aes.rbl"))
    operations = count(cut, before, None)
    rng = random.Random("power cuts")
    places = [0, 1, operations - 3, operations - 2, operations - 1, *rng.sample(range(operations), 25)]
    for at in places:
        cut_once(cut, before, None, at, rng.choice(HOW), operations)


@pytest.mark.full
def test_two_cuts_in_one_update(cut):
    raw = built("app-1.0.1.bin")[:8000]
    before = image(packed(raw))
    operations = count(cut, before, raw)
    rng = random.Random("two cuts")
    for _ in range(20):
        cut.prepare(before, rng.randrange(operations), "garbled")
        cut.bench.start()
        assert cut.fired
        cut.count, cut.at, cut.how, cut.fired = 0, rng.randrange(operations), "half", False
        cut.bench.show()
        cut.bench.start()
        cut.at = None
        cut.bench.show()
        printed = cut.bench.start()
        assert cut.bench.ended == STARTED, printed
        assert bytes(cut.bench.flash)[:DOWNLOAD] == installed(before, raw)[:DOWNLOAD]
