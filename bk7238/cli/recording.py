"""What a run leaves of the air: air.pcapng, and beside it the keys that Wireshark needs to decrypt it.

The artifacts folder can be Wireshark's configuration folder: that is where it looks for a table named 80211_keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bk7238.air.capture import Capture, wireshark_keys
from bk7238.air.medium import Medium


@contextmanager
def recorded(folder: Path | None, air: Medium, passphrases: Mapping[bytes, str]) -> Iterator[None]:
    """While this lasts, what is on the air goes into the folder, if there is one."""
    if folder is None:
        yield
        return
    if passphrases:
        (folder / "80211_keys").write_text(wireshark_keys(passphrases))
    with (folder / "air.pcapng").open("wb") as stream:
        air.record(Capture(stream).record)
        yield
