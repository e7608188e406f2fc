"""What a file is instead of a flash image or a raw binary, as its first bytes tell."""

from __future__ import annotations

import re
from typing import NamedTuple

from bk7238.formats import rbl, uf2, ug


class FileFormat(NamedTuple):
    """How a file begins, what it is then, and what to do about it."""

    begin: bytes
    kind: str
    remedy: str


_UNPACK = "`bk7238 image unpack PACKAGE -o app.bin` gives the app in it"
PACKAGES = (
    FileFormat(re.escape(rbl.MAGIC), "an update package (RBL)", _UNPACK),
    FileFormat(re.escape(ug.MAGIC), "an update package in Tuya's UG format", _UNPACK),
    FileFormat(re.escape(uf2.BEGIN), "a UF2 file", _UNPACK),
)
FORMATS = (
    *PACKAGES,
    FileFormat(rb"\x7fELF", "an ELF file", "make a raw binary of it with objcopy -O binary"),
    FileFormat(
        rb":[0-9A-Fa-f]{10,}\r?\n", "an Intel HEX file", "make a raw binary of it with objcopy -I ihex -O binary"
    ),
    FileFormat(
        rb"S[0-3][0-9A-Fa-f]{8,}\r?\n", "an S-record file", "make a raw binary of it with objcopy -I srec -O binary"
    ),
    FileFormat(rb"\x1f\x8b\x08|PK\x03\x04|7z\xbc\xaf", "a compressed archive", "unpack it first"),
)


def file_format(data: bytes) -> FileFormat | None:
    """The format of a file that is neither an image nor a raw binary; None for all others."""
    return next((one for one in FORMATS if re.match(one.begin, data)), None)
