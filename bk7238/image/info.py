"""A map of a full image: partitions, versions, footers, the CRCs of all frames, and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bk7238.formats import rbl, tlv
from bk7238.formats.partitions import Partition
from bk7238.formats.scrambling import Coefficients
from bk7238.image import app_table, download, loaders, pack
from bk7238.image.build import Parts
from bk7238.image.flash_image import FlashImage
from bk7238.image.flash_view import FlashView, Frames


@dataclass(frozen=True)
class Info:
    """What is known of an image; addresses are physical where nothing else is said."""

    name: str
    size: int
    coefficients: Coefficients
    loader: str
    table: tuple[tuple[int, Partition], ...]
    app_table: tuple[app_table.AppPartition, ...]
    disagreements: tuple[str, ...]
    app_writes_to: int
    footers: tuple[tuple[str, rbl.RblHeader], ...]
    app_matches_footer: bool | None
    frames: tuple[Frames, ...]
    package: rbl.RblHeader | None
    settings: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "name": self.name,
            "size": self.size,
            "coefficients": list(self.coefficients),
            "loader": self.loader,
            "partitions": [
                {
                    "name": p.name,
                    "device": p.device,
                    "offset": p.offset,
                    "length": p.length,
                    "physical_start": p.physical_start,
                    "physical_end": p.physical_end,
                    "crc_ok": p.crc_ok,
                    "entry_at": at,
                }
                for at, p in self.table
            ],
            "app_partitions": [{"name": p.name, "start": p.start, "length": p.length} for p in self.app_table],
            "disagreements": list(self.disagreements),
            "app_writes_to": self.app_writes_to,
            "footers": {name: _header(header) for name, header in self.footers},
            "app_matches_footer": self.app_matches_footer,
            "frames": [
                {"start": f.start, "end": f.end, "good": f.good, "erased": len(f.erased), "bad": list(f.bad)}
                for f in self.frames
            ],
            "package": _header(self.package) if self.package else None,
            "settings": list(self.settings),
            "warnings": list(self.warnings),
        }


def _header(header: rbl.RblHeader) -> dict[str, Any]:
    return {
        "version": header.version,
        "partition": header.partition,
        "compression": header.compression,
        "encryption": header.encryption,
        "timestamp": header.timestamp,
        "raw_size": header.raw_size,
        "body_size": header.body_size,
        "crc_ok": header.crc_ok,
    }


def describe(image: FlashImage, parts: Parts) -> Info:
    """What there is to say about an image and its parts."""
    view = image.view.whole()
    own = app_table.find(parts.app, image.chip.app)
    footers = [(n, rbl.unpack(f)) for n, f in (("bootloader", parts.bootloader_footer), ("app", parts.app_footer)) if f]
    matches = None
    if parts.app_footer:
        header = rbl.unpack(parts.app_footer)
        matches = header.raw_size == len(parts.app) and rbl.fnv1a(parts.app) == header.raw_hash
    package = rbl.unpack(view.header) if view.header is not None else None
    return Info(
        name=image.name,
        size=len(image.data),
        coefficients=image.chip.codec.coefficients,
        loader=loaders.title(image),
        table=tuple(view.table),
        app_table=tuple(own),
        disagreements=tuple(app_table.differences(own, image.partitions)),
        app_writes_to=download.where_app_writes(view)[0],
        footers=tuple(footers),
        app_matches_footer=matches,
        frames=tuple(_frames(image)),
        package=package if package is not None and package.crc_ok else None,
        settings=tuple(_settings(view)),
        warnings=tuple(pack.app_warnings(parts.app, image.app)) if parts.app else (),
    )


def _frames(image: FlashImage) -> list[Frames]:
    app = image.partitions["app"]
    ranges = [(0, min(app.physical_start, image.view.app_start))]
    if app.framed:
        ranges.append((app.physical_start, app.physical_end))
    return [image.view.frames(start, end) for start, end in ranges]


def _settings(view: FlashView) -> list[str]:
    flash = view.data
    found = []
    for what, area in (("RF area", view.area("rf")), ("network area", view.area("network"))):
        items = tlv.unpack(flash[area.start : area.end])
        if items is not None:
            names = ", ".join(_item(item) for item in items) or "empty"
            found.append(f"{what} at {area.start:#x}: {names}")
    return found


def _item(item: tlv.Item) -> str:
    if item.type in (tlv.RF_MAC, tlv.NET_MAC) and len(item.value) >= 6:
        return f"{item.name} {item.value[:6].hex(':')}"
    return item.name
