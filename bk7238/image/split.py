"""A full image taken apart into what `bk7238.image.build` puts together; together they give back the same bytes.

What the parts do not account for (settings, a downloaded package, frames with wrong CRCs) becomes areas. As files: a
folder with image.json, bootloader.bin, app.bin and one file for each area.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from bk7238 import host_files
from bk7238.chip import Chip
from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.formats.scrambling import exclusive_or
from bk7238.image.build import Parts, app_partition, build, smallest_size
from bk7238.image.flash_image import FlashImage, ImageError
from bk7238.image.flash_view import FlashView
from bk7238.peripherals.nor_endings import SECTOR

MANIFEST = "image.json"
_AREA = re.compile(rb"[^\0]++(?:\0{1,63}+[^\0]++)*+")  # of differences: those that are closer than 64 become one
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def split(image: FlashImage) -> Parts:
    """The parts of an image. Raises ImageError where its app partition is not one that `build` can fill."""
    loader = image.view.boot_loader
    app = app_partition(loader, image.chip)
    code, footer = app_parts(image.view, app)
    if app.physical_end > len(image.data):
        raise ImageError(f"{image.name}: the app partition at {app.physical_start:#x} lies beyond the end of the image")
    at, loader_footer = _loader_footer(loader, image.view)
    parts = Parts(
        chip=image.chip,
        bootloader=loader[: _content(loader[:at])],
        app=code,
        size=len(image.data),
        bootloader_footer=loader_footer,
        app_footer=footer,
        bootloader_footer_at=at,
    )
    return replace(parts, areas=tuple(_differences(build(parts), image.data)))


def with_boot_loader(image: FlashImage, code: bytes) -> bytes:
    """The bytes of an image with another boot loader, of logical bytes, in front of its app. What the image has in the
    area of its own one is not in it. Raises ImageError where the app has no place in the other one's table."""
    parts = split(image)
    behind = tuple((at, data) for at, data in parts.areas if at >= image.view.app_start)
    size = max(parts.size, smallest_size(code, image.chip))
    return build(replace(parts, bootloader=code, bootloader_footer=b"", areas=behind, size=size))


def app_parts(flash: FlashView, app: Partition) -> tuple[bytes, bytes]:
    """The app in its partition and the footer behind it, logical bytes; an empty footer where there is no sound one.
    Without a footer that fits the app ends where the erased bytes begin."""
    logical = flash.content(app)
    footer = logical[-rbl.SIZE :]
    footer = footer if len(footer) == rbl.SIZE and rbl.unpack(footer).crc_ok else b""
    size = rbl.unpack(footer).raw_size if footer else 0
    if not 0 < size <= len(logical) - rbl.SIZE:
        size = _content(logical[: len(logical) - len(footer)])
    return logical[:size], footer


def _loader_footer(loader: bytes, flash: FlashView) -> tuple[int, bytes]:
    at = loader.rfind(rbl.MAGIC)
    while at >= 0:
        footer = loader[at : at + rbl.SIZE]
        if at % flash.chip.codec.data == 0 and len(footer) == rbl.SIZE and rbl.unpack(footer).crc_ok:
            return at, footer
        at = loader.rfind(rbl.MAGIC, 0, at)
    usual = flash.chip.packager.boot_loader_footer
    return (usual, b"") if _content(loader) <= usual else (len(loader), b"")


def _content(data: bytes) -> int:
    """The number of bytes before the erased ones at the end, in whole words."""
    size = len(data.rstrip(b"\xff"))
    return min(len(data), -(-size // 4) * 4)


def _differences(built: bytes, data: bytes) -> list[tuple[int, bytes]]:
    """Where equally long bytes differ: offsets, and what `data` has there."""
    found: list[tuple[int, bytes]] = []
    for run in _differing(built, data):
        there, other = data[run.start : run.stop], built[run.start : run.stop]
        areas = _AREA.finditer(exclusive_or(there, other))
        found += [(run.start + area.start(), there[area.start() : area.end()]) for area in areas]
    return found


def _differing(built: bytes, data: bytes) -> list[range]:
    """The sectors that differ, those side by side as one: what is equal between others is longer than 64 bytes."""
    runs: list[range] = []
    for at in range(0, len(data), SECTOR):
        if built[at : at + SECTOR] != data[at : at + SECTOR]:
            start = runs.pop().start if runs and runs[-1].stop == at else at
            runs.append(range(start, at + SECTOR))
    return runs


def write(parts: Parts, folder: Path) -> list[Path]:
    """Write the parts as files. Raises ImageError where the folder cannot be written."""
    manifest = {
        "chip": parts.chip.name,
        "size": parts.size,
        "bootloader": "bootloader.bin",
        "bootloader_footer": parts.bootloader_footer.hex(),
        "bootloader_footer_at": parts.bootloader_footer_at,
        "app": "app.bin",
        "app_footer": parts.app_footer.hex(),
        "areas": [{"at": at, "file": f"area-{at:#08x}.bin"} for at, _ in parts.areas],
    }
    files = {"bootloader.bin": parts.bootloader, "app.bin": parts.app}
    files |= {f"area-{at:#08x}.bin": data for at, data in parts.areas}
    files[MANIFEST] = (json.dumps(manifest, indent=2) + "\n").encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            host_files.write_in(folder, name, data)
    except OSError as error:
        if host_files.is_hosts(error):
            raise
        raise ImageError(f"{folder}: {error.strerror or error}; name another folder") from None
    return [folder / name for name in files]


def read(folder: Path, chip: Chip) -> Parts:
    """The parts in a folder that `write` made, for this chip. Raises ImageError."""
    where = folder / MANIFEST
    try:
        manifest: Any = json.loads(_bytes(where, chip.largest.size))
    except ImageError:
        raise
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{where}: no JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(manifest, dict):
        raise ImageError(f"{where}: no object; let `bk7238 image split` make one")
    if manifest.get("chip", chip.name) != chip.name:
        raise ImageError(f"{where}: parts of {manifest['chip']!r}, not of {chip.name!r}; name the chip with --chip")
    areas = manifest.get("areas", [])
    if not isinstance(areas, list) or not all(isinstance(area, dict) for area in areas):
        raise ImageError(f'{where}: "areas" is no list of objects with "at" and "file"')
    footer_at, most = manifest.get("bootloader_footer_at", chip.packager.boot_loader_footer), chip.largest.size
    return Parts(
        chip=chip,
        bootloader=_file(folder, manifest.get("bootloader"), where, most),
        app=_file(folder, manifest.get("app"), where, most),
        size=_number(manifest.get("size"), f'{where}: "size"', most),
        bootloader_footer=_hex(manifest.get("bootloader_footer", ""), f'{where}: "bootloader_footer"'),
        app_footer=_hex(manifest.get("app_footer", ""), f'{where}: "app_footer"'),
        areas=tuple(
            (_number(a.get("at"), f'{where}: "at"', most), _file(folder, a.get("file"), where, most)) for a in areas
        ),
        bootloader_footer_at=_number(footer_at, f'{where}: "bootloader_footer_at"', most),
    )


def _file(folder: Path, name: Any, where: Path, largest: int) -> bytes:
    if not isinstance(name, str) or not _FILE.fullmatch(name):
        raise ImageError(f"{where}: {name!r} is no name of a file beside it")
    return _bytes(folder / name, largest)


def _bytes(path: Path, largest: int) -> bytes:
    try:
        return host_files.read(path, largest)
    except OSError as error:
        made = f"`bk7238 image split IMAGE -o {shlex.quote(str(path.parent))}` makes the folder"
        raise ImageError(f"{path}: {error.strerror or error}; {made}") from None


def _number(value: Any, where: str, largest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise ImageError(f"{where} is {value!r}, not a number from 0 to {largest}")
    return value


def _hex(value: Any, where: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ImageError(f"{where} is no hexadecimal text") from None
