"""A frame of the air in words, as scapy takes it apart."""

from __future__ import annotations

from collections.abc import Collection

from bk7238.testing import packets
from bk7238.testing.kit import Frame
from bk7238.view.recording import Sight


def dissected(sight: Sight, keys: Collection[bytes] = ()) -> str:
    """What scapy makes of a frame, decrypted where one of these keys opens it, and its bytes as they went over the air.
    One that it cannot read is shown as bytes alone."""
    frame, (from_device, channel, _) = sight.data, sight.what
    try:
        said = str(packets.packet(Frame(sight.time, frame, channel, from_device), keys).show(dump=True))
    except Exception as error:  # it is given what anybody sends
        said = f"scapy cannot read it: {type(error).__name__}\n"
    rows = (frame[at : at + 16] for at in range(0, len(frame), 16))
    return said + "\n" + "".join(f"{16 * number:04x}  {row.hex(' ')}\n" for number, row in enumerate(rows))
