"""Firmware for tests: the reference firmware's, and vendor images, without which a test is skipped by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import boards
import pytest

from bk7238 import chip, resources
from bk7238.image import FlashImage, Package, flash_image, package

FULL = "OpenBK7238_QIO_1.18.300.bin"
GZIP = "OpenBK7238_2.00.777_gzip_aes.rbl"
LZMA = "OpenBK7238_2.00.777_lzma_aes.rbl"
BOOTLOADER_UART1 = "bootloader_bk7238_uart1_v1.0.15.bin"
BOOTLOADER_UART2 = "bootloader_bk7238_uart2_v1.0.15.bin"
REFERENCE = "reference_1.0.0.bin"


def vendor(name: str) -> Path:
    """The path of a vendor image. Skips the test where it is on no folder."""
    path = resources.find_image(name)
    if path is None:
        pytest.skip(f"needs the vendor image {name} (see `bk7238 firmware list`)")
    return path


def built(name: str) -> bytes:
    """A file of the reference firmware as it is committed."""
    return (resources.reference() / name).read_bytes()


@cache
def image(name: str = REFERENCE) -> FlashImage:
    """An image of the reference firmware or of the vendor's."""
    own = resources.reference() / name
    return flash_image.read(own if own.is_file() else vendor(name))


@cache
def update_package(name: str = "none") -> Package:
    """A package of the reference firmware, by its compression, or one of the vendor's."""
    own = resources.reference() / f"reference_1.0.1_{name}_aes.rbl"
    return package.read(own if own.is_file() else vendor(name))


BOARDS = [
    pytest.param(one, id=one.chip, marks=[] if one.chip == chip.USUAL else [pytest.mark.nightly])
    for one in boards.BOARDS
]
"""Each board with the vendor's image for it, the others than the usual chip's for nightly runs."""
OTHER_BOARDS = [one for one in BOARDS if one.id != chip.USUAL]
NIGHTLY_BOARDS = pytest.mark.parametrize("board", BOARDS)
EACH_BOARD = pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.chip)
VENDOR = pytest.mark.bk7238(image=FULL, package=GZIP)
"""Marks a test whose device has the vendor's firmware, OpenBeken."""
