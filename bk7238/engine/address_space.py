"""Puts the blocks of a board into the CPU's address space, and decides what an access finds where there is none.

Within the pages of blocks and tags, and in the ranges that the platform description silences, an unclaimed access reads
zero, or the value of its tag, and is logged once; anywhere else it aborts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bk7238.engine.cpu import PAGE, SINK, Cpu
from bk7238.engine.log import MachineLog
from bk7238.engine.platform import Tag
from bk7238.engine.wiring import Board

GRANULE = 0x40  # blocks stand on multiples of this within a page
_END = 1 << 32

Reader = Callable[[int, int], int]
Writer = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Span:
    """A run of pages on which blocks stand: for each granule where its block begins within the span, and how the
    block is read and written. A debugger that watches a register puts itself in between."""

    start: int
    end: int
    readers: list[tuple[int, Reader]]
    writers: list[tuple[int, Writer]]


def map_board(cpu: Cpu, board: Board, log: MachineLog, failed: Callable[[BaseException], None]) -> list[Span]:
    """Map every block. `failed` gets what a block raised; the access then reads zero and the CPU goes on."""
    spans, mapped = _spans(board), []
    for start, end in spans:
        readers, writers = _table(board, log, start, end)
        mapped.append(Span(start, end, readers, writers))
        cpu.map_callbacks(start, end, _reading(readers, failed), _writing(writers, failed))
    taken = sorted(spans + [(m.address, m.address + m.size) for m in cpu.memories])
    tags = board.platform.tags
    for tag in tags:
        for start, end in _gaps(tag.address // PAGE * PAGE, -(-(tag.address + tag.size) // PAGE) * PAGE, taken):
            _map_nothing(cpu, log, start, end, "nothing is there", tags)
            taken = sorted([*taken, (start, end)])
    for start, length in board.platform.silenced:
        for free_start, free_end in _gaps(start, start + length, taken):
            _map_nothing(cpu, log, free_start, free_end, "nothing is there")
    sink = "a store into the flash window (the address is that of its sink) goes nowhere"
    _map_nothing(cpu, log, SINK, _END, sink)
    return mapped


def _spans(board: Board) -> list[tuple[int, int]]:
    """The runs of pages on which blocks stand."""
    spans: list[tuple[int, int]] = []
    for block in board.placed:
        start, end = block.address // PAGE * PAGE, -(-(block.address + block.size) // PAGE) * PAGE
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _gaps(start: int, end: int, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What `taken` leaves of a range."""
    gaps = []
    for next_start, next_end in [*taken, (end, end)]:
        if start < min(next_start, end):
            gaps.append((start, min(next_start, end)))
        start = max(start, next_end)
    return gaps


def _table(
    board: Board, log: MachineLog, start: int, end: int
) -> tuple[list[tuple[int, Reader]], list[tuple[int, Writer]]]:
    """For each granule of a span: where its block begins within the span, and the block's read and write."""
    read_nothing, write_nothing = _nothing(log, start, "no block is there", board.platform.tags)
    granules = -(-(end - start) // GRANULE)
    readers: list[tuple[int, Reader]] = [(0, read_nothing)] * granules
    writers: list[tuple[int, Writer]] = [(0, write_nothing)] * granules
    for placed in board.placed:
        base = placed.address - start
        if start <= placed.address < end:
            block = board[placed.name]
            covered = slice(-(-base // GRANULE), -(-(base + placed.size) // GRANULE))
            count = covered.stop - covered.start
            readers[covered] = [(base, block.read)] * count
            writers[covered] = [(base, block.write)] * count
    return readers, writers


def _reading(table: list[tuple[int, Reader]], failed: Callable[[BaseException], None]) -> Reader:
    def read(offset: int, width: int) -> int:
        try:
            base, reader = table[offset // GRANULE]
            return reader(offset - base, width)
        except BaseException as error:
            failed(error)
            return 0

    return read


def _writing(table: list[tuple[int, Writer]], failed: Callable[[BaseException], None]) -> Writer:
    def write(offset: int, value: int, width: int) -> None:
        try:
            base, writer = table[offset // GRANULE]
            writer(offset - base, value, width)
        except BaseException as error:
            failed(error)

    return write


def _map_nothing(cpu: Cpu, log: MachineLog, start: int, end: int, text: str, tags: tuple[Tag, ...] = ()) -> None:
    cpu.map_callbacks(start, end, *_nothing(log, start, text, tags))


def _nothing(log: MachineLog, start: int, text: str, tags: tuple[Tag, ...]) -> tuple[Reader, Writer]:
    """Reads give the value of a tag, or zero, and writes go nowhere; each address is logged once."""
    messages = log.of("bus", start, text)

    def read(offset: int, width: int) -> int:
        messages.unclaimed(offset, None)
        found = (tag.value for tag in tags if tag.address <= start + offset < tag.address + tag.size)
        return next(found, 0) & (1 << 8 * width) - 1

    def write(offset: int, value: int, _width: int) -> None:
        messages.unclaimed(offset, value)

    return read, write
