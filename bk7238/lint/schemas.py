"""JSON schemas for editors, made of what reads the files: scenarios, things, chip.toml, result.json."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import msgspec

from bk7238.bench import steps
from bk7238.bench.command import flag
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.chip import ChipFile
from bk7238.faults import Fault, all_kinds
from bk7238.faults.arguments import REQUIRED
from bk7238.things.file import ThingsFile
from bk7238.update.result_file import ResultFile
from bk7238.update.verdict import Verdict

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def all_schemas() -> dict[str, Schema]:
    """The schemas by the names of their files."""
    return {
        "chip.schema.json": {"$schema": _DRAFT, "title": "chip.toml", **_of_type(ChipFile)},
        "result.schema.json": {"$schema": _DRAFT, "title": "result.json", **_of_type(ResultFile)},
        "scenario.schema.json": {"$schema": _DRAFT, "title": "scenario", **_scenario()},
        "things.schema.json": {"$schema": _DRAFT, "title": "things", **_of_type(ThingsFile)},
    }


def _of_type(kind: type) -> Schema:
    """The schema of a type, without that in which versions of msgspec differ: how docstrings are indented, and whether
    a table's free keys are said."""
    schema: Schema = _plain(msgspec.json.schema(kind))
    return schema


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(one) for key, one in schema.items() if key != "propertyNames"}
    if isinstance(plain.get("description"), str):
        plain["description"] = inspect.cleandoc(plain["description"])
    return plain


def _scenario() -> Schema:
    settings = {name: _setting(name) for name in sorted(OPTIONS.keys() - {"faults"})}
    kinds = all_kinds().own
    others = _object({"kind": {"type": "string", "not": {"enum": list(kinds)}}, "when": _TEXT}, ["kind"], closed=False)
    verdicts = [verdict.value for verdict in Verdict]
    return _object(
        {
            "name": _TEXT,
            "faults": {"type": "array", "items": _TEXT, "description": "KIND[:ARGUMENTS][@WHEN], as on a command line"},
            "settings": _object(settings),
            "fault": {"type": "array", "items": {"oneOf": [*map(_fault, kinds.values()), others]}},
            "step": {"type": "array", "items": {"oneOf": [_step(kind, more) for kind, more in steps.KEYS.items()]}},
            "expect": _object({"verdict": {"enum": verdicts}, "reason": {**_TEXT, "description": "text in it"}}),
        }
    )


def _object(properties: Mapping[str, Schema], required: list[str] | None = None, *, closed: bool = True) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": required} if required else {}),
        **({"additionalProperties": False} if closed else {}),
    }


def _setting(name: str) -> Schema:
    """What a scenario may write for a setting: a text always, but for a switch, and what its type is."""
    option, hint = OPTIONS[name], get_type_hints(Settings)[name]
    said = {"description": f"{option.help} ({flag(name)})"}
    if not option.metavar:
        return {"type": "boolean", **said}
    if option.many:
        return {"type": ["string", "array"], "items": _TEXT, **said}
    if "|" in option.metavar:
        return {"enum": option.metavar.split("|"), **said}
    kinds = {hint, *get_args(hint)}
    number = "integer" if int in kinds else "number" if float in kinds else ""
    return {"type": ["string", number] if number else "string", **said}


def _fault(kind: type[Fault]) -> Schema:
    declared = kind.declared()
    arguments = {one.name: {**_SCALAR, "description": f"{one.doc}: {one.read.__doc__}"} for one in declared}
    when = {} if kind.BEFORE_POWER_ON else {"when": {**_TEXT, "description": f"usually {kind.USUALLY}"}}
    closed = kind.other is Fault.other  # others read what is not declared
    summary = (kind.__doc__ or "").partition("\n")[0]
    required = ["kind", *(one.name for one in declared if one.default is REQUIRED)]
    return {"description": summary} | _object(
        {**arguments, "kind": {"const": kind.NAME}, **when}, required, closed=closed
    )


_OF_STEPS: dict[str, Schema] = {
    **{key: {"type": "string", "minLength": 1} for key in ("wait", "expect", "thing", "do")},
    "send": _TEXT,
    **{key: {"type": "integer"} for key in ("pin", "press", "expect-pin")},
    "level": {"enum": [0, 1, "open"]},
    "console": {"enum": [1, 2]},
    **{key: {"type": ["string", "number"]} for key in ("time", "within", "value")},
}


def _step(kind: str, more: frozenset[str]) -> Schema:
    return _object({name: _OF_STEPS[name] for name in (kind, *sorted(more))}, [kind])
