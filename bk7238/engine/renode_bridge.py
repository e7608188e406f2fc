"""Between the Python models and Renode's blocks: accesses, wires, bytes and DMA.

Everything that Renode calls goes through `Guard`: an exception that escaped into one of Renode's threads would end
the process.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from bk7238.engine.platform import Block, Memory, Platform
from peripherals.core import Peripheral, ResetKind

T = TypeVar("T")

Guard = Callable[[Callable[..., T], T], Callable[..., T]]
"""`guard(function, otherwise)`: the function, with what it raises kept for the caller of the engine, and `otherwise`
answered instead."""


class RenodeBus:
    """The system bus as bus masters see it: Renode's own, so that translated code follows what is written."""

    def __init__(self, memories: Iterable[Memory], host: Any) -> None:
        self.memories = tuple(memories)
        self._host = host

    def read(self, address: int, length: int) -> bytes:
        self._check(address, length)
        if not length:
            return b""
        buffer = ctypes.create_string_buffer(length)
        self._host.ReadBytes(address, ctypes.addressof(buffer), length)
        return buffer.raw

    def write(self, address: int, data: bytes) -> None:
        self._check(address, len(data))
        if data:
            buffer = ctypes.create_string_buffer(bytes(data), len(data))
            self._host.WriteBytes(address, ctypes.addressof(buffer), len(data))

    def clear(self, memory: Memory) -> None:
        """Fill a memory with zeros."""
        self.write(memory.address, bytes(memory.size))

    def _check(self, address: int, length: int) -> None:
        for memory in self.memories:
            if memory.address <= address and address + length <= memory.address + memory.size:
                return
        raise ValueError(f"no memory holds {length:#x} bytes at {address:#010x}")


class Port:
    """The network face of a block in Renode: Ethernet frames, to and from the switch that it is connected to."""

    def __init__(self, face: Any, guard: Guard[Any]) -> None:
        system = importlib.import_module("System")
        self._face, self._guard = face, guard
        self._bytes = system.Array[system.Byte]
        self._delegate = system.Action[self._bytes]

    def send(self, frame: bytes) -> None:
        """Hand an Ethernet frame to the switch."""
        self._face.Send(self._bytes(frame))

    def on_frame(self, listener: Callable[[bytes], None]) -> None:
        """Call `listener` with each Ethernet frame from the switch, on a thread of Renode's."""
        self._face.Receive = self._delegate(self._guard(lambda frame: listener(bytes(frame)), None))


def attach(
    platform: Platform, blocks: Callable[[str], Peripheral], find: Callable[[str], Any], guard: Guard[Any]
) -> None:
    """Give each of Renode's blocks its model: `blocks` answers the model of a name, `find` Renode's block of a path."""
    for block in platform.blocks:
        face = find(f"sysbus.{block.name}")
        model = blocks(block.name)
        _attach_registers(face, model, guard)
        _attach_wires(platform, block, face, model, guard)
        if block.type == "Beken.PyUart":
            _attach_uart(face, model, guard)


def _attach_registers(face: Any, model: Peripheral, guard: Guard[Any]) -> None:
    face.Read = delegate("Func", "Int64", "Int32", "UInt32")(guard(model.read, 0))
    face.Write = delegate("Action", "Int64", "UInt32", "Int32")(guard(model.write, None))
    face.ResetModel = delegate("Action")(guard(lambda: model.reset(ResetKind.POWER_ON), None))


def _attach_wires(platform: Platform, block: Block, face: Any, model: Peripheral, guard: Guard[Any]) -> None:
    face.Input = delegate("Action", "Int32", "Boolean")(guard(model.set_input, None))
    for output in {wire.output for wire in platform.wires if wire.source == block.name}:
        model.outputs[output].append(_driver(face, -1 if output is None else output))


def _driver(face: Any, number: int) -> Callable[[bool], None]:
    drive = face.Drive
    return lambda level: drive(number, level)


def _attach_uart(face: Any, model: Any, guard: Guard[Any]) -> None:
    model.sent.connect(face.Send)
    face.Receive = delegate("Action", "Byte")(guard(lambda byte: model.receive(bytes((byte,))), None))


def delegate(kind: str, *types: str) -> Any:
    """A .NET delegate type, such as Func[Int64, UInt32]."""
    system = importlib.import_module("System")
    generic = getattr(system, kind)
    if not types:
        return generic
    return generic[tuple(getattr(system, name) for name in types)]
