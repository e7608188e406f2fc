"""The verdicts: the one table of them, of which docs/verdicts.md and docs/life.md are made."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bk7238.exit_status import ExitStatus

LATE = 30_000_000
"""How many virtual microseconds after it could have been back a device is late, where nothing else is said."""


class Verdict(StrEnum):
    """Where a device has ended: `update` says what that means of one that was told to update itself, `life` of one
    whose router went; empty where it is no end of such a run."""

    update: str
    life: str

    def __new__(cls, name: str, update: str = "", life: str = "") -> Verdict:
        """Make a member of its name and of what it means."""
        member = str.__new__(cls, name)
        member._value_, member.update, member.life = name, update, life
        return member

    NEW_APP_RUNS = (
        "new-app-runs",
        "the package is installed, the new app runs and has joined again; a package for another partition than `app` "
        "is in that partition",
    )
    OLD_APP_RUNS = (
        "old-app-runs",
        "the bootloader did not install; the reason is what it printed or, where it prints nothing, what it saw",
    )
    OLD_APP_RETRIES = (
        "old-app-retries-each-boot",
        "the bootloader refused the package, which is still there: it will be looked at again at each start",
    )
    NEW_APP_REFLASHES = (
        "new-app-reflashes-each-boot",
        "the new app runs, but the bootloader could not verify it and will write it again",
    )
    BACK = "back", "", f"back no later than `--late` ({LATE // 1_000_000} s) after it could have been"
    BACK_LATE = "back-late", "", "back later than that"
    GONE = "gone", "", "not back until the end, or until the next outage"
    REBOOTS = (
        "reboots",
        "",
        "the device started again by itself, or because of a fault other than one of its power, and was back",
    )
    DEVICE_WAITS = (
        "device-waits",
        "the device is alive and does not get further: no such network, no such server or file, no restart",
        "it has not joined in the first place",
    )
    BOOTLOADER_HANGS = "bootloader-hangs", "the bootloader does not start the app, or crashes before it does"
    BRICK = (
        "brick",
        "the app is started and does not come up, crashes over and over, or the device resets again and again",
    )
    TIME_LIMIT = (
        "time-limit",
        "`--within` passed without an end",
        "the time was over before it was late, or there was no beacon to hear",
    )
    INTERRUPTED = (
        "interrupted",
        "Ctrl-C came before there was a verdict, or SIGTERM (143)",
        "Ctrl-C came before the end, or SIGTERM (143)",
    )

    @property
    def exit_status(self) -> int:
        """That of `bk7238 ota` and `bk7238 live`."""
        special = {
            Verdict.NEW_APP_RUNS: ExitStatus.EXPECTED,
            Verdict.BACK: ExitStatus.EXPECTED,
            Verdict.TIME_LIMIT: ExitStatus.TIME_LIMIT,
            Verdict.INTERRUPTED: ExitStatus.INTERRUPTED,
        }
        return special.get(self, ExitStatus.OTHER_END)


def table(of: Literal["update", "life"]) -> str:
    """Those that such a run can end with, as a table for the docs."""
    meanings = [(one, one.update if of == "update" else one.life) for one in Verdict]
    rows = [f"| `{one}` | {one.exit_status} | {meaning} |" for one, meaning in meanings if meaning]
    return "\n".join(["| verdict | status | meaning |", "|---|---|---|", *rows])
