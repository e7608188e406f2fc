"""What the menus of routers call the protection of a network, and what a router with that setting offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bk7238.formats import rsn
from bk7238.formats.rsn import Rsn


class Protection(NamedTuple):
    """What the RSN element says, and the WPA element, None where it has none."""

    offered: Rsn | None
    wpa: Rsn | None = None

    @property
    def has_sae(self) -> bool:
        """Whether stations may come with SAE."""
        return self.offered is not None and rsn.SAE in self.offered.management


OPEN = "open"
ROUTERS: Mapping[str, Protection | None] = {
    OPEN: None,
    "wpa": Protection(None, rsn.WPA_TKIP),
    "mixed": Protection(rsn.MIXED, rsn.MIXED),
    "wpa2": Protection(rsn.WPA2_PSK),
    "wpa3-transition": Protection(rsn.WPA3_TRANSITION),
    "wpa3": Protection(rsn.WPA3_SAE),
}
"""By name, None for a network without protection."""

USUAL = "wpa2"
"""Of a network that has a passphrase."""
