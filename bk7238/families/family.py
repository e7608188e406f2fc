"""What is said of a firmware family, in one class: its evidence, its banner, how it is told, how its updates come.

The families that are built in, and how another package adds one: docs/firmware-families.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bk7238.image.flash_view import FlashView

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.chip import Area, Chip
    from bk7238.image import Package
    from bk7238.machine import Machine
    from bk7238.network.network import Network


@dataclass(frozen=True)
class Kind:
    """One kind of evidence: `least` of these texts stand in the app. `shared`: also in families built on this one."""

    name: str
    texts: tuple[bytes, ...]
    least: int = 1
    shared: bool = False

    def found(self, app: bytes) -> tuple[str, ...]:
        """The texts that stand in an app's logical bytes; none where they are too few."""
        found = tuple(text.decode().rstrip("\0") for text in self.texts if text in app)
        return found if len(found) >= self.least else ()


@dataclass(frozen=True)
class Instructions:
    """What the device is told: the network's SSID, its passphrase (empty: open), and the URL to fetch or nothing."""

    ssid: bytes
    passphrase: str
    url: str | None


class Operator(Protocol):
    """Who operates one device, or brings it something."""

    def missing(self) -> str:
        """What the device was to do or say by now, has not since its last start, and what was left undone for that
        reason. Empty where nothing is waited for."""


class Nobody:
    """Operates no device."""

    def missing(self) -> str:
        """Nothing."""
        return ""


class Delivery:
    """How an update reaches a device. `name` is what `--update-by` calls it."""

    name = ""
    told = False
    """Whether the device is told a URL, and fetches the update by itself."""

    def attach(self, machine: Machine, air: Medium, network: Network, package: Package) -> Operator:
        """See to it that the package reaches the device, from now on."""
        return Nobody()

    def with_password(self, password: str) -> Delivery:
        """The same delivery, to a device that wants a password first. Raises ValueError where none is asked for."""
        raise ValueError(f"--ota-password does not go with an update by {self.name}, which asks for none; leave it out")


class Family:
    """One firmware family. A subclass says what it is called by users (`name`) and by people (`title`), and overrides
    what is not so of it: without more nothing is known of the app, and nothing can be told it."""

    name = ""
    title = ""
    evidence: Sequence[Kind] = ()
    """What stands in its apps: of at least three kinds, so that the loss of any one does no harm."""
    banner: re.Pattern[str] | None = None
    """Matches the line in which the app names a version: its own in the group `version`, that of the SDK it was built
    with in the group `sdk`. None where no such line is known."""
    deliveries: Sequence[Delivery] = ()
    """How its updates come, the usual way first."""

    def configuration(self, chip: Chip, size: int) -> Area:
        """Where it keeps its configuration in a flash of so many bytes: as the chip has it (chip.toml), unless a
        subclass knows better. Raises ChipError where the chip has no such flash."""
        return chip.configuration(self.name, size)

    def settings(self, flash: FlashView) -> list[str]:
        """What its configuration in a flash says, a line each; none where there is no such configuration."""
        return []

    def configure(self, flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """What to put where (physical addresses) so that the device does as it is told.

        Raises ValueError for what this family cannot be told, with the remedy.
        """
        return {}

    def prepare(self, machine: Machine, told: Instructions) -> None:
        """Put what `configure` says into the flash of a machine that has not run."""
        flash = FlashView(machine.chip, bytes(machine.flash.data))
        for address, data in self.configure(flash, told).items():
            machine.flash.load(data, address)

    def attach(self, machine: Machine, air: Medium, told: Instructions) -> Operator:
        """Follow the machine while it runs, and tell the device what only a running one can be told."""
        return Nobody()

    def forgotten(self, flash: FlashView) -> str:
        """Why the device, with this flash, cannot know any more what `configure` told it. Empty where it knows."""
        return ""

    def delivery(self, name: str | None) -> Delivery:
        """The delivery of this name, or the usual one. Raises ValueError where it takes its updates otherwise."""
        for delivery in self.deliveries:
            if name in (None, delivery.name):
                return delivery
        known = " or ".join(delivery.name for delivery in self.deliveries) or "no way that is known here"
        raise ValueError(f"{self.title} takes its updates by {known}, not by {name or 'any'}")
