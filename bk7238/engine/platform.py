"""What a platform description says: the CPU, the memories, the blocks, the wires, and the devices that hang on blocks,
as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar

from bk7238.engine.repl_lexer import Position

_NOWHERE = Position("", 0, 0)
BLOCKS = "bk7238.peripherals"  # the package of the blocks
DEVICES = "bk7238.things"  # and of the devices


@dataclass(frozen=True)
class CpuEntry:
    """`mips` is the effective rate, in millions of instructions a virtual second; `pc` where execution starts."""

    name: str
    type: str
    cpu_type: str
    cpu_id: int = 0
    mips: int = 100
    pc: int = 0
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class MemoryEntry:
    """`size` bytes of RAM or ROM at a CPU address."""

    name: str
    address: int
    size: int
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


class Modelled:
    """What a Python class is the model of: `model` is "module:Class"."""

    package: ClassVar[str]
    name: str
    model: str
    args: dict[str, Any]
    where: Position

    @cached_property
    def module(self) -> str:
        """The import name of the model's module: below `package` where that has it, else as it is given."""
        module = self.model.partition(":")[0]
        ours = find_spec(f"{self.package}.{module.partition('.')[0]}")
        return module if ours is None else f"{self.package}.{module}"


@dataclass(frozen=True)
class Block(Modelled):
    """A modelled block: `lines` counts its numbered outputs, `args` are for its class."""

    package: ClassVar[str] = BLOCKS
    name: str
    type: str
    address: int
    size: int
    model: str
    lines: int = 0
    args: dict[str, Any] = field(default_factory=dict)
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class DeviceEntry(Modelled):
    """What hangs on a block: on its pin, channel or address number `place`, or on the whole of it; and on those of
    `more`, blocks and places. `at` is where the description says so."""

    package: ClassVar[str] = DEVICES
    name: str
    block: str
    place: int | None
    model: str
    args: dict[str, Any] = field(default_factory=dict)
    where: Position = field(default=_NOWHERE, compare=False, repr=False)
    at: Position = field(default=_NOWHERE, compare=False, repr=False)
    more: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True)
class Wire:
    """From a block's output (None is its interrupt) to an input of another block or of the CPU (0 IRQ, 1 FIQ)."""

    source: str
    output: int | None
    target: str
    input: int
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


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

    cpu: CpuEntry
    memories: tuple[MemoryEntry, ...] = ()
    blocks: tuple[Block, ...] = ()
    wires: tuple[Wire, ...] = ()
    tags: tuple[Tag, ...] = ()
    silenced: tuple[tuple[int, int], ...] = ()
    devices: tuple[DeviceEntry, ...] = ()

    @property
    def window(self) -> MemoryEntry:
        """The memory in which the flash shows: where a block's argument `window` says. Raises ValueError where none
        says it, or no memory begins there."""
        places = [(block, block.args["window"]) for block in self.blocks if "window" in block.args]
        for memory in self.memories:
            if any(memory.address == address for _, address in places):
                return memory
        if not places:
            raise ValueError("no block shows the flash: give its controller the argument window=ADDRESS")
        block, address = places[0]
        raise ValueError(f"{block.where}: {block.name} shows the flash at {address}, where no memory begins")

    def find(self, name: str) -> CpuEntry | MemoryEntry | Block:
        """What has this name. Raises KeyError where nothing has."""
        items: tuple[CpuEntry | MemoryEntry | Block, ...] = (self.cpu, *self.memories, *self.blocks)
        for item in items:
            if item.name == name:
                return item
        raise KeyError(f"no {name!r} in the platform description")
