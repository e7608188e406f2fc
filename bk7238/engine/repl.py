"""Reads a platform description (.repl): which CPU, memories and blocks there are, where they lie and how they are wired.

The subset of Renode's format that our types need, as strict as Renode: what is read here loads there. An unknown
type, attribute or name is an error with file, line, column and remedy. Facts: Renode's "Platform description format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bk7238.engine.repl_lexer import Position, ReplError, Token
from bk7238.engine.repl_syntax import LAST_WIRE, Entry, Script, Setting, parse, statement_parser

__all__ = ["Block", "Cpu", "Memory", "Platform", "ReplError", "Tag", "Wire", "load", "loads"]

PAGE = 0x1000
CPU_TYPES = ("arm946", "arm926")
CPU_INPUTS = {0: "IRQ", 1: "FIQ"}
BUS = "sysbus"
BUILT_IN = (BUS, "machine")


def _where() -> Position:
    return field(default=Position("", 0, 0), compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Cpu:
    """`mips` is the effective rate, in millions of instructions a virtual second; `pc` where execution starts."""

    name: str
    type: str
    cpu_type: str
    cpu_id: int = 0
    mips: int = 100
    pc: int = 0
    where: Position = _where()


@dataclass(frozen=True)
class Memory:
    name: str
    address: int
    size: int
    where: Position = _where()


@dataclass(frozen=True)
class Block:
    """A modelled block: `model` is "module:Class", `lines` its numbered outputs, `args` keyword arguments of the class."""

    name: str
    type: str
    address: int
    size: int
    model: str
    lines: int = 0
    args: dict[str, int | str] = field(default_factory=dict)
    where: Position = _where()


@dataclass(frozen=True)
class Wire:
    """From a block's output (None is its interrupt) to an input of another block or of the CPU (0 IRQ, 1 FIQ)."""

    source: str
    output: int | None
    target: str
    input: int
    where: Position = _where()


@dataclass(frozen=True)
class Tag:
    """A named range of addresses that no block models and that reads as `value`."""

    name: str
    address: int
    size: int
    value: int = 0


@dataclass(frozen=True)
class Platform:
    """A whole description, in the order of the file; `silenced` are (address, size) of accesses not worth a message."""

    cpu: Cpu
    memories: tuple[Memory, ...] = ()
    blocks: tuple[Block, ...] = ()
    wires: tuple[Wire, ...] = ()
    tags: tuple[Tag, ...] = ()
    silenced: tuple[tuple[int, int], ...] = ()

    def find(self, name: str) -> Cpu | Memory | Block:
        """What has this name. Raises KeyError where nothing has."""
        for item in (self.cpu, *self.memories, *self.blocks):
            if item.name == name:
                return item
        raise KeyError(f"no {name!r} in the platform description")


def load(path: str | Path) -> Platform:
    """The platform that the file at `path` describes. Raises ReplError."""
    reader = _Reader()
    reader.include(Path(path), Position(str(path), 1, 1))
    return reader.platform(Position(str(path), 1, 1))


def loads(text: str, path: str = "<text>") -> Platform:
    """The platform that `text` describes; `path` is what errors call it, and `using` is relative to."""
    reader = _Reader()
    reader.read(text, path)
    return reader.platform(Position(path, 1, 1))


# What the types know. A lower-case attribute is a constructor's parameter, an upper-case one a property.


@dataclass(frozen=True)
class _Attribute:
    kind: type
    required: bool = False


_BLOCK = {
    "model": _Attribute(str, required=True),
    "size": _Attribute(int, required=True),
    "lines": _Attribute(int),
    "args": _Attribute(str),
}
_TYPES = {
    "CPU.ARMv7A": {
        "cpuType": _Attribute(str, required=True),
        "cpuId": _Attribute(int),
        "PerformanceInMips": _Attribute(int),
    },
    "Memory.MappedMemory": {"size": _Attribute(int, required=True)},
    "Beken.PyPeripheral": _BLOCK,
    "Beken.PyUart": _BLOCK,
    "Beken.PyNetif": _BLOCK,
}
_ONLY_IN_RENODE = {
    "CPU.ARMv7A": ("genericInterruptController", "endianness", "MaximumBlockSize", "ExecutionMode", "WfiAsNop"),
    "Memory.MappedMemory": ("segmentSize", "sharedMemoryFileRoot", "ResetByte"),
}


@dataclass
class _Item:
    """All entries of one name, merged: later ones override."""

    name: str
    type: str
    where: Position
    local_to: str | None
    entries: list[Entry] = field(default_factory=list)
    settings: dict[str, Setting] = field(default_factory=dict)

    def address(self, needs_point: bool = True) -> tuple[int, int | None, Position]:
        """Where it lies: address, size if the registration says one, position of the registration."""
        places = next((e.registrations for e in reversed(self.entries) if e.registrations is not None), None)
        if places is None or places[0].bus is None:
            raise self.where.error(f"{self.name} is not registered", f"put it on the bus: '@ {BUS} 0x...'")
        if len(places) > 1:
            raise places[1].where.error("a second place on the bus is not supported here", "leave one")
        place = places[0]
        if place.bus != BUS:
            raise place.where.error(f"{place.bus} takes no blocks", f"register {self.name} on {BUS}")
        if not needs_point:
            if place.point is not None:
                raise place.point.where.error(f"{self.name} has no address", f"write '@ {BUS}' alone")
            return 0, None, place.where
        if place.point is not None and place.point.kind == "range":
            begin, end = place.point.data  # type: ignore[misc]
            return begin, end - begin, place.point.where
        if place.point is None or not isinstance(place.point.data, int) or place.point.kind != "number":
            raise place.where.error(f"{self.name} has no address", f"write '@ {BUS} 0x...'")
        return place.point.data, None, place.point.where

    def value(self, name: str, default: int | str) -> int | str:
        """An attribute of the type, checked; `none` counts as left out."""
        attribute, setting = _TYPES[self.type][name], self.settings.get(name)
        if setting is None or setting.value.kind == "none":
            if attribute.required:
                raise self.where.error(f"{self.name} has no {name}", f"a {self.type} needs one")
            return default
        value = setting.value
        if value.kind == "empty":
            raise value.where.error("'empty' is not supported here", f"leave {name} out")
        expected = "number" if attribute.kind is int else "string"
        if value.kind != expected:
            raise value.where.error(f"{name} takes a {expected}, not a {value.kind}", f"write a {expected}")
        if attribute.kind is int and (not isinstance(value.data, int) or value.data < 0):
            raise value.where.error(f"{name} is {value.data}", "write a whole number that is not negative")
        return value.data  # type: ignore[return-value]

    def number(self, name: str, default: int = 0) -> int:
        return int(self.value(name, default))

    def text(self, name: str, default: str = "") -> str:
        return str(self.value(name, default))

    def of(self, name: str) -> Position:
        setting = self.settings.get(name)
        return setting.value.where if setting is not None else self.where


class _Reader:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.files: list[Path] = []
        self.open: list[Path] = []
        self.items: dict[str, _Item] = {}
        self.tags: list[Tag] = []
        self.silenced: list[tuple[int, int]] = []

    # Files

    def include(self, path: Path, where: Position) -> None:
        try:
            text = path.read_bytes().decode("utf-8-sig")
            path = path.resolve()
        except UnicodeDecodeError as error:
            raise where.error(f"{path}: byte {error.start} is not UTF-8", "save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise where.error(f"cannot read {str(path)!r}: {reason}", "check the path") from None
        if path in self.open:
            raise where.error(f"{path.name} uses itself", "remove one 'using' of the circle")
        if path not in self.files:
            self.files.append(path)
            self.open.append(path)
            self.read(text, where.path if len(self.open) == 1 else str(path))
            self.open.pop()

    def read(self, text: str, path: str) -> None:
        usings, entries = parse(text, path)
        seen: set[object] = set()
        for using in usings:
            target = str(using.value)
            if not target.startswith(("./", "../")):
                raise using.where.error(f"the library file {target!r} is not supported here", "start the path with './'")
            if target in seen:
                raise using.where.error(f"{target} is used twice", "remove one 'using'")
            seen.add(target)
            self.include(Path(path).parent / target, using.where)
        self.entries += entries

    # Names

    def platform(self, start: Position) -> Platform:
        for entry in self.entries:
            if entry.type is not None:
                self._declare(entry, entry.type)
        scripts: dict[tuple[str, str], Script] = {}
        for entry in self.entries:
            self._collect(entry)
            for script in entry.scripts:
                earlier = scripts.get((entry.name, script.kind))
                if script.add and earlier is not None:
                    script = Script(script.kind, True, earlier.statements + script.statements, script.where)
                scripts[entry.name, script.kind] = script
        cpu = self._cpu(start)
        pc = cpu.pc
        for (name, _), script in scripts.items():
            pc = self._run(name, script, pc)
        memories = [self._memory(item) for item in self._of_type("Memory.MappedMemory")]
        blocks = [self._block(item) for item in self.items.values() if item.type.startswith("Beken.")]
        _refuse_overlap([*memories, *blocks])
        wires = [wire for item in self.items.values() for wire in self._wires(item)]
        cpu = Cpu(cpu.name, cpu.type, cpu.cpu_type, cpu.cpu_id, cpu.mips, pc, cpu.where)
        return Platform(cpu, tuple(memories), tuple(blocks), tuple(wires), tuple(self.tags), tuple(self.silenced))

    def _declare(self, entry: Entry, kind: Token) -> None:
        if kind.text not in _TYPES:
            raise kind.where.error(f"unknown type {kind.text}", f"known here are {', '.join(_TYPES)}")
        if entry.name in BUILT_IN:
            raise entry.where.error(f"{entry.name} is built in", "choose another name")
        if entry.name in self.items:
            earlier = self.items[entry.name].where
            raise entry.where.error(f"{entry.name} is declared already, at {earlier}", "choose another name")
        local_to = entry.where.path if entry.local else None
        self.items[entry.name] = _Item(entry.name, kind.text, entry.where, local_to)

    def _collect(self, entry: Entry) -> None:
        if not (entry.type or entry.registrations or entry.settings or entry.scripts or entry.connections):
            raise entry.where.error(f"the entry {entry.name} is empty", "give it a type or an attribute, or remove it")
        kinds = [script.kind for script in entry.scripts]
        for script in entry.scripts:
            if kinds.count(script.kind) > 1:
                raise script.where.error(f"{script.kind} stands twice in this entry", "join the two")
        if entry.name in BUILT_IN:
            for other in (*entry.settings, *entry.connections, *(entry.registrations or ())):
                raise other.where.error(f"only init is supported here for {entry.name}", "remove this")
            return
        item = self._known(entry.name, entry.where)
        item.entries.append(entry)
        names: set[str] = set()
        for setting in entry.settings:
            if setting.name in names:
                raise setting.where.error(f"{setting.name} stands twice in this entry", "remove one")
            names.add(setting.name)
            if setting.name in _ONLY_IN_RENODE.get(item.type, ()):
                raise setting.where.error(f"{setting.name} is not supported here", "remove it")
            if setting.name not in _TYPES[item.type]:
                known = ", ".join(_TYPES[item.type])
                raise setting.where.error(f"a {item.type} has no {setting.name}", f"it has {known}")
            item.settings[setting.name] = setting

    def _known(self, name: str, where: Position) -> _Item:
        item = self.items.get(name)
        if item is None or item.local_to not in (None, where.path):
            raise where.error(f"nothing is called {name}", f"declare it: '{name}: TYPE @ {BUS} 0x...'")
        return item

    def _of_type(self, name: str) -> Iterator[_Item]:
        return (item for item in self.items.values() if item.type == name)

    # Monitor statements

    def _run(self, name: str, script: Script, pc: int) -> int:
        for statement in script.statements:
            verb, where = statement[0].text, statement[0].where
            parser = statement_parser(statement[1:] or statement)
            if script.kind == "preinit" and verb in ("include", "i", "EnsureTypeIsLoaded"):
                continue
            if script.kind != "init":
                raise where.error(f"{verb!r} in {script.kind} is not supported here", "remove it")
            if verb == "PC" and name not in BUILT_IN and self.items[name].type == "CPU.ARMv7A":
                pc = parser.address()
            elif verb in ("Tag", "SilenceRange") and name == BUS:
                begin, end = parser.range().data  # type: ignore[misc]
                if verb == "SilenceRange":
                    self.silenced.append((begin, end - begin))
                elif parser.token.kind != "string":
                    parser.refuse("the name of the tag, in quotes,")
                else:
                    label = str(parser.take().value)
                    value = parser.address() if parser.token.kind == "number" else 0
                    self.tags.append(Tag(label, begin, end - begin, value))
            else:
                remedy = f"there are PC for the CPU, Tag and SilenceRange for {BUS}"
                raise where.error(f"{verb!r} for {name} is not supported here", remedy)
            if parser.token.kind != "end":
                parser.refuse("the end of the statement")
        return pc

    # Things

    def _cpu(self, start: Position) -> Cpu:
        items = [*self._of_type("CPU.ARMv7A")]
        if not items:
            raise start.error("there is no CPU", f"add 'cpu: CPU.ARMv7A @ {BUS}'")
        if len(items) > 1:
            raise items[1].where.error("a second CPU is not supported here", "leave one")
        item = items[0]
        item.address(needs_point=False)
        cpu_type = item.text("cpuType")
        if cpu_type not in CPU_TYPES:
            remedy = f"use {' or '.join(CPU_TYPES)}"
            raise item.of("cpuType").error(f"cpuType {cpu_type!r} is not supported here", remedy)
        mips = item.number("PerformanceInMips", 100)
        if mips == 0:
            raise item.of("PerformanceInMips").error("PerformanceInMips is 0", "use the effective rate, such as 30")
        return Cpu(item.name, item.type, cpu_type, item.number("cpuId"), mips, 0, item.where)

    def _memory(self, item: _Item) -> Memory:
        address, size = self._place(item)
        if size == 0 or address % PAGE or size % PAGE:
            raise item.where.error(f"{item.name} is not whole pages", f"use multiples of {PAGE:#x}")
        return Memory(item.name, address, size, item.where)

    def _block(self, item: _Item) -> Block:
        address, size = self._place(item)
        if size == 0 or address % 4 or size % 4:
            raise item.where.error(f"{item.name} is not whole words", "use multiples of 4")
        model = item.text("model")
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", model, re.ASCII):
            raise item.of("model").error(f"{model!r} names no class", 'write "package.module:Class"')
        lines = item.number("lines")
        if lines > LAST_WIRE + 1:
            raise item.of("lines").error(f"{lines} lines", f"{LAST_WIRE + 1} is the most")
        args = _arguments(item.text("args"), item.of("args"))
        return Block(item.name, item.type, address, size, model, lines, args, item.where)

    def _place(self, item: _Item) -> tuple[int, int]:
        address, length, where = item.address()
        size = item.number("size")
        if length not in (None, size):
            raise where.error(f"{item.name} is {size:#x} bytes in a range of {length:#x}", "make the two equal")
        if address < 0 or address + size > 1 << 32:
            raise where.error(f"{item.name} lies outside of the address space", "addresses have 32 bits")
        return address, size

    # Wires

    def _wires(self, item: _Item) -> list[Wire]:
        """The item's wires; an output that an update entry wires again loses its earlier wires."""
        by_output: dict[int | None, list[Wire]] = {}
        for entry in item.entries:
            used: set[int | None] = set()
            for connection in entry.connections:
                outputs = [self._output(item, source, connection.where) for source in connection.sources or [None]]
                for output in outputs:
                    if output in used:
                        label = "IRQ" if output is None else output
                        raise connection.where.error(f"output {label} is wired twice", "use '|' for a second target")
                    used.add(output)
                    by_output[output] = []
                for target, inputs in connection.targets:
                    for output, number in zip(outputs, inputs, strict=True):
                        self._check_input(target, number)
                        by_output[output].append(Wire(item.name, output, target.text, number, connection.where))
        return [wire for wires in by_output.values() for wire in wires]

    def _output(self, item: _Item, source: int | str | None, where: Position) -> int | None:
        if item.type not in _TYPES or not item.type.startswith("Beken."):
            raise where.error(f"{item.name}, a {item.type}, has no outputs", "wire from a block")
        if source is None or source == "IRQ":
            return None
        if isinstance(source, str):
            raise where.error(f"{item.name} has no output {source}", "use IRQ or the number of an output")
        lines = item.number("lines")
        if source >= lines:
            remedy = f"its lines are numbered 0 to {lines - 1}" if lines else "give it 'lines: ...'"
            raise where.error(f"{item.name} has no output {source}", remedy)
        return source

    def _check_input(self, target: Token, number: int) -> None:
        if target.text in BUILT_IN:
            raise target.where.error(f"{target.text} has no inputs", "wire to a block or to the CPU")
        item = self._known(target.text, target.where)
        if item.type == "Memory.MappedMemory":
            raise target.where.error(f"{item.name}, a memory, has no inputs", "wire to a block or to the CPU")
        if item.type == "CPU.ARMv7A" and number not in CPU_INPUTS:
            known = ", ".join(f"{number} is {name}" for number, name in CPU_INPUTS.items())
            raise target.where.error(f"{item.name} has no input {number}", known)


def _arguments(text: str, where: Position) -> dict[str, int | str]:
    """`name=value,...`: decimal and 0x numbers become integers."""
    arguments: dict[str, int | str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise where.error(f"{part!r} is no argument", 'write "name=value,..."')
        if name in arguments:
            raise where.error(f"the argument {name} stands twice", "remove one")
        number = re.fullmatch(r"-?(0x[0-9A-Fa-f_]{1,100}|[0-9]{1,100})", value)
        arguments[name] = int(value.replace("_", ""), 0) if number and value.strip("-0x_") else value
        if number and not value.strip("-0x_"):
            arguments[name] = 0
    return arguments


def _refuse_overlap(items: list[Memory | Block]) -> None:
    before: Memory | Block | None = None
    for item in sorted(items, key=lambda item: item.address):
        if before is not None and before.address + before.size > item.address:
            later, earlier = (item, before) if items.index(item) > items.index(before) else (before, item)
            raise later.where.error(f"{later.name} overlaps {earlier.name}", "move one of them or make it smaller")
        before = item
