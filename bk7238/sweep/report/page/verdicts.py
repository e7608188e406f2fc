"""Verdicts on the page: a colour (page.css), a word for a cell, and what it means."""

from __future__ import annotations

from bk7238.sweep.report.page.text import safe

# verdict: its class in page.css, the word, the meaning
_SHOWN = {
    "new-app-runs": ("new", "new app", "the update is installed and verified, and the new app runs"),
    "old-app-runs": ("old", "old app", "the update did not happen, and the old app runs"),
    "old-app-retries-each-boot": ("retries", "retries", "the old app runs; each boot tries the update again"),
    "device-waits": ("waits", "waits", "the device is alive and gets no further: it waits for a network or a file"),
    "time-limit": ("limit", "no end", "no end within the time given"),
    "new-app-reflashes-each-boot": ("reflashes", "reflashes", "the new app runs; each boot writes it again"),
    "bootloader-hangs": ("hangs", "hangs", "the boot loader starts no app"),
    "brick": ("brick", "brick", "no app runs any more"),
}


def order(verdict: str) -> tuple[int, str]:
    """From good to bad."""
    places = list(_SHOWN)
    return (places.index(verdict) if verdict in _SHOWN else len(places), verdict)


def style(verdict: str) -> str:
    """Its classes."""
    return f"v v-{_SHOWN[verdict][0]}" if verdict in _SHOWN else "v"


def word(verdict: str) -> str:
    """As short as it can be said."""
    return _SHOWN[verdict][1] if verdict in _SHOWN else safe(verdict)


def meaning(verdict: str) -> str:
    return _SHOWN[verdict][2] if verdict in _SHOWN else ""


def chip(verdict: str) -> str:
    """The whole verdict, coloured."""
    return f'<span class="chip {style(verdict)}">{safe(verdict)}</span>'
