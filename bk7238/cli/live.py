"""`bk7238 live IMAGE`: a device that has joined lives on, while things happen to its router, and comes back or not."""

from __future__ import annotations

import argparse
from typing import Any

from bk7238.bench import command
from bk7238.cli import arguments as given
from bk7238.engine import interruption
from bk7238.formats.duration import duration
from bk7238.update.verdict import LATE

USUAL = "router-restart"


def add(commands: Any) -> None:
    """Add `bk7238 live`."""
    parser = commands.add_parser("live")
    given.add_image(parser)
    parser.add_argument(
        "--hours", type=hours, default=1.0, metavar="H", help="virtual hours since the power-on (default: 1)"
    )
    parser.add_argument(
        "--every", type=command.reader(duration), metavar="TIME", help="an outage every so often, as in 10min"
    )
    parser.add_argument(
        "--outage", metavar="SPEC", help=f"what happens then: a fault without a moment (default: {USUAL})"
    )
    parser.add_argument(
        "--late",
        type=given.time,
        default=LATE / 1e6,
        metavar="TIME",
        help=f"how long after it could have been back a device is late (default: {LATE / 1e6:g} s)",
    )
    network = [name for name in given.NETWORK if name not in ("request", "update_by", "ota_password")]
    reached = ("gateway", "gateway_anywhere", "forward")
    command.add_options(parser, (*network, *reached, *given.MACHINE, "faults"))
    parser.add_argument("--json", action="store_true", help="one line on stdout, one object")
    given.add_artifacts(parser)
    parser.set_defaults(run=run)


@command.reader
def hours(text: str) -> float:
    """Read a number of virtual hours, above 0 and below 10,000."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 10_000:
        raise ValueError(f"{text!r} is no number of hours above 0 and below 10000")
    return number


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Let the device live and print how often it came back. Returns the exit status."""
    end = round(arguments.hours * 3.6e9)
    more = given.checked(_outages, arguments, end)
    settings = given.settings(arguments, faults=(*vars(arguments).get("faults", ()), *more))
    image = given.image(arguments, settings)
    given.checked(settings.check_chip, image.chip)
    from bk7238.cli import living

    return living.run(arguments, settings, image, end)


def _outages(arguments: argparse.Namespace, end: int) -> list[str]:
    if arguments.every is None:
        if arguments.outage is not None:
            raise ValueError("--outage needs --every TIME")
        return []
    from bk7238.faults.spec import parse
    from bk7238.update.life import outages

    what = parse(arguments.outage or USUAL)
    if what.when:
        raise ValueError(f"--outage {what}: its moments are those of --every; leave out the @")
    if not arguments.every:
        raise ValueError("--every is a time above 0")
    return outages(arguments.every, str(what), end)
