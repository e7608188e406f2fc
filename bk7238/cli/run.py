"""`bk7238 run IMAGE`: boot a full image to its console and show what it prints."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from bk7238.bench import command
from bk7238.bench.settings import Settings
from bk7238.cli import arguments as given
from bk7238.cli import fetching, outside

USUAL = Settings(within=60.0)


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="boot an image and show its consoles")
    given.add_image(parser)
    parser.add_argument("--until", metavar="TEXT", help="end when a line with TEXT has been printed")
    parser.add_argument(
        "--send", action="append", default=[], metavar="TEXT", help="type TEXT and Enter, once --after has passed"
    )
    parser.add_argument(
        "--after", type=given.time, default=5.0, metavar="TIME", help="virtual seconds before typing (default: 5)"
    )
    parser.add_argument("--console", type=int, choices=(1, 2), default=1, help="UART that is typed on (default: 1)")
    parser.add_argument(
        "--fetch",
        type=fetching.url,
        action="append",
        default=[],
        metavar="URL",
        help="a station joins the device's own open access point and fetches URL; may be repeated",
    )
    names = ("ssid", "psk", "hidden", "channel", *given.OUTSIDE, "within", *given.MACHINE)
    command.add_options(parser, names, USUAL, ssid="put an access point into the air", psk="its passphrase: WPA2-PSK")
    parser.add_argument("--json", action="store_true", help="one line on stdout instead of the consoles")
    given.add_artifacts(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    image = given.image(arguments)
    settings = given.settings(arguments, USUAL)
    if "ssid" not in arguments:
        if settings.serve or settings.gateway or settings.tap is not None:
            raise given.UsageError("--serve, --gateway and --tap need an access point: --ssid SSID")
        if settings.psk is not None:
            raise given.UsageError("--psk is the passphrase of an access point; name that with --ssid")
    from bk7238.bench.bench import Bench
    from bk7238.cli.recording import recorded
    from bk7238.debug import attach, crash

    bench = given.checked(Bench, settings, image)
    machine, air = bench.machine, bench.air
    if "ssid" in arguments:
        given.checked(bench.put_on_air)
    folder = given.artifacts(arguments.artifacts)
    if settings.gateway:
        bench.network.on_event(outside.teller(folder))
    bench.power_on()
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
        machine.run(until=round(settings.within * 1e6))
    why = machine.dead_end.why or machine.dead_end.resets or ("it crashed" if crashes.reports else "")
    result: dict[str, Any] = {
        "seen": seen[0] if seen else None,
        "resets": machine.resets,
        "end": why or None,
        "virtual_seconds": machine.now / 1e6,
        "instructions": machine.instructions,
        "wall_seconds": round(time.perf_counter() - began, 3),
        "digest": machine.digest(),
        "seed": settings.seed,
        "engine": settings.engine,
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
            f"bk7238: {arguments.until!r} was not printed within {settings.within:g} virtual seconds", file=sys.stderr
        )
    if pages is not None and pages.status == 3:
        print(f"bk7238: not all was fetched within {settings.within:g} virtual seconds", file=sys.stderr)
    if why:
        return 1
    return 3 if arguments.until is not None else pages.status if pages is not None else 0
