"""What happened in a run, among its artifacts: `events.jsonl` has a line for each event of the air and the network, for
each operation of the flash and each milestone.

A line is an array as the page is told it: its kind, virtual microseconds, and of an event its name and what it says, of
an operation its kind, physical address and length in bytes, of a milestone its text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, BinaryIO

import msgspec
import msgspec.structs

from bk7238.view.recording import EVENT, FLASH, STORY, Sight

EVENTS = "events.jsonl"

_Time = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 24)]


class EventLine(msgspec.Struct, array_like=True, tag=EVENT):
    """The line of an event."""

    time: _Time
    name: str
    says: dict[str, str | int | float | bool]


class FlashLine(msgspec.Struct, array_like=True, tag=FLASH):
    """The line of an operation of the flash."""

    time: _Time
    kind: str
    address: _Size
    length: _Size


class StoryLine(msgspec.Struct, array_like=True, tag=STORY):
    """The line of a milestone."""

    time: _Time
    text: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(EventLine | FlashLine | StoryLine)


def writer(stream: BinaryIO) -> Callable[[Sight], object]:
    """What writes a sight as a line to a stream; to be told by an Observer."""
    return lambda sight: stream.write(_encoder.encode(sight.as_json()) + b"\n")


def sights(data: bytes) -> Iterator[Sight]:
    """What is in such a file, in the order of its lines; what is no such line is passed over."""
    for line in data.splitlines():
        try:
            read = _decoder.decode(line)
        except (ValueError, RecursionError):
            continue
        time, *what = msgspec.structs.astuple(read)
        yield Sight(str(read.__struct_config__.tag), time, what)
