"""How a board and the network that it is in stand, as plain data for the page; `board.json` among a run's artifacts is
how they stood at its end."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bk7238 import host_files
from bk7238.air.access_point import AccessPoint
from bk7238.bench.bench import Bench
from bk7238.debug import listings
from bk7238.debug.target import Target
from bk7238.engine.unicorn import UnicornEngine
from bk7238.machine import Machine
from bk7238.network.addresses import ip_text, mac_text
from bk7238.things.board_things import BoardThing, BoardThings
from bk7238.update.alone import Alone
from bk7238.update.session import Update

BOARD = "board.json"

RegisterValue = tuple[str, str, int, dict[str, int]]
"""Address (empty for one of the CPU's), name, value, and the values of its fields."""


class PointOnAir(msgspec.Struct):
    """An access point, and the addresses of the stations that are its members."""

    ssid: str
    channel: int
    online: bool
    stations: list[str]


class AddressLease(msgspec.Struct):
    """An address that DHCP has offered, or leased where it is `bound`, until it `expires` (virtual microseconds)."""

    mac: str
    ip: str
    bound: bool
    expires: int


class BoardState(msgspec.Struct):
    """Access points and leases; of each pin its level, what drives it and the name of the device that hangs there; the
    things on the board; how many operations the flash has had; and registers by block, where they are asked for."""

    access_points: list[PointOnAir]
    leases: list[AddressLease]
    pins: list[tuple[int, str, str]]
    things: list[BoardThing]
    operations: int
    registers: dict[str, list[RegisterValue]] = {}


def state(bench: Update | Alone | Bench) -> BoardState:
    """How they stand now, without registers."""
    machine = bench.machine
    leases = bench.network.dhcp.leases.values()
    return BoardState(
        [_point(one) for one in bench.air.access_points],
        [AddressLease(mac_text(one.mac), ip_text(one.ip), one.bound, one.expires) for one in leases],
        _pins(machine),
        list(BoardThings(machine.board)),
        machine.flash_operations,
    )


def blocks(machine: Machine) -> list[str]:
    """Whose registers can be read: the CPU's, and those of each block."""
    if not isinstance(machine.engine, UnicornEngine):
        return []
    return ["cpu", *(block.name for block in machine.board.platform.blocks)]


def registers(machine: Machine, name: str) -> list[RegisterValue]:
    """Each register of a block, or of the CPU by the name `cpu`. Raises ValueError for a block that is not there."""
    target = Target(machine)
    if name == "cpu":
        names = [*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "cpsr"]
        return [("", one, target.register(one), {}) for one in names]
    return [(f"{at:#010x}", label, value, fields) for at, label, value, fields in listings.values(target, name)]


def save(folder: Path, bench: Update | Alone | Bench) -> None:
    """Write how they stand to a folder."""
    found = state(bench)
    found.registers = {name: rows for name in blocks(bench.machine) if (rows := registers(bench.machine, name))}
    host_files.write_in(folder, BOARD, msgspec.json.encode(found) + b"\n")


def parse(data: bytes) -> BoardState:
    """What `save` has written. Raises ValueError, and RecursionError for what is nested too deeply."""
    return msgspec.json.decode(data, type=BoardState)


def _point(one: AccessPoint) -> PointOnAir:
    stations = [mac_text(station.address) for station in one.stations if station.associated] if one.online else []
    return PointOnAir(one.ssid.decode("utf-8", "replace"), one.channel, one.online, stations)


def _pins(machine: Machine) -> list[tuple[int, str, str]]:
    gpio, found = machine.board.gpio, []
    for number in gpio.places:
        config = gpio.CONFIG[number]
        if number in gpio.driven:
            by = "from outside"
        elif config.function_enable:
            by = "function"
        elif not config.output_disable:
            by = "output"
        elif config.pull_enable:
            by = "pull-up" if config.pull_mode else "pull-down"
        else:
            by = ""
        device = gpio.devices.get(number)
        found.append((int(gpio.level(number)), by, type(device).__name__ if device is not None else ""))
    return found
