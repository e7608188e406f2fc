"""The memories of the platform and the bus that reaches them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable

from bk7238.engine.log import MachineLog
from bk7238.peripherals.core import Bus

PAGE = 0x1000


class Memory:
    """One memory: `size` bytes at CPU address `address`, in a buffer that the CPU uses as well."""

    def __init__(self, name: str, address: int, size: int) -> None:
        self.name, self.address, self.size, self.end = name, address, size, address + size
        self.buffer = (ctypes.c_ubyte * size)()
        self.bytes = memoryview(self.buffer).cast("B")
        self._pages: list[bytes | None] = [None] * -(-size // PAGE)  # as snapshots have them, None where changed

    def clear(self) -> None:
        """Set all bytes to zero."""
        ctypes.memset(self.buffer, 0, self.size)
        self.touched(0, self.size)

    def touched(self, offset: int, length: int) -> None:
        """Bytes have changed: for the snapshots of a memory that only its bus writes."""
        for page in range(offset // PAGE, -(-(offset + length) // PAGE)):
            self._pages[page] = None

    def pages(self) -> tuple[bytes, ...]:
        """The content in pages; a page that is as it was in an earlier snapshot is the same object."""
        pages = self._pages
        for index, page in enumerate(pages):
            if page is None:
                pages[index] = bytes(self.bytes[index * PAGE : (index + 1) * PAGE])
        return tuple(pages)  # type: ignore[arg-type]

    def show(self, pages: tuple[bytes, ...]) -> list[int]:
        """Back to these pages; returns the offsets of those that were others."""
        changed = [index for index, page in enumerate(pages) if self._pages[index] is not page]
        for index in changed:
            self.bytes[index * PAGE : index * PAGE + len(pages[index])] = pages[index]
            self._pages[index] = pages[index]
        return [index * PAGE for index in changed]


class SystemBus:
    """Memory by CPU address; `window` is that in which the flash shows, which the CPU itself cannot write.
    `on_write(address, length)` is told of every write, so that stale code is dropped."""

    def __init__(self, memories: Iterable[Memory], window: Memory, on_write: Callable[[int, int], None]) -> None:
        self.memories = list(memories)
        self.window = window
        self.rest = [memory for memory in self.memories if memory is not window]
        self._found = self.memories[0]  # by `find`, most often again
        self._on_write = on_write
        self.on_watched: Callable[[int, bytes], None] | None = None  # told of a write before it is made
        self.on_store: Callable[[int, int, int], bool] = lambda _address, _value, _width: False
        self.buffer: int | None = None
        self.on_served: Callable[[int], object] = lambda _at: None
        self.place: Callable[..., bool] = lambda *_what: False

    def find(self, address: int, length: int) -> Memory:
        """The memory that holds all these bytes. Raises ValueError where there is none."""
        end = address + length
        for memory in self.memories:
            if memory.address <= address and end <= memory.end:
                self._found = memory
                return memory
        raise ValueError(f"no memory holds {length:#x} bytes at {address:#010x}")

    def read(self, address: int, length: int) -> bytes:
        """Bytes of one memory. Raises ValueError outside of them."""
        memory = self._found
        if address < memory.address or address + length > memory.end:
            memory = self.find(address, length)
        at = address - memory.address
        return bytes(memory.bytes[at : at + length])

    def write(self, address: int, data: bytes) -> None:
        """Write bytes of one memory. Raises ValueError outside of them."""
        memory, length = self._found, len(data)
        if address < memory.address or address + length > memory.end:
            memory = self.find(address, length)
        at = address - memory.address
        if self.on_watched is not None:
            self.on_watched(address, data)
        memory.bytes[at : at + length] = data
        if memory is self.window:
            memory.touched(at, length)
        self._on_write(address, length)

    def written(self, address: int, length: int, /) -> None:
        """Bytes of the window have changed without a `write`."""
        self.window.touched(address - self.window.address, length)


def window_stores(bus: Bus, window: int, log: MachineLog) -> Callable[[int, int, int], None]:
    """What the CPU's stores into the flash window at `window` do, by offset in it, value, and width in bytes: they are
    the matter of whoever shows the flash there; those that nobody takes are logged once."""
    messages = log.of("bus", window, "a store into the flash window goes nowhere")

    def store(offset: int, value: int, width: int) -> None:
        if not bus.on_store(window + offset, value, width):
            messages.unclaimed(offset, value)

    return store
