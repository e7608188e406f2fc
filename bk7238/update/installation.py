"""What a flash shows of an update: the app's place and version, what has become of it, and what is still to come."""

from __future__ import annotations

from bk7238.formats import rbl
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders import UNSCRAMBLED
from bk7238.image.package import Package


def untouched(flash: FlashView, image: FlashView, partition: Partition) -> bool:
    """Whether a partition, up to its footer, is what it was in the image, which may end before it."""
    start, end = partition.physical_start, flash.footer_at(partition)
    return flash.data[start:end] == image.data[start:end].ljust(end - start, b"\xff")


def is_old_app(flash: FlashView, image: FlashView, app: Partition, header: rbl.RblHeader) -> bool:
    """Whether the app of the image stands where it stood: nothing has changed in its frames, nor in those that the app
    of a package with that header would take. What lies beyond them is no app, such as a package that the app has put
    into what the boot loader takes for its partition."""
    start, end = app.physical_start, flash.footer_at(app)
    content = image.data[start:end].rstrip(b"\xff")
    codec = flash.chip.codec
    new = codec.physical(app.offset + -(-header.raw_size // codec.data) * codec.data)
    end = min(end, max(start + len(content), new))
    return bool(content) and flash.data[start:end] == content.ljust(end - start, b"\xff")


def damage(flash: FlashView, image: FlashView, app: Partition, package: Package) -> str:
    """What is wrong with the app partition, up to its footer: frames that do not hold, frames that are erased where the
    image had some, or an app of the package that the CPU cannot read. Empty where all is well, else ends with a
    semicolon. Addresses are physical."""
    start, end = app.physical_start, flash.footer_at(app)
    found, had = flash.frames(start, end), set(image.frames(start, end).erased)
    kinds = (("damaged", found.bad), ("erased", [at for at in found.erased if at not in had]))
    said = [f"{len(frames)} are {kind}, the first at {frames[0]:#x}" for kind, frames in kinds if frames]
    if not said and flash.chip.codec != CRC_FRAMES and _holds(CRC_FRAMES.decode(flash.raw(app), start), package.header):
        return f"{UNSCRAMBLED}; "
    return f"of the frames of the app partition {' and '.join(said)}; " if said else ""


def waiting(flash: FlashView, partition: Partition) -> bool:
    """Whether a sound header other than the footer of the partition that it is for is in the download partition: a
    bootloader that finds it there, and depends on the flash alone, will try again at each start."""
    header = flash.header
    return header is not None and rbl.unpack(header).crc_ok and header != flash.footer(partition)


def without_footer(flash: FlashView, partition: Partition, header: rbl.RblHeader) -> bool:
    """Whether the app of a package with that header is in its partition, byte for byte, and no package waits to be
    installed: some boot loaders cannot read back what they scramble, and give up the footer and the package for it."""
    return not waiting(flash, partition) and _holds(flash.content(partition), header)


def _holds(content: bytes, header: rbl.RblHeader) -> bool:
    """Whether the first bytes of a partition are the app of a package with that header."""
    size = header.raw_size
    return 0 < size <= len(content) and rbl.fnv1a(content[:size]) == header.raw_hash


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
