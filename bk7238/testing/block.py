"""A block alone: a clock that the test moves, the chip's memories, and a log that remembers.

bench = BlockBench()
uart = bench.make(Uart)
uart.receive(b"x")
bench.clock.advance(100)
"""

from __future__ import annotations

import ctypes
import random
import struct
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

from bk7238 import chip
from bk7238.engine import clock
from bk7238.engine import slice as slices
from bk7238.engine.memory import Memory, SystemBus
from bk7238.engine.platform import Platform
from bk7238.engine.repl import load
from bk7238.peripherals.core import Peripheral, Register, ResetKind, Services

P = TypeVar("P", bound=Peripheral)


class BenchClock(clock.VirtualClock):
    """Virtual time, from 0 microseconds on, that passes when the test says so."""

    def __init__(self, run: slices.Slice | None = None) -> None:
        """`run` has the time for native functions."""
        self._run = run or slices.Slice()
        super().__init__(1, lambda: int(self._run.target))
        self._run.schedule = ctypes.addressof(self.schedule)

    def advance(self, microseconds: int) -> None:
        """Let so much time pass; what falls due in it happens, in order."""
        end = self.now + microseconds
        while (due := self.next_deadline) is not None and due <= end:
            self._run.target = due
            self.run_due()
        self._run.target = end


@cache
def _no_code() -> ctypes.Array[ctypes.c_uint8]:
    return (ctypes.c_uint8 * slices.PAGES)()


@cache
def _board() -> Platform:
    return load(chip.usual().board)


class BenchBus(SystemBus):
    """The memories of the chip, all zero. ValueError outside of them."""

    def __init__(self) -> None:
        memories = {one: Memory(one.name, one.address, one.size) for one in _board().memories}
        super().__init__(memories.values(), memories[_board().window], lambda _address, _length: None)
        self.slice = self._slice()

    def _slice(self) -> slices.Slice:
        """What native functions need of a CPU: the memories but for the window, in which there is no code."""
        self._places = slices.host_memories(self.rest)
        run = slices.Slice(memories=ctypes.addressof(self._places), pages=ctypes.addressof(_no_code()))
        self.place = partial(slices.functions().place, ctypes.addressof(run))
        return run

    def word(self, address: int) -> int:
        """The 32-bit little-endian word at an address."""
        return int.from_bytes(self.read(address, 4), "little")

    def put(self, address: int, *words: int) -> None:
        """Write 32-bit little-endian words from an address on."""
        self.write(address, struct.pack(f"<{len(words)}I", *words))


class BenchLog:
    """What the blocks said, and the offsets of accesses that no register claims."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.unclaimed_offsets: list[int] = []

    def info(self, message: str) -> None:
        """Remember a message."""
        self.messages.append(message)

    warning = info

    def unclaimed(self, offset: int, _value: int | None) -> None:
        """Remember an offset, once."""
        if offset not in self.unclaimed_offsets:
            self.unclaimed_offsets.append(offset)


class BlockBench:
    """Makes blocks and holds what surrounds them. `resets` are the kinds of reset that they asked for, `stopped` is
    whether they have taken the CPU's clock away."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.bus, self.log = BenchBus(), BenchLog()
        self.clock = BenchClock(self.bus.slice)
        self.resets: list[ResetKind] = []
        self.stopped = False

    def make(self, kind: type[P], name: str = "block", **arguments: object) -> P:
        """A block of this class; the arguments are those that a board description gives it."""
        services = Services(
            name=name,
            clock=self.clock,
            bus=self.bus,
            random=random.Random(f"{self.seed}:{name}"),
            log=self.log,
            request_reset=self.resets.append,
            stop_cpu=self._stop_cpu,
        )
        return _as_in_a_machine(kind(services, **arguments), self.bus.slice)

    def _stop_cpu(self, stopped: bool) -> bool:
        self.stopped = stopped
        return True


def _as_in_a_machine(block: P, run: slices.Slice) -> P:
    """Let accesses of a block take the way that they take on this host in a machine."""
    functions = slices.functions()
    if functions.on_read is None or functions.on_write is None or not block.size:
        return block
    raised: list[BaseException] = []
    read, write = block.read, block.write

    def released(answer: Any) -> Any:
        block.hand_over()
        return checked(answer)

    def slow_read(_uc: int, offset: int, width: int, _user: int) -> int:
        try:
            return read(offset, width)
        except BaseException as error:
            raised.append(error)
            return 0

    def slow_write(_uc: int, offset: int, width: int, value: int, _user: int) -> None:
        try:
            write(offset, value, width)
        except BaseException as error:
            raised.append(error)

    table = slices.table(slices.Read(slow_read), slices.Write(slow_write), block.size, ctypes.addressof(run))
    fast_read, fast_write = slices.Read(functions.on_read), slices.Write(functions.on_write)
    at = ctypes.addressof(table)

    def place(offset: int, word: Register | None) -> None:
        table.words[offset // 4] = None if word is None else word.host_address

    def checked(answer: Any) -> Any:
        if raised:
            raise raised.pop()
        return answer

    for offset, word in block.words.items():
        if offset < block.size:
            place(offset, word)
    block.on_word = place

    as_there: Any = block
    as_there.read = lambda offset, width=4: checked(fast_read(None, offset, width, at))
    as_there.write = lambda offset, value, width=4: released(fast_write(None, offset, width, value, at))
    return block


def levels(block: Peripheral, number: int | None = None) -> list[bool]:
    """The levels that an output of the block takes from now on, as a list that grows; None is its interrupt."""
    seen: list[bool] = []
    block.outputs[number].append(seen.append)
    return seen


def assert_reset_gives_fresh(
    kind: type[P],
    use: Callable[[BlockBench, P], None],
    kept: dict[ResetKind, set[str]] | None = None,
    **arguments: Any,
) -> None:
    """Assert that after `use` and each kind of reset a block is as new, but for the registers and states that `kept`
    names, and `outputs`.

    Fails also where `use` changed nothing, or where something the reset should have stopped happens later. The
    random source goes on: chance does not repeat itself.
    """

    def declared(block: P, without: set[str]) -> dict[str, object]:
        snapshot = block.snapshot()
        for group in {"random", "outputs" if "outputs" in without else "random"}:
            del snapshot[group]
        for group in ("registers", "states"):
            snapshot[group] = {name: value for name, value in snapshot[group].items() if name not in without}
        return snapshot

    for reset in ResetKind:
        without = (kept or {}).get(reset, set())
        bench = BlockBench()
        block, fresh = bench.make(kind, **arguments), bench.make(kind, **arguments)
        use(bench, block)
        assert declared(block, without) != declared(fresh, without), "the block was not used"
        block.reset(reset)
        assert declared(block, without) == declared(fresh, without), reset
        bench.clock.advance(10_000_000)
        assert declared(block, without) == declared(fresh, without), f"{reset}: something went on after the reset"
