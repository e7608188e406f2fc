"""Boot loaders, one a file: which one is in a flash, what it prints, and what it will do."""

from __future__ import annotations

from bk7238.image.flash_image import FlashImage
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders.beken import Beken
from bk7238.image.loaders.loader import UNSCRAMBLED, Loader, Says
from bk7238.image.loaders.reference import Reference
from bk7238.registry import Registry

__all__ = ["LOADERS", "UNSCRAMBLED", "Loader", "Says", "of", "of_code", "title"]

LOADERS: Registry[Loader] = Registry(
    "bk7238.loaders", own=(Beken(), Reference()), fits=lambda member: isinstance(member, Loader)
)
"""The known ones by name."""

_GENERAL = Loader()


def of(flash: FlashView) -> Loader:
    """The boot loader in a flash; the general one where nobody knows it. Raises RegistryError for one of another
    package that cannot be used."""
    return of_code(flash.boot_loader)


def of_code(code: bytes) -> Loader:
    """The same of a boot loader's logical bytes."""
    return next((loader for loader in LOADERS.values() if loader.recognises(code) is not None), _GENERAL)


def title(image: FlashImage) -> str:
    """What people call the boot loader in an image, version and all."""
    return of(image.view).recognises(image.view.boot_loader) or f"unknown ({image.bootloader_version})"
