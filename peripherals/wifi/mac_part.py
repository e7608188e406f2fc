"""What the parts of the Wi-Fi MAC have in common: they know the MAC, and by way of it each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bk7238.peripherals.core import BlockPart

if TYPE_CHECKING:
    from bk7238.peripherals.wifi.mac import WifiMac


class MacPart(BlockPart):
    """A part of the MAC in `block`."""

    block: WifiMac
