"""Runs BK7238 firmware on models of its silicon, on a network that exists only in memory.

    update = Update(flash_image.read(Path("full.bin")), package.read(Path("app.rbl")), Settings(seed=7))
    result = update.run()

The names of `__all__` are the Python API, and stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bk7238.lazy import names

if TYPE_CHECKING:
    from bk7238.bench.settings import Settings
    from bk7238.image import flash_image, package
    from bk7238.machine import Machine
    from bk7238.update.session import Update

__version__ = "0.1.0"
REPOSITORY = "https://github.com/OWNER/bk7238-sim"  # a placeholder until it is published; named nowhere else
__all__ = ["Machine", "Settings", "Update", "flash_image", "package"]

_HOMES = {
    "Machine": "bk7238.machine",
    "Settings": "bk7238.bench.settings",
    "Update": "bk7238.update.session",
    "flash_image": "bk7238.image",
    "package": "bk7238.image",
}


__getattr__ = names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
