"""What a test waits for on a console: text, bytes or a compiled pattern, or a list of these, as in pytest-embedded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Pattern: TypeAlias = str | bytes | re.Pattern[str] | re.Pattern[bytes]


def matcher(
    wanted: Pattern | Sequence[Pattern], *, exact: bool = False
) -> Callable[[str], re.Match[str] | re.Match[bytes] | None]:
    """A function that gives the match in a line, or None. Text and bytes are regular expressions unless `exact`; where
    several of a list match, it is the one that begins first in the line, and of these the first in the list.

    Raises TypeError for what is no pattern, ValueError for a list of none and for what is no regular expression.
    """
    several = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    if not several:
        raise ValueError("an empty list of patterns never matches; name at least one")
    patterns = [_compiled(one, exact) for one in several]

    def match(line: str) -> re.Match[Any] | None:
        found = [one.search(line if isinstance(one.pattern, str) else line.encode()) for one in patterns]
        return min((one for one in found if one is not None), key=lambda one: one.start(), default=None)

    return match


def _compiled(wanted: Any, exact: bool) -> re.Pattern[Any]:
    kinds = (str, bytes) if exact else (str, bytes, re.Pattern)
    if not isinstance(wanted, kinds):
        also = "" if exact else " or a compiled pattern"
        raise TypeError(f"a pattern is text, bytes{also}, or a list of these, not {wanted!r}")
    try:
        return re.compile(re.escape(wanted) if exact else wanted)  # type: ignore[type-var]
    except re.error as error:
        raise ValueError(f"{wanted!r} is no regular expression: {error}; expect_exact takes text as it is") from None
