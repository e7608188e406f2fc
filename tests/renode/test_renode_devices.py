"""Devices on pins and buses in Renode: the same guest meets them at the same microseconds as on the embedded engine."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from device_board import ALL, DONE, GUEST, MakeBoard, maker, words

from bk7238.engine import renode_host
from bk7238.machine import Machine
from bk7238.peripherals.core import ResetKind
from renode.arm import COUNT, load, mov, store

PINS = """\
near: Beken.PyDevice @ spi 15 { model: "thermocouple:Thermocouple" }
far: Beken.PyDevice @ spi 20 { model: "thermocouple:Thermocouple" }
"""
P20 = 0x802850
OUTPUT_HIGH = 2
pytestmark = pytest.mark.usefixtures("needs_renode")


@pytest.fixture
def make(tmp_path: Path) -> MakeBoard:
    return maker(tmp_path)


def meet(machine: Machine) -> dict[str, Any]:
    """Let the guest come to its end and a finger press the button: what it got, and what the devices saw."""
    board = machine.board
    machine.run(until=DONE)
    board.battery.set(2.0)
    board.button.press()
    machine.run(until=DONE + 100)
    board.button.release()
    machine.run(until=DONE + 200)
    states = {name: board[name].snapshot() for name in ("button", "lamp", "eeprom", "oven", "battery")}
    return {"words": words(machine), "switchings": board.lamp.switchings, "states": states}


def test_a_guest_meets_devices_on_pins_and_buses_as_on_the_embedded_engine(make: MakeBoard) -> None:
    embedded, renode = (meet(make(ALL, GUEST.read_bytes(), engine=engine)) for engine in ("unicorn", "renode"))
    assert renode["words"] == [0x5A, 401 << 3, int(0x472 + (0x8E9 - 0x472) * 0.2)]
    assert [closed for _, closed in renode["switchings"]] == [True, False, True]
    assert renode == embedded


def test_a_pin_that_the_guest_drives_selects_a_device_over_renodes_wires(make: MakeBoard) -> None:
    seen: list[tuple[int, int, bool]] = []
    drive = (load(4, 15, 20), mov(0, OUTPUT_HIGH), store(0, 4), mov(0, 0), store(0, 4), *COUNT[1:], P20)
    machine = make(PINS, struct.pack("<8I", *drive), engine="renode")
    near, far = machine.board.near, machine.board.far
    machine.board.gpio.changed.connect(lambda pin, level: seen.append((pin, level, far.selected)))
    machine.run(until=10)
    assert seen == [(20, 1, False), (20, 0, True)]
    assert far.selected and not near.selected


def test_a_watchdog_reset_does_not_reach_them_and_a_power_on_does(make: MakeBoard) -> None:
    machine = make(ALL, engine="renode")
    board = machine.board
    board.button.press()
    board.oven.word = 7
    machine.engine.clock.after(10, lambda: board.wdt.request_reset(ResetKind.WATCHDOG))
    machine.run(until=20)
    assert (board.oven.word, board.gpio.level(26)) == (7, 0)
    machine.power_cycle()
    machine.run(until=30)
    assert (board.oven.word, board.gpio.level(26)) == (0, 0), "the finger stays"


def test_renodes_monitor_names_them_and_where_they_hang(make: MakeBoard) -> None:
    make(ALL, engine="renode")
    listed = renode_host.renode().execute("peripherals")
    for name in ("button", "lamp", "eeprom", "oven", "battery"):
        assert f"{name} (PyDevice)" in listed
