"""A chip as data: platform/<chip>/chip.toml as an object. The only home of sizes, areas and addresses of a chip.

    chip = load("bk7238")     # or a folder of the user's own
    chip.flash_for(len(image)).area("rf").start

Addresses are physical (bytes of the flash chip) unless a name says logical (what the CPU sees).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from bk7238 import host_files, resources
from bk7238.formats import codec, partitions, rbl, typed
from bk7238.formats.codec import Codec
from bk7238.formats.partitions import Partition
from bk7238.formats.scrambling import Coefficients
from bk7238.registry import Registry

USUAL = "bk7238"
FILE, BOARD = "chip.toml", "board.repl"
MARK = range(0x100, 0x108)
"""Logical addresses in a boot loader at which the name of the chip stands, for the mask ROM and for tools; in some
builds for plain flash there is code."""
_NAMES_BEGIN = b"BK7"

FOLDERS: Registry[str | Path] = Registry(
    "bk7238.chips",
    own=(),
    fits=lambda folder: isinstance(folder, (str, Path)) and (Path(folder) / "chip.toml").is_file(),
    name=lambda folder: Path(folder).name,
)
"""What other packages add: folders with chip.toml and board.repl, each called as its chip is."""


class ChipError(ValueError):
    """A chip that is not known, or a flash that it cannot have; the message is one line for its user. `place` leads to
    what is wrong in a chip.toml."""

    def __init__(self, message: str, place: typed.Place = ()) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Area:
    """A range of the flash with a purpose, in physical bytes."""

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.start + self.size


@dataclass(frozen=True)
class FlashChip:
    """One flash chip that a module may have: its `name` as users write it, bytes, JEDEC id, and the SDK's areas."""

    name: str
    size: int
    jedec_id: int
    areas: Mapping[str, Area]

    def area(self, name: str) -> Area:
        """The SDK's area of this name. Raises ChipError where it has none."""
        if name not in self.areas:
            raise ChipError(f"a flash of {self.name} has no area {name!r}; it has {', '.join(self.areas)}")
        return self.areas[name]


class Packager(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the vendor's packager writes: the version in the footers of an image, and the logical address of its boot
    loader's footer."""

    version: str
    boot_loader_footer: int


Range = Annotated[tuple[int, int], msgspec.Meta(description="start and length in physical bytes")]


class FlashFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flash chip that a module may have: its bytes, JEDEC id, and the SDK's areas."""

    size: int
    jedec_id: int
    areas: dict[str, Range]


class TableFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The logical address in a boot loader below which its partition table ends."""

    below: int


class ChipFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """chip.toml: the facts of a chip that are no blocks and no wires. `codec` is how code lies in the flash, with its
    `coefficients`; `names` are those that firmware gives itself, where the chip's own is none of them, `loader_names`
    those of other chips that its boot loaders have where tools look; `flash` has one table for each flash chip;
    `configuration` says where a firmware family keeps its own: the name of an area, or the same range of every flash;
    `uf2_family` is the chip's number in UF2 files, where it has one."""

    name: str
    codec: str
    partition_table: TableFacts
    packager: Packager
    flash: dict[str, FlashFacts]
    configuration: dict[str, str | Range]
    names: list[str] = []
    loader_names: list[str] = []
    coefficients: list[int] | None = None
    clear_headers: bool = False
    uf2_family: int | None = None


@dataclass(frozen=True)
class Chip:
    """What is true of a chip, whatever firmware runs on it. `folder` has its files, `names` are those that firmware
    for it gives itself, `loader_names` those of others that its boot loaders have besides, `table_below` is the logical
    address at which the partition table in a boot loader ends at the latest, `clear_headers` whether that and the
    footers are not scrambled where code is, `uf2_family` its number in UF2 files, None where it has none."""

    name: str
    folder: Path
    names: tuple[str, ...]
    loader_names: tuple[str, ...]
    codec: Codec
    clear_headers: bool
    uf2_family: int | None
    table_below: int
    packager: Packager
    flashes: tuple[FlashChip, ...]  # the smallest first
    configurations: Mapping[str, str | Area]  # by firmware family: an area's name, or the same area of every flash

    @property
    def board(self) -> Path:
        """Its platform description."""
        return self.folder / BOARD

    @property
    def word(self) -> str:
        """How a user names it: its name, or the path of its folder."""
        return self.folder.name if self.folder == _named_folder(self.folder.name) else str(self.folder.absolute())

    def keyed(self, coefficients: Coefficients | None) -> Chip:
        """One with these coefficients in its eFuse; None for its own."""
        return self if coefficients is None else replace(self, codec=codec.of_coefficients(coefficients))

    @property
    def flash_key(self) -> Coefficients | None:
        """The coefficients in its eFuse, where they are not those of chip.toml."""
        return None if self.codec == load(self.word).codec else self.codec.coefficients

    def reads_as(self, other: Chip) -> bool:
        """Whether it reads the same in any flash as another chip: code, and the partition table."""
        return all(
            getattr(self, one) == getattr(other, one) for one in ("codec", "clear_headers", "table_below", "app")
        )

    @property
    def app(self) -> int:
        """The logical address at which the boot loader's bytes end and the app's begin: the same in every flash."""
        return self.codec.logical(self.largest.area("app").start)

    def table_in(self, boot_loader: bytes) -> list[tuple[int, Partition]]:
        """The partition table in the logical bytes of a boot loader, the highest entry first: its logical offset, and
        the partition."""
        return partitions.find(boot_loader, self.table_below, self.codec)

    def clear_in(self, boot_loader: bytes) -> tuple[range, ...]:
        """The logical addresses of what is not scrambled in a flash with this boot loader, whose bytes may be logical
        ones or, so far as they are scrambled, those of the flash without CRCs."""
        if not self.clear_headers:
            return ()
        table = self.table_in(boot_loader)
        entries = (range(at, at + partitions.SIZE) for at, _ in table)
        ends = (entry.offset + entry.length for _, entry in table if entry.framed)
        mark = (MARK,) if boot_loader.startswith(_NAMES_BEGIN, MARK.start) else ()
        return (*mark, *entries, *(range(end - rbl.SIZE, end) for end in ends))

    def usual_table(self, size: int) -> dict[str, Partition]:
        """The vendor's partition table for a flash of so many bytes, by name. Raises ChipError where there is none."""
        flash = self.flash(size)
        app, download, start = flash.area("app"), flash.area("download"), self.app
        framed, end = partitions.FRAMED_DEVICE, self.codec.logical(app.end)
        entries = (
            Partition("bootloader", framed, 0, start, codec=self.codec),
            Partition("app", framed, start, end - start, codec=self.codec),
            Partition("download", partitions.RAW_DEVICE, download.start, download.size, codec=self.codec),
        )
        return {entry.name: entry for entry in entries}

    @property
    def smallest(self) -> FlashChip:
        """The smallest flash that it may have."""
        return self.flashes[0]

    @property
    def largest(self) -> FlashChip:
        """The largest flash that it may have."""
        return self.flashes[-1]

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of the flashes that it may have, by the names that users write."""
        return {flash.name: flash.size for flash in self.flashes}

    def flash(self, size: int) -> FlashChip:
        """The flash of so many bytes. Raises ChipError where there is none."""
        for flash in self.flashes:
            if flash.size == size:
                return flash
        known = " or ".join(self.sizes)
        raise ChipError(f"no flash of {size:#x} bytes is known of the {self.name}; it has {known}")

    def flash_for(self, size: int) -> FlashChip:
        """The smallest flash that holds so many bytes. Raises ChipError where none does."""
        for flash in self.flashes:
            if size <= flash.size:
                return flash
        raise ChipError(f"{size:#x} bytes are more than the largest flash, {self.largest.size:#x}")

    def configuration(self, family: str, size: int) -> Area:
        """Where a firmware family keeps its configuration in a flash of so many bytes; one that is not known is taken
        to do as the SDK does, in the area for the network. Raises ChipError where there is no such flash."""
        where = self.configurations.get(family, "network")
        return where if isinstance(where, Area) else self.flash(size).area(where)


def usual() -> Chip:
    """The chip that is meant where nothing says which."""
    return load(USUAL)


def known() -> list[Chip]:
    """The chips that have a name, the usual one first, and those of other packages last."""
    return [*_ours(resources.platform()), *map(load, FOLDERS)]


def load(name: str | Path) -> Chip:
    """The chip of this name, or of a folder with chip.toml and board.repl. Raises ChipError where there is none."""
    path = Path(name)
    folder = (_named_folder(path.name) if path.name == str(name) else None) or path
    if os.path.isfile(folder / FILE):
        found = folder.resolve()
        return _named(found) if found == _named_folder(found.name) else read(found)
    raise ChipError(
        f"no chip {str(name)!r} is known; there is {', '.join(chip.word for chip in known())}, or name a folder with "
        f"{FILE} and {BOARD}"
    )


def _named_folder(name: str) -> Path | None:
    """The folder of a chip that has this name: ours, or another package's. None where there is none."""
    ours = resources.platform() / name
    if os.path.isfile(ours / FILE):
        return ours.resolve()
    return Path(FOLDERS[name]).resolve() if name in FOLDERS else None


def read(folder: Path) -> Chip:
    """The chip of a folder with chip.toml and board.repl. Raises ChipError, which names file and place."""
    where = folder / FILE
    try:
        facts = tomllib.loads(host_files.read(where, host_files.TEXT).decode())
        chip = _chip(folder, typed.convert(facts, ChipFile))
        if not chip.board.is_file():
            raise ValueError(f"there is no {BOARD} beside it")
        return chip
    except (OSError, ValueError) as error:
        raise ChipError(f"{where}: {error}", getattr(error, "place", ())) from None


_named = cache(read)  # those of the package do not change


@cache
def _ours(platform: Path) -> list[Chip]:
    """The chips of the package, the usual one first."""
    names = sorted(path.parent.name for path in platform.glob("*/chip.toml"))
    return [load(name) for name in sorted(names, key=lambda name: name != USUAL)]


def _chip(folder: Path, facts: ChipFile) -> Chip:
    """The chip of what chip.toml says. Raises ValueError for what cannot be."""
    flashes = [_flash(name, one) for name, one in facts.flash.items()]
    if len({flash.area("app").start for flash in flashes}) != 1:
        raise ValueError("flash: areas.app begins elsewhere in another flash; a boot loader has what lies below it")
    return Chip(
        facts.name,
        folder,
        tuple(facts.names or [facts.name]),
        tuple(facts.loader_names),
        codec.find(facts.codec, facts.coefficients),
        facts.clear_headers,
        facts.uf2_family,
        facts.partition_table.below,
        facts.packager,
        tuple(sorted(flashes, key=lambda flash: flash.size)),
        {
            family: where if isinstance(where, str) else Area("configuration", *where)
            for family, where in facts.configuration.items()
        },
    )


def _flash(name: str, facts: FlashFacts) -> FlashChip:
    areas = {area: Area(area, *place) for area, place in facts.areas.items()}
    for area in areas.values():
        if not 0 <= area.start < area.end <= facts.size:
            what = f"the area {area.name} does not lie in its {facts.size:#x} bytes"
            raise typed.TypedError(what, ("flash", name, "areas", area.name))
    return FlashChip(name, facts.size, facts.jedec_id, areas)
