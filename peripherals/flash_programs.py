"""Programs of the flash that need nobody: the engine carries them out, and the controller is told of them later."""

from __future__ import annotations

import ctypes
import struct
from typing import NamedTuple

from bk7238.formats import crc_framing, scrambling
from bk7238.formats.codec import Codec
from bk7238.peripherals.core import Register, RunningFifo
from bk7238.peripherals.core.register import Field
from bk7238.peripherals.core.state import RunningStoreBuffer
from bk7238.peripherals.nor_endings import PAGE

_MOST = 64  # that nobody was told of yet
_CARRIED_OUT = struct.Struct("=qIII36s")  # `struct carried_out` of the engine's slice.c


class Program(NamedTuple):
    """One that was carried out at tick `ticks`: `data` at a physical address. `of_words`: of what was in the FIFO, and
    not of a line of the window."""

    ticks: int
    address: int
    data: bytes
    of_words: bool


class Programs(ctypes.Structure):
    """Those of one controller, laid out as `struct programs` of the engine's slice.c: of the items of `words`, at a
    command, and of `line`, when the CPU has stored the last of its bytes. `at` is the CPU address of the window.

    While they are not `open`, where an engine does not `serve` them, and where what they program holds translated code,
    the controller carries them out.
    """

    open: bool
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("_mask", "_value", "_address_mask", "_unless_mask", "open")),
        *((name, ctypes.c_uint32) for name in ("_count", "_depth", "_size", "_page", "_data", "_frame", "_at")),
        ("_turns", ctypes.c_uint32 * 33),
        ("_crc", ctypes.c_uint16 * 256),
        ("_unless", ctypes.c_void_p),
        ("_words", ctypes.c_void_p),
        ("_cells", ctypes.c_void_p),
        ("_carried_out", ctypes.c_void_p),
        ("_slice", ctypes.c_void_p),
    )

    def __init__(self, at: int, words: RunningFifo, line: RunningStoreBuffer) -> None:
        self._records = (ctypes.c_uint64 * (_CARRIED_OUT.size // 8 * _MOST))()
        self._view = memoryview(self._records).cast("B")
        super().__init__(_depth=_MOST, _page=PAGE, _at=at, _crc=tuple(crc_framing.TABLE))
        self._carried_out, self._words = ctypes.addressof(self._records), ctypes.addressof(words)
        line.program(self)

    def command(self, register: Register, address: Field, command: dict[Field, int]) -> None:
        """Let a write of a register in which `command` has these values program the words at `address`."""
        self._mask = sum(field.mask for field in command)
        self._value = sum(value << field.lsb for field, value in command.items())
        self._address_mask = address.mask
        register.program(self)

    def unless(self, register: Register, field: Field) -> None:
        """Leave words to the controller while a bit is set."""
        self._unless, self._unless_mask = register.host_address, field.mask

    def serve(self, at: int) -> None:
        """Let an engine carry them out whose slice is at this host address."""
        self._slice = at

    def program(self, cells: bytearray, codec: Codec) -> None:
        """Let these be the cells, and this what stands in them. They can have no other length from now on."""
        self._bytes = (ctypes.c_char * len(cells)).from_buffer(cells)
        self._cells, self._size = ctypes.addressof(self._bytes), len(cells)
        self._data, self._frame = codec.data, codec.frame
        self._turns[:] = scrambling.turns(codec.coefficients)

    def __len__(self) -> int:
        return int(self._count)

    @property
    def items(self) -> list[Program]:
        """What was carried out, in its order."""
        records = _CARRIED_OUT.iter_unpack(self._view[: _CARRIED_OUT.size * self._count])
        return [Program(ticks, address, data[:length], bool(words)) for ticks, address, length, words, data in records]

    def clear(self) -> None:
        """Forget what was carried out."""
        self._count = 0
