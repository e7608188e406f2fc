"""Where the files lie that are no code: the platform description, the firmware, and images that a user keeps."""

from __future__ import annotations

import os
from pathlib import Path

NAMES = ", or the name of one that `bk7238 firmware list` shows"
"""For the error of a firmware that is not where it should be."""

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


def known_bad() -> Path:
    """The folder of what known-bad builds of the reference firmware are made of, and their scenarios."""
    return firmware() / "reference" / "bad"


def example() -> Path:
    """The folder of the project of update tests that is there to be copied."""
    return _folder("examples") / "ota-tests"


def schemas() -> Path:
    """The folder of the JSON schemas, for editors."""
    return _folder("schemas")


def cache() -> Path | None:
    """The project's folder in the user's cache (XDG Base Directory Specification), which need not exist; None where the
    user has no home, as one that a container is given by number."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bk7238-sim"
    except RuntimeError:
        return None


def image_folders() -> list[Path]:
    """Where firmware that is called by its name alone is looked for, first to last: the user's folders with vendor
    images, and what is shipped. Folders that do not exist are left out."""
    named = os.environ.get("BK7238_FIRMWARE")
    folders = [Path(named)] if named else []
    shared = _CHECKOUT.parent / "shared" / "firmware"
    kept = cache()
    folders += [shared, shared / "family", *([kept / "firmware"] if kept else []), reference()]
    return [folder for folder in folders if folder.is_dir()]


def find_image(name: str) -> Path | None:
    """The firmware called `name`, or None where it is nowhere."""
    for folder in image_folders():
        if (folder / name).is_file():
            return folder / name
    return None


def located(path: Path) -> Path:
    """Where the firmware lies that a user calls so: at this path or, where there is nothing and it is a name alone, in
    one of `image_folders`."""
    return path if path.exists() or str(path) != path.name else find_image(path.name) or path
