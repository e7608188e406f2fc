"""`bk7238 ota IMAGE PACKAGE`: run a whole update over the air and say where the device ended, and why."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bk7238.cli import arguments as given
from bk7238.cli.progress import Teller
from bk7238.image import flash_image, package
from bk7238.update.result import Result


def add(commands: Any) -> None:
    parser = commands.add_parser("ota", help="update a device over the air, from power-on to the new app")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="full flash image, CRC-framed")
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="update package (RBL)")
    parser.add_argument("--profile", default="auto", help="firmware family: auto, openbeken (default: auto)")
    parser.add_argument("--ssid", type=given.ssid, default=b"Bench", help="network the device is told (default: Bench)")
    parser.add_argument("--ap-ssid", type=given.ssid, metavar="SSID", help="the access point's, where it differs")
    parser.add_argument("--channel", type=given.channel, default=6, metavar="N", help="1 to 13 (default: 6)")
    parser.add_argument("--ht", action="store_true", help="the access point offers 802.11n and WMM")
    parser.add_argument(
        "--request", metavar="NAME", help="the file the device asks for, where it is not PACKAGE's name"
    )
    parser.add_argument(
        "--within", type=given.seconds, default=180.0, metavar="SECONDS", help="virtual seconds (default: 180)"
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    given.add_machine_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    image = given.checked(flash_image.read, arguments.image)
    update_package = given.checked(package.read, arguments.package)
    from bk7238.update.session import Settings, Update  # the machine is heavy: not for what fails before it

    settings = Settings(
        ssid=arguments.ssid,
        ap_ssid=arguments.ap_ssid,
        channel=arguments.channel,
        ht=arguments.ht,
        profile=arguments.profile,
        request=arguments.request,
        flash_size=arguments.flash_size,
        engine=arguments.engine,
        seed=arguments.seed,
        within=arguments.within,
    )
    teller = Teller(quiet=arguments.json)
    update = given.checked(Update, image, update_package, settings, teller.tell)
    folder = given.artifacts(arguments.artifacts)
    for damage in update_package.damage:
        print(f"bk7238: warning: {update_package.name}: {damage}", file=sys.stderr)
    if arguments.log:
        update.machine.log.listeners.append(lambda record: print(record, file=sys.stderr))
    with teller:
        result = update.run()
    if folder is not None:
        _write(folder, update, result)
    if arguments.json:
        print(json.dumps(result.as_json()))
    else:
        _print(result, folder)
    return result.verdict.exit_status


def _print(result: Result, folder: Path | None) -> None:
    speed = result.virtual_seconds / result.wall_seconds
    print(
        f"\n{result.verdict.value}: {result.from_version or 'no version'} -> {result.to_version or 'no new version'}\n"
        f"  {result.reason}\n"
        f"  {result.virtual_seconds:.3f} virtual seconds in {result.wall_seconds:.1f} s ({speed:.1f} times real time), "
        f"{result.instructions:,} instructions\n"
        f"  digest {result.digest}, seed {result.seed}, engine {result.engine}"
    )
    if folder is not None:
        print(f"  artifacts in {folder}")


def _write(folder: Path, update: Any, result: Result) -> None:
    update.machine.save(folder)
    (folder / "result.json").write_text(json.dumps(result.as_json(), indent=2) + "\n")
