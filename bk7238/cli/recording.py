"""What a run leaves of the air: air.pcapng, and beside it the keys that Wireshark needs to decrypt it. For the page of
`bk7238 view` there is what happened, and how the board stood at the end: events.jsonl and board.json.

The artifacts folder can be Wireshark's configuration folder: that is where it looks for a table named 80211_keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bk7238 import host_files
from bk7238.air.capture import Capture, wireshark_keys
from bk7238.air.medium import Medium
from bk7238.formats import tkip

if TYPE_CHECKING:
    from bk7238.bench.bench import Bench
    from bk7238.peripherals.core import Signal
    from bk7238.update.alone import Alone
    from bk7238.update.session import Update


@contextmanager
def recorded(folder: Path | None, bench: Update | Alone | Bench, told: Signal | None = None) -> Iterator[None]:
    """While this lasts, what is on the air and what happens goes into the folder, if there is one, with the milestones
    that are `told`; at the end, how the board stands."""
    if folder is None:
        yield
        return
    from bk7238.view import board_state, event_log
    from bk7238.view.recording import Observer

    with captured(folder, bench.air), host_files.create_in(folder, event_log.EVENTS) as events:
        observer = Observer(event_log.writer(events))
        observer.follow(bench)
        if told is not None:
            told.connect(observer.tell)
        try:
            yield
        finally:
            board_state.save(folder, bench)


@contextmanager
def captured(folder: Path, air: Medium) -> Iterator[None]:
    """While this lasts, what is on the air goes into a capture in the folder, with the keys to it beside."""
    _write_keys(folder, air)
    with host_files.create_in(folder, "air.pcapng") as frames:
        air.on_record.connect(Capture(frames).record)
        try:
            yield
        finally:
            _write_keys(folder, air)  # with those that came while it ran


def _write_keys(folder: Path, air: Medium) -> None:
    protected = [access_point.security for access_point in air.access_points]
    pmks = [pmk for security in protected for pmk in security.pmks]
    # Wireshark 4.0 does not take a group key of TKIP from message 3, as it does one of CCMP.
    group_keys = [key for security in protected for key in security.group_keys if len(key) == tkip.KEY_SIZE]
    if pmks:
        host_files.write_in(folder, "80211_keys", wireshark_keys(pmks, group_keys))
