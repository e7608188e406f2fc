"""A block alone on the bench: a clock that is moved by hand, a bus of plain bytes, and a log that remembers."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import TypeVar

from bk7238.peripherals.core import Peripheral, ResetKind, Services

P = TypeVar("P", bound=Peripheral)


class BenchEvent:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class BenchClock:
    def __init__(self) -> None:
        self.now = 0
        self._queue: list[tuple[int, int, BenchEvent]] = []
        self._count = 0

    def after(self, microseconds: int, callback: Callable[[], None]) -> BenchEvent:
        assert microseconds >= 0
        event = BenchEvent(callback)
        heapq.heappush(self._queue, (self.now + microseconds, self._count, event))
        self._count += 1
        return event

    def advance(self, microseconds: int) -> None:
        """Let `microseconds` pass; what falls due in them happens, in order."""
        end = self.now + microseconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, event = heapq.heappop(self._queue)
            if event.callback is not None:
                event.callback()
        self.now = end


class BenchBus:
    """Sparse memory: every address exists and reads zero until it is written."""

    def __init__(self) -> None:
        self.memory: dict[int, int] = {}

    def read(self, address: int, length: int) -> bytes:
        return bytes(self.memory.get(address + i, 0) for i in range(length))

    def write(self, address: int, data: bytes) -> None:
        self.memory.update(zip(range(address, address + len(data)), data, strict=True))

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def put(self, address: int, *words: int) -> None:
        """Write 32-bit little-endian words from `address` on."""
        for index, word in enumerate(words):
            self.write(address + 4 * index, word.to_bytes(4, "little"))


class BenchLog:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.unclaimed_offsets: list[int] = []

    def info(self, message: str) -> None:
        self.messages.append(message)

    def warning(self, message: str) -> None:
        self.messages.append(message)

    def unclaimed(self, offset: int, value: int | None) -> None:
        if offset not in self.unclaimed_offsets:
            self.unclaimed_offsets.append(offset)


class Bench:
    """Makes blocks and holds what surrounds them. `resets` lists the kinds of reset that were asked for."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.clock = BenchClock()
        self.bus = BenchBus()
        self.log = BenchLog()
        self.resets: list[ResetKind] = []

    def make(self, kind: type[P], name: str = "block", **arguments: object) -> P:
        services = Services(
            name=name,
            clock=self.clock,
            bus=self.bus,
            random=random.Random(f"{self.seed}:{name}"),
            log=self.log,
            request_reset=self.resets.append,
        )
        return kind(services, **arguments)


def levels(block: Peripheral, number: int | None = None) -> list[bool]:
    """Every level that output `number` of `block` (None: its interrupt) takes from now on, as a growing list."""
    seen: list[bool] = []
    block.outputs[number].append(seen.append)
    return seen


def assert_reset_gives_fresh(
    kind: type[P],
    use: Callable[[Bench, P], None],
    kept: dict[ResetKind, set[str]] | None = None,
    **arguments: object,
) -> None:
    """After `use` and each kind of reset, a block is as new, but for the registers and states that `kept` names.

    Fails also where `use` changed nothing, or where something the reset should have stopped happens later. The
    random source goes on: chance does not repeat itself.
    """

    def declared(block: P, without: set[str]) -> dict[str, object]:
        snapshot = block.snapshot()
        del snapshot["random"]
        for group in ("registers", "states"):
            snapshot[group] = {name: value for name, value in snapshot[group].items() if name not in without}
        return snapshot

    for reset in ResetKind:
        without = (kept or {}).get(reset, set())
        bench = Bench()
        block, fresh = bench.make(kind, **arguments), bench.make(kind, **arguments)
        use(bench, block)
        assert declared(block, without) != declared(fresh, without), "the block was not used"
        block.reset(reset)
        assert declared(block, without) == declared(fresh, without), reset
        bench.clock.advance(10_000_000)
        assert declared(block, without) == declared(fresh, without), f"{reset}: something went on after the reset"
