"""The memories of the platform and the bus that reaches them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable


class Memory:
    """One memory: `size` bytes at CPU address `address`, in a buffer that the CPU uses as well."""

    def __init__(self, name: str, address: int, size: int) -> None:
        self.name, self.address, self.size = name, address, size
        self.buffer = (ctypes.c_ubyte * size)()
        self.bytes = memoryview(self.buffer).cast("B")

    def clear(self) -> None:
        ctypes.memset(self.buffer, 0, self.size)


class SystemBus:
    """Memory by CPU address. `on_write(address, length)` is told of every write, so that stale code is dropped."""

    def __init__(self, memories: Iterable[Memory], on_write: Callable[[int, int], None]) -> None:
        self.memories = list(memories)
        self._on_write = on_write

    def find(self, address: int, length: int) -> Memory:
        for memory in self.memories:
            if memory.address <= address and address + length <= memory.address + memory.size:
                return memory
        raise ValueError(f"no memory holds {length:#x} bytes at {address:#010x}")

    def read(self, address: int, length: int) -> bytes:
        memory = self.find(address, length)
        at = address - memory.address
        return bytes(memory.bytes[at : at + length])

    def write(self, address: int, data: bytes) -> None:
        memory = self.find(address, len(data))
        at = address - memory.address
        memory.bytes[at : at + len(data)] = data
        self._on_write(address, len(data))
