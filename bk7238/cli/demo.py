"""`bk7238 demo [CASE]`: an update of the reference firmware, or of a known-bad build that is made of it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bk7238 import host_files, resources
from bk7238.cli import arguments as given
from bk7238.cli import ota
from bk7238.faults import scenario
from bk7238.formats import rbl
from bk7238.image import build, flash_image, pack, split

OLD, NEW = "1.0.0", "1.0.1"
IMAGE, PACKAGE = f"reference_{OLD}.bin", f"reference_{NEW}_gzip_aes.rbl"
_RESET_HANDLER = 0x20  # bytes into an app: its logical address
_SLEEP = bytes.fromhex("900f07ee fdffffea")  # mcr p15, 0, r0, c7, c0, 4 (wait for interrupt); b to it


def add(commands: Any) -> None:
    """Add `bk7238 demo`."""
    parser = commands.add_parser("demo")
    parser.add_argument("case", nargs="?", metavar="CASE", help="a known-bad build that --list names")
    parser.add_argument("--list", action="store_true", help="list the known-bad builds, and where a device ends")
    ota.add_options(parser)
    parser.set_defaults(run=run, force=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the update as `bk7238 ota` does; without any word on an open network, then with WPA2. Returns the exit
    status, for a known-bad build 0 where the device has ended as its scenario says."""
    if arguments.list:
        return _list()
    if arguments.case not in (None, *CASES):
        raise given.UsageError(f"no known-bad build is called {arguments.case!r}, but {', '.join(CASES)}")
    arguments.ssid = vars(arguments).get("ssid", "Bench")
    if arguments.case is not None:
        return _known_bad(arguments)
    arguments.image, arguments.package, arguments.scenario = _built(IMAGE), _built(PACKAGE), None
    status = ota.run(arguments)
    if status == 0 and len(arguments.words) == 1:
        print()
        arguments.psk = "correct horse battery staple"
        status = ota.run(arguments)
    return status


def _known_bad(arguments: argparse.Namespace) -> int:
    name, arguments.scenario = arguments.case, _scenario(arguments.case)
    with tempfile.TemporaryDirectory() as made:
        arguments.image, arguments.package = Path(made, f"{name}.bin"), Path(made, f"{name}.rbl")
        files = dict(zip((arguments.image.name, arguments.package.name), CASES[name](), strict=True))
        for file, data in files.items():
            host_files.write_in(Path(made), file, data)
        status = ota.run(arguments)
    if arguments.artifacts is not None:
        for file, data in {**files, f"{name}.toml": _scenario(name).read_bytes()}.items():
            host_files.write_in(arguments.artifacts, file, data)
    return status


def _list() -> int:
    for name in CASES:
        text = _scenario(name).read_text(encoding="utf-8")
        print(f"{name}\n  {text.partition(chr(10))[0].lstrip('# ')}\n  ends: {scenario.read(_scenario(name)).expected}")
    print("\n`bk7238 demo CASE` runs one; with --artifacts DIR its image, package and scenario are in that folder")
    return 0


def _built(name: str) -> Path:
    return resources.reference() / name


def _scenario(name: str) -> Path:
    return resources.known_bad() / f"{name}.toml"


# The builds: the bytes of an image and of a package


def _sound() -> tuple[bytes, bytes]:
    return _built(IMAGE).read_bytes(), _built(PACKAGE).read_bytes()


def _sleeping_app() -> tuple[bytes, bytes]:
    """The app waits for an interrupt before it has allowed any; a boot loader can only find the package sound."""
    image = flash_image.read(_built(IMAGE))
    app = bytearray(_built(f"app-{NEW}.bin").read_bytes())
    at = int.from_bytes(app[_RESET_HANDLER : _RESET_HANDLER + 4], "little") - image.app.offset
    app[at : at + len(_SLEEP)] = _SLEEP
    timestamp = rbl.unpack(_built(PACKAGE).read_bytes()).timestamp
    return image.data, pack.pack(bytes(app), version=NEW, timestamp=timestamp, compression="gzip", encryption="aes")


def _rounding_boot_loader() -> tuple[bytes, bytes]:
    image = flash_image.read(_built(IMAGE))
    return split.with_boot_loader(image, _boot_loader("rounding")), _built(PACKAGE).read_bytes()


def _trusting_boot_loader() -> tuple[bytes, bytes]:
    """The old app's code lies elsewhere in its sectors than the new one's: where both have the same zeros, those that
    an erase left are not seen."""
    image = flash_image.read(_built(IMAGE))
    parts = split.split(image)
    app = parts.app[:0x200] + bytes(68) + parts.app[0x200:]
    footer = build.footer(app, rbl.unpack(parts.app_footer).timestamp, OLD)
    loader = _boot_loader("trusting")
    made = replace(parts, bootloader=loader, bootloader_footer=b"", app=app, app_footer=footer, areas=())
    return build.build(made), _built(PACKAGE).read_bytes()


def _boot_loader(bug: str) -> bytes:
    """The reference boot loader with a planted bug (firmware/reference/Makefile)."""
    return (resources.known_bad() / f"{bug}_boot.bin").read_bytes()


CASES: dict[str, Callable[[], tuple[bytes, bytes]]] = {
    "brick": _sleeping_app,
    "reflash": _rounding_boot_loader,
    "layout": _sound,
    "corrupt": _sound,
    "cut": _trusting_boot_loader,
}
"""Each has a scenario of its name in firmware/reference/bad, which says what it is and where it ends."""
