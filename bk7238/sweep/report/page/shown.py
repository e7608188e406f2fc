"""A sweep on the page, with its letter and its points."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bk7238.sweep.report.page.text import count, elements, safe
from bk7238.sweep.report.page.verdicts import chip

MOST = 200  # points that ended badly and are listed


@dataclass(frozen=True)
class Shown:
    """`well` is where a device may end."""

    letter: str
    sweep: dict[str, Any]
    well: tuple[str, ...]

    @cached_property
    def outcomes(self) -> list[dict[str, Any]]:
        return list(self.sweep["outcomes"])

    @cached_property
    def bad(self) -> list[int]:
        """Which of the outcomes end where no device should."""
        return [place for place, one in enumerate(self.outcomes) if one["verdict"] not in self.well]

    @cached_property
    def bad_places(self) -> set[int]:
        return set(self.bad)

    @cached_property
    def verdicts(self) -> Counter[str]:
        return Counter(one["verdict"] for one in self.outcomes)

    @property
    def badge(self) -> str:
        return f'<b class="badge">{self.letter}</b>'

    @property
    def name(self) -> str:
        """Its boot loader, behind its letter."""
        return f"{self.badge} {safe(self.sweep['bootloader'])}"

    @property
    def ended(self) -> str:
        """In a few words."""
        if not self.outcomes:
            return "nothing was run"
        return f"{len(self.bad):,} end badly" if self.bad else "all end well"

    def anchor(self, place: int) -> str:
        """Of the words about an outcome."""
        return f"{self.letter}-{place}"

    def replay(self, one: dict[str, Any]) -> str:
        """The command that runs it again."""
        return shlex.join([*self.sweep["replay"], *(f"--fault={fault}" for fault in one["faults"])])

    def ends_badly(self) -> str:
        """A list of links, as long as it may be."""
        if not self.bad:
            return ""
        items = "".join(map(self._bad_end, self.bad[:MOST]))
        more = len(self.bad) - MOST
        rest = f"<p>and {more:,} more, which sweep.json lists</p>" if more > 0 else ""
        head = f"{self.badge} Ends that should not be: {len(self.bad):,}"
        return f'<div class="bad-ends"><h3>{head}</h3><ul>{items}</ul>{rest}</div>'

    def _bad_end(self, place: int) -> str:
        one = self.outcomes[place]
        link = f'<a href="#{self.anchor(place)}">{safe(one["id"])}</a>'
        return f"<li>{link} {chip(one['verdict'])} {safe(one['reason'])}</li>"

    def points(self, places: Iterable[int], title: str, notes: dict[int, str] | None = None) -> str:
        """The words about these outcomes, closed until somebody asks for one."""
        articles = [self._article(place, (notes or {}).get(place, "")) for place in sorted(set(places))]
        if not articles:
            return ""
        summary = f"<summary>{self.badge} {title} <small>({len(articles):,})</small></summary>"
        return f'<details class="points">{summary}{"".join(articles)}</details>'

    def _article(self, place: int, note: str) -> str:
        one = self.outcomes[place]
        name = self.anchor(place)
        parts = [
            f'<article class="point" id="{name}" tabindex="-1">',
            f"<h4>{self.badge} {safe(one['id'])} {chip(one['verdict'])}</h4><p>{safe(one['reason'])}</p>",
            f"<p class=note>{safe(note)}</p>" if note else "",
            "<dl>",
            _entry("What the faults did", f"<ul>{elements('li', one.get('did', ()))}</ul>" if one.get("did") else ""),
            _entry("Never fired", f"<ul>{elements('li', one['silent'])}</ul>" if one.get("silent") else ""),
            _entry("Story", _story(one)),
            _entry("Digest", f"<code>{safe(one['digest'])}</code>" if one.get("digest") else ""),
            _entry("Replay", f'<pre tabindex="0"><code>{safe(self.replay(one))}</code></pre>{_COPY}'),
            "</dl></article>",
        ]
        return "".join(parts)


_COPY = '<button type="button" class="copy">Copy</button>'


def _entry(name: str, content: str) -> str:
    return f"<dt>{name}</dt><dd>{content}</dd>" if content else ""


def _story(one: dict[str, Any]) -> str:
    """The milestones; of a run that was not watched to its end, why not."""
    lines = [line.partition("  ") for line in one.get("story", ())]
    items = "".join(f"<li><span>{safe(time)}</span> {safe(text)}</li>" for time, _, text in lines)
    said = [f'<ol class="story">{items}</ol>'] if items else []
    if one.get("shared"):
        said.append(f"It shares the boot of {safe(one['shared'])}.")
    if one.get("merged") is not None:
        after = count(one["merged"], "operation", "operations")
        said.append(f"Not watched to its end: after {after} of the boot loader the flash was the undisturbed run's.")
    return " ".join(said)
