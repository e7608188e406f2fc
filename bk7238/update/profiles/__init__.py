"""Firmware families: how each is told to join a network and to fetch an update, as its user would tell it.

A profile is found by name or, for `auto`, by what stands in the image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bk7238.update.profiles.beken_sdk import BekenSdk
from bk7238.update.profiles.openbeken import OpenBeken

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.machine import Machine


@dataclass(frozen=True)
class Instructions:
    """What the device is told: the network's SSID, its passphrase (empty: open), and the URL to fetch or nothing."""

    ssid: bytes
    passphrase: str
    url: str | None


class Profile(Protocol):
    """One firmware family."""

    name: str
    banner: re.Pattern[str]
    """Matches the line in which the app names its version; the group `version` holds it."""

    def recognises(self, flash: bytes) -> bool:
        """Whether the app in this flash (physical bytes) is of this family."""
        ...

    def configure(self, flash: bytes, told: Instructions) -> dict[int, bytes]:
        """What to put where (physical addresses) so that the device does as it is told.

        Raises ValueError for what this family cannot be told, with the remedy.
        """
        ...

    def attach(self, machine: Machine, air: Medium, told: Instructions) -> None:
        """Follow the machine while it runs, and tell the device what only a running one can be told."""
        ...

    def forgotten(self, flash: bytes) -> str:
        """Why the device, with this flash (physical bytes), cannot know any more what `configure` told it. Empty where
        it knows."""
        ...


PROFILES: dict[str, Profile] = {profile.name: profile for profile in (OpenBeken(), BekenSdk())}


def find(name: str, flash: bytes) -> Profile:
    """The profile called `name`, or for `auto` the one that recognises the app. Raises ValueError for none."""
    known = ", ".join(sorted(PROFILES))
    if name != "auto":
        if name not in PROFILES:
            raise ValueError(f"profile {name!r} is unknown; there is auto, {known}")
        return PROFILES[name]
    for profile in PROFILES.values():
        if profile.recognises(flash):
            return profile
    raise ValueError(f"the app is of no family that is known here; name one with --profile ({known})")
