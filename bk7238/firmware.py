"""The firmware that can be called by its name: which there is, and what of it lies on this machine."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from bk7238 import host_files, resources

_SHIPPED = {
    "reference_*.bin": "full flash image: our boot loader and app",
    "reference_*.rbl": "update package with the next version of our app",
    "app-*.bin": "our app, without CRCs",
    "boot.bin": "our boot loader, without CRCs",
    "*.elf": "symbols and lines of our boot loader and app",
}


@dataclass(frozen=True)
class KnownFirmware:
    """A file with the SHA-256 that it should have, None where it is shipped; `path` is where it was found, None where
    it was not; `url` is its public address, None where there is none."""

    file: str
    sha256: str | None
    role: str
    origin: str
    path: Path | None
    url: str | None = None

    @property
    def intact(self) -> bool:
        """Whether the file that was found is the one that is meant."""
        if self.path is None or self.sha256 is None:
            return self.path is not None
        try:
            return hashlib.sha256(host_files.read(self.path, host_files.BINARY)).hexdigest() == self.sha256
        except OSError:
            return False


def manifest() -> list[KnownFirmware]:
    """The vendor's images of firmware/manifest.toml, in its order."""
    text = (resources.firmware() / "manifest.toml").read_text()
    return [KnownFirmware(**entry, path=resources.find_image(entry["file"])) for entry in tomllib.loads(text)["image"]]


def shipped() -> list[KnownFirmware]:
    """The reference firmware, by kind and name."""
    return [
        KnownFirmware(path.name, None, role, "shipped", resources.find_image(path.name))
        for pattern, role in _SHIPPED.items()
        for path in sorted(resources.reference().glob(pattern))
    ]
