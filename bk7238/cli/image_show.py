"""`bk7238 image info`, `partitions` and `check`: what stands in files, and what will come of it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bk7238.cli import arguments as given
from bk7238.cli import files
from bk7238.cli.arguments import UsageError, checked
from bk7238.formats import scrambling
from bk7238.formats.partitions import DEVICES, Partition
from bk7238.image import app_table, bootloader, download, info, loaders, package, partition_json, split, table_check
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders.boot import Boot, End

if TYPE_CHECKING:
    from bk7238.families.recognise import Recognition


def _add_info(verbs: Any) -> None:
    parser = verbs.add_parser("info", help="a map of a full image")
    parser.add_argument("image", type=Path, metavar="IMAGE")
    given.add_force(parser)
    given.add_chip(parser)
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=_info)


def _add_partitions(verbs: Any) -> None:
    parser = verbs.add_parser("partitions", help="show, check and change the table in a boot loader")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="full image, or boot loader alone")
    given.add_force(parser)
    given.add_chip(parser)
    parser.add_argument("--set", type=Path, metavar="JSON", help="the vendor's JSON as the new table")
    parser.add_argument("--move", action="append", default=[], metavar="NAME=OFFSET[+LENGTH]", help="change one entry")
    parser.add_argument("--dump", action="store_true", help="print the table in the vendor's JSON")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file with the changed table")
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=_partitions)


def _add_check(verbs: Any) -> None:
    parser = verbs.add_parser(
        "check", help="say what the boot loader will do with a package: foretold or, where it cannot be, run"
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="full image, or the dump of a device")
    given.add_force(parser)
    given.add_chip(parser)
    parser.add_argument("package", type=Path, nargs="?", metavar="PACKAGE", help="(default: what is in the dump)")
    parser.add_argument("--at", type=given.whole, metavar="ADDRESS", help="put PACKAGE there (physical)")
    parser.add_argument("--flash", type=Path, metavar="FILE", help="write the flash as it will be afterwards")
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    parser.set_defaults(run=_check)


def _info(arguments: argparse.Namespace) -> int:
    image = given.image(arguments)
    from bk7238.families import recognise
    from bk7238.families.known import FAMILIES

    found = checked(lambda: info.describe(image, split.split(image)))
    family = checked(recognise.of_image, image)
    kept = [line for one in FAMILIES.values() for line in one.settings(image.view.whole())]
    found = replace(found, settings=(*found.settings, *kept))
    whose = {"family": family.title, "evidence": family.as_json()}
    files.show(found.as_json() | whose, _map(found, family), arguments.json)
    return 0


def _map(found: info.Info, family: Recognition) -> str:
    lines = [
        f"{found.name}: {found.size:#x} bytes",
        *([f"  scrambled    with {scrambling.text(found.coefficients)}"] if any(found.coefficients) else []),
        f"  boot loader  {found.loader}",
        f"  app          {family.title}; it writes packages to {found.app_writes_to:#x}",
        f"  evidence     {family.seen}",
        "  partitions of the boot loader, physical (logical)",
        *(f"    {_row(partition)}" for _, partition in found.table),
    ]
    if found.app_table:
        lines.append("  partitions of the app, physical")
        lines += [f"    {p.name:12} {p.start:#09x} to {p.end:#09x}" for p in found.app_table]
    lines += [f"  DISAGREEMENT: {text}" for text in found.disagreements]
    for name, header in found.footers:
        lines.append(f"  footer of {name}: version {header.version!r}, {header.raw_size} bytes")
    if found.app_matches_footer is not None:
        lines.append(f"  the app's bytes {'have' if found.app_matches_footer else 'DO NOT HAVE'} the footer's hash")
    lines += [f"  WARNING: {text}" for text in found.warnings]
    for frames in found.frames:
        bad = f", BAD at {', '.join(f'{at:#x}' for at in frames.bad[:4])}" if frames.bad else ""
        counts = f"{frames.good} good, {len(frames.erased)} erased, {len(frames.bad)} bad"
        lines.append(f"  frames {frames.start:#09x} to {frames.end:#09x}: {counts}{bad}")
    if found.package:
        lines.append(f"  package in the download partition: version {found.package.version!r}")
    lines += [f"  {text}" for text in found.settings]
    return "\n".join(lines)


def _row(partition: Partition) -> str:
    logical = f" ({partition.offset:#x}, {partition.length:#x})" if partition.framed else ""
    wrong = "" if partition.crc_ok else "  WRONG CRC (not checked)"
    unknown = "" if partition.device in DEVICES else f"  UNKNOWN DEVICE {partition.device!r}"
    start, end = partition.physical_start, partition.physical_end
    return f"{partition.name:12} {start:#09x} to {end:#09x}{logical}{wrong}{unknown}"


def _partitions(arguments: argparse.Namespace) -> int:
    whose = {"chip": given.chip(arguments), "key": given.key(arguments)}
    loader = checked(bootloader.read, arguments.image, force=arguments.force, **whose)
    changed = loader
    if arguments.set is not None:
        changed = checked(changed.with_table, checked(partition_json.read, arguments.set))
    for text in arguments.move:
        table = _moved([partition for _, partition in changed.table], text)
        changed = checked(changed.with_table, table)
    if (arguments.set or arguments.move) and arguments.output is None:
        raise UsageError("a changed table needs a file to go to; name it with -o")
    if not changed.table:
        raise UsageError(f"{loader.name}: no partition table; give a boot loader or a full image")
    own = app_table.of_flash(FlashView(changed.chip, changed.file())) if loader.rest is not None else []
    differences = app_table.differences(own, changed.partitions)
    if changed is not loader:
        for text in table_check.objections(changed.partitions.values(), changed.chip):
            print(f"bk7238: warning: {text}", file=sys.stderr)
    if arguments.output is not None:
        files.write(arguments.output, changed.file())
    table = [partition for _, partition in changed.table]
    if arguments.dump:
        print(partition_json.dump(table), end="")
        return 0
    if arguments.json:
        rows = [{"name": p.name, "device": p.device, "offset": p.offset, "length": p.length} for p in table]
        print(json.dumps({"partitions": rows, "differences": differences}))
        return 1 if differences else 0
    print("\n".join(_row(partition) for partition in table))
    if own:
        print("\n".join(f"DISAGREEMENT: {text}" for text in differences) or "the app was built with the same table")
    return 1 if differences else 0


def _moved(table: list[Partition], text: str) -> list[Partition]:
    name, _, place = text.partition("=")
    offset, _, length = place.partition("+")
    if not place or name not in [partition.name for partition in table]:
        names = ", ".join(partition.name for partition in table)
        raise UsageError(f"--move {text}: write NAME=OFFSET or NAME=OFFSET+LENGTH with a NAME of {names or 'a table'}")
    new_offset = checked(partition_json.size, offset, f"--move {text}: offset")
    new_length = checked(partition_json.size, length, f"--move {text}: length") if length else None
    return [
        replace(p, offset=new_offset, length=p.length if new_length is None else new_length) if p.name == name else p
        for p in table
    ]


def _check(arguments: argparse.Namespace) -> int:
    image = given.image(arguments)
    data = checked(package.read, arguments.package).data if arguments.package else b""
    if arguments.at is not None and not data:
        raise UsageError("--at says where PACKAGE is put; name a PACKAGE")
    before = checked(image.view.whole)
    flash = checked(download.downloaded, before, data, arguments.at) if data else before
    found = checked(loaders.of(flash).predict, flash, data)
    if found is None:
        from bk7238.update import trial

        found = checked(trial.run, image, flash, data)
    if arguments.flash is not None:
        files.write(arguments.flash, found.flash)
    placing = _placing(before, data, arguments.at)
    files.show({**found.as_json(), "package": placing}, f"{placing}\n{_steps(found)}", arguments.json)
    return 0 if found.end is End.INSTALLED else 1


def _placing(flash: FlashView, data: bytes, at: int | None) -> str:
    if not data:
        return "the flash is taken as it is"
    if at is not None:
        return f"the package is put at {at:#x}, as asked for"
    if download.holds(flash, data):
        return "the package is in this flash already: it is taken as it is"
    where, how = download.where_app_writes(flash)
    return f"the package is put at {where:#x} ({how})"


def _steps(found: Boot) -> str:
    marks = {True: "ok  ", False: "FAIL", None: "    "}
    lines = [found.loader]
    for step in found.steps:
        lines.append(f"  {marks[step.passed]} {step.name}: {step.found}")
        lines += [f"         prints {line}" for line in _counted(step.lines)]
    lines.append(f"end: {found.end.value}: {found.meaning}")
    if found.cause:
        lines.append(f"cause: {found.cause}")
    return "\n".join(lines)


def _counted(lines: tuple[str, ...]) -> list[str]:
    shown: list[tuple[str, int]] = []
    for line in lines:
        if shown and shown[-1][0] == line:
            shown[-1] = (line, shown[-1][1] + 1)
        else:
            shown.append((line, 1))
    return [line if count == 1 else f"{line} ({count} times)" for line, count in shown]


VERBS = {"info": _add_info, "partitions": _add_partitions, "check": _add_check}
"""What adds the verbs of `bk7238 image` that look at files."""
