"""A device that lives on as `bk7238 live` was told, and what is printed of how often it came back."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from typing import Any

from bk7238 import host_files, resources
from bk7238.bench.settings import Settings
from bk7238.cli import arguments as given
from bk7238.cli import outside
from bk7238.cli.colour import print_verdict
from bk7238.cli.recording import recorded
from bk7238.engine import interruption
from bk7238.image import FlashImage
from bk7238.update import boots
from bk7238.update.alone import Alone
from bk7238.update.life import Life, Outage, why_not
from bk7238.update.result import did, warnings
from bk7238.update.verdict import Verdict


def run(arguments: argparse.Namespace, settings: Settings, image: FlashImage, end: int) -> int:
    """Let the device live until `end`, virtual microseconds, and print how often it came back. Returns the exit
    status."""
    folder = given.artifacts(arguments, clear=given.OF_A_RUN)
    began = time.perf_counter()
    if folder is None and not settings.reaches_host:
        device = given.checked(boots.joined, image, None, settings, resources.cache())
    else:  # of the join, too, there is a capture, and who forwards is told where before it
        device = given.checked(boots.made, image, None, settings)
    assert isinstance(device, Alone)
    outside.follow(device.forwarder, device.air.on_event, settings, folder)
    if arguments.log:
        device.machine.log.on_record.connect(lambda record: print(record, file=sys.stderr))
    with recorded(folder, device):
        verdict, reason, lived = _live(device, end, round(arguments.late * 1e6), quiet=arguments.json)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "verdict": verdict.value,
        "reason": reason,
        "outages": [outage.as_json() for outage in lived],
        "one_scan": device.one_scan / 1e6,
        "virtual_seconds": device.machine.now / 1e6,
        "instructions": device.machine.instructions,
        "wall_seconds": round(time.perf_counter() - began, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "digest": device.machine.digest(),
        "seed": settings.seed,
        "engine": settings.engine,
        "faults": device.faults.as_json(),
        "faults_never_fired": device.faults.silent,
    }
    if folder is not None:
        device.machine.save(folder)
        host_files.write_in(folder, "result.json", json.dumps(result, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(result))
    else:
        _print(result, lived)
    for warning in warnings(verdict, device.faults.silent):
        print(f"bk7238: warning: {warning}", file=sys.stderr)
    return verdict.exit_status


def _live(device: Alone, end: int, late: int, *, quiet: bool) -> tuple[Verdict, str, list[Outage]]:
    """The verdict, its reason, and the outages of a device that joins now, where it has not. Of one that was
    interrupted they are those whose end is known."""
    machine, life = device.machine, None
    try:
        if not boots.is_joined(device):
            boots.carried_out(device)
        if not boots.is_joined(device):
            return Verdict.DEVICE_WAITS, why_not(device), []
        if not quiet:
            print(f"{machine.now / 1e6:10.3f} the device has joined; one scan takes it {device.one_scan / 1e6:.1f} s")
        life = Life(device, late)
        if not quiet:
            life.on_judged.connect(lambda outage: _tell(machine.now, outage))
        machine.run(until=end)
    except interruption.Interrupted as why:
        known = [] if life is None else [one for one in life.outages if one.verdict is not None]
        return Verdict.INTERRUPTED, f"{why} at {machine.now / 1e6:.3f} s", known
    return *life.close(), life.outages


def _tell(now: int, outage: Outage) -> None:
    assert outage.verdict is not None
    print(f"{now / 1e6:10.3f} {outage.verdict.value}: {outage.reason}", flush=True)


def _print(result: dict[str, Any], lived: list[Outage]) -> None:
    print_verdict(result["verdict"], f": {result['reason']}")
    for outage in [one for one in lived if one.verdict is not Verdict.BACK][:1]:
        seen = ", ".join(f"{name} {number}" for name, number in outage.air.most_common())
        print(f"  the air saw {outage.sent} frames of the device; {seen or 'no events'}")
        for console, lines in outage.said.items():
            print("".join(f"  {console} | {line}\n" for line in lines[-4:]), end="")
    print(
        f"  {result['virtual_seconds']:,.0f} virtual seconds in {result['cpu_seconds']:.1f} s of CPU, "
        f"{result['instructions']:,} instructions\n"
        f"  digest {result['digest']}, seed {result['seed']}, engine {result['engine']}"
    )
    for fault in [fault for fault in result["faults"] if fault["fired"]][:5]:
        print(f"  fault {did(fault)}")
