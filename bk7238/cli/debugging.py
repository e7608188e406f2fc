"""A device at GDB's command as `bk7238 gdb` was told, and what is printed beside the debugger."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import sys

from bk7238.bench.bench import Bench
from bk7238.bench.settings import Settings
from bk7238.cli import arguments as given
from bk7238.debug import attach, crash
from bk7238.debug.gdbserver import GdbServer
from bk7238.engine import interruption
from bk7238.image import FlashImage, Package
from bk7238.machine import Machine
from bk7238.update.session import Update
from bk7238.update.story import Happening


def run(arguments: argparse.Namespace, settings: Settings, image: FlashImage, offered: Package | None) -> int:
    """Boot the image and serve GDB. Returns the exit status."""
    shown = _Shown()
    machine = _booting(settings, image) if offered is None else _updating(settings, image, offered, shown)
    shown.machine = machine
    known = given.checked(attach.known_symbols, machine, arguments.symbols)
    folder = given.artifacts(arguments, clear=given.OF_A_RUN)
    machine.uart1.on_line.connect(lambda line: shown.timed(f"uart1 {line}"))
    machine.uart2.on_line.connect(lambda line: shown.timed(f"uart2 {line}"))
    if arguments.log:
        machine.log.on_record.connect(lambda record: print(record, file=sys.stderr))
    try:
        server = attach.serve(machine, host=arguments.listen, port=arguments.port, symbols=known, tell=shown.text)
    except OSError as error:
        where = _endpoint(arguments.listen, arguments.port)
        raise given.UsageError(
            f"cannot listen on {where}: {error.strerror or error}; give another --listen or --port"
        ) from None
    shown.server = server
    with server:
        for function in arguments.breaks:
            server.debugger.set_own_break(given.checked(known.address, function))
        server.debugger.on_crash.connect(lambda what: shown.text(crash.report(machine, known, what)))
        machine.dead_end.on_end.connect(shown.text)
        server.running = arguments.running
        if known.title:
            shown.text(f"symbols: {known.title}")
        host, number = server.address
        if not ipaddress.ip_address(host).is_loopback:
            print(f"bk7238: warning: whoever reaches {host} can drive this device", file=sys.stderr)
        shown.text(f"listening; in GDB: target extended-remote {_endpoint(host, number)}")
        with contextlib.suppress(interruption.Interrupted):  # raised once the artifacts are there
            server.serve()
    if folder is not None:
        machine.save(folder)
    return 0


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Shown:
    """What is printed beside the debugger: nothing twice, where it goes back and runs again."""

    def __init__(self) -> None:
        self.machine: Machine | None = None
        self.server: GdbServer | None = None

    def text(self, text: str) -> None:
        if self.server is None or not self.server.debugger.timeline.replaying:
            print(text, flush=True)

    def timed(self, text: str) -> None:
        assert self.machine is not None
        self.text(f"{self.machine.now / 1e6:10.3f} {text}")

    def happening(self, happening: Happening) -> None:
        if happening.share is None:
            self.text(f"{happening.time / 1e6:10.3f} s  {happening.text}")


def _booting(settings: Settings, image: FlashImage) -> Machine:
    """A device that nobody has told to update itself."""
    bench = given.checked(Bench, settings, image)
    bench.put_on_air()
    bench.power_on()
    return bench.machine


def _updating(settings: Settings, image: FlashImage, offered: Package, shown: _Shown) -> Machine:
    """A device with its update on the way."""
    update: Update = given.checked(Update, image, offered, settings, shown.happening)
    return update.machine
