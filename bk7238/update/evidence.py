"""What a verdict rests on: the headers, the last lines, and where the CPU was. The partitions: result.py."""

from __future__ import annotations

from bk7238.formats import rbl
from bk7238.image import FlashImage, Package
from bk7238.image.flash_view import FlashView
from bk7238.machine import Console, Machine
from bk7238.update import installation
from bk7238.update.result_file import AppRecord, Grounds, HeaderRecord
from bk7238.update.story import Story

LINES = 12
_PIECE = 0x1000  # bytes that are compared at once


def gather(machine: Machine, flash: FlashView, image: FlashImage, package: Package, story: Story) -> Grounds:
    """What can be seen in the moment of the verdict alone, and what is quickly found in the flash, as JSON has it."""
    app = installation.app_partition(flash, image.app)
    footer = flash.footer(app)
    target = story.loader.target(flash, package.data, app)
    return {
        "footer": _header(footer),
        "footer_is_of_the_package": flash.footer(target) == package.data[: rbl.SIZE],
        "package_is_for": target.name,
        "download": _header(flash.header),
        "app": _app(flash, image),
        "bootloader_said": story.loader.complaints(story.bootloader_lines),
        "app_started": story.app_started,
        "last_lines": {"uart1": last_lines(machine.uart1), "uart2": last_lines(machine.uart2)},
        "pc": machine.engine.register("pc"),
        "aborts": aborts(machine),
    }


def last_lines(console: Console, most: int = LINES) -> list[str]:
    """The last lines on a console that are not empty."""
    lines = [line.strip() for line in console.text[-8192:].splitlines()]
    return [line for line in lines if line][-most:]


def aborts(machine: Machine) -> list[str]:
    """What the CPU could not do, with the address, each place once."""
    return [record.text for record in machine.log.records if record.source == "cpu"][-4:]


def _header(data: bytes | None) -> HeaderRecord | None:
    if data is None or data == b"\xff" * len(data):
        return None
    header = rbl.unpack(data)
    return {
        "partition": header.partition,
        "version": header.version,
        "algorithm": f"{header.compression}, {header.encryption}",
        "raw_size": header.raw_size,
        "crc_ok": header.crc_ok,
    }


def _app(flash: FlashView, image: FlashImage) -> AppRecord:
    """Whether it is the old one, and where it is damaged: frames whose CRC does not hold."""
    start = image.app.physical_start
    change = _first_difference(image.view.raw(image.app), flash.raw(image.app))
    bad = flash.chip.codec.bad(flash.raw(image.app))
    return {
        "unchanged": installation.untouched(flash, image.view, image.app),
        "first_change": None if change is None else start + change,
        "bad_frames": len(bad),
        "first_bad_frame": start + bad[0] if bad else None,
    }


def _first_difference(old: bytes, new: bytes) -> int | None:
    """The first offset at which both have a byte, and not the same."""
    for at in range(0, min(len(old), len(new)), _PIECE):
        piece, other = old[at : at + _PIECE], new[at : at + _PIECE]
        if piece != other:
            return next((at + place for place, (a, b) in enumerate(zip(piece, other, strict=False)) if a != b), None)
    return None
