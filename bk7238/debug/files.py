"""The one file that GDB may read from us (vFile): an ELF with the symbols that we know of the image."""

from __future__ import annotations

import struct

from bk7238.debug import packets

_ENOENT, _EBADF, _EINVAL = 2, 9, 22


class Files:
    """`executable` is the name under which GDB finds `data`; empty where there is nothing to offer."""

    def __init__(self, executable: str = "", data: bytes = b"") -> None:
        self.executable, self.data = executable, data

    def answer(self, request: str) -> bytes:
        """The answer to `vFile:` and this."""
        what, _, rest = request.partition(":")
        arguments = rest.split(",")
        try:
            if what == "setfs":
                return b"F0"
            if what == "open":
                name = bytes.fromhex(arguments[0]).decode("utf-8", "replace")
                return b"F5" if self.executable and name == self.executable else self._error(_ENOENT)
            if what == "close":
                return b"F0"
            if what == "fstat":
                return self._content(self._stat())
            if what == "pread":
                length, offset = int(arguments[1], 16), int(arguments[2], 16)
                return self._content(self.data[offset : offset + min(length, packets.LONGEST // 2 - 32)])
        except (ValueError, IndexError):
            return self._error(_EINVAL)
        return b""

    @staticmethod
    def _error(number: int) -> bytes:
        return f"F-1,{number:x}".encode()

    @staticmethod
    def _content(data: bytes) -> bytes:
        return f"F{len(data):x};".encode() + packets.escape(data)

    def _stat(self) -> bytes:
        """`struct stat` as the protocol has it: a regular file of this size."""
        return struct.pack(">IIIIIIIQQQIII", 0, 0, 0o100444, 1, 0, 0, 0, len(self.data), 512, 1, 0, 0, 0)
