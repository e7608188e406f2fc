"""Update packages made like the vendor's packager makes them, and what a boot loader will not like about them."""

from __future__ import annotations

from bk7238.chip import Chip
from bk7238.formats import rbl, rbl_body
from bk7238.formats.partitions import Partition
from bk7238.image.bootloader import check_keys
from bk7238.image.loaders.beken import SMALLEST_APP
from bk7238.image.package import PackageError

COMPRESSIONS = ("none", "gzip", "quicklz", "lzma")
ENCRYPTIONS = ("none", "aes")


def pack(
    raw: bytes,
    *,
    version: str,
    timestamp: int,
    partition: str = "app",
    compression: str = "none",
    encryption: str = "none",
    key: bytes = rbl_body.KEY.encode(),
    iv: bytes = rbl_body.IV.encode(),
) -> bytes:
    """A whole package for the raw bytes of an app.

    Byte for byte the vendor's for none and gzip, given its time stamp (the modification time of the input file).
    Raises PackageError for an empty app and an unknown algorithm, ImageError for a key or IV of the wrong length.
    """
    if not raw:
        raise PackageError("the input is empty; give the app's binary")
    if encryption == "aes":
        check_keys(key, iv)
    try:
        body = rbl_body.encode(raw, compression, encryption, key, iv)
    except rbl_body.BodyError as error:
        raise PackageError(str(error)) from None
    number = rbl.algorithm(compression, encryption)
    header = rbl.header(raw, body, algorithm=number, timestamp=timestamp, partition=partition, version=version)
    return header.pack() + body


def warnings(raw: bytes, package: bytes, chip: Chip) -> list[str]:
    """In a line each: what the shipped boot loaders refuse, or choke on, with their table for the smallest flash."""
    table = chip.usual_table(chip.smallest.size)
    name = rbl.unpack(package).partition
    linked, unknown = name == "app", f"the usual table has no partition `{name}` but {', '.join(table)}"
    where = [] if name in table else [f"{unknown}: a boot loader installs it where its own table has one"]
    return where + package_warnings(package, table["download"]) + app_warnings(raw, table["app"], linked=linked)


def package_warnings(package: bytes, download: Partition) -> list[str]:
    """What a boot loader will not like about a package, whatever app is in it."""
    header = rbl.unpack(package)
    found = []
    if header.encryption == "none":
        found.append("not encrypted: the boot loader refuses it (`none encryption Not allow!`); pack with -s aes")
    if header.compression in ("quicklz", "fastlz"):
        found.append(f"the shipped boot loaders cannot unpack {header.compression}; pack with -c lzma or -c gzip")
    if header.partition in ("bootloader", "download"):
        found.append(f"the boot loader does not install into `{header.partition}`")
    if len(package) > download.length:
        found.append(f"the package has {len(package)} bytes, the download partition {download.length}; compress it")
    return found


def app_warnings(raw: bytes, app: Partition, *, linked: bool = True) -> list[str]:
    """What a boot loader or the chip will not like about the raw bytes of an app; `linked`: to that partition."""
    found = []
    if app.codec.is_encoded(raw):
        found.append("the app has a CRC after every 32 bytes already, and gets them twice: give it without them")
    elif linked:
        word = int.from_bytes(raw[0x20:0x24], "little")
        if not app.offset <= word <= app.offset + app.length:
            found.append(
                f"the word at 0x20 is {word:#x}, not between {app.offset:#x} and {app.offset + app.length:#x}: an app "
                "is linked to the app partition"
            )
        if len(raw) + rbl.SIZE > app.length:
            found.append(f"{len(raw)} bytes and a footer of {rbl.SIZE} do not fit the app partition of {app.length}")
    if len(raw) < SMALLEST_APP:
        found.append(f"an app of fewer than {SMALLEST_APP} bytes makes the boot loader restart for ever")
    return found
