"""What a boot loader is foretold to do with a flash, and in what a real boot differs from it."""

from __future__ import annotations

import re

from bk7238 import chip
from bk7238.chip import Chip
from bk7238.image import download, loaders
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders.boot import Boot

DULL = re.compile(
    r"^(?:\[I/OTA\] ?|\[I/OTA\] OTA Write:.*|REG:.*|(?:SVC|IRQ|FIR|SYS|ST):0x.*|BK72\w*_\d.*|\[I/FAL\].*)?$"
)


def foretold(flash: bytes, package: bytes = b"", at: int | None = None, *, on: Chip | None = None) -> Boot:
    """Of the next start with a flash of the smallest size that holds these bytes, once a package is where the app
    writes it, or at an address; on the usual chip or another."""
    view = FlashView(on or chip.usual(), flash).whole()
    view = download.downloaded(view, package, at) if package else view
    told = loaders.of(view).predict(view, package)
    assert told is not None, "this boot loader is run"
    return told


def differs(told: Boot, printed: list[str]) -> str:
    """In what a log differs from what is foretold; empty where it does not. `printed` may have everything a console
    shows, from the power-on or from the last reset on."""
    seen = [line.strip() for line in printed if not DULL.match(line.strip())]
    for number, (expected, actual) in enumerate(zip(told.lines, seen, strict=False), 1):
        if not _fits(expected, actual):
            return f"line {number}: foretold {expected!r}, printed {actual!r}"
    if len(seen) < len(told.lines):
        return f"not printed: {told.lines[len(seen)]!r}"
    extra = seen[len(told.lines) :]
    if told.endless:
        again = told.lines[-told.endless :]
        extra = [line for line in extra if not any(_fits(expected, line) for expected in again)]
    return f"not foretold: {extra[0]!r}" if extra else ""


def differs_in_flash(told: Boot, flash: bytes) -> list[int]:
    """Physical addresses of the bytes that are not as foretold."""
    expected, real = bytearray(told.flash), bytearray(flash)
    assert len(expected) == len(real)
    for start, end in told.chance:
        real[start:end] = expected[start:end]
    if expected == real:
        return []
    return [at for at, (one, other) in enumerate(zip(expected, real, strict=True)) if one != other]


def _fits(expected: str, actual: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.split("*")))
    return re.fullmatch(pattern, actual) is not None
