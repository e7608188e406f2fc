"""The reference firmware with other texts in its apps: what other builds print, and what they do not print."""

from __future__ import annotations

from dataclasses import replace

from boot.cases import pack
from images import built

from bk7238.families.known import FAMILIES
from bk7238.formats import rbl
from bk7238.image import FlashImage, Package, build, flash_image, package, split

BANNER = {"1.0.0": b"reference app, version 1.0.0", "1.0.1": b"reference app, version 1.0.1"}


def app(version: str, texts: dict[bytes, bytes]) -> bytes:
    """The reference app of a version with other texts, which are filled up with spaces."""
    code = built(f"app-{version}.bin")
    for old, new in texts.items():
        assert old in code and len(new) <= len(old), old
        code = code.replace(old, new.ljust(len(old)))
    return code


def image(texts: dict[bytes, bytes], version: str = "1.0.0", footer: str = "1.0.0") -> FlashImage:
    """The reference image with that app; `footer` is the version there."""
    parts = split.split(flash_image.parse(built("reference_1.0.0.bin"), "reference_1.0.0.bin"))
    code = app(version, texts)
    header = rbl.header(code, code, algorithm=0, timestamp=0, version=footer)
    return flash_image.parse(build.build(replace(parts, app=code, app_footer=header.pack(), areas=())), "patched.bin")


def update(texts: dict[bytes, bytes], version: str = "1.0.1", header: str = "1.0.1") -> Package:
    """A package of that app; `header` is the version there."""
    return package.parse(pack(app(version, texts), "gzip", version=header), "patched.rbl")


def without_evidence(version: str) -> dict[bytes, bytes]:
    """Other texts for all that a family is recognised by."""
    code = built(f"app-{version}.bin")
    texts = {text for family in FAMILIES.values() for kind in family.evidence for text in kind.texts if text in code}
    longest_first = sorted(texts, key=len, reverse=True)
    return {text: b"." * len(text) for text in longest_first if not any(text in b for b in longest_first if b != text)}
