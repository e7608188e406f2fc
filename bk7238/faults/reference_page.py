"""The reference of the faults, docs/faults.md, from what the kinds say of themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from bk7238.faults import Fault, all_kinds
from bk7238.faults.arguments import REQUIRED, Argument
from bk7238.faults.moment import FORMS
from bk7238.peripherals.nor_endings import ERASE, PROGRAM, SHAPES, STATUS

NOTE = "<!-- Written by scripts/fault-reference; do not edit. The text is in the kinds of bk7238/faults/kinds. -->"

INTRODUCTION = '''\
# Faults

A fault is written `KIND[:ARGUMENT,...][@WHEN]`: on the command line (`bk7238 ota --fault SPEC`, repeatable), in Python
(`Settings(faults=[SPEC, ...])`), in tests (`@pytest.mark.fault(SPEC)`) and in a scenario file:

```toml
faults = ["network-stall:20s@50%"]

[settings]
within = "2 min"

[[fault]]
kind = "power-cut"
how = "torn"
when = "flash-op=1200"

[expect]
verdict = "new-app-runs"
```

The [settings](guide.md#an-update-over-the-air) of a scenario give way to those of the command line. What is
typed, pressed and waited for meanwhile are its [steps](guide.md#steps).

Arguments are given by name (`power-cut:how=torn`) or in the order below (`power-cut:torn`). A value that has one of
`, = @ "` in it stands in quotes. Numbers are decimal or begin with 0x, addresses are physical, times have a unit (`us`,
`ms`, `s`, `min`).

Each fault records when it fired, where, and what it did: `faults` in result.json. One that never fired is named there
in `faults_never_fired`, and on stderr: a test that passes without its fault has tested nothing. Of a fault that fires
often the first 20 firings are kept and all are counted. What a fault does at random follows the seed of the run.

## From another package

A package adds a fault by an entry point of the group `bk7238.faults` that leads to its class:

```python
from bk7238.faults import Fault
from bk7238.faults.arguments import Argument, count


class Lamp(Fault):
    """The lamp flickers."""

    NAME, SECTION, FIRES = "acme-lamp", "Acme", "it flickered"
    times = Argument(count, default=1, doc="how often")

    def strike(self, targets):  # or package, flash, arm: see Fault
        self.record("lamp", f"flickered {self.times} times")
```

```toml
[project.entry-points."bk7238.faults"]
acme-lamp = "acme.faults:Lamp"
```
'''


SHAPE_NOTE = """
What `power-cut` leaves of an operation, by its argument `how`, and `brown-out` (the last two). What a stopped operation
leaves is in no data sheet of these chips, so each shape says where it is known from (`peripherals/nor_endings.py`).
"""
SHAPE_HEAD = "| shape | of | leaves | known from |\n|---|---|---|---|\n"
_KINDS = (ERASE, PROGRAM, STATUS)


def page() -> str:
    """The whole page."""
    sections = _sections(all_kinds().own)
    moments = "\n".join(f"| `@{form}` | {meaning} |" for form, meaning in FORMS.items())
    parts = [NOTE, INTRODUCTION.strip(), "## When", "| moment | meaning |\n|---|---|\n" + moments]
    shapes = "\n".join(
        f"| `{name}` | {' or '.join(kind for kind in _KINDS if kind in shape.of)} | {shape.says} | {shape.source} |"
        for name, shape in SHAPES.items()
    )
    parts += ["## How a flash operation ends", SHAPE_NOTE.strip(), SHAPE_HEAD + shapes]
    for section, members in sections.items():
        parts.append(f"## {section}")
        parts += [text for kind in members for text in _describe(kind)]
    return "\n\n".join(parts) + "\n"


def summary(kinds: Mapping[str, type[Fault]]) -> str:
    """All faults, a line each, and how they are written, for a terminal."""
    lines = ["A fault is written KIND[:ARGUMENT,...][@WHEN], such as network-stall:20s@50%.", ""]
    for section, members in _sections(kinds).items():
        width = max(len(kind.NAME) for kind in members)
        lines += [section, *(f"  {kind.NAME:{width}}  {_first(kind)}" for kind in members), ""]
    width = max(map(len, FORMS))
    lines += ["When", *(f"  @{form:{width}}  {meaning}" for form, meaning in FORMS.items())]
    return "\n".join(lines)


def plain(kind: type[Fault]) -> str:
    """What there is to say about one fault, for a terminal."""
    arguments = [_cells(one) for one in kind.declared()]
    written = "".join(f"{',' if place else ':'}{name}=..." for place, (name, *_) in enumerate(arguments))
    when = "" if kind.BEFORE_POWER_ON else "[@WHEN]"
    lines = [f"{kind.NAME}[{written}]{when}" if written else kind.NAME + when, ""]
    lines += [inspect.cleandoc(kind.__doc__ or "").replace("`", ""), ""]
    for name, is_a, default, meaning in arguments:
        usual = f" (default: {default.strip('`')})" if default.startswith("`") else f" ({default})" if default else ""
        lines += [f"  {name}  {meaning}{usual}", f"  {'':{len(name)}}  {is_a}"]
    return "\n".join([*lines, *([""] if arguments else []), _strikes(kind)])


def _sections(kinds: Mapping[str, type[Fault]]) -> dict[str, list[type[Fault]]]:
    sections: dict[str, list[type[Fault]]] = {}
    for kind in kinds.values():
        sections.setdefault(kind.SECTION, []).append(kind)
    return sections


def _first(kind: type[Fault]) -> str:
    """The first sentence about a fault."""
    text = " ".join(inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.]) (?=[A-Z])", text)[0]


def _strikes(kind: type[Fault]) -> str:
    strikes = "Before the power-on." if kind.BEFORE_POWER_ON else f"Without @: {kind.USUALLY}."
    return f"{strikes} Fired: {kind.FIRES}."


def _describe(kind: type[Fault]) -> list[str]:
    parts = [f"### `{kind.NAME}`", inspect.cleandoc(kind.__doc__ or "")]
    arguments = kind.declared()
    if arguments:
        head = "| argument | is | default | meaning |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(map(_row, arguments)))
    return [*parts, _strikes(kind)]


def _row(argument: Argument) -> str:
    name, kind, default, meaning = _cells(argument)
    return f"| `{name}` | {kind} | {default} | {meaning} |"


def _cells(argument: Argument) -> tuple[str, str, str, str]:
    """Name, what it is, default and meaning."""
    kind = (argument.read.__doc__ or "").strip().rstrip(".")
    if argument.default is REQUIRED:
        default = "has to be given"
    elif argument.default is None:
        default = ""
    else:
        default = f"`{_written(argument)}`"
    return argument.name, kind, default, argument.doc


def _written(argument: Argument) -> str:
    value = argument.default
    if argument.read.__name__ == "seconds":
        return f"{value / 1e6:g}s"
    if argument.read.__name__ == "share":
        return f"{value:.0%}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value >= 0x1000:
        return f"{value:#x}"
    return str(value)
