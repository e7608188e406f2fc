"""`bk7238 run IMAGE`: boot a full image to its console and show what it prints."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from bk7238.cli import arguments as given
from bk7238.cli import fetching, outside


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="boot an image and show its consoles")
    given.add_image(parser)
    parser.add_argument("--until", metavar="TEXT", help="end when a line with TEXT has been printed")
    parser.add_argument(
        "--within", type=given.seconds, default=60.0, metavar="SECONDS", help="virtual seconds (default: 60)"
    )
    parser.add_argument(
        "--send", action="append", default=[], metavar="TEXT", help="type TEXT and Enter, once --after has passed"
    )
    parser.add_argument(
        "--after", type=given.seconds, default=5.0, metavar="SECONDS", help="virtual seconds before typing (default: 5)"
    )
    parser.add_argument("--console", type=int, choices=(1, 2), default=1, help="UART that is typed on (default: 1)")
    parser.add_argument("--ssid", type=given.ssid, metavar="SSID", help="put an access point into the air")
    parser.add_argument("--psk", type=given.passphrase, metavar="P", help="its passphrase (default: an open network)")
    parser.add_argument("--hidden", action="store_true", help="it keeps its SSID out of its beacons")
    parser.add_argument("--channel", type=given.channel, default=6, metavar="N", help="its channel (default: 6)")
    parser.add_argument(
        "--fetch",
        type=fetching.url,
        action="append",
        default=[],
        metavar="URL",
        help="a station joins the device's own open access point and fetches URL; may be repeated",
    )
    outside.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one line on stdout instead of the consoles")
    given.add_machine_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    image = given.image(arguments)
    served, server = outside.served(arguments), outside.server(arguments)
    if arguments.ssid is None and (served or server or arguments.tap):
        raise given.UsageError("--serve, --gateway and --tap need an access point: --ssid SSID")
    from bk7238.air.access_point import AccessPoint
    from bk7238.air.medium import Medium
    from bk7238.air.wpa2 import Wpa2
    from bk7238.cli.recording import recorded
    from bk7238.debug import attach, crash
    from bk7238.machine import Machine
    from bk7238.network.gateway import Gateway
    from bk7238.network.link import Link
    from bk7238.network.network import Network
    from bk7238.network.tap import Tap

    if arguments.psk is not None and arguments.ssid is None:
        raise given.UsageError("--psk is the passphrase of an access point; name that with --ssid")
    machine = given.checked(
        lambda: Machine(image.data, flash_size=arguments.flash_size, seed=arguments.seed, engine=arguments.engine)
    )
    network: Link = Network(machine.random("network"), files=served)
    if arguments.tap is not None:
        network, machine.outside = given.checked(Tap, arguments.tap), "tap"
    folder = given.artifacts(arguments.artifacts)
    air = Medium()
    if server is not None and isinstance(network, Network):
        network.attach(Gateway(server, network.events))
        machine.outside = "gateway"
        network.on_event(outside.teller(folder))
    if arguments.ssid is not None:
        rng = machine.random("access point")
        security = None
        if arguments.psk is not None:
            security = Wpa2(arguments.psk, machine.random("keys"))
        air.add(
            AccessPoint(
                arguments.ssid,
                channel=arguments.channel,
                network=network,
                rng=rng,
                hidden=arguments.hidden,
                security=security,
            )
        )
    machine.connect_air(air)
    machine.dead_end.listeners.append(lambda why: machine.stop())
    crashes = crash.Watcher(machine, lambda: attach.known_symbols(machine))
    if arguments.log:
        machine.log.listeners.append(lambda record: print(record, file=sys.stderr))
    seen: list[str] = []

    def line(console: str, text: str) -> None:
        if not arguments.json:
            print(f"{machine.now / 1e6:10.3f} {console} {text}", flush=True)
        if arguments.until is not None and arguments.until in text:
            seen.append(text)
            machine.stop()

    def told(text: str) -> None:
        if not arguments.json:
            print(f"{machine.now / 1e6:10.3f} station {text}", flush=True)

    def fetched() -> None:
        if arguments.until is None:
            machine.stop()

    pages = (
        fetching.Fetching(arguments.fetch, machine.random("station"), air, fetched, told) if arguments.fetch else None
    )
    machine.uart1.on_line(lambda text: line("uart1", text))
    machine.uart2.on_line(lambda text: line("uart2", text))
    typed = b"".join(text.encode() + b"\r" for text in arguments.send)
    if typed:
        console = (machine.uart1, machine.uart2)[arguments.console - 1]
        machine.clock.after(round(arguments.after * 1e6), lambda: console.send(typed))
    began = time.perf_counter()
    with recorded(folder, air):
        machine.run(until=round(arguments.within * 1e6))
    why = machine.dead_end.why or machine.dead_end.resets or ("it crashed" if crashes.reports else "")
    result: dict[str, Any] = {
        "seen": seen[0] if seen else None,
        "resets": machine.resets,
        "end": why or None,
        "virtual_seconds": machine.now / 1e6,
        "instructions": machine.instructions,
        "wall_seconds": round(time.perf_counter() - began, 3),
        "digest": machine.digest(),
        "seed": arguments.seed,
        "engine": arguments.engine,
    }
    if pages is not None:
        result["fetched"] = pages.result
    if folder is not None:
        if pages is not None:
            pages.save(folder)
        machine.save(folder)
        (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    crashes.tell(folder)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(
            f"{result['virtual_seconds']:.3f} virtual seconds in {result['wall_seconds']:.1f} s, "
            f"{machine.instructions:,} instructions, {machine.resets} resets, digest {result['digest']}"
        )
    if seen or (arguments.until is None and pages is not None and pages.status == 0):
        return 0
    if why:
        print(f"bk7238: {image.name}: {why}", file=sys.stderr)
    if arguments.until is not None:
        print(
            f"bk7238: {arguments.until!r} was not printed within {arguments.within:g} virtual seconds", file=sys.stderr
        )
    if pages is not None and pages.status == 3:
        print(f"bk7238: not all was fetched within {arguments.within:g} virtual seconds", file=sys.stderr)
    if why:
        return 1
    return 3 if arguments.until is not None else pages.status if pages is not None else 0
