"""Verdicts in colour, where they are printed on a terminal that has any."""

from __future__ import annotations

import os
import sys

from bk7238.visible import Terminal

_GREEN, _YELLOW, _RED = 32, 33, 31  # ECMA-48, select graphic rendition
_COLOURS = {  # of all others: yellow
    "new-app-runs": _GREEN,
    "new-app-reflashes-each-boot": _RED,
    "bootloader-hangs": _RED,
    "brick": _RED,
}


def print_verdict(verdict: str, text: str, before: str = "") -> None:
    """Print a line with a verdict and the text that follows it."""
    print(before, end="")
    if isinstance(sys.stdout, Terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        sys.stdout.paint(verdict, _COLOURS.get(verdict, _YELLOW))
    else:
        print(verdict, end="")
    print(text, flush=True)
