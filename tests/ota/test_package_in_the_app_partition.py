"""A boot loader whose partition for the app reaches over the place to which the app writes packages."""

from dataclasses import replace

import pytest
from images import REFERENCE, image, update_package

from bk7238.image import build, flash_image, split
from bk7238.image.bootloader import Bootloader

END = 0x154000  # physical, of its app; the download partition begins there


@pytest.fixture
def wide():
    """The reference firmware with such a table."""
    parts = split.split(image(REFERENCE))
    codec = parts.chip.codec
    loader = Bootloader("boot loader", parts.bootloader, parts.chip)
    table = {
        "app": {"length": codec.logical(END) - codec.logical(loader.partitions["app"].physical_start)},
        "download": {"offset": END, "length": 0x40000},
    }
    changed = loader.with_table([replace(entry, **table.get(entry.name, {})) for _, entry in loader.table])
    data = build.build(replace(parts, bootloader=changed.data, size=END, areas=()))
    return flash_image.parse(data, "with a wide app partition")


def test_the_old_app_runs_on(make_dut, wide):
    dut = make_dut(image=wide, package=update_package("gzip"))
    result = dut.expect_verdict("old-app-runs")
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.0")
    assert "the package lies at 0x132000: app and bootloader disagree" in result.reason
    written = result.flash[0x132000 : 0x132000 + 96]
    assert written == update_package("gzip").data[:96], "within what the boot loader takes for the app"
