"""The exit statuses of `bk7238`: the one table of them, of which docs/exit-status.md is made."""

from __future__ import annotations

from enum import IntEnum


class UserError(Exception):
    """What ends a command with `USAGE`: its message is one line for whoever typed it."""


class ExitStatus(IntEnum):
    """With what a command ends, and `meaning` says when. A signal ends it with 128 and the signal's number."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> ExitStatus:
        """Make a member of a number and when it is given."""
        member = int.__new__(cls, number)
        member._value_, member.meaning = number, meaning
        return member

    EXPECTED = 0, "the expected end: the new app runs, the text was printed, nothing was found"
    OTHER_END = 1, "another end with a known cause: the device ended elsewhere, a point is bad, something differs"
    USAGE = 2, "bad input or usage: one line on stderr that says what to give instead, and nothing is written"
    TIME_LIMIT = 3, "the virtual time of `--within` passed with no cause known"
    HOST = 4, "the host failed, such as by a full disk or an output that nobody reads, or a bug, with a traceback"
    INTERRUPTED = 130, "SIGINT (Ctrl-C): what a run was to leave, it leaves as far as it got"
    TERMINATED = 143, "SIGTERM: the same"


def table() -> str:
    """All of them as a table for the docs."""
    rows = ["| status | when |", "|---|---|", *(f"| {one.value} | {one.meaning} |" for one in ExitStatus)]
    return "\n".join(rows)
