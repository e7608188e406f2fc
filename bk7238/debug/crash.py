"""What there is to say when the guest crashes: registers, where it was, and how it came there.

Without frame pointers a backtrace is a guess: the words on the stack that lie behind a call in code. Each is a return
address that is or was valid; the newest is first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from bk7238 import host_files
from bk7238.debug import disassembly
from bk7238.debug.symbols import Symbols
from bk7238.debug.target import BANKED, CORE, Target
from bk7238.engine.unicorn import UnicornEngine
from bk7238.machine import Machine

_DEPTH = 1024  # bytes of stack that are looked through
_MOST = 16  # frames
_REPORTS = 3


class Watcher:
    """Keeps a report of each of the first crashes of a machine, without stopping it."""

    def __init__(self, machine: Machine, symbols: Callable[[], Symbols]) -> None:
        self._machine, self._symbols = machine, cache(symbols)  # they are read where something crashes
        self.reports: list[str] = []
        if isinstance(machine.engine, UnicornEngine):
            machine.engine.on_crash.connect(self._crashed)

    def _crashed(self, what: str) -> bool:
        if len(self.reports) < _REPORTS:
            self.reports.append(report(self._machine, self._symbols(), what))
        return False

    def tell(self, folder: Path | None) -> None:
        """Say it on stderr and, where there is a folder, in its crash.txt."""
        if self.reports:
            print(f"bk7238: the guest crashed\n{self.text}", file=sys.stderr, end="")
            if folder is not None:
                self.save(folder)

    def __repr__(self) -> str:
        return f"<crashes: {', '.join(report.partition(',')[0] for report in self.reports) or 'none'}>"

    @property
    def text(self) -> str:
        """All reports; empty where there are none."""
        return "".join(f"{report}\n\n" for report in self.reports)

    def save(self, folder: Path, name: str = "crash.txt") -> None:
        """Write the reports to a file of this folder, if there are any."""
        if self.reports:
            host_files.write_in(folder, name, self.text)


def report(machine: Machine, symbols: Symbols, what: str) -> str:
    """Several lines, for people."""
    assert isinstance(machine.engine, UnicornEngine)
    target = Target(machine)
    registers = {name: target.register(name) for name in CORE}
    pc, thumb = registers["pc"], bool(registers["cpsr"] & 0x20)
    lines = [
        f"{what} at {pc:#010x} {symbols.describe(pc)}".rstrip()
        + f", {machine.now / 1e6:.6f} virtual seconds, instruction {machine.engine.position}"
    ]
    code = _words(target, pc, 4)
    if code and set(code) == {0xFF}:
        lines.append("  the code there is erased flash")
    elif not code:
        lines.append("  there is no memory there")
    else:
        lines += [f"  {line}" for line in disassembly.around(partial(_words, target), symbols, pc, thumb=thumb)]
    names = list(registers)
    for at in range(0, len(names), 4):
        lines.append("  " + "  ".join(f"{name:>4} {registers[name]:08x}" for name in names[at : at + 4]))
    lines.append(f"  spsr {target.register(BANKED[0]):08x}")
    lines.append("calls, the newest first (words on the stack that lie behind a call):")
    for address in backtrace(target):
        lines.append(f"  {address:#010x} {symbols.describe(address)}".rstrip())
    return "\n".join(lines)


def backtrace(target: Target) -> list[int]:
    """CPU addresses: where the guest is, then the calls it may have come from."""
    found = [target.register("pc")]
    link = target.register("lr")
    if _is_return(target, link):
        found.append(link & ~1)
    stack = target.register("sp") & ~3
    words = _words(target, stack, _DEPTH)
    for at in range(0, len(words) - 3, 4):
        word = int.from_bytes(words[at : at + 4], "little")
        if len(found) < _MOST and _is_return(target, word) and word & ~1 != found[-1]:
            found.append(word & ~1)
    return found


def _words(target: Target, address: int, length: int) -> bytes:
    for memory in target.engine.bus.memories:
        if memory.address <= address < memory.address + memory.size:
            return target.engine.bus.read(address, min(length, memory.address + memory.size - address))
    return b""


def _is_return(target: Target, word: int) -> bool:
    """Whether a word is an address behind a call."""
    at = word & ~1
    if at < 8 or (not word & 1 and at & 3):
        return False
    code = _words(target, at - 4, 4)
    if len(code) < 4:
        return False
    if word & 1:
        high, low = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
        pair = high >> 11 == 0x1E and low >> 11 in (0x1F, 0x1D)
        return pair or low & 0xFF87 == 0x4780  # BL, BLX pairs; BLX register
    instruction = int.from_bytes(code, "little")
    condition = instruction >> 28
    call = instruction & 0x0F00_0000 == 0x0B00_0000 or instruction & 0x0FFF_FFF0 == 0x012F_FF30
    return (call and condition != 0xF) or instruction >> 25 == 0x7D
