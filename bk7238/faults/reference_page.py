"""The reference of the faults, docs/faults.md, from what the kinds say of themselves."""

from __future__ import annotations

import inspect

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

The [settings](guide.md#an-update-over-the-air) of a scenario give way to those of the command line.

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
    sections: dict[str, list[type[Fault]]] = {}
    for kind in all_kinds().own.values():
        sections.setdefault(kind.SECTION, []).append(kind)
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


def _describe(kind: type[Fault]) -> list[str]:
    parts = [f"### `{kind.NAME}`", inspect.cleandoc(kind.__doc__ or "")]
    arguments = kind.declared()
    if arguments:
        head = "| argument | is | default | meaning |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(map(_row, arguments)))
    strikes = "Before the power-on." if kind.BEFORE_POWER_ON else f"Without @: {kind.USUALLY}."
    parts.append(f"{strikes} Fired: {kind.FIRES}.")
    return parts


def _row(argument: Argument) -> str:
    kind = (argument.read.__doc__ or "").strip().rstrip(".")
    if argument.default is REQUIRED:
        default = "has to be given"
    elif argument.default is None:
        default = ""
    else:
        default = f"`{_written(argument)}`"
    return f"| `{argument.name}` | {kind} | {default} | {argument.doc} |"


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
