"""`bk7238 monitor IMAGE [PACKAGE]`: the machine at Renode's monitor, as platform/bk7238/start.resc sets it up.

The monitor's own commands drive it (`start`, `pause`, `cpu PC`, `sysbus.uart1 ...`, `quit`). With --gdb a debugger of
this machine may connect. With --ssid the device finds an access point, and
Renode's switch is plugged in behind it. With PACKAGE it updates itself, as in `bk7238 ota`. With --robot a suite of
Robot Framework drives it instead of somebody at a keyboard.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any

from bk7238.bench.bench import Bench
from bk7238.bench.command import add_options, flag
from bk7238.bench.settings import Settings
from bk7238.cli import arguments as given
from bk7238.cli.colour import print_verdict
from bk7238.cli.progress import Teller
from bk7238.engine import interruption, renode_host
from bk7238.families import recognise
from bk7238.faults.run import Faults
from bk7238.image import FlashImage, Package, package
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from bk7238.network.uplink import Uplink
from bk7238.update.session import Update

PROMPT = "(bk7238) "
LEAVE = ("quit", "q", "exit")
PATIENCE = 10.0  # host seconds for Renode to pause: it may still be at the command that a signal came in
GLANCE = 0.2  # host seconds between two looks at whether a signal came
OPTIONS = (*given.NETWORK, "serve", "faults", "seed", "chip", "flash_key", "flash_size", "devices")


def add(commands: Any) -> None:
    """Add `bk7238 monitor`."""
    parser = commands.add_parser("monitor")
    parser.add_argument("image", type=Path, nargs="?", metavar="IMAGE", help="full flash image, CRC-framed")
    given.add_force(parser)
    parser.add_argument("package", type=Path, nargs="?", metavar="PACKAGE", help="update package that is offered to it")
    parser.add_argument(
        "-e", "--execute", action="append", default=[], metavar="COMMAND", help="a monitor command to begin with"
    )
    parser.add_argument(
        "--gdb",
        type=given.port,
        metavar="PORT",
        help="open Renode's GDB server there, for programs of this machine: who reaches it drives Renode's monitor",
    )
    parser.add_argument("--robot", type=given.port, metavar="PORT", help="offer keywords to Robot Framework there")
    add_options(parser, OPTIONS, ssid="put an access point into the air (default with PACKAGE: Bench)")
    parser.add_argument("--bare", action="store_true", help="no simulated network: only what Renode's switch brings")
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Start the machine in Renode and read commands. Returns the exit status."""
    if arguments.image is None and arguments.robot is None:
        raise given.UsageError("name the IMAGE (see bk7238 monitor --help)")
    settings = given.settings(arguments, engine="renode")
    if "ssid" not in arguments and arguments.package is None:
        options = [
            flag(name) for name in ("psk", "ap_ssid", "ap_psk", "router", "serve", "faults") if name in arguments
        ]
        for option in (*options, *(["--bare"] if arguments.bare else ())):
            raise given.UsageError(f"{option} needs an access point: --ssid SSID")
    if arguments.bare and (arguments.package is not None or settings.serve):
        raise given.UsageError("with --bare nobody serves files: leave it out, or PACKAGE and --serve")
    image = None if arguments.image is None else given.image(arguments)
    update_package = None if arguments.package is None else given.checked(package.read, arguments.package)
    script = (given.chip_or_usual(arguments) if image is None else image.chip).board.with_name("start.resc")
    if not script.is_file():
        raise given.UsageError(f"{script}: no such file; it sets the machine up at Renode's monitor")
    host = renode_host.renode()
    host.script, host.gdb = script, arguments.gdb
    if arguments.robot is not None:
        return _robot(arguments)
    assert image is not None
    if update_package is not None:
        machine = given.checked(_updating, settings, image, update_package)
    else:
        machine = given.checked(_alone, arguments, settings, image)
    machine.engine.name_registers()  # type: ignore[attr-defined]
    host.log_to_console()
    machine.log.on_record.connect(lambda record: print(record, file=sys.stderr))
    try:
        for command in arguments.execute:
            _carry_out(host, command)
        while (command := _next_command()) not in LEAVE:
            _carry_out(host, command)
    finally:
        wait([renode_host.beside(host.answer, "pause")], PATIENCE)
    return 0


def _carry_out(host: renode_host.Renode, command: str) -> None:
    """Print what Renode says to a command. A signal ends the wait for it."""
    with interruption.at_once():
        said = renode_host.beside(host.answer, command).result()
    print(said, end="", flush=True)


def _updating(settings: Settings, image: FlashImage, update_package: Package) -> Machine:
    """A device that will ask for the package, and a judge that says where it ends."""
    update = Update(
        image,
        update_package,
        settings,
        Teller().tell,
        plug=lambda machine, simulated: Uplink(machine.engine.port("wifi"), simulated),  # type: ignore[attr-defined]
    )
    judge = update.judge

    def told() -> None:
        if judge.verdict:
            print_verdict(judge.verdict.value, f": {judge.reason}")

    judge.on_end.connect(told)
    update.begin()
    return update.machine


def _alone(arguments: argparse.Namespace, settings: Settings, image: FlashImage) -> Machine:
    """A device that nobody has told of a network, and the network that --ssid puts into the air."""
    faults = Faults(settings.faults, settings.seed)
    bench = Bench(
        settings,
        image,
        lambda machine, simulated: Uplink(
            machine.engine.port("wifi"),  # type: ignore[attr-defined]
            None if arguments.bare else simulated,
        ),
    )
    if "ssid" in arguments:
        bench.put_on_air(faults.network)
        bench.power_on()
        flash = FlashView(bench.machine.chip, bytes(bench.machine.flash.data))
        configuration = partial(recognise.configuration, flash)
        faults.begin(bench.machine, bench.air, bench.router, configuration)
    return bench.machine


def _robot(arguments: argparse.Namespace) -> int:
    """Serve suites until one of them calls `Stop Remote Server`."""
    from bk7238.robot import server as robot  # with XML-RPC and pydoc, which no other command needs
    from bk7238.robot.keywords import Keywords

    remote = robot.Remote(Keywords(arguments.image, arguments.package), robot.RenodeKeywords())
    try:
        server = robot.listen(arguments.robot, remote)
    except (OSError, OverflowError) as error:
        raise given.UsageError(f"--robot {arguments.robot}: {error}; name a port that is free") from None
    server.timeout = GLANCE
    with server:
        print(f"keywords for Robot Framework at http://{robot.HOST}:{arguments.robot}", flush=True)
        while not remote.stopped:
            interruption.check()
            server.handle_request()
    return 0


def _next_command() -> str:
    """A line from the keyboard; the end of the input leaves."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # gives `input` its history
    try:
        with interruption.at_once():
            return input(PROMPT).strip()
    except EOFError:
        return LEAVE[0]
