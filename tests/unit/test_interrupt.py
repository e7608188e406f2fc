"""A flash operation that ends early: what the cells hold, and what the machine does."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import pytest
from debugging import machine
from hypothesis import given
from hypothesis import strategies as st

from bk7238.debug.debugger import Debugger
from bk7238.faults.flash_operations import FlashOperations
from bk7238.peripherals.nor_flash import AFTER, BEFORE, NOISE, RANDOM, TORN, ZEROS, NorFlash, Operation

ERASE, PROGRAM = Operation("erase", 0, 8), Operation("program", 0, 4, b"\x0f\x0f\x0f\x0f")


class Bits(Random):
    """A chance that gives what it is told."""

    def __init__(self, mask):
        self.mask = mask

    def getrandbits(self, count):
        return self.mask & (1 << count) - 1


def test_shapes():
    assert ERASE.leaves(bytes(8)) == b"\xff" * 8 and PROGRAM.leaves(b"\x35" * 4) == b"\x05" * 4
    assert ERASE.leaves(bytes(8), TORN) == b"\xff" * 4 + bytes(4)
    assert PROGRAM.leaves(b"\xff" * 4, TORN) == b"\x0f\x0f\xff\xff"
    assert PROGRAM.leaves(b"\xff" * 4, BEFORE) == b"\xff" * 4
    assert PROGRAM.leaves(b"\xff" * 4, RANDOM, Bits(-1)) == PROGRAM.leaves(b"\xff" * 4)
    assert PROGRAM.leaves(b"\xff" * 4, RANDOM, Bits(0)) == b"\xff" * 4
    assert PROGRAM.leaves(b"\xff" * 4, RANDOM, Bits(0xFF00)) == b"\xff\x0f\xff\xff"
    assert ERASE.leaves(b"\x55" * 8, ZEROS) == bytes(8)
    assert ERASE.leaves(b"\x55" * 8, NOISE, Random(1)) == Random(1).randbytes(8)


@given(
    st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 40), st.sampled_from([BEFORE, TORN, RANDOM, AFTER])
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
