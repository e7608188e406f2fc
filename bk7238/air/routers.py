"""What the menus of routers call the protection of a network, and what a router with that setting offers."""

from __future__ import annotations

from collections.abc import Mapping

from bk7238.formats import rsn
from bk7238.formats.rsn import Rsn

OPEN = "open"
ROUTERS: Mapping[str, Rsn | None] = {
    OPEN: None,
    "wpa2": rsn.WPA2_PSK,
    "wpa3-transition": rsn.WPA3_TRANSITION,
    "wpa3": rsn.WPA3_SAE,
}
"""The RSN element's content by name, None for a network without protection."""

USUAL = "wpa2"
"""Of a network that has a passphrase."""
