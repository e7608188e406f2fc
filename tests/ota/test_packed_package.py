"""The vendor's OTA guide, with `bk7238 image pack` in place of its packager: the whole update over the air succeeds."""

import pytest
from boot.foretold import foretold
from images import FULL, GZIP, vendor

from bk7238 import cli
from bk7238.image import package, unpack
from bk7238.image.loaders.boot import End

pytestmark = pytest.mark.full

KEYS = ["-k", "0123456789ABCDEF0123456789ABCDEF", "-i", "0123456789ABCDEF"]


@pytest.mark.parametrize("compression", [pytest.param("lzma", marks=pytest.mark.nightly), "gzip"])
def test_the_documented_command_line(make_dut, tmp_path, compression):
    app = unpack.unpack(package.read(vendor(GZIP))).app
    source, made = tmp_path / "bk7231_bsp.bin", tmp_path / "bk7238_ota.bin"
    source.write_bytes(app)
    line = ["-f", str(source), "-v", "1.0.1", "-o", str(made), "-p", "app", "-c", compression, "-s", "aes", *KEYS]
    assert cli.main(["image", "pack", *line]) == 0
    update_package = package.read(made)
    assert update_package.damage == ()
    dut = make_dut(image=FULL, package=update_package)
    assert foretold(dut.image.data, update_package.data).end is End.INSTALLED
    result = dut.expect_verdict("new-app-runs")
    assert (result.from_version, result.to_version) == ("1.18.300", "2.00.777")
