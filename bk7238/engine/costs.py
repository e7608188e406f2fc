"""What an engine costs on this host: a register access, and a virtual second of busy code. For scripts/bench."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

from bk7238 import chip
from bk7238.engine.engine import Engine, make
from bk7238.engine.repl import load
from bk7238.peripherals.uart import Uart

PLAIN = "phy"  # a block that is plain storage: it has no say in its accesses
BLOCK = "uart1"  # its port is accessed: that of a UART that is off does next to nothing, but is asked every time
MEMORY = "ram"
# ldr r1, the word behind; mov r0, #0; loop: ldr or str r2, [r1]; add r0, r0, #1; b loop
_BASE, _READ, _WRITE, _ADD, _LOOP = 0xE59F100C, 0xE5912000, 0xE5812000, 0xE2800001, 0xEAFFFFFC


@dataclass(frozen=True)
class Costs:
    """Microseconds of the host's CPU for one read of a plain register, and for one read and one write of a register of
    which the block is asked, each over the same access to memory; seconds of it for one virtual second in which the
    guest never idles and accesses memory alone."""

    engine: str
    plain: float
    read: float
    write: float
    virtual_second: float


def measure(name: str) -> Costs:
    """Measure the engine called `name`. Raises EngineError where it cannot be had."""
    platform = load(chip.usual().board)
    ram = next(memory.address for memory in platform.memories if memory.name == MEMORY)
    blocks = {block.name: block.address for block in platform.blocks}
    port = blocks[BLOCK] + Uart.FIFO_PORT.at
    memory, _ = _loop(name, ram, _READ, 300_000)
    plain, plains = _loop(name, blocks[PLAIN], _READ, 10_000)
    read, reads = _loop(name, port, _READ, 10_000)
    write, writes = _loop(name, port, _WRITE, 10_000)
    return Costs(
        engine=name,
        plain=(plain - memory) / plains * 1e6,
        read=(read - memory) / reads * 1e6,
        write=(write - memory) / writes * 1e6,
        virtual_second=memory,
    )


def _loop(name: str, address: int, access: int, span: int) -> tuple[float, float]:
    """Seconds of the host's CPU and accesses of a virtual second of a loop that does this access.

    Measured over `span` microseconds as the difference of a long and a short run, so that what starting and stopping
    cost does not count.
    """
    engine = make(name, chip.usual().board, 0)
    engine.bus.write(0, struct.pack("<6I", _BASE, 0xE3A00000, access, _ADD, _LOOP, address))
    _timed(engine, span)
    before = engine.register("r0")
    short = _timed(engine, 2 * span)
    accesses = engine.register("r0") - before
    long = _timed(engine, 5 * span)
    return (long - short) / (2 * span) * 1e6, accesses / span * 1e6


def _timed(engine: Engine, until: int) -> float:
    began = time.process_time()
    engine.run(until=until)
    return time.process_time() - began
