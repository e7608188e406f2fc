"""Between the Python models and Renode's blocks: accesses, wires, bytes and DMA.

What is called often goes through native function pointers, which cost a tenth of pythonnet's delegates and methods;
the rest goes through those. Everything that Renode calls goes through `Guard`: an exception that escaped into one of
Renode's threads would end the process.
"""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from bk7238.engine.platform import Block, MemoryEntry, Platform
from bk7238.peripherals.core import Peripheral, ResetKind

T = TypeVar("T")

READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_int64, ctypes.c_int32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_uint32, ctypes.c_int32)
LEVEL = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_int32)
TIME = ctypes.CFUNCTYPE(ctypes.c_uint64)
ARM = ctypes.CFUNCTYPE(None, ctypes.c_uint64)
EVENT = ctypes.CFUNCTYPE(None)
ENTER = ctypes.CFUNCTYPE(ctypes.c_int64)
LEAVE = ctypes.CFUNCTYPE(None, ctypes.c_int64)

Guard = Callable[[Callable[..., T], T], Callable[..., T]]
"""`guard(function, otherwise)`: the function, with what it raises kept for the caller of the engine, and `otherwise`
answered instead."""


class RenodeBus:
    """The system bus as bus masters see it: Renode's own, so that translated code follows what is written."""

    def __init__(self, memories: Iterable[MemoryEntry], host: Any) -> None:
        self.memories = tuple(memories)
        self._host = host
        self.on_store: Callable[[int, int, int], bool] = lambda _address, _value, _width: False
        self.buffer: int | None = None
        self.on_served: Callable[[int], object] = lambda _at: None
        self.place: Callable[..., bool] = lambda *_what: False

    def read(self, address: int, length: int) -> bytes:
        """Bytes of Renode's memories. Raises ValueError outside of them."""
        self._check(address, length)
        if not length:
            return b""
        buffer = ctypes.create_string_buffer(length)
        self._host.ReadBytes(address, ctypes.addressof(buffer), length)
        return buffer.raw

    def write(self, address: int, data: bytes) -> None:
        """Write bytes of Renode's memories. Raises ValueError outside of them."""
        self._check(address, len(data))
        if data:
            buffer = ctypes.create_string_buffer(bytes(data), len(data))
            self._host.WriteBytes(address, ctypes.addressof(buffer), len(data))

    def written(self, _address: int, _length: int, /) -> None:
        """Do nothing: no program of the flash passes by the controller."""

    def clear(self, memory: MemoryEntry) -> None:
        """Fill a memory with zeros."""
        self.write(memory.address, bytes(memory.size))

    def _check(self, address: int, length: int) -> None:
        for memory in self.memories:
            if memory.address <= address and address + length <= memory.address + memory.size:
                return
        raise ValueError(f"no memory holds {length:#x} bytes at {address:#010x}")


class NetworkPort:
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


def keep_thread_state() -> int:
    """Keep Python's state of this thread after the call that it was made for, and answer which that is; 0 where the
    thread is one of Python's, whose state is its own matter."""
    if any(thread.ident == threading.get_ident() for thread in threading.enumerate()):
        return 0
    ctypes.pythonapi.PyGILState_Ensure()
    return int(_this_thread_state() or 0)


def drop_thread_state(state: int) -> None:
    """Drop the state of a thread that has ended."""
    ctypes.pythonapi.PyThreadState_Clear(ctypes.c_void_p(state))
    ctypes.pythonapi.PyThreadState_Delete(ctypes.c_void_p(state))


_this_thread_state = ctypes.pythonapi.PyGILState_GetThisThreadState
_this_thread_state.restype = ctypes.c_void_p


class Functions:
    """Python functions that Renode calls by their addresses. They must be kept until the machine is gone."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def address(self, kind: Callable[[Any], Any], function: Callable[..., Any]) -> int:
        """Make a C function pointer of `function`, and keep it alive. Returns its address."""
        made = kind(function)
        self._kept.append(made)
        return ctypes.cast(made, ctypes.c_void_p).value or 0


def attach(
    platform: Platform,
    blocks: Callable[[str], Peripheral],
    find: Callable[[str], Any],
    guard: Guard[Any],
    functions: Functions,
) -> None:
    """Give each of Renode's blocks its model: `blocks` answers the model of a name, `find` Renode's block of a path."""
    for block in platform.blocks:
        face = find(f"sysbus.{block.name}")
        model = blocks(block.name)
        face.Connect(
            functions.address(READ, guard(model.read, 0)),
            functions.address(WRITE, guard(model.write, None)),
            functions.address(LEVEL, guard(_input(model), None)),
        )
        face.ResetModel = delegate("Action")(guard(partial(model.reset, ResetKind.POWER_ON), None))
        _attach_outputs(platform, block, LEVEL(face.DriveFunction()), model)
        if block.type == "Beken.PyUart":
            _attach_uart(face, model, guard)


def _input(model: Peripheral) -> Callable[[int, int], None]:
    return lambda number, level: model.set_input(number, bool(level))


def _attach_outputs(platform: Platform, block: Block, drive: Callable[[int, int], None], model: Peripheral) -> None:
    for output in {wire.output for wire in platform.wires if wire.source == block.name}:
        number = -1 if output is None else output
        model.outputs[output].append(partial(drive, number))


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
