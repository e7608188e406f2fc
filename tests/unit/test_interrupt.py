"""A flash operation that ends early: what the cells hold, and what the machine does."""

from __future__ import annotations

import re
from random import Random
from types import SimpleNamespace

import pytest
from debugging import machine
from hypothesis import given
from hypothesis import strategies as st

from bk7238.debug.debugger import Debugger
from bk7238.faults.flash_operations import FlashOperations
from bk7238.machine.snapshot import Snapshot, Snapshots
from bk7238.peripherals.nor_endings import (
    AFTER,
    BEFORE,
    BITS,
    BYTES,
    DISTURB,
    NOISE,
    RANDOM,
    SCATTERED,
    SHAPES,
    TORN,
    UNDEFINED,
    UNSTABLE,
    WEAK,
    ZEROS,
    Operation,
)
from bk7238.peripherals.nor_flash import NorFlash

ERASE, PROGRAM = Operation("erase", 0, 8), Operation("program", 0, 4, b"\x0f\x0f\x0f\x0f")
SECTOR = 0x1000


class Bits(Random):
    """A chance that gives what it is told."""

    def __init__(self, mask):
        self.mask = mask

    def getrandbits(self, count):
        return self.mask & (1 << count) - 1


def left(operation, cells, shape=AFTER, chance=None):
    """What an operation leaves in its range."""
    chip = NorFlash(len(cells), 0)
    chip.load(cells)
    chip.perform(operation, shape, chance)
    return bytes(chip.data)


def test_shapes():
    assert left(ERASE, bytes(8)) == b"\xff" * 8 and left(PROGRAM, b"\x35" * 4) == b"\x05" * 4
    assert left(ERASE, bytes(8), TORN) == b"\xff" * 4 + bytes(4)
    assert left(PROGRAM, b"\xff" * 4, TORN) == b"\x0f\x0f\xff\xff"
    assert left(PROGRAM, b"\xff" * 4, BEFORE) == b"\xff" * 4
    assert left(PROGRAM, b"\xff" * 4, RANDOM, Bits(-1)) == left(PROGRAM, b"\xff" * 4)
    assert left(PROGRAM, b"\xff" * 4, RANDOM, Bits(0)) == b"\xff" * 4
    assert left(PROGRAM, b"\xff" * 4, RANDOM, Bits(0xFF00)) == b"\xff\x0f\xff\xff"
    assert left(ERASE, b"\x55" * 8, ZEROS) == bytes(8)
    assert left(ERASE, b"\x55" * 8, NOISE, Random(1)) == Random(1).randbytes(8)


@given(
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.integers(0, 40),
    st.sampled_from([name for name, shape in SHAPES.items() if "program" in shape.of and name != DISTURB]),
)
def test_a_program_that_ends_early_has_set_no_bit_and_reaches_no_further(cells, data, address, shape):
    chip = NorFlash(len(cells), 0)
    chip.load(cells)
    operation = Operation("program", address, len(data), data)
    was = chip.perform(operation, shape, Random(7))
    assert len(chip.data) == len(cells) and was == cells[address : address + len(data)]
    assert chip.data[:address] == cells[:address] and chip.data[address + len(data) :] == cells[address + len(data) :]
    for place, (old, new) in enumerate(zip(was, chip.data[address:], strict=False)):
        assert new & ~old == 0 and old & data[place] & ~new == 0


@pytest.mark.parametrize("shape", [BITS, BYTES])
def test_a_program_that_is_stopped_has_begun_and_is_not_done(shape):
    ends = {left(Operation("program", 0, 64, bytes(64)), b"\xff" * 64, shape, Random(seed)) for seed in range(20)}
    assert len(ends) > 10 and not ends & {b"\xff" * 64, bytes(64)}
    assert shape != BYTES or all(re.fullmatch(rb"\0*[^\0\xff]?\xff*", end) for end in ends), "byte by byte"


def ones(data):
    return int.from_bytes(data, "little").bit_count()


@given(st.integers(0, 1 << 30))
def test_an_erase_that_is_stopped_leaves_a_few_old_zeros_all_over_its_range(seed):
    was = Random(~seed).randbytes(2 * SECTOR)
    now = left(Operation("erase", 0, 2 * SECTOR), was, SCATTERED, Random(seed))
    zeros = 8 * len(was) - ones(was)
    remaining = 8 * len(now) - ones(now)
    assert 0.002 < remaining / zeros < 0.055
    assert all(new & old == old for old, new in zip(was, now, strict=True)), "a bit that was set is set"
    for page in range(0, len(now), 512):
        assert now[page : page + 512] != was[page : page + 512], "no part of it is as it was"


@given(st.integers(0, 1 << 30))
def test_a_program_that_is_stopped_disturbs_its_sector_and_nothing_else(seed):
    was = b"\xff" * 3 * SECTOR
    now = left(Operation("program", SECTOR + 0x300, 256, bytes(256)), was, DISTURB, Random(seed))
    assert now[:SECTOR] == now[2 * SECTOR :] == b"\xff" * SECTOR
    beside = now[SECTOR : SECTOR + 0x300] + now[SECTOR + 0x400 : 2 * SECTOR]
    assert 1 <= 8 * len(beside) - ones(beside) <= 16


@pytest.mark.parametrize(("shape", "least", "most"), [(UNSTABLE, 0.3, 0.7), (WEAK, 0.01, 0.15)])
def test_bits_that_read_differently_do_so_until_they_are_erased_again(shape, least, most):
    def stopped():
        chip = NorFlash(2 * SECTOR, 0)
        chip.load(bytes(2 * SECTOR))
        chip.perform(Operation("erase", 0, SECTOR), shape, Random(3))
        return chip

    chip, again = stopped(), stopped()
    reads = [chip.read(0, SECTOR) for _ in range(40)]
    assert reads == [again.read(0, SECTOR) for _ in range(40)], "a run that is carried out again reads the same"
    assert shape != WEAK or chip.data[:SECTOR] == b"\xff" * SECTOR
    differ = [sum((one[at] ^ chip.data[at]).bit_count() for one in reads) / 40 for at in chip.unstable]
    bits = sum(mask.bit_count() for mask, _ in chip.unstable.values())
    assert 0.003 < bits / 8 / SECTOR < 0.05 and least < sum(differ) / bits < most
    assert chip.read(SECTOR, SECTOR) == bytes(SECTOR), "nothing beside it"
    first = min(chip.unstable)
    assert chip.read(first, 1) != chip.read(first, 1) or len({chip.read(first, 1) for _ in range(200)}) > 1
    assert chip.shown(0, SECTOR) == chip.shown(0, SECTOR)
    chip.program(first, b"\x00")
    assert first not in chip.unstable, "a bit that was programmed is what it is"
    chip.erase(0, SECTOR)
    assert chip.unstable == {} and chip.read(0, SECTOR) == b"\xff" * SECTOR


def test_a_write_of_the_status_register_that_is_stopped_leaves_its_protection_to_chance():
    found = set()
    for seed in range(40):
        chip = NorFlash(SECTOR, 0)
        chip.perform(Operation("status", 0, 2, b"\x00\x02"), UNDEFINED, Random(seed))
        assert chip.status & ~0x407C == 0x0200
        found.add(chip.status)
    assert len(found) > 20


def test_what_reads_differently_is_in_a_snapshot():
    device = machine()
    device.flash.load(bytes(SECTOR), 0x10000)
    device.flash.perform(Operation("erase", 0x10000, SECTOR), UNSTABLE, Random(3))
    device.flash.read(0x10000, SECTOR)
    kept = Snapshot.unpack(Snapshots(device).take().pack())
    expected = device.flash.read(0x10000, SECTOR)
    other = machine()
    Snapshots(other).restore(kept)
    assert other.flash.read(0x10000, SECTOR) == expected != other.flash.read(0x10000, SECTOR)


def sectors(device, *addresses):
    for address in addresses:
        device.board.flash.write(0, 1 << 29 | 13 << 24 | address)


@pytest.mark.parametrize(
    ("shape", "left", "told"),
    [(BEFORE, 0x1000, 0), (TORN, 0x800, 0), (ZEROS, 0x1000, 0), (AFTER, 0, 1)],
)
def test_the_power_goes_and_nothing_else_reaches_the_cells(shape, left, told):
    device = machine()
    device.flash.load(bytes(0x3000), 0x10000)
    operations, kinds = FlashOperations.of(device), []
    device.board.flash.operated.connect(lambda *operation: kinds.append(operation))
    operations.at(1, SimpleNamespace(pull=lambda: operations.interrupt(operations.current, shape)))
    sectors(device, 0x10000, 0x11000)
    assert device.flash.data[0x10000:0x12000] == b"\xff" * (0x1000 - left) + bytes(0x1000 + left)
    assert len(kinds) == told and operations.begun == 1 and not operations.powered
    device.run(until=10)
    assert device.resets == 1
    sectors(device, 0x11000)
    assert device.flash.data[0x11000] == 0xFF and operations.begun == 2


def status(device, value):
    device.board.flash.write(0x1C, value << 10)
    device.board.flash.write(0, 1 << 29 | 7 << 24)


@pytest.mark.parametrize(("shape", "left"), [(BEFORE, {0}), (UNDEFINED, None), (AFTER, {0x7C})])
def test_the_power_goes_as_the_status_register_is_written(shape, left):
    device = machine()
    operations = FlashOperations.of(device)
    operations.at_status_write(
        2, SimpleNamespace(pull=lambda: operations.interrupt(operations.current, shape, Random(5)))
    )
    status(device, 0)
    status(device, 0x7C)
    assert (operations.status_writes, operations.begun, operations.powered) == (2, 0, False)
    assert device.flash.status in (left or set(range(0x10000)) - {0, 0x7C})
    status(device, 0x40)
    assert device.flash.status != 0x40, "the power is gone"
    device.run(until=10)
    status(device, 0x40)
    assert device.resets == 1 and device.flash.status == 0x40


def test_a_flaw_of_the_cells_meets_an_operation_that_ends_early():
    device = machine()
    device.flash.load(bytes(0x1000), 0x10000)
    operations, met = FlashOperations.of(device), []
    operations.on_torn.connect(lambda operation, was: met.append((operation.kind, was)))
    operations.at(1, SimpleNamespace(pull=lambda: met.append(operations.interrupt(operations.current, TORN))))
    sectors(device, 0x10000)
    assert met == [("erase", bytes(0x1000)), 0x800]


def test_a_debugger_and_a_fault_stand_beside_one_flash():
    device = machine()
    debugger, operations = Debugger(device), FlashOperations.of(device)
    assert debugger.flash_operations is operations is device.flash.attendant
    struck = []
    operations.at(2, lambda: struck.append(operations.begun))
    debugger.flash_operations.cut_before(2)
    sectors(device, 0x10000, 0x11000)
    assert struck == [], "the power is gone already"
    assert "cut before the erase at 0x11000" in str(device.log.records[-1])


def test_a_cut_that_is_due_goes_back_in_time():
    device = machine()
    debugger = Debugger(device)
    begin = debugger.timeline.keep()
    debugger.flash_operations.cut_before(1)
    sectors(device, 0x10000)
    assert not debugger.flash_operations.powered
    debugger.timeline.snapshots.restore(begin)
    sectors(device, 0x10000)
    assert debugger.flash_operations.powered and debugger.flash_operations.begun == 1
