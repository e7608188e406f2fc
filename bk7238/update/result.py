"""How an update ended: the verdict, why, and what it took."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bk7238.formats.partitions import Partition
from bk7238.update.result_file import Evidence, Grounds, PartitionRecord, ResultFile
from bk7238.update.verdict import Verdict
from bk7238.update.versions import Pair


def warnings(verdict: Verdict, silent: list[str]) -> list[str]:
    """What to say of faults that never fired. Where the run was interrupted, they may have been to come."""
    return [] if verdict is Verdict.INTERRUPTED else [f"the fault {fault} never fired" for fault in silent]


def did(fault: dict[str, Any]) -> str:
    """What a fault did first, of those that a result lists. It must have fired."""
    first = fault["firings"][0]
    more = f", and {fault['fired'] - 1} times more" if fault["fired"] > 1 else ""
    return f"{fault['fault']}: at {first['time'] / 1e6:.3f} s, {first['where']}: {first['what']}{more}"


@dataclass(frozen=True)
class Phase:
    """A stretch of the story: its length in virtual microseconds and in instructions, user CPU in host seconds."""

    name: str
    start: int
    end: int
    instructions: int
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """Virtual seconds."""
        return (self.end - self.start) / 1e6


@dataclass(frozen=True)
class Result:
    """What `bk7238 ota` reports. `faults` says of each fault what it did, `silent` are those that never fired.
    `partitions` is the image's table, `flash` are the chip's bytes (physical) in the moment of the verdict. The
    versions are the banner's where that names the app's own, else the footer's."""

    verdict: Verdict
    reason: str
    from_version: str | None
    to_version: str | None
    phases: list[Phase]
    virtual_seconds: float
    instructions: int
    wall_seconds: float
    digest: str
    seed: int
    engine: str
    grounds: Grounds = field(repr=False)
    partitions: dict[str, Partition] = field(repr=False)
    faults: list[Any] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    flash: bytes = field(repr=False, default=b"")
    banner_versions: Pair = (None, None)
    footer_versions: Pair = (None, None)  # of the installed app at power-on, and at the end

    @property
    def evidence(self) -> Evidence:
        """What the verdict rests on: the partitions, and update/evidence.py. They are hashed when this is asked for:
        most who look at a result do not. Addresses are physical."""
        places = {name: (one.physical_start, one.physical_end) for name, one in sorted(self.partitions.items())}
        partitions: dict[str, PartitionRecord] = {
            name: {"start": start, "end": end, "sha256": hashlib.sha256(self.flash[start:end]).hexdigest()}
            for name, (start, end) in places.items()
        }
        return {"partitions": partitions, **self.grounds}

    @property
    def versions(self) -> str:
        """Both pairs of versions, in words."""
        pairs = (("banner", self.banner_versions), ("footer", self.footer_versions))
        return "; ".join(f"{name} {before or 'not seen'} -> {after or 'not seen'}" for name, (before, after) in pairs)

    @property
    def versions_differ(self) -> bool:
        """Whether banner and footer name different versions of the same app."""
        pairs = zip(self.banner_versions, self.footer_versions, strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def as_json(self) -> ResultFile:
        """The object of `--json`: wall time is the only part that differs between equal runs."""
        return {
            "verdict": self.verdict,
            "from_version": self.from_version,
            "to_version": self.to_version,
            "banner_versions": list(self.banner_versions),
            "footer_versions": list(self.footer_versions),
            "reason": self.reason,
            "phases": [
                {"name": p.name, "virtual_seconds": p.seconds, "instructions": p.instructions} for p in self.phases
            ],
            "virtual_seconds": self.virtual_seconds,
            "instructions": self.instructions,
            "wall_seconds": round(self.wall_seconds, 3),
            "digest": self.digest,
            "seed": self.seed,
            "engine": self.engine,
            "faults": self.faults,
            "faults_never_fired": self.silent,
            "evidence": self.evidence,
        }
