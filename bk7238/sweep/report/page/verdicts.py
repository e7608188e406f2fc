"""Verdicts on the page: a colour (page.css), a word for a cell, and what it means."""

from __future__ import annotations

# verdict: its class in page.css, the word, the meaning
_KNOWN = {
    "new-app-runs": ("new", "new app", "the update is installed and verified, and the new app runs"),
    "back": ("new", "back", "the device is back on its network as soon as it could be, or a little later"),
    "old-app-runs": ("old", "old app", "the update did not happen, and the old app runs"),
    "old-app-retries-each-boot": ("retries", "retries", "the old app runs; each boot tries the update again"),
    "back-late": ("retries", "late", "the device is back long after it could have been"),
    "device-waits": ("waits", "waits", "the device is alive and gets no further: it waits for a network or a file"),
    "time-limit": ("limit", "no end", "no end within the time given"),
    "interrupted": ("limit", "interrupted", "a signal ended the run before there was an end"),
    "new-app-reflashes-each-boot": ("reflashes", "reflashes", "the new app runs; each boot writes it again"),
    "reboots": ("reflashes", "reboots", "the device started again, and no one had switched it off"),
    "gone": ("hangs", "gone", "the device did not come back to its network"),
    "bootloader-hangs": ("hangs", "hangs", "the boot loader starts no app"),
    "brick": ("brick", "brick", "no app runs any more"),
}


def order(verdict: str) -> tuple[int, str]:
    """A key that sorts verdicts from good to bad."""
    places = list(_KNOWN)
    return (places.index(verdict) if verdict in _KNOWN else len(places), verdict)


def style(verdict: str) -> str:
    """The classes of a verdict's elements."""
    return f"v v-{_KNOWN[verdict][0]}" if verdict in _KNOWN else "v"


def word(verdict: str) -> str:
    """A verdict as short as it can be said."""
    return _KNOWN[verdict][1] if verdict in _KNOWN else verdict


def meaning(verdict: str) -> str:
    """A sentence about a verdict; nothing about an unknown one."""
    return _KNOWN[verdict][2] if verdict in _KNOWN else ""
