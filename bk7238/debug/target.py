"""What GDB sees of the chip: registers with the banked ones, memory, and the XML that describes both.

Reads of peripheral registers have no side effects: a register whose value a handler makes up is read on a copy of the
blocks' state. Writes are real.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bk7238.engine.unicorn import UnicornEngine
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from bk7238.peripherals.nor_endings import SECTOR

CORE = [*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "cpsr"]
PC, CPSR = 15, 16
_MODES = {"usr": 0x1F, "fiq": 0x11, "irq": 0x12, "svc": 0x13, "abt": 0x17, "und": 0x1B}
BANKED = ["spsr"]
BANKED += [f"r{number}_usr" for number in range(8, 13)] + ["sp_usr", "lr_usr"]
BANKED += [f"r{number}_fiq" for number in range(8, 13)] + ["sp_fiq", "lr_fiq", "spsr_fiq"]
BANKED += [f"{register}_{mode}" for mode in ("irq", "svc", "abt", "und") for register in ("sp", "lr", "spsr")]
NAMES = CORE + BANKED
_MODE, _WORD = 0x1F, 0xFFFF_FFFF
_MEMORY_MAP = (
    '<?xml version="1.0"?>\n<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" '
    '"http://sourceware.org/gdb/gdb-memory-map.dtd">'
)


class Target:
    """Registers and memory of one machine, by CPU address."""

    def __init__(self, machine: Machine) -> None:
        assert isinstance(machine.engine, UnicornEngine)
        self.machine, self.engine, self.board = machine, machine.engine, machine.board
        self._cpu = machine.engine.cpu

    # Registers

    def register(self, name: str) -> int:
        """A register by its name here: r0 to r12, sp, lr, pc, cpsr, spsr, or banked as in sp_irq, r8_fiq, spsr_svc."""
        register, _, mode = name.partition("_")
        if not mode:
            return self._cpu.register(register)
        cpsr = self._switch(mode)
        try:
            return self._cpu.register(register)
        finally:
            self._cpu.set_register("cpsr", cpsr)

    def set_register(self, name: str, value: int) -> None:
        """Set a register of this mode, or with a suffix such as `_irq` a banked one."""
        register, _, mode = name.partition("_")
        if mode:
            cpsr = self._switch(mode)
            try:
                self._cpu.set_register(register, value)
            finally:
                self._cpu.set_register("cpsr", cpsr)
            return
        before = self._cpu.register(register)
        self._cpu.set_register(register, value)
        jumped = register == "pc" and before != value & _WORD
        if jumped or (register == "cpsr" and (before ^ value) & 0x20):
            self.engine.stops.leave()

    def _switch(self, mode: str) -> int:
        """Make the registers of a mode the current ones; returns the CPSR that was."""
        cpsr = self._cpu.register("cpsr")
        bank = _MODES[mode]
        if mode == "usr" and cpsr & _MODE == 0x10:
            bank = 0x10
        self._cpu.set_register("cpsr", cpsr & ~_MODE | bank)
        return cpsr

    # Memory

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes, or fewer where the rest is nowhere. Raises ValueError where the first byte is nowhere."""
        out = bytearray()
        while len(out) < length:
            part = self._read_some(address + len(out), length - len(out))
            if part is None:
                break
            out += part
        if length and not out:
            raise ValueError(f"there is nothing at {address:#010x}")
        return bytes(out)

    def _read_some(self, address: int, length: int) -> bytes | None:
        for memory in self.engine.bus.memories:
            if memory.address <= address < memory.address + memory.size:
                return self.engine.bus.read(address, min(length, memory.address + memory.size - address))
        if self.board.at(address) is not None:
            word = self.peek(address & ~3).to_bytes(4, "little")
            return word[address & 3 :][:length]
        for start, size in self.board.platform.silenced:
            if start <= address < start + size:
                return bytes(min(length, 4 - address % 4))
        return None

    def peek(self, address: int) -> int:
        """The word that the firmware would read from a block, without it being read."""
        block, offset = self._block(address)
        value = block.peek(offset)
        if value is not None:
            return int(value)
        board, log = self.board.snapshot(), self.engine.log.snapshot()
        lines, stop = self._cpu.slice.lines, self._cpu.slice.stop
        budget, target = self._cpu.slice.budget, self._cpu.slice.target
        try:
            return int(block.read(offset, 4))
        finally:
            self.board.restore(board)
            self.engine.log.restore(log)
            self._cpu.slice.lines, self._cpu.slice.stop = lines, stop
            self.engine.aim(target, budget)

    def read_really(self, address: int, width: int) -> int:
        """As the firmware reads, side effects and all. Raises ValueError outside of blocks."""
        return int(self._block(address)[0].read(self._block(address)[1], width))

    def write(self, address: int, data: bytes) -> None:
        """Memory, or registers of a block in words, halves or bytes. Raises ValueError for the flash and nowhere."""
        window = self.engine.bus.window
        if window.address <= address < window.address + window.size:
            raise ValueError("the flash window is written with `load`, as flash")
        if self.board.at(address) is None:
            self.engine.bus.write(address, data)
            return
        while data:
            width = next(size for size in (4, 2, 1) if size <= len(data) and address % size == 0)
            block, offset = self._block(address)
            block.write(offset, int.from_bytes(data[:width], "little"), width)
            address, data = address + width, data[width:]

    def _block(self, address: int) -> tuple[Any, int]:
        found = self.board.at(address)
        if found is None:
            raise ValueError(f"no block is at {address:#010x}")
        return found

    # The flash, as a programmer writes it, by logical addresses

    def flash_size(self) -> int:
        """In logical bytes."""
        return self._flash().logical_size

    def check_flash(self, address: int, length: int) -> None:
        """Raise ValueError where so many logical bytes at an address do not lie in the flash."""
        if address + length > self.flash_size():
            raise ValueError("that lies beyond the flash")

    def flash_erase(self, address: int, length: int) -> None:
        """Set `length` logical bytes to 0xFF. Raises ValueError beyond the end."""
        self.check_flash(address, length)
        self.flash_write(address, b"\xff" * length)

    def flash_write(self, address: int, data: bytes) -> None:
        """Write bytes at a logical address, framed as the codec has it. Raises ValueError beyond the end."""
        self.check_flash(address, len(data))
        at, framed = self._flash().patch(address, data)
        self.machine.flash.load(framed, at)
        self.board.flash.refresh(at, len(framed))

    def _flash(self) -> FlashView:
        return FlashView(self.machine.chip, bytes(self.machine.flash.data))

    # Descriptions

    def description(self) -> str:
        """target.xml"""
        lines = ['<?xml version="1.0"?>', '<!DOCTYPE target SYSTEM "gdb-target.dtd">', '<target version="1.0">']
        lines += ["<architecture>armv5te</architecture>", '<feature name="org.gnu.gdb.arm.core">']
        for number, name in enumerate(CORE):
            kind = {"sp": "data_ptr", "pc": "code_ptr"}.get(name, "uint32")
            lines.append(f'<reg name="{name}" bitsize="32" regnum="{number}" type="{kind}"/>')
        lines += ["</feature>", '<feature name="org.bk7238.banked">']
        for number, name in enumerate(BANKED, len(CORE)):
            lines.append(
                f'<reg name="{name}" bitsize="32" regnum="{number}" type="uint32" group="banked" save-restore="no"/>'
            )
        lines += ["</feature>", "</target>"]
        return "\n".join(lines)

    def memory_map(self) -> str:
        """The flash, the window behind it as `rom`, and as `ram` the other memories, the peripherals, and what reads as
        zero. GDB asks for nothing else."""
        window, memories = self.engine.bus.window, self.engine.bus.memories
        start, end = window.address, window.address + window.size
        erasable = start + min(self.flash_size() // SECTOR * SECTOR, window.size)
        places = [(one.address, one.size) for one in memories if one.address != start]
        places += [(one.address, one.size) for one in self.board.platform.blocks]
        lines = [
            f'<memory type="flash" start="{start:#x}" length="{erasable - start:#x}">'
            f'<property name="blocksize">{SECTOR:#x}</property></memory>'
        ]
        lines += [_entry("rom", erasable, end)] if erasable < end else []
        lines += [_entry("ram", *one) for one in _joined([*places, *self.board.platform.silenced])]
        return "\n".join([_MEMORY_MAP, "<memory-map>", *lines, "</memory-map>", ""])


def _entry(kind: str, start: int, end: int) -> str:
    return f'<memory type="{kind}" start="{start:#x}" length="{end - start:#x}"/>'


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Begins and ends of ranges, which are given with their sizes: those that touch are one."""
    found: list[tuple[int, int]] = []
    for start, size in sorted(places):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], start + size)
        else:
            found.append((start, start + size))
    return found
