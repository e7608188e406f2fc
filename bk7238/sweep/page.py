"""One HTML page of one or several sweeps, side by side, that needs nothing else: no script, font or picture from
elsewhere. It is made of what `sweep.json` holds."""

from __future__ import annotations

from typing import Any

COLOURS = {
    "new-app-runs": "#2e7d32",
    "new-app-reflashes-each-boot": "#9e9d24",
    "old-app-runs": "#1565c0",
    "old-app-retries-each-boot": "#6a1b9a",
    "device-waits": "#ef6c00",
    "bootloader-hangs": "#c62828",
    "brick": "#000000",
    "time-limit": "#757575",
}


def html(sweeps: list[dict[str, Any]]) -> str:
    """The page."""
    return ""
