"""Puts the blocks of a board into the CPU's address space, and decides what an access finds where there is none.

Within the pages of blocks and tags, and in the ranges that the platform description silences, an unclaimed access reads
zero, or the value of its tag, and is logged once; anywhere else it aborts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from bk7238.engine.cpu import Cpu, OnRead, OnWrite
from bk7238.engine.log import MachineLog
from bk7238.engine.memory import PAGE, SystemBus, window_stores
from bk7238.engine.platform import Tag
from bk7238.engine.slice import SpanTable
from bk7238.engine.wiring import Board
from bk7238.peripherals.core import Peripheral, Register

GRANULE = 0x40  # blocks stand on multiples of this within a page

Reader = Callable[[int, int], int]
Writer = Callable[[int, int, int], None]
WordReader = Callable[[], int]
WordWriter = Callable[[int], object]


class Span:
    """A run of pages on which blocks stand: for each granule where its block begins within the span, and how the
    block is read and written. A debugger that watches a register puts itself in between.

    Plain accesses reach none of these: they find the registers in the table that the CPU uses.
    """

    def __init__(self, start: int, end: int, board: Board, log: MachineLog) -> None:
        self.start, self.end = start, end
        self.readers, self.writers = _table(board, log, start, end)
        self.use(SpanTable())
        self.word_readers: dict[int, WordReader] = {}  # by byte offset in the span: the short way to a whole word
        self.word_writers: dict[int, WordWriter] = {}
        self._known: dict[int, tuple[int, WordReader | None, WordWriter | None]] = {}
        self._watched: set[int] = set()

    def use(self, table: SpanTable) -> None:
        """Let the CPU's table say where plain accesses find the registers."""
        self.table, self._words = table, table.words

    @property
    def entered(self) -> Iterator[tuple[int, int, int]]:
        """Byte offsets in the span at which a block had to be asked, and how often for reads and for writes."""
        for index in range((self.end - self.start) // 4):
            if self.table.reads[index] or self.table.writes[index]:
                yield index * 4, self.table.reads[index], self.table.writes[index]

    def place(self, base: int, block: Peripheral, offset: int, word: Register | None) -> None:
        """A block at `base` in the span has a register at `offset`, or has it no more."""
        at = base + offset
        if word is None:
            self._known.pop(at, None)
        else:
            self._known[at] = word.host_address, block.readers.get(offset), block.writers.get(offset)
        self._open(at)

    def watch(self, granule: int, watched: bool) -> None:
        """Let every access to a granule reach its reader and writer, or only those that find no shorter way."""
        (self._watched.add if watched else self._watched.discard)(granule)
        for at in range(granule * GRANULE, (granule + 1) * GRANULE, 4):
            self._open(at)

    def _open(self, at: int) -> None:
        """Open the short ways to the register at a byte offset, or shut them."""
        known = None if at // GRANULE in self._watched else self._known.get(at)
        address, reader, writer = known or (None, None, None)
        self._words[at // 4] = address
        if reader is not None and writer is not None:
            self.word_readers[at], self.word_writers[at] = reader, writer
        else:
            self.word_readers.pop(at, None)
            self.word_writers.pop(at, None)


def map_board(
    cpu: Cpu, bus: SystemBus, board: Board, log: MachineLog, failed: Callable[[BaseException], None]
) -> list[Span]:
    """Map every block. `failed` gets what a block raised; the access then reads zero and the CPU goes on."""
    spans, mapped = _spans(board), []
    cpu.hand_over = partial(_hand_over, cpu, [block for block in board if block.batches], failed)
    for start, end in spans:
        span = Span(start, end, board, log)
        span.use(cpu.map_span(start, end, _reading(cpu, span, failed), _writing(cpu, span, failed)))
        _place_words(board, span)
        mapped.append(span)
    taken = sorted(spans + [(m.address, m.address + m.size) for m in cpu.memories])
    tags = board.platform.tags
    for tag in tags:
        for start, end in _gaps(tag.address // PAGE * PAGE, -(-(tag.address + tag.size) // PAGE) * PAGE, taken):
            _map_nothing(cpu, log, start, end, "nothing is there", tags)
            taken = sorted([*taken, (start, end)])
    for start, length in board.platform.silenced:
        for free_start, free_end in _gaps(start, start + length, taken):
            _map_nothing(cpu, log, free_start, free_end, "nothing is there")
    cpu.map_stores(_storing(cpu, bus, log, failed), bus.buffer)
    bus.on_served(cpu.slice_address)
    bus.place = cpu.place
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
    read_no_block, write_no_block = _nothing(log, start, "no block is there", board.platform.tags)

    def read_nothing(offset: int, width: int) -> int:
        return read_no_block(0, offset, width, 0)

    def write_nothing(offset: int, value: int, width: int) -> None:
        write_no_block(0, offset, width, value, 0)

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


def _place_words(board: Board, span: Span) -> None:
    """Let plain accesses find the registers by themselves, and further ones as they come to be known."""
    for placed in board.placed:
        if span.start <= placed.address < span.end:
            block = board[placed.name]
            block.on_word = partial(span.place, placed.address - span.start, block)
            for offset, word in block.words.items():
                if offset < placed.size:
                    block.on_word(offset, word)


def _hand_over(cpu: Cpu, blocks: list[Peripheral], failed: Callable[[BaseException], None]) -> None:
    """Hand over what blocks hold back in batches."""
    cpu.slice.held = 0
    for block in blocks:
        try:
            block.hand_over()
        except BaseException as error:
            failed(error)


def _reading(cpu: Cpu, span: Span, failed: Callable[[BaseException], None]) -> OnRead:
    words, readers, run = span.word_readers, span.readers, cpu.slice

    def read(_uc: int, offset: int, width: int, _user: int) -> int:
        try:
            if run.held:
                cpu.hand_over()
            reader = words.get(offset)
            if reader is not None and width == 4:
                return reader()
            base, slow = readers[offset // GRANULE]
            return slow(offset - base, width)
        except BaseException as error:
            failed(error)
            return 0

    return read


def _writing(cpu: Cpu, span: Span, failed: Callable[[BaseException], None]) -> OnWrite:
    words, writers, run = span.word_writers, span.writers, cpu.slice

    def write(_uc: int, offset: int, width: int, value: int, _user: int) -> None:
        try:
            if run.held:
                cpu.hand_over()
            writer = words.get(offset)
            if writer is not None and width == 4:
                writer(value)
            else:
                base, slow = writers[offset // GRANULE]
                slow(offset - base, value, width)
        except BaseException as error:
            failed(error)

    return write


def _storing(cpu: Cpu, bus: SystemBus, log: MachineLog, failed: Callable[[BaseException], None]) -> OnWrite:
    store = window_stores(bus, bus.window.address, log)

    def write(_uc: int, offset: int, width: int, value: int, _user: int) -> None:
        try:
            if cpu.slice.held:
                cpu.hand_over()
            store(offset, value, width)
        except BaseException as error:
            failed(error)

    return write


def _map_nothing(cpu: Cpu, log: MachineLog, start: int, end: int, text: str, tags: tuple[Tag, ...] = ()) -> None:
    cpu.map_callbacks(start, end, *_nothing(log, start, text, tags))


def _nothing(log: MachineLog, start: int, text: str, tags: tuple[Tag, ...]) -> tuple[OnRead, OnWrite]:
    """Reads give the value of a tag, or zero, and writes go nowhere; each address is logged once."""
    messages = log.of("bus", start, text)

    def read(_uc: int, offset: int, width: int, _user: int) -> int:
        messages.unclaimed(offset, None)
        found = (tag.value for tag in tags if tag.address <= start + offset < tag.address + tag.size)
        return next(found, 0) & (1 << 8 * width) - 1

    def write(_uc: int, offset: int, _width: int, value: int, _user: int) -> None:
        messages.unclaimed(offset, value)

    return read, write
