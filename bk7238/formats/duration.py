"""A length of time with its unit, as users write it."""

from __future__ import annotations

import re

_TIME = re.compile(r"(\d+(?:\.\d+)?) *(us|ms|s|min)")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000}


def duration(text: str) -> int:
    """Microseconds of a time with its unit, such as 15s, 250 ms, 10us or 2min. Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None or float(match[1]) > 1e9:
        raise ValueError("a time such as 15s, 250ms, 10us or 2min")
    return round(float(match[1]) * _UNITS[match[2]])
