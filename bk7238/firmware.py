"""The vendor images of firmware/manifest.toml: which there are, and which of them lie on this machine."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from bk7238 import resources


@dataclass(frozen=True)
class VendorImage:
    """One image of the manifest; `path` is where it was found, None where it was not."""

    file: str
    sha256: str
    role: str
    origin: str
    path: Path | None

    @property
    def intact(self) -> bool:
        """Whether the file that was found has the manifest's hash."""
        return self.path is not None and hashlib.sha256(self.path.read_bytes()).hexdigest() == self.sha256


def manifest() -> list[VendorImage]:
    """The images of the manifest, in its order."""
    text = (resources.firmware() / "manifest.toml").read_text()
    return [VendorImage(**entry, path=resources.find_image(entry["file"])) for entry in tomllib.loads(text)["image"]]
