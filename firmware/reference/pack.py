#!/usr/bin/env python3
"""Make the flash image of version 1.0.0 and the update packages of version 1.0.1 out of the linked binaries.

    pack.py FOLDER CHIP     with boot.bin, app-1.0.0.bin and app-1.0.1.bin in it, for a folder with chip.toml

The bytes depend on nothing but these files (and on the compressors of Python's zlib and lzma): the time stamps in the
headers are a constant.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from bk7238 import chip  # noqa: E402
from bk7238.chip import Chip  # noqa: E402
from bk7238.formats import rbl, rbl_body  # noqa: E402

TIMESTAMP = 1_700_000_000
OLD, NEW = "1.0.0", "1.0.1"
AES = 2
COMPRESSIONS = {"none": 0x000, "gzip": 0x100, "lzma": 0x400}


def header(raw: bytes, body: bytes, algorithm: int, version: str) -> bytes:
    """The 96 bytes of an RBL header."""
    return rbl.header(raw, body, algorithm=algorithm, timestamp=TIMESTAMP, version=version).pack()


def package(raw: bytes, compression: str, version: str) -> bytes:
    """An encrypted update package."""
    body = rbl_body.encode(raw, compression, "aes")
    return header(raw, body, COMPRESSIONS[compression] | AES, version) + body


def flash_image(placed: Chip, boot: bytes, app: bytes, version: str) -> bytes:
    """Boot loader, application and its footer, as the chip's flash has them, up to the end of the app partition."""
    table = {partition.name: partition for _, partition in placed.table_in(boot)}
    place, codec = table["app"], placed.codec
    image = codec.encode(boot, 0).ljust(place.physical_start, b"\xff") + codec.encode(app, place.offset)
    footer = codec.encode(header(app, rbl_body.pad(app), 0, version), place.offset + place.length - rbl.SIZE)
    return image.ljust(place.physical_end - len(footer), b"\xff") + footer


def main() -> None:
    """Write the image and the packages, from the folder with the binaries and that of the chip."""
    folder, placed = Path(sys.argv[1]), chip.read(Path(sys.argv[2]))
    boot = (folder / "boot.bin").read_bytes()
    old, new = ((folder / f"app-{version}.bin").read_bytes() for version in (OLD, NEW))
    (folder / f"reference_{OLD}.bin").write_bytes(flash_image(placed, boot, old, OLD))
    for compression in COMPRESSIONS:
        (folder / f"reference_{NEW}_{compression}_aes.rbl").write_bytes(package(new, compression, NEW))


if __name__ == "__main__":
    main()
