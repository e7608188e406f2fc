"""Vendor images for tests: found where the product finds them, or the test is skipped with the image's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bk7238 import resources

FULL = "OpenBK7238_QIO_1.18.300.bin"
GZIP = "OpenBK7238_2.00.777_gzip_aes.rbl"
LZMA = "OpenBK7238_2.00.777_lzma_aes.rbl"
BOOTLOADER_UART1 = "bootloader_bk7238_uart1_v1.0.15.bin"
BOOTLOADER_UART2 = "bootloader_bk7238_uart2_v1.0.15.bin"


def vendor(name: str) -> Path:
    """The path of a vendor image. Skips the test where it is on no folder."""
    path = resources.find_image(name)
    if path is None:
        pytest.skip(f"needs the vendor image {name} (see `bk7238 firmware list`)")
    return path
