"""The packets with which GDB reads and writes registers, memory and flash."""

from __future__ import annotations

from bk7238.debug import packets
from bk7238.debug.debugger import Debugger
from bk7238.debug.packets import OK, Malformed, bytes_of, number_of
from bk7238.debug.target import CORE, NAMES


class MemoryPackets:
    """Answers them for one debugger. Each method takes a packet without its name, and raises Malformed, or ValueError
    with a text for GDB's user."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger
        self._flash: dict[int, bytes] = {}

    def registers(self, _rest: str) -> bytes:
        """`g`: all registers of the current mode."""
        target = self.debugger.target
        return b"".join(target.register(name).to_bytes(4, "little").hex().encode() for name in CORE)

    def set_registers(self, rest: str) -> bytes:
        """`G`: change them; the mode first, so that the others are those of the new one."""
        data = bytes_of(rest)
        if len(data) % 4 or len(data) > 4 * len(NAMES):
            raise Malformed(rest)
        values = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
        self.debugger.timeline.changed()
        for name, value in sorted(zip(NAMES, values, strict=False), key=lambda item: item[0] != "cpsr"):
            if self.debugger.target.register(name) != value:
                self.debugger.target.set_register(name, value)
        return OK

    def _name(self, text: str) -> str:
        number = number_of(text)
        if number >= len(NAMES):
            raise Malformed(text)
        return NAMES[number]

    def register(self, rest: str) -> bytes:
        """`p`: one register by its number."""
        return self.debugger.target.register(self._name(rest)).to_bytes(4, "little").hex().encode()

    def set_register(self, rest: str) -> bytes:
        """`P`: change one."""
        number, _, value = rest.partition("=")
        data = bytes_of(value)
        if len(data) != 4:
            raise Malformed(rest)
        name = self._name(number)
        self.debugger.timeline.changed()
        self.debugger.target.set_register(name, int.from_bytes(data, "little"))
        return OK

    def _span(self, text: str) -> tuple[int, int]:
        address, comma, length = text.partition(",")
        if not comma:
            raise Malformed(text)
        span = number_of(address), number_of(length)
        if span[0] + span[1] > 1 << 32 or span[1] > packets.LONGEST:
            raise Malformed(text)
        return span

    def read(self, rest: str) -> bytes:
        """`m`: memory, in hexadecimal digits."""
        address, length = self._span(rest)
        return self.debugger.target.read(address, length).hex().encode()

    def write(self, rest: str) -> bytes:
        """`M`: change memory, from hexadecimal digits."""
        where, colon, data = rest.partition(":")
        address, length = self._span(where)
        content = bytes_of(data)
        if not colon or len(content) != length:
            raise Malformed(rest)
        return self._store(address, content)

    def _store(self, address: int, content: bytes) -> bytes:
        if content:
            self.debugger.timeline.changed()
            self.debugger.target.write(address, content)
        return OK

    def binary(self, payload: bytes) -> bytes:
        """`X`, `vFlashWrite` and `vFile:pwrite`: a packet that carries bytes."""
        head, colon, data = payload.partition(b":")
        if head == b"vFlashWrite":
            where, colon, data = data.partition(b":")
            if not colon:
                raise Malformed("vFlashWrite")
            address, content = number_of(where.decode("latin-1")), packets.unescape(data)
            self.debugger.target.check_flash(address, len(content))
            self.debugger.target.check_flash(sum(map(len, self._flash.values())), len(content))  # in all
            self._flash[address] = content
            return OK
        if head == b"vFile":
            return b"F-1,1e"  # read-only
        address, length = self._span(head[1:].decode("latin-1"))
        content = packets.unescape(data)
        if not colon or len(content) != length:
            raise Malformed("X")
        return self._store(address, content)

    def flash_erase(self, rest: str) -> bytes:
        """`vFlashErase`: erase a range of logical addresses."""
        address, length = (number_of(part) for part in rest.split(",")) if rest.count(",") == 1 else (0, -1)
        if length < 0:
            raise Malformed(rest)
        self.debugger.timeline.changed()
        self.debugger.target.flash_erase(address, length)
        return OK

    def flash_done(self, _rest: str) -> bytes:
        """`vFlashDone`: put into the flash what `vFlashWrite` has brought."""
        self.debugger.timeline.changed()
        written, self._flash = self._flash, {}
        for address, data in written.items():
            self.debugger.target.flash_write(address, data)
        return OK
