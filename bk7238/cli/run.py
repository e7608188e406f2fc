"""`bk7238 run IMAGE`: boot a full image to its console and show what it prints."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bk7238.bench import command
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.cli import arguments as given
from bk7238.cli import symbols
from bk7238.engine import interruption

if TYPE_CHECKING:
    from bk7238.faults.scenario import Scenario

USUAL = Settings(within=60.0)


def add(commands: Any) -> None:
    """Add `bk7238 run`."""
    parser = commands.add_parser("run")
    given.add_image(parser)
    parser.add_argument(
        "--expect-text", "--until", metavar="TEXT", help="end when a line with TEXT has been printed: status 0"
    )
    parser.add_argument("--fail-text", metavar="TEXT", help="end when a line with TEXT has been printed: status 1")
    parser.add_argument(
        "--send",
        action="append",
        default=[],
        metavar="TEXT",
        help="type TEXT and Enter, once --after has passed; may be repeated, and is typed in that order",
    )
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="type what comes on stdin, from --after on; on a terminal that is usual, from the start on, unless an "
        "option says what is typed or waited for",
    )
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="settings and [[step]]s, TOML")
    parser.add_argument(
        "--after", type=given.time, default=5.0, metavar="TIME", help="virtual seconds before typing (default: 5)"
    )
    parser.add_argument("--console", type=int, choices=(1, 2), default=1, help="UART that is typed on (default: 1)")
    parser.add_argument("--serial-log-file", type=Path, metavar="FILE", help="what that UART printed goes there")
    parser.add_argument(
        "--fetch",
        type=_url,
        action="append",
        default=[],
        metavar="URL",
        help="a station joins the device's own open access point and fetches URL; may be repeated",
    )
    names = ("ssid", "psk", "router", "hidden", "channel", "date", *given.OUTSIDE, "within", *given.MACHINE)
    command.add_options(parser, names, USUAL, ssid="put an access point into the air", psk="its passphrase")
    parser.add_argument(
        "--no-configure", action="store_true", help="do not tell the device the network of --ssid and --psk"
    )
    parser.add_argument("--json", action="store_true", help="one line on stdout instead of the consoles")
    given.add_quiet(parser)
    symbols.add(parser)
    given.add_artifacts(parser)
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Boot the image and print its consoles. Returns the exit status."""
    if arguments.interactive and sys.stdin is None:
        raise given.UsageError("--interactive types what comes on stdin, which is closed")
    symbols.check(arguments)
    wanted = _scenario(arguments.scenario)
    usual = USUAL if wanted is None else replace(USUAL, **_unusual(wanted.settings))
    settings = given.settings(arguments, usual)
    image = given.image(arguments, settings)
    on_air = "ssid" in arguments or settings.ssid != USUAL.ssid
    if not on_air:
        _check_without_air(settings)
    from bk7238.cli import booting

    return booting.run(arguments, settings, image, () if wanted is None else wanted.steps, on_air=on_air)


def _url(text: str) -> str:
    from bk7238.cli import fetching

    return fetching.url(text)


def _check_without_air(settings: Settings) -> None:
    """Raises UsageError where settings are of an access point, which is not there."""
    if settings.serve or settings.gateway or settings.tap is not None:
        raise given.UsageError("--serve, --gateway and --tap need an access point: --ssid SSID")
    if settings.router is not None:
        raise given.UsageError("--router is the setting of an access point; name that with --ssid")
    if settings.psk is not None:
        raise given.UsageError("--psk is the passphrase of an access point; name that with --ssid")


def _scenario(path: Path | None) -> Scenario | None:
    """What a scenario says, as far as it can be said of a boot. Raises UsageError."""
    wanted = given.scenario(path)
    if wanted is not None and (wanted.faults or wanted.expects):
        raise given.UsageError(
            f"{path}: faults and [expect] are for an update: bk7238 ota; run takes settings and steps"
        )
    return wanted


def _unusual(settings: Settings) -> dict[str, Any]:
    """The settings that are not as usual."""
    values = {name: getattr(settings, name) for name in OPTIONS}
    return {name: value for name, value in values.items() if value != getattr(Settings(), name)}
