"""The verbs of GDB's `monitor` command: text in, text out."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from bk7238.debug import crash, listings
from bk7238.debug.debugger import Debugger
from bk7238.debug.symbols import Symbols
from bk7238.debug.timeline import Unwanted
from bk7238.peripherals.core import ResetKind

if TYPE_CHECKING:
    from bk7238.machine.snapshot import Snapshot


_FLUSH = "\nGDB shows what it knew before: tell it with `maintenance flush register-cache`"


class MonitorError(Exception):
    """A verb that cannot be carried out; the message is for the user."""


class Monitor:
    """One debugger's verbs: a method `do_NAME` is the verb NAME, and its docstring its help."""

    def __init__(self, debugger: Debugger, symbols: Symbols) -> None:
        self.debugger, self.symbols = debugger, symbols
        self._named: dict[str, Snapshot] = {}

    def run(self, line: str) -> str:
        """What a verb has to say, with its line end. Never raises for what a user types."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            return f"{error}\n"
        verb, *arguments = words or ["help"]
        method: Callable[..., str] | None = getattr(self, f"do_{verb.replace('-', '_')}", None)
        if method is None:
            return f"no verb {verb!r}; try `monitor help`\n"
        try:
            inspect.signature(method).bind(*arguments)
        except TypeError:
            return f"usage: {': '.join(_told(method))}\n"
        try:
            return method(*arguments).rstrip("\n") + "\n"
        except (MonitorError, ValueError, KeyError) as error:
            return f"{error.args[0] if error.args else error}\n"

    # Help

    def do_help(self) -> str:
        """help: this list"""
        return "\n".join(f"{usage}: {meaning}" for usage, meaning in verbs())

    # Time

    def do_where(self) -> str:
        """where: instructions, virtual time, how far back the history goes, digest"""
        timeline, machine = self.debugger.timeline, self.debugger.machine
        pc = self.debugger.stops.pc
        return (
            f"instruction {timeline.position:,} ({timeline.position}), {machine.now / 1e6:.6f} virtual seconds\n"
            f"pc {pc:#010x} {self.symbols.describe(pc)}\n"
            f"the history begins at instruction {timeline.begin}; digest {machine.digest()}"
        )

    def do_goto(self, instruction: str) -> str:
        """goto INSTRUCTION|NAME: go to where so many instructions were executed, or to a named snapshot; +N and -N
        count from here"""
        timeline = self.debugger.timeline
        if instruction in self._named:
            position = self._named[instruction].position
        elif re.fullmatch(r"[+-]?[0-9,_]+", instruction):
            number = int(instruction.replace(",", "").replace("_", ""))
            position = timeline.position + number if instruction[0] in "+-" else number
        else:
            raise MonitorError(f"{instruction!r} is no number of instructions and no snapshot")
        try:
            timeline.goto(position)
        except Unwanted:
            self.debugger.interrupt()
            return "interrupted\n" + self.do_where() + _FLUSH
        return self.do_where() + _FLUSH

    def do_snapshot(self, name: str = "") -> str:
        """snapshot [NAME]: keep a snapshot here, for `goto NAME`; without a name, list them"""
        if not name:
            return "\n".join(f"{name}: instruction {s.position}" for name, s in self._named.items()) or "none"
        if re.fullmatch(r"[+-]?[0-9,_]+", name):
            raise MonitorError("a name that is a number would hide an instruction")
        self._named[name] = self.debugger.timeline.keep()
        return f"{name}: instruction {self._named[name].position}"

    # What happens to the device

    def do_reset(self, kind: str = "watchdog") -> str:
        """reset [watchdog|power-on]: reset the chip; RAM and the always-on part survive a watchdog reset"""
        return self.reset(kind)

    def reset(self, kind: str) -> str:
        """Reset the chip, as a `ResetKind` is called. Returns what to print."""
        try:
            reset = ResetKind(kind)
        except ValueError:
            raise MonitorError(f"no reset {kind!r}; there is {', '.join(k.value for k in ResetKind)}") from None
        self.debugger.reset(reset)
        return f"reset ({kind})"

    def do_cut(self, operations: str = "1") -> str:
        """cut [N|off]: cut the power before the Nth flash operation from now (default: the next)"""
        self.debugger.timeline.changed()
        count = 0 if operations == "off" else _number(operations)
        self.debugger.flash_operations.cut_before(count)
        return f"the power goes before flash operation {count} from here" if count else "no power cut"

    def do_link(self, state: str) -> str:
        """link drop|restore: switch every access point off, or on again"""
        if state not in ("drop", "restore"):
            raise MonitorError("link drop, or link restore")
        if self.debugger.machine.air is None:
            raise MonitorError("the device is in no air")
        self.debugger.timeline.changed()
        return listings.link(self.debugger.machine, state == "restore")

    def do_type(self, text: str, console: str = "1") -> str:
        """type TEXT [1|2]: type TEXT and Enter on a console"""
        if console not in ("1", "2"):
            raise MonitorError("the consoles are 1 and 2")
        self.debugger.timeline.changed()
        machine = self.debugger.machine
        (machine.uart1 if console == "1" else machine.uart2).send(text.encode() + b"\r")
        return f"{len(text) + 1} bytes are arriving on UART{console}"

    def do_catch(self, what: str = "") -> str:
        """catch [on|off]: whether to stop where the guest crashes (undefined instruction, abort)"""
        if what:
            if what not in ("on", "off"):
                raise MonitorError("catch on, or catch off")
            self.debugger.catching = what == "on"
        return f"crashes {'stop' if self.debugger.catching else 'are left to the guest'}"

    # Looking

    def do_blocks(self) -> str:
        """blocks: the peripherals and their addresses"""
        return listings.blocks(self.debugger.target)

    def do_regs(self, block: str) -> str:
        """regs BLOCK: the registers of a peripheral and their fields"""
        return listings.registers(self.debugger.target, block)

    def do_reg(self, name: str, value: str = "") -> str:
        """reg BLOCK.REGISTER[.FIELD] [VALUE]: show one register or field, or write it as the firmware would"""
        if value:
            self.debugger.timeline.changed()
            return listings.write(self.debugger.target, name, _number(value))
        return listings.register(self.debugger.target, name)

    def do_read(self, address: str, width: str = "4") -> str:
        """read ADDRESS [1|2|4]: read a peripheral as the firmware does, with what that causes"""
        if width not in ("1", "2", "4"):
            raise MonitorError("the widths are 1, 2 and 4 bytes")
        self.debugger.timeline.changed()
        at = _number(address)
        return f"{at:#010x}: {self.debugger.target.read_really(at, int(width)):#x}"

    def do_irq(self) -> str:
        """irq: pending and enabled interrupt sources, and what the CPU masks"""
        return listings.interrupts(self.debugger.target)

    def do_partitions(self) -> str:
        """partitions: the table as the bootloader finds it"""
        return listings.partitions(self.debugger.machine)

    def do_rbl(self) -> str:
        """rbl: the headers of the package in `download` and of the installed app, as the bootloader sees them"""
        return listings.packages(self.debugger.machine)

    def do_backtrace(self) -> str:
        """backtrace: the guest's registers and calls, as a crash report has them"""
        return crash.report(self.debugger.machine, self.symbols, "stopped")

    def do_log(self, lines: str = "20") -> str:
        """log [N]: the last N messages of the models"""
        count = _number(lines)
        return "\n".join(str(record) for record in self.debugger.machine.log.records[-count:]) or "nothing"

    def do_symbols(self, part: str = "") -> str:
        """symbols [PART]: the functions that are known by name, and how they were identified"""
        return self.symbols.table(part) or "none"

    def do_break(self, function: str) -> str:
        """break FUNCTION: a breakpoint of the server's own, until `unbreak FUNCTION`"""
        address = self.symbols.address(function)
        self.debugger.set_own_break(address)
        return f"{function} at {address & ~1:#010x}"

    def do_unbreak(self, function: str) -> str:
        """unbreak FUNCTION: take such a breakpoint away"""
        self.debugger.clear_own_break(self.symbols.address(function))
        return function


def verbs() -> list[tuple[str, str]]:
    """How each verb is written, and what it does."""
    return [_told(method) for name, method in vars(Monitor).items() if name.startswith("do_")]


def table() -> str:
    """The verbs as a table for the docs."""
    rows = ["| `{}` | {} |".format(*(text.replace("|", "\\|") for text in verb)) for verb in verbs()]
    return "\n".join(["| verb | what it does |", "|---|---|", *rows])


def _told(method: Callable[..., str]) -> tuple[str, str]:
    usage, _, meaning = " ".join((method.__doc__ or "").split()).partition(": ")
    return usage, meaning


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise MonitorError(f"{text!r} is no number") from None
    if number < 0:
        raise MonitorError(f"{text} is below zero")
    return number
