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
from bk7238.debug.memory_packets import OK, Access, Malformed, bytes_of, number_of
from bk7238.debug.monitor import Monitor
from bk7238.debug.target import CORE, CPSR, PC

_OURS = (
    f"PacketSize={packets.LONGEST:x};QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;"
    "qXfer:exec-file:read+;vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+;error-message+"
)
_UNKNOWN = b""


class Session(Access):
    """`running`: the machine is to run until it stops; `over`: GDB is done with it."""

    def __init__(self, debugger: Debugger, monitor: Monitor, files: Files, send: Callable[[bytes], None]) -> None:
        self.debugger, self.monitor, self.files, self._send = debugger, monitor, files, send
        self.running = False
        self.detached = self.killed = False
        self.no_ack = False
        self._range: tuple[int, int] | None = None
        self._stop = Stop()
        self._reports_breaks = False
        self._flash: dict[int, bytes] = {}
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
            text += "hwbreak:;" if self.debugger.stops.pc in self._hardware else "swbreak:;"
        return text.encode()

    _hardware: frozenset[int] | set[int] = frozenset()

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
            return self._binary(payload)
        text = payload.decode("latin-1")
        for name, method in self._LONG:
            if text.startswith(name):
                return method(self, text[len(name) :])
        short = self._SHORT.get(text[:1])
        return _UNKNOWN if short is None else short(self, text[1:])

    def _why(self, rest: str) -> bytes:
        return self._report()

    def _extended(self, rest: str) -> bytes:
        return OK

    def _thread(self, rest: str) -> bytes:
        return OK

    def _detach(self, rest: str) -> bytes:
        self.detached = True
        return OK

    def _kill(self, rest: str) -> bytes | None:
        self.killed = True
        return None

    def _vkill(self, rest: str) -> bytes:
        self.killed = True
        return OK

    def _restart(self, rest: str) -> None:
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

    def _vcont_query(self, rest: str) -> bytes:
        return b"vCont;c;C;s;S;t;r"

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

    def _backward_step(self, rest: str) -> None:
        self._stopped(self.debugger.step_back())

    def _backward_continue(self, rest: str) -> None:
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

    def _insert(self, rest: str) -> bytes:
        return self._stop_point(rest, True)

    def _remove(self, rest: str) -> bytes:
        return self._stop_point(rest, False)

    # Queries

    def _supported(self, rest: str) -> bytes:
        self._reports_breaks = "swbreak+" in rest
        return _OURS.encode()

    def _no_ack_mode(self, rest: str) -> bytes:
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

    def _file(self, rest: str) -> bytes:
        return self.files.answer(rest)

    def _silence(self, rest: str) -> bytes:
        return _UNKNOWN

    _LONG: tuple[tuple[str, Callable[[Session, str], bytes | None]], ...] = (
        ("qSupported", _supported),
        ("QStartNoAckMode", _no_ack_mode),
        ("qXfer:", _xfer),
        ("qRcmd,", _command),
        ("qAttached", lambda self, rest: b"1"),
        ("qfThreadInfo", lambda self, rest: b"m1"),
        ("qsThreadInfo", lambda self, rest: b"l"),
        ("qC", lambda self, rest: b"QC1" if not rest else b""),
        ("vMustReplyEmpty", _silence),
        ("vCont?", _vcont_query),
        ("vCont;", _vcont),
        ("vFile:", _file),
        ("vFlashErase:", Access._flash_erase),
        ("vFlashDone", Access._flash_done),
        ("vKill", _vkill),
    )
    _SHORT: dict[str, Callable[[Session, str], bytes | None]] = {
        "?": _why,
        "!": _extended,
        "H": _thread,
        "T": _thread,
        "D": _detach,
        "k": _kill,
        "R": _restart,
        "g": Access._registers,
        "G": Access._set_registers,
        "p": Access._register,
        "P": Access._set_register,
        "m": Access._read,
        "M": Access._write,
        "c": _continue,
        "C": lambda self, rest: self._continue(""),
        "s": _step,
        "S": lambda self, rest: self._step(""),
        "Z": _insert,
        "z": _remove,
        "b": lambda self, rest: (
            {"s": self._backward_step, "c": self._backward_continue}[rest](rest) if rest in ("s", "c") else _UNKNOWN
        ),
    }
