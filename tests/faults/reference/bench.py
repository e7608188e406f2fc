"""What the tests of faults on the reference firmware share: short runs to a verdict, and what an update leaves there.

Every clone has this firmware. An update without joining and download costs a quarter of a second.
"""

from functools import cache
from typing import NamedTuple

from boot import reference
from boot.reference import APP_END, APP_START, DOWNLOAD, SECTOR, built, installed

from bk7238.image import flash_image, package
from faults import bench

NEW, OLD, RETRIES = "new-app-runs", "old-app-runs", "old-app-retries-each-boot"
WAITS, HANGS = "device-waits", "bootloader-hangs"

__all__ = ["APP_END", "APP_START", "DOWNLOAD", "HANGS", "NEW", "OLD", "RETRIES", "SECTOR", "WAITS"]


@cache
def image():
    return flash_image.parse(built("reference_1.0.0.bin"), "reference_1.0.0.bin")


@cache
def update_package(compression="none"):
    name = f"reference_1.0.1_{compression}_aes.rbl"
    return package.parse(built(name), name)


class Run(bench.Run):
    """An update of the reference firmware with faults."""

    def __init__(self, *faults, compression="none", **settings):
        super().__init__(*faults, of=(image(), update_package(compression)), **settings)

    def end(self, verdict, reason=""):
        """Run to the verdict, which is this one, with this in its reason; all faults have fired."""
        result = self.update.run()
        for place in range(len(self.update.faults.all)):
            self.fault(place)
        assert result.silent == [] and result.verdict.value == verdict, result.reason
        assert reason in result.reason, result.reason
        return self


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
    run = Run(delivered=delivered)
    result = run.update.run()
    assert result.verdict.value == NEW
    assert run.flash == clean()
    return Trunk(run.before, run.operations, run.flash)


def clean(data=None):
    """The flash that a right update leaves, computed; `data` is the package's."""
    return installed(reference.image(update_package().data if data is None else data))
