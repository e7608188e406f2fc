"""`bk7238 image pack`, `unpack`, `build` and `split`: files from files."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bk7238.chip import Chip, FlashChip
from bk7238.cli import arguments as given
from bk7238.cli import files
from bk7238.cli import header_fields as fields
from bk7238.cli.arguments import UsageError, checked
from bk7238.formats import rbl, tlv
from bk7238.image import (
    app_table,
    bootloader,
    build,
    download,
    envelope,
    flash_image,
    loaders,
    pack,
    package,
    partition_json,
    raw,
    split,
    unpack,
)

APP, LOADER = "the app's binary, without CRCs", "the boot loader's binary, without CRCs, or a full image"


def warn(name: str, warnings: list[str]) -> None:
    """Print warnings about the file `name` to stderr."""
    for warning in warnings:
        print(f"bk7238: warning: {name}: {warning}", file=sys.stderr)


def _add_pack(verbs: Any) -> None:
    parser = verbs.add_parser("pack", help="make an update package (RBL), with the flags of the vendor's packager")
    parser.add_argument("-f", "--file", type=Path, required=True, metavar="BIN", help="the app, without CRCs")
    parser.add_argument("-v", "--version", type=fields.version, required=True, help="a label: no loader compares it")
    parser.add_argument("-o", "--output", type=Path, metavar="RBL", help="(default: BIN's name with .rbl)")
    parser.add_argument("-p", "--partition", type=fields.partition, required=True, help="the destination: app")
    parser.add_argument("-c", "--compress", choices=pack.COMPRESSIONS, default="none", help="(default: none)")
    parser.add_argument("-s", "--crypt", choices=pack.ENCRYPTIONS, default="none", help="(default: none)")
    parser.add_argument(
        "--envelope", choices=envelope.ENVELOPES, help="put the package into Tuya's UG, or LibreTiny's UF2 of --chip"
    )
    fields.add_keys(parser)
    parser.add_argument(
        "--timestamp", type=fields.timestamp, help="seconds since 1970 (default: BIN's modification time)"
    )
    parser.add_argument("--force", action="store_true", help="pack BIN even where it is no raw app, with a warning")
    given.add_chip(parser, "whose app it is, for warnings (default: bk7238)")
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=_pack)


def _pack(arguments: argparse.Namespace) -> int:
    chip = given.chip_or_usual(arguments)
    if arguments.force:
        binary, modified = checked(raw.contents, arguments.file, APP)
    else:
        binary, modified = checked(raw.read, arguments.file, APP, chip)
    used = fields.keys_of(arguments)
    output = arguments.output or arguments.file.with_suffix(f".{arguments.envelope or 'rbl'}")
    if output == arguments.file:
        raise UsageError(f"{output}: the package would replace its input; name another file with -o")
    made = checked(
        lambda: pack.pack(
            binary,
            version=arguments.version,
            timestamp=modified if arguments.timestamp is None else arguments.timestamp,
            partition=arguments.partition,
            compression=arguments.compress,
            encryption=arguments.crypt,
            key=used[0],
            iv=used[1],
        )
    )
    around = envelope.ENVELOPES.get(arguments.envelope)
    content = made if around is None else checked(around, made, chip)
    files.write(output, content)
    warnings = pack.warnings(binary, made, chip)
    warn(arguments.file.name, warnings)
    result = {"file": str(output), "size": len(content), "raw_size": len(binary), "warnings": warnings}
    files.show(result, f"{output}: {len(content)} bytes for an app of {len(binary)}", arguments.json)
    return 0


def _add_unpack(verbs: Any) -> None:
    parser = verbs.add_parser("unpack", help="get the app out of an update package (RBL, UG, UF2), and verify it")
    parser.add_argument("package", type=Path, metavar="PACKAGE")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="for the app (default: only verify)")
    fields.add_keys(parser)
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=_unpack)


def _unpack(arguments: argparse.Namespace) -> int:
    given_package = checked(package.read, arguments.package)
    result = checked(unpack.unpack, given_package, *fields.keys_of(arguments))
    if arguments.output is not None and result.wrong:
        wrong = "; ".join(f"{field.name}: {field.remark or field.value}" for field in result.wrong)
        raise UsageError(f"{given_package.name}: the header does not fit the content: {wrong}")
    if arguments.output is not None:
        files.write(arguments.output, result.app)
    rows = [
        f"{field.name:15} {field.value}" + ("" if field.right is not False else f"  WRONG: {field.remark}")
        for field in result.fields
    ]
    text = "\n".join(rows) + (f"\n{arguments.output}: {len(result.app)} bytes" if arguments.output else "")
    verified = [{"name": f.name, "value": f.value, "right": f.right} for f in result.fields]
    from bk7238.families import recognise

    family = recognise.recognise(result.app)
    found = {"size": len(result.app), "fields": verified, "family": family.title, "evidence": family.as_json()}
    files.show(found, text, arguments.json)
    return 1 if result.wrong else 0


def _add_build(verbs: Any) -> None:
    parser = verbs.add_parser("build", help="make a full flash image, from a folder of `split` or from parts")
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="with image.json, as `split` makes it")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="IMAGE")
    given.add_force(parser)
    given.add_chip(parser, "whose image it is (default: the one of the boot loader, or of FOLDER)")
    parser.add_argument("--bootloader", type=Path, metavar="FILE", help="raw, or the full image to take it from")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--app", type=Path, metavar="FILE", help="raw binary")
    source.add_argument("--package", type=Path, metavar="RBL", help="the app in it, its header as the footer")
    parser.add_argument("--no-footer", action="store_true", help="leave the app's footer erased")
    parser.add_argument(
        "--version",
        type=fields.version,
        help="in the footers (default: as the chip's packager has it, such as 2M.1220)",
    )
    parser.add_argument("--timestamp", type=fields.timestamp, help="in the footers (default: each file's own)")
    parser.add_argument("--flash-size", type=given.flash_size, metavar="SIZE", help="(default: up to the app's end)")
    parser.add_argument("--partitions", type=Path, metavar="JSON", help="this table into the boot loader")
    fields.add_keys(parser)
    parser.add_argument("--rf", type=Path, metavar="FILE", help="the RF area of this flash size")
    parser.add_argument("--net", type=Path, metavar="FILE", help="its network area")
    parser.add_argument("--mac", metavar="ADDRESS", help="an RF area with this MAC address")
    parser.add_argument(
        "--download", type=Path, metavar="RBL", help="a package where the app writes it, as after a download"
    )
    parser.add_argument("--download-at", type=given.whole, metavar="ADDRESS", help="physical, for --download")
    parser.set_defaults(run=_build)


def _build(arguments: argparse.Namespace) -> int:
    for option in ("bootloader", "app", "package") if arguments.folder else ():
        if getattr(arguments, option) is not None:
            raise UsageError(f"--{option} and a FOLDER do not go together: the folder has boot loader and app")
    if arguments.folder:
        parts = checked(split.read, arguments.folder, given.chip_or_usual(arguments))
    else:
        parts = _parts(arguments)
    parts = _patched(arguments, parts)
    downloaded = checked(package.read, arguments.download).data if arguments.download is not None else b""
    fitted = _fitted(arguments, parts)
    areas = list(parts.areas) + _areas(arguments, fitted)
    size = arguments.flash_size or max([parts.size, *(at + len(data) for at, data in areas)])
    if downloaded:
        size = fitted.size
    image = checked(build.build, replace(parts, areas=tuple(areas), size=size))
    table = bootloader.Bootloader("the boot loader", parts.bootloader, parts.chip).partitions
    warnings = pack.app_warnings(parts.app, table["app"]) if parts.app else []
    warnings += app_table.misplaced(app_table.find(parts.app, parts.chip.app), table)
    if any(parts.chip.codec.coefficients) and not loaders.of_code(parts.bootloader).scrambles:
        warnings.append(f"no update can be installed: {loaders.UNSCRAMBLED}")
    if downloaded:
        at = _place(arguments, parts, fitted)
        if at + len(downloaded) > size:
            raise UsageError(f"{arguments.download}: at {at:#x} it ends beyond the {size:#x} bytes of the flash")
        image = checked(download.place, image, downloaded, at)
    checked(flash_image.parse, image, arguments.output.name, force=arguments.force, chip=parts.chip)
    files.write(arguments.output, image)
    warn(str((arguments.app or arguments.package or arguments.folder or arguments.output).name), warnings)
    if arguments.download is not None:
        usual = parts.chip.usual_table(fitted.size)["download"]
        warn(arguments.download.name, pack.package_warnings(downloaded, table.get("download", usual)))
    print(f"{arguments.output}: {len(image):#x} bytes")
    return 0


def _fitted(arguments: argparse.Namespace, parts: build.Parts) -> FlashChip:
    """The flash that is built: of the size that was asked for, or the smallest that holds the parts."""
    if arguments.flash_size:
        return checked(parts.chip.flash, arguments.flash_size)
    return checked(parts.chip.flash_for, max([parts.size, *(at + len(data) for at, data in parts.areas)]))


def _place(arguments: argparse.Namespace, parts: build.Parts, fitted: FlashChip) -> int:
    """Where the package of --download goes: as told, or where the app of these parts puts one."""
    if arguments.download_at is not None:
        return int(arguments.download_at)
    place = app_table.downloads(app_table.find(parts.app, parts.chip.app))
    return fitted.area("download").start if place is None else place


def _parts(arguments: argparse.Namespace) -> build.Parts:
    if arguments.bootloader is None:
        raise UsageError("name a FOLDER of `bk7238 image split`, or a boot loader with --bootloader")
    loader, chip, stamp = _loader(arguments)
    version = arguments.version or chip.packager.version
    app, footer = b"", b""
    if arguments.app is not None:
        app, modified = checked(raw.read, arguments.app, APP, chip)
        footer = checked(build.footer, app, _stamp(arguments, modified), version)
    elif arguments.package is not None:
        given_package = checked(package.read, arguments.package)
        app = checked(unpack.unpack, given_package, *fields.keys_of(arguments)).app
        footer = given_package.data[: rbl.SIZE]
    return build.Parts(
        chip=chip,
        bootloader=loader,
        app=app,
        size=checked(build.smallest_size, loader, chip),
        bootloader_footer=checked(build.footer, loader, stamp, version, "bootloader"),
        app_footer=footer,
    )


def _loader(arguments: argparse.Namespace) -> tuple[bytes, Chip, int]:
    """The boot loader's raw bytes, whose it is, and the time stamp of its footer."""
    data, modified = checked(raw.contents, arguments.bootloader, LOADER)
    name, force = arguments.bootloader.name, arguments.force
    loader = checked(bootloader.parse, data, name, force=force, chip=given.chip(arguments), key=given.key(arguments))
    code = loader.data
    if loader.rest:  # a full image: without what else stands in its first 64 KiB
        code = checked(split.split, checked(flash_image.parse, data, name, force=force, chip=loader.chip)).bootloader
    elif loader.rest is not None:
        checked(raw.check, data, name, LOADER, loader.chip)
    return checked(_with_table, arguments, code, loader.chip), loader.chip, _stamp(arguments, modified)


def _stamp(arguments: argparse.Namespace, modified: int) -> int:
    return modified if arguments.timestamp is None else arguments.timestamp


def _with_table(arguments: argparse.Namespace, code: bytes, chip: Chip) -> bytes:
    if arguments.partitions is None:
        return code
    table = partition_json.read(arguments.partitions)
    return bootloader.Bootloader("the boot loader", code, chip).with_table(table).data


def _patched(arguments: argparse.Namespace, parts: build.Parts) -> build.Parts:
    code = parts.bootloader
    if arguments.folder:
        code = checked(_with_table, arguments, code, parts.chip)
    if arguments.package is None and (arguments.key or arguments.iv):
        loader = bootloader.Bootloader("the boot loader", code, parts.chip)
        code = checked(loader.with_keys, *fields.keys_of(arguments)).data
    footer = b"" if arguments.no_footer else parts.app_footer
    return replace(parts, bootloader=code, app_footer=footer)


def _areas(arguments: argparse.Namespace, fitted: FlashChip) -> list[tuple[int, bytes]]:
    areas = []
    rf, network = fitted.area("rf"), fitted.area("network")
    for path, area in ((arguments.rf, rf), (arguments.net, network)):
        if path is None:
            continue
        data, _ = checked(raw.contents, path, "the bytes of the area")
        if not 0 < len(data) <= area.size or tlv.unpack(data) is None:
            raise UsageError(f"{path}: no area of up to {area.size} bytes that begins with 544c5600 and its length")
        areas.append((area.start, data))
    if arguments.mac is not None:
        if arguments.rf is not None:
            raise UsageError("--mac makes an RF area of its own; leave out --rf or put the address into that file")
        areas.append((rf.start, tlv.rf_area(checked(tlv.mac_address, arguments.mac))))
    return areas


def _add_split(verbs: Any) -> None:
    parser = verbs.add_parser("split", help="take a full image apart into files from which `build` makes it again")
    parser.add_argument("image", type=Path, metavar="IMAGE")
    given.add_force(parser)
    given.add_chip(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.set_defaults(run=_split)


def _split(arguments: argparse.Namespace) -> int:
    parts = checked(split.split, given.image(arguments))
    for path in checked(split.write, parts, arguments.output):
        print(f"{path}: {path.stat().st_size} bytes")
    return 0


VERBS = {"pack": _add_pack, "unpack": _add_unpack, "build": _add_build, "split": _add_split}
"""What adds the verbs of `bk7238 image` that make files."""
