"""The vendor's JSON tables: {"part_table": [{"name", "flash_name", "offset", "len"}]}, sizes as numbers or `64K`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.formats.partitions import DEVICES, Partition
from bk7238.image.flash_image import ImageError

_SIZE = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)\s*([kKmM]?)[bB]?")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20}


def read(path: Path) -> list[Partition]:
    """The table of a file. Raises ImageError."""
    try:
        text = host_files.read(path, host_files.TEXT).decode("utf-8-sig")
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; give a partition table in JSON") from None
    except UnicodeDecodeError as error:
        raise ImageError(f"{path}: byte {error.start} is no UTF-8; give a partition table in JSON") from None
    return parse(text, path.name)


def parse(text: str, name: str) -> list[Partition]:
    """The table of a text. Raises ImageError."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{name}: no JSON: {str(error).splitlines()[0]}") from None
    rows = table.get("part_table") if isinstance(table, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ImageError(f'{name}: no partitions; the vendor\'s tables have a list "part_table"')
    return [_partition(row, f"{name}: entry {number}") for number, row in enumerate(rows)]


def _partition(row: Any, where: str) -> Partition:
    if not isinstance(row, dict):
        raise ImageError(f"{where} is no object with name, flash_name, offset and len")
    name, device = row.get("name"), row.get("flash_name", DEVICES[0])
    for text, what in ((name, "name"), (device, "flash_name")):
        if not isinstance(text, str) or not 0 < len(text.encode("utf-8", "replace")) < 24 or not text.isascii():
            raise ImageError(f"{where}: {what} {text!r} is no ASCII text of 1 to 23 characters")
    return Partition(
        str(name), str(device), size(row.get("offset"), f"{where}: offset"), size(row.get("len"), f"{where}: len")
    )


def size(value: Any, where: str) -> int:
    """A number of bytes: 65536, "65536", "0x10000" or "64K". Raises ImageError."""
    number = value if isinstance(value, int) and not isinstance(value, bool) else None
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 32 else None
    if match:
        number = int(match[1], 0 if match[1][:2] in ("0x", "0X") else 10) * _UNITS[match[2].lower()]
    if number is None or not 0 <= number < 1 << 32:
        raise ImageError(f"{where} {value!r} is no size; write 65536, 0x10000 or 64K")
    return number


def dump(table: list[Partition]) -> str:
    """The JSON of a table, as the vendor writes it."""
    rows = [
        {"name": p.name, "flash_name": p.device, "offset": f"{p.offset:#010x}", "len": str(p.length)} for p in table
    ]
    return json.dumps({"part_table": rows}, indent=4) + "\n"
