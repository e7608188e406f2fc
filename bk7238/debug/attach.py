"""Puts a GDB server beside a machine, as `bk7238 gdb` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from bk7238.debug import elf
from bk7238.debug.debugger import Debugger
from bk7238.debug.files import Files
from bk7238.debug.gdbserver import HERE, GdbServer
from bk7238.debug.monitor import Monitor
from bk7238.debug.symbols import Symbols
from bk7238.machine import Machine


def known_symbols(machine: Machine, files: Iterable[tuple[Path, int | None]] = ()) -> Symbols:
    """Those of ELF files, each with the address that it was loaded to, and of a boot loader that is recognised. Raises
    ValueError for a file that is none."""

    def read(address: int, length: int) -> bytes:
        try:
            return machine.engine.bus.read(address, length)
        except ValueError:
            return b""

    symbols = Symbols(read)
    for path, address in files:
        symbols.add_elf(path, address)
    symbols.recognise(machine.engine.bus.read(0, machine.chip.app))
    return symbols


def serve(
    machine: Machine,
    *,
    host: str = HERE,
    port: int = 0,
    symbols: Symbols | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> GdbServer:
    """A GDB server for `machine`, which stands still until a debugger lets it run. Raises TypeError for an engine that
    cannot be debugged here (Renode has its own server), OSError where it cannot listen."""
    known = known_symbols(machine) if symbols is None else symbols
    debugger = Debugger(machine)
    files = Files()
    if known.title:
        files = Files("/" + known.title.split(":")[0].replace(" ", "_") + ".elf", elf.build(known.functions))
    return GdbServer(debugger, Monitor(debugger, known), files, host=host, port=port, tell=tell)
