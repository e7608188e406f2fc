"""Where the files lie that are no code: the platform description, the firmware, and images that a user keeps."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def _folder(name: str) -> Path:
    """A top folder of a checkout, or its copy inside an installed package."""
    installed = _PACKAGE / "data" / name
    return installed if installed.is_dir() else _CHECKOUT / name


def platform() -> Path:
    """The folder of the platform description."""
    return _folder("platform")


def firmware() -> Path:
    """The folder of the firmware manifest."""
    return _folder("firmware")


def reference() -> Path:
    """The folder of the reference firmware's built images and packages."""
    return firmware() / "reference" / "built"


def cache() -> Path:
    """The project's folder in the user's cache (XDG Base Directory Specification); it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bk7238-sim"


def image_folders() -> list[Path]:
    """Where vendor images are looked for, first to last; folders that do not exist are left out."""
    named = os.environ.get("BK7238_FIRMWARE")
    folders = [Path(named)] if named else []
    folders += [_CHECKOUT.parent / "shared" / "firmware", cache() / "firmware"]
    return [folder for folder in folders if folder.is_dir()]


def find_image(name: str) -> Path | None:
    """The vendor image called `name`, or None where it is nowhere."""
    for folder in image_folders():
        if (folder / name).is_file():
            return folder / name
    return None
