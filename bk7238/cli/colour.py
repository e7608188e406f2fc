"""Verdicts in colour: on a terminal that has any, or as the user wants it."""

from __future__ import annotations

import os
import sys

from bk7238.visible import Terminal, painted

AUTO, ALWAYS, NEVER = CHOICES = ("auto", "always", "never")

_GREEN, _YELLOW, _RED = 32, 33, 31  # ECMA-48, select graphic rendition
_COLOURS = {  # of all others: yellow
    "new-app-runs": _GREEN,
    "back": _GREEN,
    "gone": _RED,
    "reboots": _RED,
    "new-app-reflashes-each-boot": _RED,
    "bootloader-hangs": _RED,
    "brick": _RED,
}
_chosen = AUTO


def choose(choice: str) -> None:
    """Have it as this one of `CHOICES` says, until the next command line."""
    global _chosen
    _chosen = choice


def wanted() -> bool:
    """Whether stdout is to be in colour."""
    if _chosen != AUTO:
        return _chosen == ALWAYS
    return isinstance(sys.stdout, Terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_verdict(verdict: str, text: str, before: str = "") -> None:
    """Print a line with a verdict and the text that follows it."""
    print(before, end="")
    if not wanted():
        print(verdict, end="")
    elif isinstance(sys.stdout, Terminal):
        sys.stdout.paint(verdict, _COLOURS.get(verdict, _YELLOW))
    else:
        print(painted(verdict, _COLOURS.get(verdict, _YELLOW)), end="")
    print(text, flush=True)
