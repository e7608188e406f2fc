"""Platform descriptions, step three: our types, and the entries of one name, merged and checked against its type."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from bk7238.engine.platform import Block, CpuEntry, DeviceEntry, MemoryEntry
from bk7238.engine.repl_entries import Entry, Registration, Setting
from bk7238.engine.repl_lexer import Position
from bk7238.engine.repl_syntax import LAST_WIRE

BUS = "sysbus"
CPU = "CPU.ARMv7A"
MEMORY = "Memory.MappedMemory"
DEVICE = "Beken.PyDevice"
CPU_TYPES = ("arm946", "arm926")  # what the engines run under these names
CPU_INPUTS = {0: "IRQ", 1: "FIQ"}
PAGE = 0x1000


@dataclass(frozen=True)
class Attribute:
    """What an attribute of a type takes: a number or a string."""

    kind: type
    required: bool = False


# A lower-case attribute is a constructor's parameter, an upper-case one a property.
_BLOCK = {
    "model": Attribute(str, required=True),
    "size": Attribute(int, required=True),
    "lines": Attribute(int),
    "args": Attribute(str),
}
BLOCKS = ("Beken.PyPeripheral", "Beken.PyUart", "Beken.PyNetif")
TYPES = {
    CPU: {
        "cpuType": Attribute(str, required=True),
        "cpuId": Attribute(int),
        "PerformanceInMips": Attribute(int),
    },
    MEMORY: {"size": Attribute(int, required=True)},
    **dict.fromkeys(BLOCKS, _BLOCK),
    DEVICE: {"model": Attribute(str, required=True), "args": Attribute(str)},
}
ONLY_IN_RENODE = {
    CPU: ("genericInterruptController", "endianness", "MaximumBlockSize", "ExecutionMode", "WfiAsNop"),
    MEMORY: ("segmentSize", "sharedMemoryFileRoot", "ResetByte"),
}


@dataclass
class MergedEntry:
    """All entries of one name. Of an attribute or a registration that several give, the last counts."""

    name: str
    type: str
    where: Position
    local_to: str | None  # the file that alone sees it
    entries: list[Entry] = field(default_factory=list)
    settings: dict[str, Setting] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Merge one more entry. Raises ReplError for an attribute that the type does not have."""
        self.entries.append(entry)
        names: set[str] = set()
        for setting in entry.settings:
            if setting.name in names:
                raise setting.where.error(f"{setting.name} stands twice in this entry", "remove one")
            names.add(setting.name)
            if setting.name in ONLY_IN_RENODE.get(self.type, ()):
                raise setting.where.error(f"{setting.name} is not supported here", "remove it")
            if setting.name not in TYPES[self.type]:
                raise setting.where.error(
                    f"a {self.type} has no {setting.name}", f"it has {', '.join(TYPES[self.type])}"
                )
            self.settings[setting.name] = setting

    @property
    def taken_off(self) -> bool:
        """Whether a later entry takes it off the bus that an earlier one put it on: `@ none`."""
        places = [entry.registrations[0].bus for entry in self.entries if entry.registrations]
        return len(places) > 1 and places[-1] is None

    def cpu(self, pc: int) -> CpuEntry:
        """The CPU that this describes, which starts at `pc`. Raises ReplError where the entry is none."""
        address, _, where = self._registration()
        if address is not None:
            raise where.error("a CPU has no address", f"write '@ {BUS}' alone")
        cpu_type = self._text("cpuType")
        if cpu_type not in CPU_TYPES:
            remedy = f"use {' or '.join(CPU_TYPES)}"
            raise self._where("cpuType").error(f"cpuType {cpu_type!r} is not supported here", remedy)
        mips = self._number("PerformanceInMips", 100)
        if mips == 0:
            raise self._where("PerformanceInMips").error("PerformanceInMips is 0", "use the effective rate, such as 30")
        return CpuEntry(self.name, self.type, cpu_type, self._number("cpuId"), mips, pc, self.where)

    def memory(self) -> MemoryEntry:
        """The memory that this describes, of whole pages."""
        address, size = self._range(PAGE)
        return MemoryEntry(self.name, address, size, self.where)

    def block(self) -> Block:
        """The block that this describes."""
        address, size = self._range(4)
        return Block(self.name, self.type, address, size, self._model, self.lines, self._args, self.where)

    def device(self, blocks: Collection[str]) -> DeviceEntry:
        """What hangs on one of these blocks."""
        place = self._place("hang it on a block: '@ gpio 26'")
        if place.bus not in blocks:
            known = ", ".join(blocks)
            raise place.where.error(f"no block is called {place.bus}", f"{self.name} can hang on one of {known}")
        point = place.point
        if point is not None and (point.kind != "number" or not isinstance(point.data, int)):
            remedy = "write the number of a pin or a channel, or an address"
            raise point.where.error(f"a {point.kind} is no place for a device", remedy)
        number = None if point is None else point.data
        at = place.where if point is None else point.where
        assert place.bus is not None and (number is None or isinstance(number, int))
        return DeviceEntry(self.name, place.bus, number, self._model, self._args, self.where, at)

    @property
    def _model(self) -> str:
        model = self._text("model")
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", model, re.ASCII):
            raise self._where("model").error(f"{model!r} names no class", 'write "module:Class"')
        return model

    @property
    def _args(self) -> dict[str, int | str]:
        return _arguments(self._text("args"), self._where("args"))

    @property
    def lines(self) -> int:
        """How many numbered outputs a block has."""
        lines = self._number("lines")
        if lines > LAST_WIRE + 1:
            raise self._where("lines").error(f"{lines} lines are too many", f"{LAST_WIRE + 1} is the most")
        return lines

    def _range(self, unit: int) -> tuple[int, int]:
        """Address and size on the bus, both multiples of `unit`."""
        address, length, where = self._registration()
        if address is None:
            raise where.error(f"{self.name} has no address", f"write '@ {BUS} 0x...'")
        size = self._number("size")
        if length is not None and length != size:
            raise where.error(f"{self.name} is {size:#x} bytes in a range of {length:#x}", "make the two equal")
        if address + size > 1 << 32:
            raise where.error(f"{self.name} lies outside of the address space", "addresses have 32 bits")
        if size == 0 or address % unit or size % unit:
            raise where.error(f"{self.name} is {size:#x} bytes at {address:#x}", f"use multiples of {unit:#x}")
        return address, size

    def _registration(self) -> tuple[int | None, int | None, Position]:
        """Address and length, as far as the registration gives them, and its position."""
        place = self._place(f"register it: '@ {BUS} 0x...'")
        point = place.point
        if place.bus != BUS:
            raise place.where.error(f"{place.bus} takes no blocks", f"register {self.name} on {BUS}")
        if point is None:
            return None, None, place.where
        if isinstance(point.data, tuple):
            begin, end = point.data
            return begin, end - begin, point.where
        if not isinstance(point.data, int) or point.kind != "number" or point.data < 0:
            raise point.where.error(f"a {point.kind} is no address", f"write '@ {BUS} 0x...'")
        return point.data, None, point.where

    def _place(self, remedy: str) -> Registration:
        """The one registration that counts."""
        places = next((e.registrations for e in reversed(self.entries) if e.registrations is not None), None)
        if places is None or places[0].bus is None:
            raise self.where.error(f"{self.name} is on no bus", remedy)
        if len(places) > 1:
            raise places[1].where.error("a second place on the bus is not supported here", "leave one")
        return places[0]

    # Attributes

    def _value(self, name: str) -> object:
        """The value of an attribute, or None; a property that is `none` counts as left out."""
        attribute, setting = TYPES[self.type][name], self.settings.get(name)
        if setting is not None and setting.value.kind == "none" and name[0].islower():
            raise setting.value.where.error(f"Renode takes no 'none' for {name}", f"leave {name} out")
        if setting is None or setting.value.kind == "none":
            if attribute.required:
                raise self.where.error(f"{self.name} has no {name}", f"a {self.type} needs one")
            return None
        value = setting.value
        expected = "number" if attribute.kind is int else "string"
        if value.kind == "empty":
            raise value.where.error("'empty' is not supported here", f"leave {name} out")
        if value.kind != expected:
            raise value.where.error(f"{name} takes a {expected}, not a {value.kind}", f"write a {expected}")
        if attribute.kind is int and (not isinstance(value.data, int) or value.data < 0):
            raise value.where.error(f"{name} is {value.data}", "write a whole number that is not negative")
        if isinstance(value.data, int) and value.data >> 32:
            raise value.where.error(f"{name} is {value.data:#x}", "write a number of 32 bits at most")
        return value.data

    def _number(self, name: str, default: int = 0) -> int:
        value = self._value(name)
        return value if isinstance(value, int) else default

    def _text(self, name: str) -> str:
        value = self._value(name)
        return value if isinstance(value, str) else ""

    def _where(self, name: str) -> Position:
        setting = self.settings.get(name)
        return setting.value.where if setting is not None else self.where


@dataclass(frozen=True)
class Silenced:
    """A range that SilenceRange takes: Renode registers it on the bus like a block."""

    address: int
    size: int
    where: Position
    name = "this range"


def refuse_overlap(items: list[MemoryEntry | Block | Silenced]) -> None:
    """Raises ReplError where two of these cover the same address."""
    reach: MemoryEntry | Block | Silenced | None = None
    for item in sorted(items, key=lambda item: item.address):
        if reach is not None and reach.address + reach.size > item.address:
            earlier, later = sorted((reach, item), key=items.index)
            raise later.where.error(f"{later.name} overlaps {earlier.name}", "move one of them or make it smaller")
        reach = item


def _arguments(text: str, where: Position) -> dict[str, int | str]:
    """`name=value,...`: decimal and 0x numbers become integers."""
    arguments: dict[str, int | str] = {}
    for part in filter(str.strip, text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise where.error(f"{part.strip()!r} is no argument", 'write "name=value,..."')
        if name in arguments:
            raise where.error(f"the argument {name} stands twice", "remove one")
        number = re.fullmatch(r"-?(?:(0x[0-9A-Fa-f]{1,64})|[0-9]{1,64})", value)
        arguments[name] = value if number is None else int(value, 16 if number[1] else 10)
    return arguments
