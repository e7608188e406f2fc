"""What a sweep found, for machines: one JSON object, of whose type the page is made too, and JUnit."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
from msgspec.structs import asdict

from bk7238 import host_files
from bk7238.bench.command import words
from bk7238.faults import all_kinds, parse
from bk7238.sweep.plan.cuts import Cuts
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.plan.shard import WHOLE, Shard
from bk7238.sweep.point import Outcome, Point
from bk7238.sweep.report import page
from bk7238.sweep.report.sarif import sarif
from bk7238.sweep.report.saved import (
    FlashOperation,
    SavedCuts,
    SavedOutcome,
    SavedPartition,
    SavedSweep,
    found,
)
from bk7238.sweep.report.summary import markdown
from bk7238.update.run_file import versions

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


@dataclass(frozen=True)
class Report:
    """The outcomes of a sweep, in the order of its points. `tier` is what was asked for; `fail_on` are verdicts that
    are bad here, whatever the plan says. Equal sweeps make equal bytes: nothing in them is of the host."""

    plan: Plan
    points: list[Point]
    outcomes: list[Outcome]
    tier: str
    wall_seconds: float
    shard: Shard = WHOLE
    fail_on: tuple[str, ...] = ()

    @property
    def verdicts(self) -> Counter[str]:
        """How often each verdict came."""
        return Counter(one.verdict for one in self.outcomes)

    @property
    def digest(self) -> str:
        """What was found, in one number: where each point ended and why."""
        return self.saved.digest

    @property
    def states(self) -> int:
        """How many states of the flash the points stand for, where they stand for more than themselves."""
        return sum(one.states for one in self.outcomes)

    @property
    def recoveries(self) -> int:
        """In how many ways a boot loader goes on from these states."""
        return len({name for one in self.outcomes for name in one.recoveries})

    @property
    def bad(self) -> list[SavedOutcome]:
        """Those that end where no device should after what was done to it."""
        return self.saved.bad_outcomes

    def replay(self, one: SavedOutcome) -> str:
        """The command that runs a point from its beginning."""
        return self.saved.command(one)

    @cached_property
    def saved(self) -> SavedSweep:
        """All of it, as `sweep.json` has it."""
        job = self.plan.job
        outcomes = tuple(ended(point, one) for point, one in zip(self.points, self.outcomes, strict=True))
        partitions = sorted(job.image.partitions.items(), key=lambda item: item[1].physical_start)
        sweep = SavedSweep(
            of=self.plan.NAME,
            noun=self.plan.NOUN,
            said=self.plan.said,
            image=job.image.name,
            package=job.package.name,
            bootloader=job.image.bootloader_version,
            seed=job.settings.seed,
            tier=self.tier,
            **self.plan.deciding,
            shard=str(self.shard) if self.shard.parts > 1 else "",
            points=len(outcomes),
            verdicts=dict(sorted(self.verdicts.items())),
            bad=sum(one.verdict not in self.plan.WELL or one.verdict in self.fail_on for one in outcomes),
            digest=found(outcomes),
            simulator=versions(),
            date=_date(),
            image_sha256=hashlib.sha256(job.image.data).hexdigest(),
            package_sha256=hashlib.sha256(job.package.data).hexdigest() if job.package.data else "",
            fail_on=self.fail_on,
            replay=_replay(self.plan),
            flash_size=job.settings.flash_size or len(job.image.data),
            partitions=tuple(SavedPartition(name, one.physical_start, one.physical_end) for name, one in partitions),
            outcomes=outcomes,
        )
        if not isinstance(self.plan, Cuts):
            return sweep
        trunk = self.plan.trunk
        swept = tuple(FlashOperation(one.kind, one.address, one.length) for one in trunk.operations[trunk.first - 1 :])
        return SavedCuts(**asdict(sweep), first=trunk.first, operations=swept)

    def as_json(self) -> dict[str, Any]:
        """The same, made of what JSON has."""
        return dict(msgspec.to_builtins(self.saved))

    def junit(self) -> str:
        """A test case for each point; one that ends badly has failed."""
        attributes = {"name": self.plan.NOUN, "tests": str(len(self.outcomes)), "failures": str(self.saved.bad)}
        if self.saved.date:
            attributes["timestamp"] = self.saved.date
        suite = ElementTree.Element("testsuite", attributes)
        properties = ElementTree.SubElement(suite, "properties")
        for name in ("simulator", "image_sha256", "package_sha256"):
            ElementTree.SubElement(properties, "property", name=name, value=_xml(getattr(self.saved, name)))
        for one in self.saved.outcomes:
            attributes = {"classname": f"sweep.{self.plan.NAME}", "name": _xml(one.id)}
            case = ElementTree.SubElement(suite, "testcase", attributes)
            if one.verdict not in self.saved.well:
                failure = ElementTree.SubElement(case, "failure", message=_xml(one.verdict))
                failure.text = _xml(f"{one.reason}\n{self.replay(one)}")
        return ElementTree.tostring(suite, encoding="unicode")

    def html(self) -> str:
        """The page of this sweep alone."""
        return page.html([self.saved])

    def save(self, folder: Path) -> None:
        """sweep.json, and what is made of it: report.html, junit.xml, sweep.sarif and summary.md."""
        host_files.write_in(folder, "sweep.json", json.dumps(self.as_json(), indent=1) + "\n")
        host_files.write_in(folder, "junit.xml", self.junit())
        host_files.write_in(folder, "report.html", self.html())
        host_files.write_in(folder, "sweep.sarif", sarif(self.saved))
        host_files.write_in(folder, "summary.md", markdown(self.saved))


def _replay(plan: Plan) -> tuple[str, ...]:
    """The command that runs a job, from whatever folder."""
    job = plan.job
    force = ["--force"] if job.image.forced else []
    given = [one for one in (job.image, job.package) if one.name]
    files = [str(one.path.absolute() if one.path else one.name) for one in given]
    return "bk7238", plan.VERB, *files, *force, *words(job.settings, always=("seed",))


def _date() -> str:
    """The moment that whoever builds something has set for it (reproducible-builds.org), in UTC; else nothing."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%dT%H:%M:%SZ}" if re.fullmatch(r"\d{1,11}", epoch) else ""


def ended(point: Point, one: Outcome) -> SavedOutcome:
    """The outcome of a point with its place on the page. How it was found depends on who ran it, and is not told."""
    faults = tuple(map(str, point.faults))
    values = asdict(one) | {"reason": explained(one), "merged": None, "shared": "", "seconds": 0.0}
    return SavedOutcome(**values, row=point.row, column=point.column, faults=faults, settings=point.settings)


def _xml(text: str) -> str:
    """The text with what XML cannot hold, such as a device's control characters, as escapes."""
    return _NOT_XML.sub(lambda found: ascii(found[0])[1:-1], text)


def explained(one: Outcome) -> str:
    """Why a run ended where it did, and why a fault of it did nothing."""
    silent = [
        f"{fault} never fired: from its moment on nothing did this: {all_kinds()[parse(fault).kind].FIRES}"
        for fault in one.silent
    ]
    return "; ".join([*([one.reason] if one.reason else []), *silent])
