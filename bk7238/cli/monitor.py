"""`bk7238 monitor IMAGE`: the machine at Renode's monitor, as platform/bk7238/start.resc sets it up.

The monitor's own commands drive it (`start`, `pause`, `cpu PC`, `sysbus.uart1 ...`, `quit`); a debugger connects to
port 3333. With --ssid the device finds an access point, and Renode's switch is plugged in behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any

from bk7238 import chip
from bk7238.cli import arguments as given

PROMPT = "(bk7238) "
LEAVE = ("quit", "q", "exit")


def add(commands: Any) -> None:
    parser = commands.add_parser("monitor", help="a machine at Renode's monitor: analyzers, GDB, switch")
    given.add_image(parser)
    parser.add_argument(
        "-e", "--execute", action="append", default=[], metavar="COMMAND", help="a monitor command to begin with"
    )
    parser.add_argument("--gdb", type=given.whole, default=3333, metavar="PORT", help="for debuggers (default: 3333)")
    parser.add_argument("--ssid", type=given.ssid, metavar="SSID", help="put an access point into the air")
    parser.add_argument("--psk", type=given.passphrase, metavar="P", help="its passphrase (default: an open network)")
    parser.add_argument("--channel", type=given.channel, default=6, metavar="N", help="its channel (default: 6)")
    parser.add_argument("--bare", action="store_true", help="no simulated network: only what Renode's switch brings")
    parser.add_argument("--seed", type=given.whole, default=0, metavar="N", help="of everything random (default: 0)")
    parser.add_argument("--flash-size", type=given.flash_size, metavar="2M|4M", help="of the chip")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    image = given.image(arguments)
    from bk7238.engine.renode_host import renode
    from bk7238.machine import Machine

    host = renode()
    host.script, host.variables = chip.load().board.with_name("start.resc"), {"gdb": arguments.gdb}
    machine = given.checked(
        lambda: Machine(image.data, flash_size=arguments.flash_size, seed=arguments.seed, engine="renode")
    )
    host.log_to_console()
    machine.log.listeners.append(lambda record: print(record, file=sys.stderr))
    if arguments.ssid is not None:
        _connect(machine, arguments)
    for command in arguments.execute:
        print(host.answer(command), end="", flush=True)
    while (command := _next_command()) not in LEAVE:
        print(host.answer(command), end="", flush=True)
    host.execute("pause")
    return 0


def _connect(machine: Any, arguments: argparse.Namespace) -> None:
    from bk7238.air.access_point import AccessPoint
    from bk7238.air.medium import Medium
    from bk7238.air.wpa2 import Wpa2
    from bk7238.network.network import Network
    from bk7238.network.uplink import Uplink

    inner = None if arguments.bare else Network(machine.random("network"))
    security = None if arguments.psk is None else Wpa2(arguments.psk, machine.random("keys"))
    access_point = AccessPoint(
        arguments.ssid,
        channel=arguments.channel,
        network=Uplink(machine.engine.port("wifi"), inner),
        rng=machine.random("access point"),
        security=security,
    )
    machine.connect_air(Medium([access_point]))


def _next_command() -> str:
    """A line from the keyboard; the end of the input leaves."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # gives `input` its history
    try:
        return input(PROMPT).strip()
    except EOFError:
        return LEAVE[0]
