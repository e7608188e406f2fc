"""Why shapes matter: a boot loader that believes that an erase which was cut has done its first half.

trusting_boot.bin is the reference boot loader, built with TRUSTING=1 (firmware/reference/boot/install.c;
tests/unit/test_reference_build.py compares).
"""

from collections import Counter
from dataclasses import replace

import pytest
from images import REFERENCE, built, image, update_package

from bk7238 import resources
from bk7238.image import build, flash_image, split
from bk7238.sweep.plan import registry
from bk7238.sweep.point import Job
from bk7238.update.session import Settings

TRUSTING = (resources.known_bad() / "trusting_boot.bin").read_bytes()


def installation(boot_loader, *modes):
    """The verdicts of cuts in an installation by a boot loader. In front of the package stands an app whose code lies
    elsewhere in its sectors: where old and new code have the same zeros, those that an erase left are not seen."""
    code = built("app-1.0.0.bin")
    moved = code[:0x200] + bytes(68) + code[0x200:]
    parts = replace(split.split(image(REFERENCE)), bootloader=boot_loader, app=moved, areas=())
    data = build.build(replace(parts, app_footer=build.footer(moved, 0, "1.0.0")))
    plan = registry.make(
        "install", Job(flash_image.parse(data, "other.bin"), update_package("gzip"), Settings()), modes=modes
    )
    points, found = plan.points("pr"), []
    erases = {str(number) for number, one in enumerate(plan.trunk.operations, 1) if one.kind == "erase"}
    assert len(erases) > 10 and erases <= {point.column for point in points}
    plan.explore(points, found.append)
    assert len(found) == len(points)
    return Counter(one.verdict for one in found)


@pytest.mark.full
def test_half_an_erase_does_not_show_who_relies_on_it_and_scattered_bits_do():
    """A sector that keeps some old zeros looks erased to it, what it writes there comes out wrong, and the package is
    gone: the app is not started any more."""
    assert set(installation(TRUSTING, "before", "torn", "after")) == {"new-app-runs"}
    for shape in ("scattered", "unstable"):
        ends = installation(TRUSTING, shape)
        assert set(ends) == {"new-app-runs", "bootloader-hangs"} and ends["bootloader-hangs"] > 1


@pytest.mark.full
def test_the_boot_loader_that_trusts_nothing_survives_them():
    assert set(installation(built("boot.bin"), "scattered", "unstable")) == {"new-app-runs"}
