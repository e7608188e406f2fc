"""The framing of GDB's remote protocol: `$payload#checksum`, acknowledgments, escapes, digits. Bytes in, packets out.

Facts: the GDB manual, appendix "GDB Remote Serial Protocol".
"""

from __future__ import annotations

import re

LONGEST = 0x4000  # bytes of a packet that is taken; qSupported tells GDB so
INTERRUPT = b"\x03"
OK = b"OK"
_ESCAPE = 0x7D
_BEGINNINGS = b"+-$\x03"


def checksum(data: bytes) -> bytes:
    """The sum of the bytes, as two hexadecimal digits."""
    return b"%02x" % (sum(data) & 0xFF)


def frame(payload: bytes) -> bytes:
    """A packet with this payload, which must be escaped already where it is binary."""
    return b"$" + payload + b"#" + checksum(payload)


def escape(data: bytes) -> bytes:
    """Binary data as a payload carries it."""
    out = bytearray()
    for byte in data:
        if byte in b"#$}*":
            out += bytes((_ESCAPE, byte ^ 0x20))
        else:
            out.append(byte)
    return bytes(out)


def unescape(data: bytes) -> bytes:
    """Undo the escaping of binary data, `}` and a byte XOR 0x20."""
    out, escaped = bytearray(), False
    for byte in data:
        if escaped:
            out.append(byte ^ 0x20)
        elif byte != _ESCAPE:
            out.append(byte)
        escaped = byte == _ESCAPE and not escaped
    return bytes(out)


def is_debuggers(beginning: bytes) -> bool:
    """Whether a connection whose first bytes are these may be a debugger's: any web page can make a browser send a
    packet in the body of a request, or in what TLS sends first."""
    return beginning[:1] in _BEGINNINGS


class Malformed(Exception):
    """A packet that does not say what its kind has to say."""


def number_of(text: str) -> int:
    """A number in hexadecimal digits. Raises Malformed."""
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}", text):
        raise Malformed(text)
    return int(text, 16)


def bytes_of(text: str) -> bytes:
    """Bytes in hexadecimal digits. Raises Malformed."""
    try:
        return bytes.fromhex(text) if " " not in text else b""
    except ValueError:
        raise Malformed(text) from None


class PacketReceiver:
    """Cuts what arrives into packets. `acknowledging` is what QStartNoAckMode switches off."""

    def __init__(self) -> None:
        self.acknowledging = True
        self._data = bytearray()

    def feed(self, data: bytes) -> tuple[list[bytes], bytes, int]:
        """Payloads in their order (INTERRUPT among them), the acknowledgments to send, and how many packets of ours
        the other side wants again. A damaged packet is asked for again; noise between packets is skipped."""
        self._data += data
        packets: list[bytes] = []
        answer = b""
        again = 0
        while self._data:
            first = self._data[0]
            if first == INTERRUPT[0]:
                packets.append(INTERRUPT)
            elif first == ord("-"):
                again += 1
            elif first == ord("$"):
                end = self._data.find(b"#")
                if end < 0 or len(self._data) < end + 3:
                    if len(self._data) > LONGEST + 4:
                        self._data.clear()
                    break
                payload, sent = bytes(self._data[1:end]), bytes(self._data[end + 1 : end + 3])
                begin = payload.rfind(b"$") + 1  # the end of a packet that was cut off is lost
                payload = payload[begin:]
                good = not self.acknowledging or sent.lower() == checksum(payload)
                if self.acknowledging:
                    answer += b"+" if good else b"-"
                if good:
                    packets.append(payload)
                del self._data[: end + 3]
                continue
            del self._data[0]
        return packets, answer, again
