"""Whole flash images and update packages: made, taken apart, described, and what a boot loader will do with them."""

from bk7238.image.flash_image import FlashImage, ImageError
from bk7238.image.package import Package, PackageError

__all__ = ["FlashImage", "ImageError", "Package", "PackageError"]
