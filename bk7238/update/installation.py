"""What a flash shows of an update: the app's place and version, what has become of it, and what is still to come."""

from __future__ import annotations

from bk7238.formats import rbl
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.image.package import Package


def untouched(flash: FlashView, image: FlashView, partition: Partition) -> bool:
    """Whether a partition, up to its footer, is what it was in the image, which may end before it."""
    start, end = partition.physical_start, flash.footer_at(partition)
    return flash.data[start:end] == image.data[start:end].ljust(end - start, b"\xff")


def damage(flash: FlashView, image: FlashView, app: Partition) -> str:
    """What is wrong with the app partition, up to its footer: frames that do not hold, and frames that are erased
    where the image had some. Empty where all is well, else ends with a semicolon. Addresses are physical."""
    start, end = app.physical_start, flash.footer_at(app)
    found, had = flash.frames(start, end), set(image.frames(start, end).erased)
    kinds = (("damaged", found.bad), ("erased", [at for at in found.erased if at not in had]))
    said = [f"{len(frames)} are {kind}, the first at {frames[0]:#x}" for kind, frames in kinds if frames]
    return f"of the frames of the app partition {' and '.join(said)}; " if said else ""


def waiting(flash: FlashView, partition: Partition) -> bool:
    """Whether a sound header other than the footer of the partition that it is for is in the download partition: a
    bootloader that finds it there, and depends on the flash alone, will try again at each start."""
    header = flash.header
    return header is not None and rbl.unpack(header).crc_ok and header != flash.footer(partition)


def without_footer(flash: FlashView, partition: Partition, package: Package) -> bool:
    """Whether the app of a package is in its partition, byte for byte, and no package waits to be installed: some boot
    loaders cannot read back what they scramble, and give up the footer and the package for it."""
    header = rbl.unpack(package.data[: rbl.SIZE])
    if waiting(flash, partition) or not 0 < header.raw_size <= partition.length:
        return False
    return rbl.fnv1a(flash.content(partition)[: header.raw_size]) == header.raw_hash


def app_partition(flash: FlashView, usual: Partition) -> Partition:
    """Where the bootloader in the flash takes the app to be; `usual` where it has none that can be."""
    app, frame = flash.app, flash.chip.codec.data
    if app is None or not app.framed or app.length < frame * 4:
        return usual
    end = app.offset + app.length
    return app if end % frame == 0 and app.physical_end <= len(flash.data) else usual


def footer_version(flash: FlashView, app: Partition) -> str | None:
    """The version in a sound footer of the app partition, None where there is none."""
    data = flash.footer(app)
    header = rbl.unpack(data) if len(data) == rbl.SIZE else None
    return header.version if header is not None and header.crc_ok else None
