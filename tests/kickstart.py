"""ESPHome-Kickstart as images and packages: its app behind a boot loader, and the same app of another version."""

from __future__ import annotations

from dataclasses import replace

from images import vendor

from bk7238.formats import rbl
from bk7238.image import FlashImage, Package, bootloader, build, flash_image, pack, package, split, unpack

OLD, NEW = b"2025.5.1", b"2099.9.9"


def distributed(chip: str) -> Package:
    """The UG for a chip, such as `n`."""
    return package.read(vendor(f"family/ESPHome-Kickstart-v25.05.28_bk7231{chip}_app.ota.ug.bin"))


def image(chip: str, loader: str = "", download: int | None = None) -> FlashImage:
    """Its app behind the boot loader of OpenBeken's image for that chip, or behind another, which may look for packages
    at another physical address."""
    whole = flash_image.read(vendor(f"family/OpenBK7231{chip.upper()}_QIO_1.18.300.bin"))
    given, parts = distributed(chip), split.split(whole)
    code = parts.bootloader if not loader else bootloader.read(vendor(f"family/{loader}"), chip=whole.chip).data
    if download is not None:
        table = [entry for _, entry in whole.chip.table_in(code)]
        moved = [replace(one, offset=download) if one.name == "download" else one for one in table]
        code = bootloader.Bootloader("loader.bin", code, whole.chip).with_table(moved).data
    made = replace(
        parts,
        bootloader=code,
        bootloader_footer=b"",
        app=unpack.unpack(given).app,
        app_footer=given.data[: rbl.SIZE],
        size=build.smallest_size(code, whole.chip),
        areas=(),
    )
    return flash_image.parse(build.build(made), f"kickstart_{chip}.bin", chip=whole.chip)


def update(chip: str) -> Package:
    """A package of the app with another version of ESPHome in it."""
    raw = unpack.unpack(distributed(chip)).app.replace(OLD, NEW)
    data = pack.pack(raw, version="99.09.09", timestamp=0, compression="gzip", encryption="aes")
    return package.parse(data, "kickstart.rbl")
