"""What the blocks have to say, with the time and the program counter of the code that made them say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bk7238.peripherals.core import Signal


@dataclass(frozen=True)
class LogRecord:
    """One message: `time` in virtual microseconds, `pc` of the block of code that runs."""

    time: int
    pc: int
    level: str
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.time / 1e6:12.6f} pc={self.pc:08x} {self.level:7} {self.source}: {self.text}"


class MachineLog:
    """Keeps the newest `limit` records; `on_record` is told each."""

    def __init__(self, now: Callable[[], int], pc: Callable[[], int], limit: int = 10_000) -> None:
        self._now, self._pc, self._limit = now, pc, limit
        self.records: list[LogRecord] = []
        self.on_record = Signal()
        self._blocks: list[_BlockLog] = []

    def add(self, level: str, source: str, text: str) -> None:
        """Log a message; beyond the limit the older half is dropped."""
        record = LogRecord(self._now(), self._pc(), level, source, text)
        if len(self.records) >= self._limit:
            del self.records[: self._limit // 2]
        self.records.append(record)
        self.on_record(record)

    def of(self, source: str, address: int, unclaimed: str = "no such register is modelled") -> _BlockLog:
        """The log of the block `source`, which stands at `address`; what it says of accesses that nothing claims."""
        block = _BlockLog(self, source, address, unclaimed)
        self._blocks.append(block)
        return block

    def snapshot(self) -> tuple[list[LogRecord], list[set[int]]]:
        """The records, and what need not be said again."""
        return list(self.records), [set(block.reported) for block in self._blocks]

    def restore(self, snapshot: tuple[list[LogRecord], list[set[int]]]) -> None:
        """Go back to a snapshot."""
        self.records[:] = snapshot[0]
        for block, reported in zip(self._blocks, snapshot[1], strict=True):
            block.reported = set(reported)


class _BlockLog:
    """The log that one block is given; see `bk7238.peripherals.core.Log`."""

    def __init__(self, log: MachineLog, source: str, address: int, unclaimed: str) -> None:
        self._log, self._source, self._address, self._unclaimed = log, source, address, unclaimed
        self.reported: set[int] = set()

    def info(self, message: str) -> None:
        self._log.add("info", self._source, message)

    def warning(self, message: str) -> None:
        self._log.add("warning", self._source, message)

    def unclaimed(self, offset: int, value: int | None) -> None:
        if offset in self.reported:
            return
        self.reported.add(offset)
        what = "read" if value is None else f"write of {value:#x}"
        self._log.add("info", self._source, f"{what} at {self._address + offset:#010x}: {self._unclaimed}")
