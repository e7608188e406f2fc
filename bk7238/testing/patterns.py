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


class Wanted:
    """What a call waits for, and how, in the words of pytest-embedded: its arguments are theirs. `left` has not come
    yet, `matches` has. With `embedded` it gives what theirs gives: matches of bytes whatever the pattern is, and where
    it is `exact` the bytes."""

    def __init__(
        self,
        wanted: Pattern | Sequence[Pattern],
        *,
        exact: bool = False,
        embedded: bool = False,
        timeout: float | None = None,
        expect_all: bool = False,
        not_matching: Pattern | Sequence[Pattern] = (),
        return_what_before_match: bool = False,
    ) -> None:
        if expect_all and return_what_before_match:
            raise ValueError("return_what_before_match gives what came before one match: leave out expect_all")
        self.left: list[Any] = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
        if embedded:
            self.left = [_of_bytes(one) for one in self.left]
        self.matches: list[re.Match[Any]] = []
        self.timeout, self.not_matching = timeout, not_matching
        self._exact, self._all, self._gives_before = exact, expect_all, return_what_before_match
        self._embedded = embedded
        self.refused = matcher(not_matching) if not_matching else lambda _line: None
        self.match = matcher(self.left, exact=exact)

    @property
    def found(self) -> bool:
        """Whether all has come that was waited for."""
        return bool(self.matches) and not (self._all and self.left)

    def take(self, match: re.Match[Any]) -> None:
        """Note what has come, and wait for the others."""
        self.matches.append(match)
        if self._all:
            at = next(at for at, one in enumerate(self.left) if _compiled(one, self._exact) == match.re)
            del self.left[at]
            if self.left:
                self.match = matcher(self.left, exact=self._exact)

    def result(self, before: Sequence[str]) -> Any:
        """What the call gives: the match, all of several, or the text before it."""
        if self._gives_before:
            text = "\n".join(before)
            return text if isinstance(self.matches[0].string, str) else text.encode()
        found = [match[0] for match in self.matches] if self._embedded and self._exact else self.matches
        return found if len(found) > 1 else found[0]


def _of_bytes(wanted: Any) -> Any:
    """A pattern of text as one of bytes."""
    if isinstance(wanted, re.Pattern) and isinstance(wanted.pattern, str):
        return re.compile(wanted.pattern.encode(), wanted.flags & ~re.UNICODE)
    return wanted.encode() if isinstance(wanted, str) else wanted


def _compiled(wanted: Any, exact: bool) -> re.Pattern[Any]:
    kinds = (str, bytes) if exact else (str, bytes, re.Pattern)
    if not isinstance(wanted, kinds):
        also = "" if exact else " or a compiled pattern"
        raise TypeError(f"a pattern is text, bytes{also}, or a list of these, not {wanted!r}")
    try:
        return re.compile(re.escape(wanted) if exact else wanted)  # type: ignore[type-var]
    except re.error as error:
        raise ValueError(f"{wanted!r} is no regular expression: {error}; expect_exact takes text as it is") from None
