"""Platform descriptions as they are written: entries and their attributes, before anything is looked up or checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bk7238.engine.repl_lexer import Position, Token


@dataclass(frozen=True)
class Value:
    """`kind` is string, number, range (begin, end), list (values), bool, reference, enum, none or empty."""

    kind: str
    data: object
    where: Position


@dataclass(frozen=True)
class Setting:
    """`name: value`."""

    name: str
    value: Value
    where: Position


@dataclass(frozen=True)
class Script:
    """`init:` and its kin: monitor statements, each as its tokens."""

    kind: str
    add: bool
    statements: list[list[Token]]
    where: Position


@dataclass(frozen=True)
class WireConnection:
    """`0 -> icu@3 | wdt@0`: the source None is the default output, no `targets` is `-> none`."""

    sources: Sequence[int | str | None]
    targets: list[tuple[Token, list[int]]]
    where: Position


@dataclass(frozen=True)
class Registration:
    """`@ sysbus 0x802000`; `@ none` has no bus."""

    bus: str | None
    point: Value | None
    where: Position


@dataclass
class Entry:
    """What one paragraph of a .repl file declares or adds."""

    name: str
    where: Position
    local: bool = False
    type: Token | None = None
    registrations: list[Registration] | None = None
    settings: list[Setting] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    connections: list[WireConnection] = field(default_factory=list)
