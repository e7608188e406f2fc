"""What a sweep found, for machines (JSON, JUnit) and for people (one HTML page that needs nothing else)."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any
from xml.etree import ElementTree

from bk7238.sweep.explore import Outcome
from bk7238.sweep.trunk import ALL_MODES, Job, Trunk
from bk7238.update.story import INSTALL

COLOURS = {
    "new-app-runs": "#2e7d32",
    "new-app-reflashes-each-boot": "#9e9d24",
    "old-app-runs": "#1565c0",
    "old-app-retries-each-boot": "#6a1b9a",
    "device-waits": "#ef6c00",
    "bootloader-hangs": "#c62828",
    "brick": "#000000",
    "time-limit": "#757575",
}
WELL = ("new-app-runs", "old-app-runs")
WIDTH, HEIGHT, ROW = 1000, 260, 26


@dataclass(frozen=True)
class Report:
    """The outcomes of a sweep. `image` and `package` are names of files, `tier` is what was asked for."""

    job: Job
    trunk: Trunk
    outcomes: list[Outcome]
    tier: str
    wall_seconds: float

    @property
    def operations(self) -> int:
        """Flash operations of the phase."""
        return len(self.trunk.operations) - self.trunk.first + 1

    @property
    def verdicts(self) -> Counter[str]:
        return Counter(one.verdict for one in self.outcomes)

    @property
    def bad(self) -> list[Outcome]:
        """Those that end where no device should."""
        return [one for one in self.outcomes if one.verdict not in WELL]

    def replay(self, one: Outcome) -> str:
        """The command that runs a point from its beginning."""
        settings = self.job.settings
        words = ["bk7238", "ota", self.job.image.name, self.job.package.name, f"--seed={settings.seed}"]
        delivered = ["--delivered"] if self.job.phase == INSTALL else []
        return shlex.join([*words, *delivered, f"--fault={one.point.fault}"])

    def as_json(self) -> dict[str, Any]:
        return {
            "image": self.job.image.name,
            "package": self.job.package.name,
            "bootloader": self.job.image.bootloader_version,
            "phase": self.job.phase,
            "tier": self.tier,
            "seed": self.job.settings.seed,
            "operations": self.operations,
            "points": len(self.outcomes),
            "verdicts": dict(sorted(self.verdicts.items())),
            "watched_to_the_end": sum(one.merged is None and not one.shared for one in self.outcomes),
            "wall_seconds": round(self.wall_seconds, 1),
            "outcomes": [one.as_json() for one in self.outcomes],
        }

    def junit(self) -> str:
        """A test case for each point; one that ends badly has failed."""
        attributes = {"name": "power cuts", "tests": str(len(self.outcomes)), "failures": str(len(self.bad))}
        suite = ElementTree.Element("testsuite", attributes)
        for one in self.outcomes:
            case = ElementTree.SubElement(suite, "testcase", classname="power-cut", name=one.point.id)
            if one.verdict not in WELL:
                failure = ElementTree.SubElement(case, "failure", message=one.verdict)
                failure.text = f"{one.reason}\n{self.replay(one)}"
        return ElementTree.tostring(suite, encoding="unicode")

    def html(self) -> str:
        """The page."""
        head = f"{escape(self.job.package.name)} on boot loader {escape(self.job.image.bootloader_version)}"
        rows = "".join(
            f'<tr><td><span style="background:{COLOURS[verdict]}"></span>{verdict}</td><td>{number:,}</td></tr>'
            for verdict, number in self.verdicts.most_common()
        )
        listed = "".join(
            f"<li><b>{one.point.id}</b> {escape(one.verdict)}: {escape(one.reason)}"
            f"<br><code>{escape(self.replay(one))}</code></li>"
            for one in self.bad[:200]
        )
        bad = f"<h2>Ends that should not be</h2><ol>{listed}</ol>" if listed else "<p>No point ends badly.</p>"
        cuts = f"{len(self.outcomes):,} cuts around {self.operations:,} flash operations of the {self.job.phase}"
        summary = f"{cuts}, tier {self.tier}, {self.wall_seconds:.0f} s"
        return _PAGE.format(
            title=f"Power cuts: {head}",
            summary=summary,
            rows=rows,
            picture=self._picture(),
            map=self._map(),
            bad=bad,
            replay=escape(self.replay(self.outcomes[0])) if self.outcomes else "",
        )

    # Pictures: operations from left to right

    def _x(self, operation: int) -> float:
        return WIDTH * (operation - 1) / max(1, len(self.trunk.operations))

    def _picture(self) -> str:
        """The flash over the installation: addresses from top to bottom."""
        size = len(self.trunk.initial)
        marks = []
        for number, one in enumerate(self.trunk.operations, 1):
            y, height = HEIGHT * one.address / size, max(1.0, HEIGHT * one.length / size)
            colour = "#c62828" if one.kind == "erase" else "#37474f"
            x, width = self._x(number), max(1.0, self._x(2))
            marks.append(_rectangle(x, y, width, height, colour))
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(marks)}{"".join(self._partitions(size))}</svg>'

    def _partitions(self, size: int) -> Iterator[str]:
        for name, partition in sorted(self.job.image.partitions.items()):
            y = HEIGHT * partition.physical_start / size
            yield f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#bbb"/>'
            label = f"{escape(name)} {partition.physical_start:#x}"
            yield f'<text x="{WIDTH - 4}" y="{y + 12:.1f}" text-anchor="end">{label}</text>'

    def _map(self) -> str:
        """A row for each way to cut, coloured by verdict; neighbours that end alike are one bar."""
        modes = [how for how in ALL_MODES if any(one.point.how == how for one in self.outcomes)]
        bars = []
        for row, how in enumerate(modes):
            mine = [one for one in self.outcomes if one.point.how == how]
            for verdict, group in groupby(mine, key=lambda one: one.verdict):
                members = list(group)
                first, last = members[0].point.operation, members[-1].point.operation
                x, width = self._x(first), max(2.0, self._x(last + 1) - self._x(first))
                title = f"{how} {first} to {last}: {verdict}"
                bars.append(_rectangle(x, row * ROW, width, ROW - 4, COLOURS[verdict], title))
            bars.append(f'<text x="4" y="{row * ROW + 15}" fill="#fff">{how}</text>')
        return f'<svg viewBox="0 0 {WIDTH} {max(1, len(modes)) * ROW}">{"".join(bars)}</svg>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}">{f"<title>{title}</title>" if title else ""}</rect>'


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1040px; margin: 2em auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1.1em; margin-top: 2em }} svg {{ width: 100%; background: #f5f5f5 }}
svg text {{ font: 11px sans-serif }} td {{ padding: 0 1.5em 0 0 }} code {{ font-size: .9em }}
td span {{ display: inline-block; width: .9em; height: .9em; margin-right: .5em }}
</style>
<h1>{title}</h1><p>{summary}</p><table>{rows}</table>
<h2>Where each cut ends</h2>{map}
<h2>The flash</h2>
<p>Operations from left to right, addresses from top to bottom; erases are red.</p>
{picture}{bad}
<h2>Replay</h2><p>Each point is an ordinary run: <code>{replay}</code></p></html>
"""
