"""Firmware families: how each is told to join a network and to fetch an update, as its user would tell it.

A profile is found by name or, for `auto`, by what stands in the image (image/recognise.py). Where nobody has to tell
the device anything, because the package is on it already, an app of an unknown family has the profile `none`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bk7238.image import FlashImage, recognise
from bk7238.update.profiles.beken_sdk import BekenSdk
from bk7238.update.profiles.none import NoProfile
from bk7238.update.profiles.openbeken import OpenBeken

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.image.flash_view import FlashView
    from bk7238.machine import Machine


@dataclass(frozen=True)
class Instructions:
    """What the device is told: the network's SSID, its passphrase (empty: open), and the URL to fetch or nothing."""

    ssid: bytes
    passphrase: str
    url: str | None


class Operator(Protocol):
    """Who operates one device as a profile has it."""

    def missing(self) -> str:
        """What the device was to do or say by now, has not since its last start, and what was left undone for that
        reason. Empty where nothing is waited for."""
        ...


class Profile(Protocol):
    """One firmware family."""

    name: str

    @property
    def banner(self) -> re.Pattern[str] | None:
        """Matches the line in which the app names a version: its own in the group `version`, that of the SDK it was
        built with in the group `sdk`. None where no such line is known."""
        ...

    def configure(self, flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """What to put where (physical addresses) so that the device does as it is told.

        Raises ValueError for what this family cannot be told, with the remedy.
        """
        ...

    def attach(self, machine: Machine, medium: Medium, told: Instructions) -> Operator:
        """Follow the machine while it runs, and tell the device what only a running one can be told."""
        ...

    def forgotten(self, flash: FlashView) -> str:
        """Why the device, with this flash, cannot know any more what `configure` told it. Empty where
        it knows."""
        ...


PROFILES: dict[str, Profile] = {profile.name: profile for profile in (OpenBeken(), BekenSdk())}
NONE = NoProfile()


def find(name: str, image: FlashImage, *, delivered: bool = False) -> Profile:
    """The profile called `name`, or for `auto` the one of the family that the app is of.

    Where the package is `delivered` already, an app of no known family has the profile `none`. Raises ValueError for
    an unknown name or family.
    """
    known = ", ".join(sorted(PROFILES))
    if name == NONE.name:
        if delivered:
            return NONE
        raise ValueError(f"profile {name!r} asks for no update: use it with --delivered, or name one of {known}")
    if name != "auto":
        if name not in PROFILES:
            raise ValueError(f"profile {name!r} is unknown; there is auto, {known}, and {NONE.name} with --delivered")
        return PROFILES[name]
    found = recognise.of_image(image)
    if found.family is not None:
        return PROFILES[found.family.name]
    if delivered:
        return NONE
    raise ValueError(
        f"{image.name}: the app is of no family that is known here ({found.seen}); name one with --profile ({known}), "
        "or use --delivered, which needs none"
    )
