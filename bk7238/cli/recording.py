"""What a run leaves of the air: air.pcapng, and beside it the keys that Wireshark needs to decrypt it.

The artifacts folder can be Wireshark's configuration folder: that is where it looks for a table named 80211_keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bk7238 import host_files
from bk7238.air.capture import Capture, wireshark_keys
from bk7238.air.medium import Medium
from bk7238.formats import tkip


@contextmanager
def recorded(folder: Path | None, air: Medium) -> Iterator[None]:
    """While this lasts, what is on the air goes into the folder, if there is one."""
    if folder is None:
        yield
        return
    _write_keys(folder, air)
    with host_files.create_in(folder, "air.pcapng") as stream:
        air.on_record.connect(Capture(stream).record)
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
