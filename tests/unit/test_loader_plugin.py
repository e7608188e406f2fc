"""A boot loader of another package: declared as an entry point, it is recognised, and its words are the reason."""

import json
import os
import subprocess
import sys

import pytest
from boot.reference import APP_START, repacked
from images import built

from bk7238.formats import crc_framing

pytestmark = pytest.mark.full

MODULE = """
import re
from bk7238.image.loaders import Loader

class Acme(Loader):
    name = "acme"
    complaint = re.compile(r"parcels must be")

    def recognises(self, code):
        return "ACME boot loader 7" if b"BK7238_7.0.0 (acmeswork)" in code else None

ACME = Acme()
"""
WORDS = {  # of the reference boot loader, and what ACME's says
    b"BK7238_1.0.0 (reference)": b"BK7238_7.0.0 (acmeswork)",
    b"none encryption Not allow!": b"parcels must be sealed ...",
    b"[E/": b"[A/",
}
SAID = "cause: the bootloader printed: [A/OTA] (ota_main:125) parcels must be sealed ..."


@pytest.fixture
def bk7238(tmp_path):
    """Runs a command line in which the package of this folder is installed; gives status, stdout and stderr."""
    info = tmp_path / "acme_loader-7.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-loader\nVersion: 7.0\n")
    (info / "entry_points.txt").write_text("[bk7238.loaders]\nacme = acme_loader:ACME\n")
    (tmp_path / "acme_loader.py").write_text(MODULE)
    code = built("boot.bin")
    for text, other in WORDS.items():
        assert text in code and len(text) == len(other)
        code = code.replace(text, other)
    framed = crc_framing.frame(code).ljust(APP_START, b"\xff")
    (tmp_path / "full.bin").write_bytes(framed + built("reference_1.0.0.bin")[APP_START:])
    (tmp_path / "plain.rbl").write_bytes(repacked(built("reference_1.0.1_gzip_aes.rbl"), algorithm=0x100))

    def run(*words, installed=True):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path) if installed else ""}
        line = [sys.executable, "-m", "bk7238.cli", *words, tmp_path / "full.bin", tmp_path / "plain.rbl"]
        done = subprocess.run(list(map(str, line)), env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_is_recognised_and_its_complaints_are_the_reason(bk7238):
    status, out, err = bk7238("image", "check")
    assert (status, err) == (1, "") and "\nACME boot loader 7\n" in out and out.splitlines()[-1] == SAID
    status, out, err = bk7238("ota", "--delivered", "--json")
    assert (status, err) == (1, "") and json.loads(out)["reason"] == SAID.removeprefix("cause: ")
    status, out, _ = bk7238("image", "check", installed=False)
    assert status == 1 and "unknown (BK7238_7.0.0)" in out and SAID not in out


def test_one_that_cannot_be_used_is_one_line(bk7238, tmp_path):
    (tmp_path / "acme_loader.py").write_text("ACME = 7\n")
    line = (
        "bk7238.loaders: 'acme' of acme-loader 7.0 (acme_loader:ACME) cannot be used: it leads to another kind of thing"
    )
    assert bk7238("image", "check") == (2, "", f"bk7238: {line}\n")
