"""One GDB attached to a debugger: what each packet means.

Facts: the GDB manual, appendix "GDB Remote Serial Protocol". Payloads in, payloads out; who moves them is not its
matter. An unknown packet is answered with nothing, as the protocol wants it, a malformed one with an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bk7238.debug import packets
from bk7238.debug.debugger import SIGTRAP, Debugger, Stop
from bk7238.debug.files import Files
from bk7238.debug.memory_packets import MemoryPackets
from bk7238.debug.monitor import Monitor
from bk7238.debug.packets import OK, Malformed, bytes_of, number_of
from bk7238.debug.target import CORE, CPSR, PC

_OURS = (
    f"PacketSize={packets.LONGEST:x};QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;"
    "qXfer:exec-file:read+;vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+;error-message+"
)
_UNKNOWN = b""


class Session:
    """`running`: the machine is to run until it stops; `over`: GDB is done with it."""

    def __init__(self, debugger: Debugger, monitor: Monitor, files: Files, send: Callable[[bytes], None]) -> None:
        self.debugger, self.monitor, self.files, self._send = debugger, monitor, files, send
        self.running = False
        self.detached = self.killed = False
        self.no_ack = False
        self._range: tuple[int, int] | None = None
        self._stop = Stop()
        self._reports_breaks = False
        self._hardware: frozenset[int] = frozenset()  # addresses of breakpoints that GDB calls hardware's
        self._memory = MemoryPackets(debugger)
        self._by_name = self._table()
        debugger.attached = True

    def close(self) -> None:
        """GDB has gone: its breakpoints go with it."""
        self.debugger.attached = False
        self.debugger.forget_stops()

    # Moving on

    def go(self) -> None:
        """A little of what was asked for with `running`."""
        stop: Stop | None
        if self._range is not None:
            stop = self.debugger.step()
            inside = self._range[0] <= self.debugger.stops.pc < self._range[1]
            stepped = stop.signal == SIGTRAP and stop.halt is not None and stop.halt.reason == "step"
            if inside and stepped and self.debugger.stops.pc not in self.debugger.stops.breakpoints:
                return
        else:
            stop = self.debugger.run_some()
        if stop is not None:
            self._stopped(stop)

    def interrupt(self) -> None:
        """Stop the firmware, if it runs, and report it."""
        if self.running:
            self._stopped(self.debugger.interrupt())

    def _stopped(self, stop: Stop) -> None:
        self.running, self._range, self._stop = False, None, stop
        if stop.halt is not None and stop.halt.reason == "dead-end":
            self._print(f"{stop.halt.what}\n")
        self._send(self._report())

    def _report(self) -> bytes:
        """The stop reply, with the registers that GDB asks for first."""
        stop, target = self._stop, self.debugger.target
        text = f"T{stop.signal:02x}thread:1;"
        for number in (13, 14, PC, CPSR):
            text += f"{number:x}:{target.register(CORE[number]).to_bytes(4, 'little').hex()};"
        halt = stop.halt
        if stop.begin:
            text += "replaylog:begin;"
        elif halt is not None and halt.reason == "watch" and halt.watch is not None:
            watch = halt.watch
            kind = "awatch" if watch.read and watch.write else "watch" if watch.write else "rwatch"
            text += f"{kind}:{watch.address:x};"
        elif halt is not None and halt.reason == "breakpoint" and self._reports_breaks:
            pc = self.debugger.stops.pc
            if pc in self.debugger.client_breaks:  # told of one that is not its own GDB would go on by itself
                text += "hwbreak:;" if pc in self._hardware else "swbreak:;"
        return text.encode()

    # Packets

    def receive(self, payload: bytes) -> None:
        """Answer one packet."""
        if payload == packets.INTERRUPT:
            self.interrupt()
            return
        if self.running:
            self._stopped(self.debugger.interrupt())  # nothing else is allowed while it runs: attach anew
        try:
            answer = self._answer(payload)
        except Malformed:
            answer = b"E01"
        except ValueError as error:
            answer = b"E." + str(error).replace("#", "").replace("$", "").encode("ascii", "replace")
        if answer is not None:
            self._send(answer)

    def _answer(self, payload: bytes) -> bytes | None:
        if payload[:1] == b"X" or payload.startswith((b"vFlashWrite:", b"vFile:pwrite")):
            return self._memory.binary(payload)
        text = payload.decode("latin-1")
        for name, answer in self._by_name.items():
            if text.startswith(name):
                return answer(text[len(name) :])
        return _UNKNOWN

    def _table(self) -> dict[str, Callable[[str], bytes | None]]:
        """What answers a packet, by how the packet begins; longer names stand before their beginnings."""
        memory = self._memory
        return {
            "qSupported": self._supported,
            "QStartNoAckMode": self._no_ack_mode,
            "qXfer:": self._xfer,
            "qRcmd,": self._command,
            "qAttached": lambda _rest: b"1",
            "qfThreadInfo": lambda _rest: b"m1",
            "qsThreadInfo": lambda _rest: b"l",
            "qC": lambda rest: b"QC1" if not rest else _UNKNOWN,
            "vCont?": lambda _rest: b"vCont;c;C;s;S;t;r",
            "vCont;": self._vcont,
            "vFile:": self.files.answer,
            "vFlashErase:": memory.flash_erase,
            "vFlashDone": memory.flash_done,
            "vKill": self._kill,
            "bs": self._backward_step,
            "bc": self._backward_continue,
            "?": lambda _rest: self._report(),
            "!": lambda _rest: OK,
            "H": lambda _rest: OK,
            "T": lambda _rest: OK,
            "D": self._detach,
            "k": self._end,
            "R": self._restart,
            "g": memory.registers,
            "G": memory.set_registers,
            "p": memory.register,
            "P": memory.set_register,
            "m": memory.read,
            "M": memory.write,
            "c": self._continue,
            "C": lambda _rest: self._continue(""),
            "s": self._step,
            "S": lambda _rest: self._step(""),
            "Z": lambda rest: self._stop_point(rest, True),
            "z": lambda rest: self._stop_point(rest, False),
        }

    def _detach(self, _rest: str) -> bytes:
        self.detached = True
        return OK

    def _kill(self, _rest: str) -> bytes:
        self.killed = True
        return OK

    def _end(self, _rest: str) -> None:
        self.killed = True

    def _restart(self, _rest: str) -> None:
        self.monitor.reset("power-on")

    # Going on

    def _continue(self, rest: str) -> None:
        self._from(rest)
        self.running = True

    def _step(self, rest: str) -> None:
        self._from(rest)
        self._stopped(self.debugger.step())

    def _from(self, rest: str) -> None:
        if rest:
            address = number_of(rest)
            self.debugger.timeline.changed()
            self.debugger.target.set_register("pc", address)

    def _vcont(self, rest: str) -> bytes | None:
        action = rest.split(";")[0].split(":")[0]
        if re.fullmatch(r"c|C[0-9a-fA-F]{2}", action):
            self.running = True
        elif re.fullmatch(r"s|S[0-9a-fA-F]{2}", action):
            self._stopped(self.debugger.step())
        elif action.startswith("r"):
            start, comma, end = action[1:].partition(",")
            if not comma:
                raise Malformed(rest)
            self._range, self.running = (number_of(start), number_of(end)), True
        elif action == "t":
            self._stopped(Stop(0))
        else:
            raise Malformed(rest)
        return None

    def _backward_step(self, _rest: str) -> None:
        self._stopped(self.debugger.step_back())

    def _backward_continue(self, _rest: str) -> None:
        self._stopped(self.debugger.run_back())

    # Stops

    def _stop_point(self, rest: str, insert: bool) -> bytes:
        parts = rest.split(";")[0].split(",")
        if len(parts) != 3 or parts[0] not in {"0", "1", "2", "3", "4"}:
            raise Malformed(rest)
        kind, address, length = int(parts[0]), number_of(parts[1]), number_of(parts[2])
        if address >= 1 << 32 or length > 1 << 20:
            raise Malformed(rest)
        debugger = self.debugger
        if kind < 2:
            if kind == 1 and insert:
                self._hardware = self._hardware | {address & ~1}
            (debugger.set_break if insert else debugger.clear_break)(address)
        else:
            set_or_clear = debugger.set_watch if insert else debugger.clear_watch
            set_or_clear(address, length, read=kind != 2, write=kind != 3)
        return OK

    # Queries

    def _supported(self, rest: str) -> bytes:
        self._reports_breaks = "swbreak+" in rest
        return _OURS.encode()

    def _no_ack_mode(self, _rest: str) -> bytes:
        self.no_ack = True
        return OK

    def _xfer(self, rest: str) -> bytes:
        parts = rest.split(":")
        if len(parts) != 4 or parts[1] != "read":
            return _UNKNOWN
        kind, _, annex, span = parts
        offset, comma, length = span.partition(",")
        if not comma:
            raise Malformed(rest)
        start, size = number_of(offset), min(number_of(length), packets.LONGEST)
        if kind == "features" and annex == "target.xml":
            text = self.debugger.target.description()
        elif kind == "memory-map":
            text = self.debugger.target.memory_map()
        elif kind == "exec-file" and self.files.executable:
            text = self.files.executable
        else:
            return b"E00"
        data = text.encode()
        part = data[start : start + max(1, size // 2)]
        return (b"m" if start + len(part) < len(data) else b"l") + packets.escape(part)

    def _command(self, rest: str) -> bytes:
        text = bytes_of(rest).decode("utf-8", "replace")
        self._print(self.monitor.run(text))
        return OK

    def _print(self, output: str) -> None:
        """Show it on GDB's console."""
        for at in range(0, len(output), 1000):
            self._send(b"O" + output[at : at + 1000].encode("utf-8", "replace").hex().encode())
