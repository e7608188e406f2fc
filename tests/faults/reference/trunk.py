"""What the tests of faults on the reference firmware compare with: the update that nothing disturbs.

Every clone has this firmware. An update without joining and download costs a quarter of a second.
"""

from functools import cache
from typing import NamedTuple

from boot import reference
from boot.reference import APP_END, APP_START, DOWNLOAD, SECTOR
from images import image, update_package

from bk7238.bench.settings import Settings
from bk7238.testing import Dut, Flash

NEW, OLD, RETRIES = "new-app-runs", "old-app-runs", "old-app-retries-each-boot"
WAITS, HANGS = "device-waits", "bootloader-hangs"
GZIP = "reference_1.0.1_gzip_aes.rbl"

__all__ = ["APP_END", "APP_START", "DOWNLOAD", "GZIP", "HANGS", "NEW", "OLD", "RETRIES", "SECTOR", "WAITS"]


def put(flash, *pieces):
    """The flash with other bytes in it: pairs of an address and what stands there."""
    flash = bytearray(flash)
    for address, data in pieces:
        flash[address : address + len(data)] = data
    return bytes(flash)


class Trunk(NamedTuple):
    """An update without faults: the flash at power-on, its operations, and the flash in the end."""

    before: bytes
    operations: list
    after: bytes


@cache
def undisturbed(*, delivered=True):
    dut = Dut(image(), update_package(), Settings(delivered=delivered))
    flash = Flash(dut)
    dut.expect_verdict(NEW)
    assert flash.data == clean()
    return Trunk(flash.before, flash.journal, flash.data)


def clean(data=None):
    """The flash that a right update leaves, computed; `data` is the package's."""
    return reference.installed(reference.image(update_package().data if data is None else data))
