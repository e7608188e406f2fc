"""What a platform description says: the CPU, the memories, the blocks and the wires, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec

from bk7238.engine.repl_lexer import Position

_NOWHERE = Position("", 0, 0)
BLOCKS = "bk7238.peripherals"  # the package of the blocks


@dataclass(frozen=True)
class Cpu:
    """`mips` is the effective rate, in millions of instructions a virtual second; `pc` where execution starts."""

    name: str
    type: str
    cpu_type: str
    cpu_id: int = 0
    mips: int = 100
    pc: int = 0
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Memory:
    name: str
    address: int
    size: int
    where: Position = field(default=_NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Block:
    """A modelled block: `model` is "module:Class", `lines` counts its numbered outputs, `args` are for its class."""

    name: str
    type: str
    address: int
    size: int
    model: str
    lines: int = 0
    args: dict[str, int | str] = field(default_factory=dict)
    where: Position = field(default=_NOWHERE, compare=False, repr=False)

    @property
    def module(self) -> str:
        """The import name of the model's module: below `bk7238.peripherals` where that has it, else as it is given."""
        module = self.model.partition(":")[0]
        ours = find_spec(f"{BLOCKS}.{module.partition('.')[0]}")
        return module if ours is None else f"{BLOCKS}.{module}"


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

    cpu: Cpu
    memories: tuple[Memory, ...] = ()
    blocks: tuple[Block, ...] = ()
    wires: tuple[Wire, ...] = ()
    tags: tuple[Tag, ...] = ()
    silenced: tuple[tuple[int, int], ...] = ()

    @property
    def window(self) -> Memory:
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

    def find(self, name: str) -> Cpu | Memory | Block:
        """What has this name. Raises KeyError where nothing has."""
        items: tuple[Cpu | Memory | Block, ...] = (self.cpu, *self.memories, *self.blocks)
        for item in items:
            if item.name == name:
                return item
        raise KeyError(f"no {name!r} in the platform description")
