"""Reads a platform description (.repl): which CPU, memories and blocks there are, where they lie, their wiring.

The subset of Renode's format that our types need, as strict as Renode: what is read here loads there. An unknown
type, attribute or name is an error with file, line, column and remedy. Facts: Renode's "Platform description format"
and its CreationDriver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from bk7238 import host_files
from bk7238.engine.platform import Block, CpuEntry, DeviceEntry, MemoryEntry, Platform, Tag, Wire
from bk7238.engine.repl_entries import Entry
from bk7238.engine.repl_lexer import Position, ReplError, Token
from bk7238.engine.repl_monitor import Statement
from bk7238.engine.repl_syntax import parse
from bk7238.engine.repl_types import (
    BLOCKS,
    BUS,
    CPU,
    CPU_INPUTS,
    DEVICE,
    MEMORY,
    TYPES,
    MergedEntry,
    Silenced,
    refuse_overlap,
)

__all__ = ["Block", "CpuEntry", "DeviceEntry", "MemoryEntry", "Platform", "ReplError", "Tag", "Wire", "load", "loads"]

_BUILT_IN = (BUS, "machine")


def load(path: str | Path, *more: str | Path | DeviceEntry) -> Platform:
    """The platform that the file at `path` describes, with what the files `more` add to it, and with these devices.
    Raises ReplError."""
    files = _Files()
    devices = tuple(one for one in more if isinstance(one, DeviceEntry))
    for one in (path, *more):
        if not isinstance(one, DeviceEntry):
            files.include(Path(one), Position(str(one), 1, 1))
    described = _platform(tuple(files.texts), str(path))
    return replace(described, devices=described.devices + devices) if devices else described


def loads(text: str, path: str = "<text>") -> Platform:
    """The platform that `text` describes; `path` is what errors call it, and `using` is relative to."""
    files = _Files()
    files.read(text, path)
    return _platform(tuple(files.texts), path)


@lru_cache(maxsize=16)  # a chip's, of which each machine is made, and what devices add to it
def _platform(texts: tuple[tuple[str, str], ...], path: str) -> Platform:
    """What these files say together, each a path and a text, those that are used before those that use them."""
    return _Reader([entry for name, text in texts for entry in parse(text, name)[1]]).platform(Position(path, 1, 1))


class _Files:
    """The files of a description."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.files: list[Path] = []
        self.open: list[Path] = []

    def include(self, path: Path, where: Position) -> None:
        try:
            text = host_files.read(path, host_files.TEXT).decode("utf-8-sig")
            real = path.resolve()
        except UnicodeDecodeError as error:
            raise where.error(f"{path}: byte {error.start} is not UTF-8", "save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise where.error(f"cannot read {str(path)!r}: {reason}", "check the path") from None
        if real in self.open:
            raise where.error(f"{path.name} uses itself", "remove one 'using' of the circle")
        if real not in self.files:
            self.files.append(real)
            self.open.append(real)
            self.read(text, str(path))
            self.open.pop()

    def read(self, text: str, path: str) -> None:
        usings, _ = parse(text, path)
        seen: set[object] = set()
        for using in usings:
            target = str(using.value)
            if not target.startswith(("./", "../")):
                raise using.where.error(f"the library {target!r} is not supported here", "start the path with './'")
            if target in seen:
                raise using.where.error(f"{target} is used twice", "remove one 'using'")
            seen.add(target)
            self.include(Path(path).parent / target, using.where)
        self.texts.append((path, text))


class _Reader:
    """Makes a platform of entries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.items: dict[str, MergedEntry] = {}
        self.pc = 0
        self.tags: list[Tag] = []
        self.silenced: list[Silenced] = []

    def platform(self, start: Position) -> Platform:
        for entry in self.entries:
            if entry.type is not None:
                self.declare(entry, entry.type)
        scripts: dict[tuple[str, str], list[list[Token]]] = {}
        for entry in self.entries:
            self.collect(entry)
            for script in entry.scripts:
                earlier = scripts.get((entry.name, script.kind), []) if script.add else []
                scripts[entry.name, script.kind] = earlier + script.statements
        for (name, kind), statements in scripts.items():
            for statement in statements:
                self.run(name, kind, statement)
        self.items = {name: item for name, item in self.items.items() if not item.taken_off}
        cpus = [item for item in self.items.values() if item.type == CPU]
        if not cpus:
            raise start.error("there is no CPU", f"add 'cpu: {CPU} @ {BUS}'")
        if len(cpus) > 1:
            raise cpus[1].where.error("a second CPU is not supported here", "leave one")
        memories = [item.memory() for item in self.items.values() if item.type == MEMORY]
        blocks = [item.block() for item in self.items.values() if item.type in BLOCKS]
        refuse_overlap([*memories, *blocks, *self.silenced])
        wires = [wire for item in self.items.values() for wire in self.wires(item)]
        names = [block.name for block in blocks]
        devices = [item.device(names) for item in self.items.values() if item.type == DEVICE]
        return Platform(
            cpu=cpus[0].cpu(self.pc),
            memories=tuple(memories),
            blocks=tuple(blocks),
            wires=tuple(wires),
            tags=tuple(self.tags),
            silenced=tuple((silenced.address, silenced.size) for silenced in self.silenced),
            devices=tuple(devices),
        )

    def declare(self, entry: Entry, kind: Token) -> None:
        if kind.text not in TYPES:
            raise kind.where.error(f"unknown type {kind.text}", f"known here are {', '.join(TYPES)}")
        if entry.name in _BUILT_IN:
            raise entry.where.error(f"{entry.name} is built in", "choose another name")
        if entry.name in self.items:
            earlier = self.items[entry.name].where
            raise entry.where.error(f"{entry.name} is declared already, at {earlier}", "choose another name")
        local_to = entry.where.path if entry.local else None
        self.items[entry.name] = MergedEntry(entry.name, kind.text, entry.where, local_to)

    def collect(self, entry: Entry) -> None:
        content = (entry.type, entry.registrations, entry.settings, entry.scripts, entry.connections)
        if not any(content):
            raise entry.where.error(f"the entry {entry.name} is empty", "give it a type or an attribute, or remove it")
        kinds: set[str] = set()
        for script in entry.scripts:
            if script.kind in kinds:
                raise script.where.error(f"{script.kind} stands twice in this entry", "join the two")
            kinds.add(script.kind)
        if entry.name in _BUILT_IN:
            for other in (*entry.settings, *entry.connections, *(entry.registrations or ())):
                raise other.where.error(f"only init is supported here for {entry.name}", "remove this")
        else:
            self.known(entry.name, entry.where).add(entry)

    def known(self, name: str, where: Position) -> MergedEntry:
        item = self.items.get(name)
        if item is None or item.local_to not in (None, where.path):
            raise where.error(f"nothing is called {name}", f"declare it: '{name}: TYPE @ {BUS} 0x...'")
        return item

    # Monitor statements

    def run(self, name: str, kind: str, tokens: list[Token]) -> None:
        statement = Statement(tokens)
        verb, where = statement.verb, statement.where
        if kind == "preinit" and verb in ("include", "i"):
            statement.path()  # of the types that are built in here
        elif kind == "preinit" and verb == "EnsureTypeIsLoaded":
            statement.string()
        elif kind != "init":
            raise where.error(f"{verb!r} in {kind} is not supported here", "remove it")
        elif verb == "PC" and name in self.items and self.items[name].type == CPU:
            self.pc = statement.number(bits=32)
        elif verb == "Tag" and name == BUS:
            begin, size = statement.range()
            self.tags.append(Tag(statement.string(), begin, size, 0 if statement.ended() else statement.number()))
        elif verb == "SilenceRange" and name == BUS:
            self.silenced.append(Silenced(*statement.range(), where))
        else:
            remedy = f"there are PC for the CPU, Tag and SilenceRange for {BUS}"
            raise where.error(f"{verb!r} for {name} is not supported here", remedy)
        if not statement.ended():
            statement.refuse("the end of the statement")

    # Wires

    def wires(self, item: MergedEntry) -> list[Wire]:
        """The item's wires; an output that a later entry wires again loses its earlier wires."""
        by_output: dict[int | None, list[Wire]] = {}
        for entry in item.entries:
            used: set[int | None] = set()
            for connection in entry.connections:
                where = connection.where
                outputs = [_output(item, source, where) for source in connection.sources]
                for output in outputs:
                    if output in used:
                        label = "IRQ" if output is None else output
                        raise where.error(f"output {label} is wired twice", "use '|' for a second target")
                    used.add(output)
                    by_output[output] = []
                for target, inputs in connection.targets:
                    for output, number in zip(outputs, inputs, strict=True):
                        self.check_input(target, number)
                        by_output[output].append(Wire(item.name, output, target.text, number, where))
        return [wire for wires in by_output.values() for wire in wires]

    def check_input(self, target: Token, number: int) -> None:
        if target.text in _BUILT_IN:
            raise target.where.error(f"{target.text} has no inputs", "wire to a block or to the CPU")
        item = self.known(target.text, target.where)
        if item.type in (MEMORY, DEVICE):
            kind = "memory" if item.type == MEMORY else "device"
            raise target.where.error(f"{item.name}, a {kind}, has no inputs", "wire to a block or to the CPU")
        if item.type == CPU and number not in CPU_INPUTS:
            known = ", ".join(f"{number} is {name}" for number, name in CPU_INPUTS.items())
            raise target.where.error(f"{item.name} has no input {number}", known)


def _output(item: MergedEntry, source: int | str | None, where: Position) -> int | None:
    """The number of an output, None for the interrupt."""
    if item.type not in BLOCKS:
        raise where.error(f"{item.name}, a {item.type}, has no outputs", "wire from a block")
    if source is None or source == "IRQ":
        return None
    if isinstance(source, str):
        raise where.error(f"{item.name} has no output {source}", "use IRQ or the number of an output")
    if source >= item.lines:
        remedy = f"its lines are numbered 0 to {item.lines - 1}" if item.lines else "give it 'lines: ...'"
        raise where.error(f"{item.name} has no output {source}", remedy)
    return source
