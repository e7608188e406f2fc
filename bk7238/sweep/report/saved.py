"""What `sweep.json` holds, and whether a file holds it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bk7238 import host_files
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import Cuts
from bk7238.sweep.point import Count, Outcome, Seconds
from bk7238.sweep.reading import convert

COMMAND = ("bk7238", "ota")


class SavedError(ValueError):
    """A file that is no saved sweep; the message is one line."""


class SavedOutcome(Outcome, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=False):
    """Where a point led to, with its place on the page and its faults."""

    seconds: Seconds
    row: str
    column: str
    faults: tuple[str, ...]


class SavedPartition(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Physical addresses."""

    name: str
    start: Count
    end: Count

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("Expected the end behind the start")


class FlashOperation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An erase or a program of so many bytes at a physical address."""

    kind: str
    address: Count
    length: Count


class SavedSweep(msgspec.Struct, kw_only=True, frozen=True):
    """A sweep. `replay` are the words of the command that runs a point again, without its faults."""

    of: str
    noun: str
    said: str
    image: str
    package: str
    bootloader: str
    seed: int
    tier: str
    points: Count = 0
    verdicts: dict[str, Count] = {}
    bad: Count = 0
    digest: str = ""
    watched_to_the_end: Count = 0
    wall_seconds: Seconds
    replay: tuple[str, ...]
    flash_size: Count = 0
    partitions: tuple[SavedPartition, ...] = ()
    outcomes: tuple[SavedOutcome, ...]

    def __post_init__(self) -> None:
        if self.of not in registry.PLANS:
            raise ValueError(f"Expected one of {', '.join(registry.PLANS)} - at `$.of`")
        if self.replay[:2] != COMMAND:  # the page offers it for a shell
            raise ValueError("Expected a command of bk7238 ota - at `$.replay`")

    @property
    def well(self) -> tuple[str, ...]:
        """The verdicts at which a device may end."""
        return registry.PLANS[self.of].WELL

    def command(self, one: SavedOutcome) -> str:
        """The command that runs a point again, from its beginning."""
        return shlex.join([*self.replay, *(f"--fault={fault}" for fault in one.faults)])


class SavedCuts(SavedSweep, kw_only=True, frozen=True):
    """A sweep of power cuts, whose columns are numbers of flash operations. `first` is the first one's."""

    flash_size: Count
    partitions: tuple[SavedPartition, ...]
    first: Count
    operations: Annotated[tuple[FlashOperation, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = {str(self.first + place) for place in range(len(self.operations))}
        for place, one in enumerate(self.outcomes):
            if one.column not in numbers:
                raise ValueError(f"Expected the number of an operation - at `$.outcomes[{place}].column`")


def read(path: Path) -> SavedSweep:
    """A `sweep.json`, or the folder that holds one. Raises SavedError."""
    file = path / "sweep.json" if path.is_dir() else path
    remedy = "give the sweep.json that bk7238 sweep --artifacts writes, or its folder"
    try:
        value = json.loads(host_files.read(file, host_files.RESULTS))
    except OSError as error:
        raise SavedError(f"{file}: {error.strerror or error}; {remedy}") from None
    except (ValueError, RecursionError):
        raise SavedError(f"{file}: no JSON; {remedy}") from None
    try:
        return parse(value)
    except ValueError as error:
        raise SavedError(f"{file}: no saved sweep: {error}; {remedy}") from None


def parse(value: Any) -> SavedSweep:
    """The sweep in a JSON value. Raises ValueError, one line."""
    sweep = convert(value, SavedSweep)
    return convert(value, SavedCuts) if issubclass(registry.PLANS[sweep.of], Cuts) else sweep
