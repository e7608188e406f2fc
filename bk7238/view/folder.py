"""What the page shows of a run that is over: what a command has left in its folder of artifacts.

The consoles, the flash and the board are as they were at the end; frames, events, phases and faults have their times.
Whatever is missing is not shown. The files may be anybody's: what is in them is shown as text.
"""

from __future__ import annotations

import io
import json
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import msgspec.structs
from scapy.layers.dot11 import RadioTap
from scapy.utils import PcapNgReader

from bk7238 import host_files
from bk7238.air.capture import LOST
from bk7238.chip import Chip
from bk7238.image import flash_image
from bk7238.image.flash_view import FlashView
from bk7238.peripherals.nor_endings import SECTOR
from bk7238.view import board_state, event_log, panels
from bk7238.view.board_state import BoardState
from bk7238.view.dissection import dissected
from bk7238.view.live import PageError, PageState, whole_number
from bk7238.view.recording import FRAME, PHASE, STORY, Sight

_OUTBOUND = 2  # of pcapng's direction flags
_CHANNEL_1 = 2412  # MHz


class FolderError(ValueError):
    """A folder in which no run has left anything; the message is one line."""


class RecordedDevice:
    """The folder of a run, as the page asks for it. Raises FolderError."""

    running, speed, busy = False, 0.0, False

    def __init__(self, folder: Path, chip: Chip | None = None) -> None:
        self._folder = folder
        self._result = _result(folder)
        self._consoles = [_text(folder / f"uart{number}.log") for number in (1, 2)]
        flash = _bytes(folder / "flash.bin")
        if not self._result and not flash and not any(self._consoles):
            raise FolderError(f"{folder}: no run has left its uart1.log, flash.bin or result.json here")
        self._view: FlashView | None = None
        with suppress(ValueError):
            self._view = flash_image.parse(flash, "flash.bin", force=True, chip=chip).view if flash else None
        self._letters = panels.FlashMap(self._view).update(flash) if self._view is not None else {}
        self._phases: list[tuple[str, int, int]] = []
        begin = 0
        for one in _list(self._result, "phases"):
            over = begin + round(1e6 * _number(one, "virtual_seconds"))
            self._phases.append((str(one.get("name")), begin, over))
            begin = over
        self._faults = [_fault(one) for one in _list(self._result, "faults")]
        self._board = _board(folder / board_state.BOARD)
        happened = event_log.sights(_bytes(folder / event_log.EVENTS))
        self._sights = sorted(
            [*_frames(folder / "air.pcapng"), *happened, *self._milestones()], key=lambda one: one.time
        )
        last = self._sights[-1].time if self._sights else 0
        self._end = max(round(1e6 * _number(self._result, "virtual_seconds")), begin, last)
        self.now = self._end

    def _milestones(self) -> list[Sight]:
        begins = [Sight(PHASE, begin, [name]) for name, begin, _ in self._phases]
        strikes = [Sight(STORY, time, [f"{name}: {what}"]) for name, _, fired in self._faults for time, what in fired]
        return begins + strikes

    def look_at(self, somebody: bool) -> None:
        """Nothing changes by that."""

    def turn(self, until: int) -> None:
        """Nothing runs."""

    def introduction(self) -> dict[str, Any]:
        """What does not change."""
        view = self._view
        return {
            "live": False,
            "image": str(self._folder),
            "package": "",
            "settings": [_text(self._folder / "replay").strip()],
            "chip": "" if view is None else view.chip.name,
            "sector": SECTOR,
            "flash_size": 0 if view is None else len(view.data),
            "partitions": [] if view is None else panels.partitions(view),
            "faults": [],
            "shapes": [],
            "blocks": list(self._board.registers),
            "can_go_back": True,
        }

    def news(self, reader: PageState) -> dict[str, Any]:
        """All of it, the first time."""
        first, reader.epoch = reader.epoch < 0, 0
        over = self.now >= self._end
        said = {name: str(self._result.get(name, "")) for name in ("verdict", "reason", "digest")}
        status = {
            "now": self.now,
            "instructions": _number(self._result, "instructions"),
            "resets": 0,
            "powered": True,
            "dead_end": "",
            "phases": [one for one in self._phases if one[1] <= self.now],
            "verdict": said if over and said["verdict"] else None,
            "judged_at": self._end if said["verdict"] else None,
            "faults": [
                [name, sum(time <= self.now for time, _ in fired), [one for one in fired if one[0] <= self.now]]
                for name, _, fired in self._faults
            ],
            "pending": [],
            **msgspec.to_builtins(msgspec.structs.replace(self._board, registers={})),
        }
        history: dict[str, Any] = {"number": 0, "parent": None, "fork": 0, "end": self._end, "faults": [], "deeds": []}
        told: dict[str, Any] = {
            "status": status,
            "running": False,
            "speed": 0,
            "history": 0,
            "end": self._end,
            "cursor": bisect_right(self._sights, self.now, key=lambda one: one.time),
            "histories": [{**history, "verdict": None}],
            "firings": [[time, name] for name, _, fired in self._faults for time, _ in fired],
            "gdb": None,
            "sights": [0, [one.as_json() for one in self._sights]] if first else [len(self._sights), []],
            "consoles": [[0, text] if first else [len(text), ""] for text in self._consoles],
            "flash": self._letters if first else {},
        }
        if reader.block:
            told["registers"] = [reader.block, self._board.registers[reader.block]]
        return told

    def look(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """A frame taken apart, another moment, or the registers of a block. Raises PageError."""
        looks: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]
        looks = {"goto": self._goto, "dissect": self._dissect, "watch": partial(self._watch, reader)}
        do = looks.get(str(wanted.get("do")))
        if do is None:
            raise PageError("the run is over: there is nothing to be done")
        try:
            return do(wanted)
        except (ValueError, KeyError) as error:
            raise PageError(str(error)) from None

    def obey(self, _reader: PageState, _wanted: dict[str, Any]) -> dict[str, Any]:
        """Nothing can be done."""
        return {}

    def _goto(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.now = min(whole_number(wanted["time"]), self._end)
        return {}

    def _dissect(self, wanted: dict[str, Any]) -> dict[str, Any]:
        sight = self._sights[whole_number(wanted["sight"], 0, len(self._sights) - 1)]
        if not sight.data:
            raise ValueError("that is no frame")
        return {"dissected": dissected(sight)}

    def _watch(self, reader: PageState, wanted: dict[str, Any]) -> dict[str, Any]:
        block = str(wanted["block"])
        if block and block not in self._board.registers:
            raise ValueError(f"there is no block {block!r}")
        reader.block = block
        return {}


def _frames(path: Path) -> list[Sight]:
    """The frames of a capture; none where it is missing, and as many as can be read where it is broken."""
    found: list[Sight] = []
    data = _bytes(path)
    if not data:
        return found
    with suppress(Exception):  # scapy is given what anybody wrote
        for packet in PcapNgReader(io.BytesIO(data)):  # type: ignore[arg-type]  # its name, or itself
            radio = packet[RadioTap]
            frame = bytes(radio.payload)
            channel = max(1, round((int(radio.ChannelFrequency) - _CHANNEL_1) / 5) + 1)
            from_device = radio.dBm_AntSignal is None
            what = [from_device, min(channel, 14), radio.dBm_AntSignal]
            found.append(Sight(FRAME, round(float(packet.time) * 1e6), what, frame, packet.comment == LOST))
    return found


def _board(path: Path) -> BoardState:
    """How the board stood; one of which nothing is known where that is missing."""
    try:
        return board_state.parse(_bytes(path) or msgspec.json.encode(BoardState([], [], [], [], 0)))
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path}: {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        return host_files.read(path, host_files.RESULTS)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror or error}") from None


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _result(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(folder / "result.json") or b"{}")
    except (ValueError, RecursionError):
        raise FolderError(f"{folder / 'result.json'}: no JSON") from None
    if not isinstance(found, dict):
        raise FolderError(f"{folder / 'result.json'}: no result of a run")
    return found


def _list(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = table.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(table: dict[str, Any], name: str) -> float:
    number = table.get(name, 0)
    return float(number) if isinstance(number, (int, float)) and abs(number) < 1e12 else 0.0


def _fault(one: dict[str, Any]) -> tuple[str, int, list[list[Any]]]:
    firings = _list(one, "firings")
    told = [[round(_number(each, "time")), f"{each.get('where')}: {each.get('what')}"] for each in firings]
    return str(one.get("fault")), round(_number(one, "fired")), told
