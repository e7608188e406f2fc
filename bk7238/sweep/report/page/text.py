"""Text for a page."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape

from bk7238 import visible as unseen

_BREAKS = re.compile(r"([_:,=./@+])(?=[^ ])")

_LINE = re.compile(r":\d+\)")  # of a boot loader's source, behind the name of its function
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8}\b|\d+")


def visible(value: Any) -> Any:
    """The value of an expression in a template; in text, characters that cannot be seen are written out."""
    return unseen.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def breakable(value: object) -> Markup:
    """Text with places where a long name may be broken."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(visible(str(value))))))


def bare(reason: str) -> str:
    """A reason without its numbers: they differ from package to package, from build to build, from cut to cut."""
    return _NUMBER.sub("#", _LINE.sub(")", reason))


def count(number: int, one: str, many: str) -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else many}"
