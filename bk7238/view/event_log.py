"""What happened in a run, among its artifacts: `events.jsonl` has a line for each event of the air and the network, for
each operation of the flash and each milestone.

A line is an array as the page is told it: its kind, virtual microseconds, and of an event its name and what it says, of
an operation its kind, physical address and length in bytes, of a milestone its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, BinaryIO

import msgspec

from bk7238.bench.bench import Bench
from bk7238.network.events import Event
from bk7238.update.alone import Alone
from bk7238.update.session import Update
from bk7238.update.story import Happening
from bk7238.view.recording import EVENT, FLASH, STORY, Sight, event_fields

EVENTS = "events.jsonl"

_Time = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 24)]


class EventLine(msgspec.Struct, array_like=True, tag=EVENT):
    """The line of an event."""

    time: _Time
    name: str
    says: dict[str, str | int | float | bool]

    @property
    def sight(self) -> Sight:
        """What the page shows of it."""
        return Sight(EVENT, self.time, [self.name, self.says])


class FlashLine(msgspec.Struct, array_like=True, tag=FLASH):
    """The line of an operation of the flash."""

    time: _Time
    kind: str
    address: _Size
    length: _Size

    @property
    def sight(self) -> Sight:
        """What the page shows of it."""
        return Sight(FLASH, self.time, [self.kind, self.address, self.length])


class StoryLine(msgspec.Struct, array_like=True, tag=STORY):
    """The line of a milestone."""

    time: _Time
    text: str

    @property
    def sight(self) -> Sight:
        """What the page shows of it."""
        return Sight(STORY, self.time, [self.text])


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(EventLine | FlashLine | StoryLine)


class EventLog:
    """Writes a bench's lines to a binary stream as they come; connect `tell` to who tells milestones."""

    def __init__(self, stream: BinaryIO, bench: Update | Alone | Bench) -> None:
        self._stream = stream
        bench.air.on_event.connect(self._event)
        bench.machine.board.flash.operations.connect(self._operated)

    def tell(self, happening: Happening) -> None:
        """A milestone of an update; how far a download is stands in the events."""
        if happening.share is None:
            self._line(StoryLine(happening.time, happening.text))

    def _event(self, event: Event) -> None:
        self._line(EventLine(event.time, type(event).__name__, event_fields(event)))

    def _operated(self, operations: list[tuple[int, str, int, bytes | int]]) -> None:
        for time, kind, address, what in operations:
            self._line(FlashLine(time, kind, address, what if isinstance(what, int) else len(what)))

    def _line(self, line: EventLine | FlashLine | StoryLine) -> None:
        self._stream.write(_encoder.encode(line) + b"\n")


def sights(data: bytes) -> Iterator[Sight]:
    """What is in such a file, in the order of its lines; what is no such line is passed over."""
    for line in data.splitlines():
        try:
            yield _decoder.decode(line).sight
        except (ValueError, RecursionError):
            continue
