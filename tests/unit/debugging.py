"""For the debugger's tests: a machine that runs programs/walk.s, and a GDB that is spoken byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from bk7238.debug import packets
from bk7238.formats import crc_framing
from bk7238.machine import Machine

PROGRAMS = Path(__file__).with_name("programs")
# Places in walk.s
AGAIN, STORE, STORE_WORD, STORE_END = 0x30, 0xB4C, 0xB50, 0xB5C
LONG, LONG_END, UNDEFINED_WORD, ADD_ONE = 0x40, 0xB30, 0xB40, 0xB7C
RAM, GPIO = 0x400000, 0x802800


def machine(program: str = "walk", **options: object) -> Machine:
    code = (PROGRAMS / f"{program}.bin").read_bytes()
    return Machine(crc_framing.frame(code), **options)  # type: ignore[arg-type]


def state(machine: Machine) -> tuple:
    """All that a run must give again: registers, memories, flash, time, digest."""
    engine = machine.engine
    registers = [engine.register(f"r{number}") for number in range(16)] + [engine.register("cpsr")]
    memories = [bytes(memory.bytes) for memory in engine.bus.memories]
    return registers, memories, bytes(machine.flash.data), machine.now, engine.position, machine.digest()


class Gdb:
    """The client's side of the protocol; the server takes its turns while an answer is waited for."""

    def __init__(self, server) -> None:
        self.server = server
        self.socket = socket.create_connection(server.address)
        self.socket.setblocking(False)
        self.acknowledging = True
        self.text = ""  # what `O` packets said
        self._data = b""

    def raw(self, data: bytes, count: int = 0) -> bytes:
        """Send bytes as they are; at least `count` bytes that come back."""
        self.socket.sendall(data)
        found = bytearray()

        def come() -> bool:
            found.extend(self._take())
            return len(found) >= count

        self.server.turn(0.02)
        self.until(come)
        return bytes(found)

    def until(self, done: Callable[[], bool], turns: int = 100_000) -> None:
        """Let the server take its turns until `done`: what has been sent may take a while on a busy host."""
        for _ in range(turns):
            if done():
                return
            self.server.turn(0.02)
        raise AssertionError("it does not happen")

    def ask(self, payload: str | bytes) -> str:
        """Send a packet and return the payload of the answer."""
        self.send(payload)
        return self.answer()

    def send(self, payload: str | bytes) -> None:
        self.socket.sendall(packets.frame(payload.encode() if isinstance(payload, str) else payload))

    def answer(self, turns: int = 100_000) -> str:
        for _ in range(turns):
            self._data += self._take()
            self._data = self._data.lstrip(b"+")
            end = self._data.find(b"#")
            if end >= 0 and len(self._data) >= end + 3:
                payload, self._data = self._data[1:end], self._data[end + 3 :]
                if self.acknowledging:
                    self.socket.sendall(b"+")
                if payload[:1] == b"O" and payload != b"OK":
                    self.text += bytes.fromhex(payload[1:].decode()).decode()
                    continue
                return packets.unescape(payload).decode("latin-1")
            self.server.turn(0.02)
        raise AssertionError("the server does not answer")

    def monitor(self, line: str) -> str:
        self.text = ""
        assert self.ask("qRcmd," + line.encode().hex()) == "OK"
        return self.text

    def register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    @property
    def pc(self) -> int:
        return self.register(15)

    def word(self, address: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},4")), "little")

    def close(self) -> None:
        self.socket.close()

    def _take(self) -> bytes:
        try:
            return self.socket.recv(0x10000)
        except BlockingIOError:
            return b""


@contextmanager
def attached(device: Machine):
    """A client that is attached to a device that stands at its first instruction."""
    with device.gdb() as server:
        client = Gdb(server)
        client.ask("qSupported:swbreak+;hwbreak+")
        try:
            yield client
        finally:
            client.close()
