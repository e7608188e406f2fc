"""What a machine did, as lists that two engines' runs can be compared by, and where two such lists part."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from bk7238.air.medium import Medium
from bk7238.machine import Machine
from bk7238.network.events import HttpRequested

MANAGEMENT, DATA, BEACON = 0, 2, 8
EAPOL = b"\xaa\xaa\x03\0\0\0\x88\x8e"
NEIGHBOURS = 12  # lines by which tasks that print at once may change places
ALIKE = 0.85  # of a line whose character another task's line has swallowed
CHANGING = re.compile(r"idle \d+/s|time \d+us|completed in [\d.]+ seconds|free \d+|\b(?:0x)?[0-9a-f]{4,8}\b|\d{4,}\b")
STATUS = re.compile(
    r"ime \d+,|WithNoPing|GEN:|oot com"
)  # printed by a timer of a second, wherever that falls, whole or not


@dataclass
class Recording:
    """`flash`: (kind, physical address, data); `management`: (subtype, from the device, channel,
    addresses) of management frames, and ("EAPOL", from the device, key information) of the key handshake's."""

    uart1: list[str] = field(default_factory=list)
    uart2: list[str] = field(default_factory=list)
    flash: list[tuple[Any, ...]] = field(default_factory=list)
    management: list[tuple[Any, ...]] = field(default_factory=list)
    requests: list[tuple[Any, ...]] = field(default_factory=list)

    def watch(self, machine: Machine) -> None:
        machine.uart1.on_line.connect(self.uart1.append)
        machine.uart2.on_line.connect(self.uart2.append)
        machine.board.flash.operated.connect(lambda *operation: self.flash.append(operation))

    def listen(self, air: Medium) -> None:
        """Beacons are left out: the device does not ask for them, so that they fall where the clock wants."""

        def heard(_time: int, frame: bytes, channel: int, from_device: bool) -> None:
            kind, subtype = frame[0] >> 2 & 3, frame[0] >> 4
            if kind == MANAGEMENT and subtype != BEACON:
                self.management.append((subtype, from_device, channel, frame[4:10].hex(), frame[10:16].hex()))
            elif kind == DATA and EAPOL in frame[24:34]:
                key_information = frame.index(EAPOL) + len(EAPOL) + 5
                self.management.append(("EAPOL", from_device, frame[key_information : key_information + 2].hex()))

        def happened(event: object) -> None:
            if isinstance(event, HttpRequested):
                self.requests.append((event.method, event.path))

        air.on_frame.connect(heard)
        air.on_event.connect(happened)


def first_difference(name: str, one: Sequence[Any], other: Sequence[Any]) -> str | None:
    """The first event at which two lists part, None where one is how the other begins."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return f"{name} event {index}: unicorn {_shown(left)}, renode {_shown(right)}"
    return None


def first_missing_line(name: str, one: Sequence[str], other: Sequence[str]) -> str | None:
    """The first line of a console that the other console has not nearby.

    Numbers that count idle turns or measure time are not compared, lines that come once a second are left out, and a
    line may have lost characters to another that was printed at the same time, or its end, so that the other goes on
    in it (FIDELITY.md).
    """
    left, right = ([CHANGING.sub("#", part) for line in lines for part in line.split("\r")] for lines in (one, other))
    ends = [line for line in left if STATUS.search(line)]  # of them, in which another line may go on
    seconds = {at for at, line in enumerate(right) if STATUS.search(line) or any(line in end for end in ends)}
    seconds |= {at for at, line in enumerate(right) if not line.strip()}
    taken: set[int] = set()
    start = 0
    for index, line in enumerate(left):
        if not line.strip() or STATUS.search(line):
            continue
        while start in taken or start in seconds:
            start += 1
        nearby = range(max(0, start - NEIGHBOURS), min(start + NEIGHBOURS, len(right)))
        at = _find(line, [at for at in nearby if at not in taken and at not in seconds], right)
        if at is not None:
            taken.add(at)
        elif not any(line in right[at] for at in nearby if at in seconds):
            if len(right) - start <= NEIGHBOURS and len(left) - index <= NEIGHBOURS:
                return None  # the other run had ended
            return f"{name} line {index}: {line!r} is missing near {right[start : start + 3]}"
    return None


def _find(line: str, nearby: list[int], lines: Sequence[str]) -> int | None:
    matches: tuple[Callable[[str], bool], ...] = (
        lambda other: other == line,
        lambda other: SequenceMatcher(None, line, other, autojunk=False).ratio() >= ALIKE,
    )
    for match in matches:
        for at in nearby:
            if match(lines[at]):
                return at
    return None


def _shown(event: Any) -> str:
    return repr(event) if len(repr(event)) < 120 else repr(event)[:120] + "..."
