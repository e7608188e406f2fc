"""`bk7238 view IMAGE [PACKAGE]`: a page that shows the device while it runs, and goes back in its time. Also of
what a run has left in its folder, and of a point of a sweep."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bk7238.bench import command
from bk7238.bench.settings import OPTIONS
from bk7238.cli import arguments as given
from bk7238.cli import saved_job
from bk7238.cli.arguments import UsageError
from bk7238.engine import interruption
from bk7238.image import package

if TYPE_CHECKING:
    from bk7238.bench.settings import Settings
    from bk7238.image import FlashImage, Package
    from bk7238.view.folder import RecordedDevice
    from bk7238.view.live import LiveDevice


def add(commands: Any) -> None:
    """Add `bk7238 view`."""
    parser = commands.add_parser("view")
    given.add_image(parser)
    parser.add_argument("package", type=Path, metavar="PACKAGE", nargs="?", help="update package (RBL) to be offered")
    parser.add_argument(
        "--port", type=given.port, default=0, metavar="N", help="to listen on (default: any that is free)"
    )
    parser.add_argument(
        "--replay", metavar="ID", help="IMAGE is a saved sweep (sweep.json, or its folder): run this point of it"
    )
    saved_job.add_options(parser)
    command.add_options(parser)
    parser.set_defaults(run=run)


@interruption.heard()
def run(arguments: argparse.Namespace) -> int:
    """Serve the page until a signal comes. Returns the exit status."""
    shown = _shown(arguments)
    try:
        from bk7238.view.server import PageServer
    except ImportError:
        raise UsageError("the page needs starlette, uvicorn and wsproto: pip install 'bk7238-sim[view]'") from None
    try:
        server = PageServer(shown, arguments.port)
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {arguments.port}: {error.strerror or error}; give another --port"
        ) from None
    print(f"open {server.url}", flush=True)
    with contextlib.suppress(interruption.Interrupted):
        server.serve()
    return 0


def _shown(arguments: argparse.Namespace) -> LiveDevice | RecordedDevice:
    """What the page is to show. Raises UsageError."""
    if arguments.replay is not None:
        if arguments.package is not None or any(name in arguments for name in OPTIONS):
            raise UsageError("--replay takes the package and the settings of the sweep: leave them out")
        arguments.sweep = arguments.image
        job, settings = saved_job.point(arguments, arguments.replay)
        return _live(job.image, None if job.package is package.NONE else job.package, settings)
    if arguments.image.is_dir():
        if arguments.package is not None:
            raise UsageError(f"{arguments.image}: the folder of a run is shown alone; leave out {arguments.package}")
        from bk7238.view.folder import RecordedDevice

        return given.checked(RecordedDevice, arguments.image, given.chip(arguments))
    settings = given.settings(arguments)
    if settings.engine != "unicorn":
        raise UsageError(f"the engine {settings.engine} cannot go back; the page needs unicorn")
    offered = None if arguments.package is None else given.checked(package.read, arguments.package)
    image = given.image(arguments, settings)
    return _live(image, offered, settings)


def _live(image: FlashImage, offered: Package | None, settings: Settings) -> LiveDevice:
    from bk7238.cli import outside
    from bk7238.view.desk import Desk
    from bk7238.view.live import LiveDevice

    names = [str(one.path or one.name) for one in (image, offered) if one is not None]
    desk = given.checked(Desk, image, offered, settings)
    if desk.bench.forwarder is not None:
        outside.tell_of(desk.bench.forwarder, settings.forward)
    return LiveDevice(desk, names[0], "".join(names[1:]))
