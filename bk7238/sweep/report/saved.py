"""What `sweep.json` holds, and whether a file holds it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bk7238 import host_files
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import Cuts
from bk7238.sweep.plan.shard import Shard
from bk7238.sweep.plan.shard import parse as parse_shard
from bk7238.sweep.point import Count, Outcome
from bk7238.sweep.reading import convert


class SavedError(ValueError):
    """A file that is no saved sweep; the message is one line."""


class SavedOutcome(Outcome, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=False):
    """Where a point led to, with its place on the page and its faults."""

    row: str
    column: str
    faults: tuple[str, ...]
    settings: tuple[str, ...] = ()


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
    """A sweep. `modes` and `depth` are the plan's, where they decide what becomes of a point; `replay` are the words of
    the command that runs a point again, without its faults; `simulator` is what ran the points; `date` comes from
    outside, if at all; `fail_on` are verdicts that are not good enough. There is no time of the host in it: equal
    sweeps are equal bytes."""

    of: str
    noun: str
    said: str
    image: str
    package: str
    bootloader: str
    seed: int
    tier: str
    modes: tuple[str, ...] = ()
    depth: Count = 0
    shard: str = ""
    points: Count = 0
    verdicts: dict[str, Count] = {}
    bad: Count = 0
    digest: str = ""
    simulator: str = ""
    date: str = ""
    image_sha256: str = ""
    package_sha256: str = ""
    fail_on: tuple[str, ...] = ()
    replay: tuple[str, ...]
    flash_size: Count = 0
    partitions: tuple[SavedPartition, ...] = ()
    outcomes: tuple[SavedOutcome, ...]

    def __post_init__(self) -> None:
        if self.of not in registry.PLANS:
            raise ValueError(f"Expected one of {', '.join(registry.PLANS)} - at `$.of`")
        verb = registry.PLANS[self.of].VERB
        if self.replay[:2] != ("bk7238", verb):  # the page offers it for a shell
            raise ValueError(f"Expected a command of bk7238 {verb} - at `$.replay`")
        if self.shard:
            parse_shard(self.shard)

    @property
    def well(self) -> tuple[str, ...]:
        """The verdicts at which a device may end."""
        return tuple(verdict for verdict in registry.PLANS[self.of].WELL if verdict not in self.fail_on)

    @property
    def bad_outcomes(self) -> list[SavedOutcome]:
        """Those that end where no device should."""
        return [one for one in self.outcomes if one.verdict not in self.well]

    def command(self, one: SavedOutcome) -> str:
        """The command that runs a point again, from its beginning."""
        return shlex.join(self.words(one))

    def page_command(self, one: SavedOutcome) -> str:
        """The command that does so on a page, where it is an update; else empty."""
        return shlex.join(["bk7238", "view", *self.words(one)[2:]]) if self.replay[1] == "ota" else ""

    def words(self, one: SavedOutcome) -> list[str]:
        """The words of that command."""
        return [*self.replay, *one.settings, *(f"--fault={fault}" for fault in one.faults)]


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


def found(outcomes: Sequence[Outcome]) -> str:
    """Where points ended and why, in one number: their `reason` says all of it."""
    ends = [[one.id, one.verdict, one.reason] for one in outcomes]
    return hashlib.sha256(json.dumps(ends).encode()).hexdigest()[:32]


def joined(sweeps: Sequence[SavedSweep]) -> list[SavedSweep]:
    """The sweeps, the shards of one as that one. Raises SavedError where a shard is missing, or is there twice."""
    made: list[SavedSweep] = []
    parts: dict[bytes, dict[Shard, SavedSweep]] = {}
    for sweep in sweeps:
        if not sweep.shard:
            made.append(sweep)
            continue
        of, shard = msgspec.json.encode(_whole(sweep, ())), parse_shard(sweep.shard)
        if shard in parts.setdefault(of, {}):
            raise SavedError(f"shard {shard} of the sweep of {sweep.package} is there twice")
        parts[of][shard] = sweep
    for shards in parts.values():
        number = max(shard.parts for shard in shards)
        every = [Shard(place, number) for place in range(1, number + 1)]
        missing = [str(shard) for shard in every if shard not in shards]
        first = next(iter(shards.values()))
        if missing or len(shards) != number:
            raise SavedError(f"of the sweep of {first.package} these shards are missing: {', '.join(missing)}")
        made.append(_whole(first, [one for shard in every for one in shards[shard].outcomes]))
    return made


def _whole(sweep: SavedSweep, outcomes: Sequence[SavedOutcome]) -> SavedSweep:
    """The sweep that one is a shard of, with these outcomes."""
    verdicts = Counter(one.verdict for one in outcomes)
    return msgspec.structs.replace(
        sweep,
        shard="",
        points=len(outcomes),
        verdicts=dict(sorted(verdicts.items())),
        bad=sum(one.verdict not in sweep.well for one in outcomes),
        digest=found(outcomes),
        outcomes=tuple(outcomes),
    )


def parse(value: Any) -> SavedSweep:
    """The sweep in a JSON value. Raises ValueError, one line."""
    sweep = convert(value, SavedSweep)
    return convert(value, SavedCuts) if issubclass(registry.PLANS[sweep.of], Cuts) else sweep
