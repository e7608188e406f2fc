"""Whole flash images and update packages, as files a user hands in."""

from bk7238.image.flash_image import FlashImage, ImageError
from bk7238.image.package import Package, PackageError

__all__ = ["FlashImage", "ImageError", "Package", "PackageError"]
