"""What a sweep found, for machines: one JSON object, of which the page (page.py) is made too, and JUnit."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bk7238.bench.command import words
from bk7238.faults import kinds, parse
from bk7238.sweep import page
from bk7238.sweep.point import Outcome, Point
from bk7238.sweep.subject import Subject


@dataclass(frozen=True)
class Report:
    """The outcomes of a sweep, in the order of its points. `tier` is what was asked for."""

    subject: Subject
    points: list[Any]
    outcomes: list[Outcome]
    tier: str
    wall_seconds: float

    @property
    def verdicts(self) -> Counter[str]:
        return Counter(one.verdict for one in self.outcomes)

    @property
    def digest(self) -> str:
        """What was found, in one number: where each point ended and why."""
        found = [[one.id, one.verdict, explained(one)] for one in self.outcomes]
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:32]

    @property
    def bad(self) -> list[Outcome]:
        """Those that end where no device should after what was done to it."""
        return [one for one in self.outcomes if one.verdict not in self.subject.WELL]

    @cached_property
    def _by_id(self) -> dict[str, Point]:
        return {point.id: point for point in self.points}

    def replay(self, one: Outcome) -> str:
        """The command that runs a point from its beginning."""
        return shlex.join([*self._command, *(f"--fault={fault}" for fault in self._by_id[one.id].faults)])

    @cached_property
    def _command(self) -> list[str]:
        job = self.subject.job
        return ["bk7238", "ota", job.image.name, job.package.name, *words(job.settings, always=("seed",))]

    def as_json(self) -> dict[str, Any]:
        """All of it; page.py says what is in it."""
        job = self.subject.job
        partitions = sorted(job.image.partitions.items(), key=lambda item: item[1].physical_start)
        return {
            "of": self.subject.NAME,
            "noun": self.subject.NOUN,
            "said": self.subject.said,
            "image": job.image.name,
            "package": job.package.name,
            "bootloader": job.image.bootloader_version,
            "seed": job.settings.seed,
            "tier": self.tier,
            "points": len(self.outcomes),
            "verdicts": dict(sorted(self.verdicts.items())),
            "bad": len(self.bad),
            "digest": self.digest,
            "watched_to_the_end": sum(one.merged is None and not one.shared for one in self.outcomes),
            "wall_seconds": round(self.wall_seconds, 1),
            "replay": self._command,
            "flash_size": job.settings.flash_size or len(job.image.data),
            "partitions": [[name, one.physical_start, one.physical_end] for name, one in partitions],
            **self.subject.details(),
            "outcomes": [self._line(one) for one in self.outcomes],
        }

    def _line(self, one: Outcome) -> dict[str, Any]:
        point = self._by_id[one.id]
        kept = {name: value for name, value in one.as_json().items() if value not in ("", (), None)}
        return {**kept, "row": point.row, "column": point.column, "faults": point.faults, "reason": explained(one)}

    def junit(self) -> str:
        """A test case for each point; one that ends badly has failed."""
        attributes = {"name": self.subject.NOUN, "tests": str(len(self.outcomes)), "failures": str(len(self.bad))}
        suite = ElementTree.Element("testsuite", attributes)
        for one in self.outcomes:
            attributes = {"classname": f"sweep.{self.subject.NAME}", "name": one.id, "time": f"{one.seconds:.3f}"}
            case = ElementTree.SubElement(suite, "testcase", attributes)
            if one.verdict not in self.subject.WELL:
                failure = ElementTree.SubElement(case, "failure", message=one.verdict)
                failure.text = f"{explained(one)}\n{self.replay(one)}"
        return ElementTree.tostring(suite, encoding="unicode")

    def html(self) -> str:
        """The page of this sweep alone."""
        return page.html([self.as_json()])

    def save(self, folder: Path) -> None:
        """sweep.json, junit.xml and report.html."""
        (folder / "sweep.json").write_text(json.dumps(self.as_json(), indent=1) + "\n")
        (folder / "junit.xml").write_text(self.junit())
        (folder / "report.html").write_text(self.html())


def explained(one: Outcome) -> str:
    """Why a run ended where it did, and why a fault of it did nothing."""
    silent = [
        f"{fault} never fired: from its moment on nothing did this: {kinds()[parse(fault).kind].FIRES}"
        for fault in one.silent
    ]
    return "; ".join([*([one.reason] if one.reason else []), *silent])
