"""What the panels of the page show of a machine as it stands, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bk7238.faults import all_kinds
from bk7238.faults.arguments import REQUIRED
from bk7238.faults.kinds.power import CUTS
from bk7238.image.flash_view import FlashView
from bk7238.peripherals.nor_endings import SECTOR, SHAPES, STATUS
from bk7238.update.alone import Alone
from bk7238.update.session import Update
from bk7238.view import board_state
from bk7238.view.desk import Desk

ERASED, WRITTEN, CRC_RIGHT, CRC_WRONG = "e", "w", "c", "x"


class FlashMap:
    """What stands in each sector of a flash, a letter each: erased, frames whose CRCs are right, a frame among them
    whose CRC is wrong, or something else. Only sectors that have changed are looked at."""

    def __init__(self, view: FlashView) -> None:
        self._chip = view.chip
        self._data = b""
        self.letters = [""] * -(-len(view.data) // SECTOR)
        framed = [one for one in view.partitions.values() if one.framed]
        self._framed = [(0, view.app_start), *((one.physical_start, one.physical_end) for one in framed)]

    def update(self, data: bytes) -> dict[int, str]:
        """The letters that are others than before, by the numbers of their sectors."""
        changed = {
            at // SECTOR
            for big in self._changed(data, 0, len(data), 16 * SECTOR)
            for at in self._changed(data, big, big + 16 * SECTOR, SECTOR)
        }
        changed |= {number - 1 for number in changed if number}  # its last frame ends there
        self._data = data
        found = {number: self._letter(data, number) for number in sorted(changed)}
        found = {number: letter for number, letter in found.items() if letter != self.letters[number]}
        for number, letter in found.items():
            self.letters[number] = letter
        return found

    def _changed(self, data: bytes, start: int, end: int, size: int) -> Iterator[int]:
        """Where there are pieces of that size that are others than before."""
        places = range(start, min(end, len(data)), size)
        return (at for at in places if data[at : at + size] != self._data[at : at + size])

    def _letter(self, data: bytes, number: int) -> str:
        sector = data[number * SECTOR : (number + 1) * SECTOR]
        if sector.count(0xFF) == len(sector):
            return ERASED
        frame, start, end = self._chip.codec.frame, number * SECTOR, (number + 1) * SECTOR
        for low, high in self._framed:
            if low < end and start < high:
                first, last = -(-max(start, low) // frame) * frame, -(-min(end, high) // frame) * frame
                return CRC_WRONG if self._chip.codec.bad(data[first:last]) else CRC_RIGHT
        return WRITTEN


def partitions(view: FlashView) -> list[dict[str, Any]]:
    """Name and physical addresses of the boot loader's area and of each partition, in their order."""
    found = [("bootloader", 0, view.app_start)]
    found += [(name, one.physical_start, one.physical_end) for name, one in view.partitions.items()]
    known = {name: (name, start, end) for name, start, end in found}
    return [
        {"name": name, "start": start, "end": end}
        for name, start, end in sorted(known.values(), key=lambda one: one[1])
    ]


def fault_kinds() -> list[dict[str, Any]]:
    """The faults that there are, with their arguments."""
    return [
        {
            "name": name,
            "section": kind.SECTION,
            "about": (kind.__doc__ or "").strip().splitlines()[0],
            "before_power_on": kind.BEFORE_POWER_ON,
            "arguments": [
                {"name": one.name, "about": f"{one.doc}: {one.read.__doc__}", "needed": one.default is REQUIRED}
                for one in kind.declared()
            ],
        }
        for name, kind in sorted(all_kinds().items(), key=lambda item: (item[1].SECTION, item[0]))
    ]


def shapes() -> list[str]:
    """The ways in which a power cut can end a flash operation."""
    return [shape for shape in CUTS if SHAPES[shape].of != {STATUS}]


def status(desk: Desk) -> dict[str, Any]:
    """Where the device stands: phases and verdict, faults, power, network and pins."""
    bench, machine, history = desk.bench, desk.machine, desk.history
    result = history.result if history.result is not None and history.judged_at <= desk.now else None
    return {
        "now": machine.now,
        "instructions": machine.instructions,
        "resets": machine.resets,
        "powered": machine.powered,
        "dead_end": machine.dead_end.why,
        "phases": _phases(bench),
        "verdict": result and {"verdict": result.verdict.value, "reason": result.reason, "digest": result.digest},
        "judged_at": history.judged_at if history.result is not None else None,
        "faults": [_fault(one) for one in bench.faults.as_json()],
        "pending": [[deed.time, str(deed)] for deed in history.deeds[desk.deeds_done :]],
        **msgspec.to_builtins(board_state.state(bench)),
    }


def firings(desk: Desk) -> list[list[Any]]:
    """When faults have fired, and which: all that is known of a history that was judged, else so far."""
    result = desk.history.result
    records = desk.bench.faults.as_json() if result is None else result.faults
    return [[firing["time"], record["fault"]] for record in records for firing in record["firings"]]


def _fault(record: Any) -> list[Any]:
    firings = [[one["time"], f"{one['where']}: {one['what']}"] for one in record["firings"]]
    return [record["fault"], record["fired"], firings]


def _phases(bench: Update | Alone) -> list[list[Any]]:
    """Name and beginning of each phase, the present one last, and its end where it is over."""
    if isinstance(bench, Alone):
        return [["joined" if bench.joined else "joins", 0, None]]
    story = bench.story
    over: list[list[Any]] = [[one.name, one.start, one.end] for one in story.phases]
    return over if bench.judge.verdict is not None else [*over, [story.phase, over[-1][2] if over else 0, None]]
