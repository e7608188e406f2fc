"""Devices on pins and buses, as a board description hangs them there: what the firmware, and what the world sees."""

from pathlib import Path

import fake_renode
import pytest
from device_board import ALL, DONE, GUEST, SPIN, maker, words

from bk7238 import chip
from bk7238.machine import Machine
from bk7238.machine.snapshot import Snapshots
from bk7238.peripherals.core import ResetKind

PULL_UP, OUTPUT_HIGH = 0x3C, 0x02


@pytest.fixture
def make(tmp_path):
    return maker(tmp_path)


# A guest with all of them


def test_a_guest_program_meets_devices_on_pins_and_buses(make):
    machine = make(ALL, GUEST.read_bytes())
    board = machine.board
    machine.run(until=DONE)
    assert words(machine) == [0x5A, 401 << 3, int(0x472 + (0x8E9 - 0x472) * 0.2)]
    assert board.eeprom.content[0x10] == 0x5A and board.eeprom.content.count(0xFF) == 255
    assert [closed for _, closed in board.lamp.switchings] == [True], "the button is up, and pulled up"
    board.button.press()
    machine.run(until=DONE + 100)
    assert not board.lamp.closed
    board.button.release()
    machine.run(until=DONE + 200)
    assert board.lamp.closed
    times, states = zip(*board.lamp.switchings, strict=True)
    assert states == (True, False, True) and DONE <= times[1] < DONE + 100 <= times[2] < DONE + 200


def test_an_eeprom_acknowledges_again_when_it_has_programmed(make):
    machine = make(ALL, GUEST.read_bytes())
    machine.run(until=6_000)
    rounds = int.from_bytes(machine.engine.bus.read(0x40000C, 4), "little")
    assert rounds > 100, "asked again and again while 5 ms went by"
    assert machine.board.eeprom.busy_until >= 5_000


def test_devices_go_back_in_time_with_the_board(make):
    machine = make(ALL, GUEST.read_bytes())
    machine.run(until=2_000)
    snapshots = Snapshots(machine)
    early, ends = snapshots.take(), []
    for _ in range(2):
        machine.run(until=DONE)
        machine.board.button.press()
        machine.board.battery.set(2.0)
        machine.run(until=DONE + 100)
        board = machine.board
        ends.append((words(machine), bytes(board.eeprom.content), board.lamp.switchings, board.snapshot()))
        snapshots.restore(early)
        assert not board.lamp.switchings and not board.button.down and board.battery.volts() == 1.2
    assert ends[0] == ends[1] and len(ends[0][2]) == 2


def test_the_second_engine_wires_the_same_devices(make, monkeypatch):
    fake_renode.install(monkeypatch)
    machine = make(ALL, engine="renode")
    machine.board.button.press()
    assert machine.board.gpio.level(26) == 0 and machine.board.gpio.devices[26] is machine.board.button


# What happens to them when the chip is reset


def test_a_watchdog_reset_does_not_reach_them_and_a_power_on_does(make):
    board = make(ALL).board
    board.oven.select(True)
    board.oven.word = 7
    board.reset(ResetKind.WATCHDOG)
    assert board.oven.word == 7
    board.reset(ResetKind.POWER_ON)
    assert board.oven.word == 0


def test_a_finger_stays_on_the_button_when_the_power_goes(make):
    board = make(ALL).board
    board.button.press()
    board.reset(ResetKind.POWER_ON)
    board.gpio.write(26 * 4, PULL_UP)
    assert board.gpio.level(26) == 0
    board.button.release()
    assert board.gpio.level(26) == 1


# Button and relay


def test_a_button_bounces_as_often_as_it_is_told(make):
    text = ALL.replace('"button:Button"', '"button:Button"\n    args: "bounces=3"')
    machine = make(text)
    board, seen = machine.board, []
    board.gpio.write(26 * 4, PULL_UP)
    board.gpio.changed.connect(lambda pin, level: seen.append((machine.now, pin, level)))
    board.button.press()
    machine.run(until=10_000)
    assert seen == [(500 * turn, 26, turn % 2) for turn in range(7)]
    seen.clear()
    board.button.release()
    machine.run(until=20_000)
    assert [level for *_, level in seen] == [1, 0, 1, 0, 1, 0, 1]


def test_a_button_to_the_supply_and_a_lamp_that_is_active_low(make):
    board = make(
        'b: Beken.PyDevice @ gpio 1 { model: "button:Button"; args: "pressed=1" }\n'
        'lamp: Beken.PyDevice @ gpio 2 { model: "relay:Relay"; args: "active=0" }\n'
    ).board
    board.b.press()
    assert board.gpio.level(1) == 1 and board.lamp.closed
    board.gpio.write(2 * 4, OUTPUT_HIGH)
    assert not board.lamp.closed and board.lamp.switchings == [(0, False)]


# SPI


def exchange(spi, data):
    spi.write(0x00, 3 << 22)
    for byte in data:
        spi.write(0x0C, byte)
    spi.write(0x04, len(data) << 20 | len(data) << 8 | 0b11)
    got = bytes(spi.read(0x0C) for _ in data)
    spi.write(0x04, 0)
    return got


def test_a_thermocouple_converts_while_it_is_not_selected(make):
    machine = make(ALL)
    spi, oven = machine.board.spi, machine.board.oven
    assert exchange(spi, b"\0\0") == b"\0\0", "nothing converted yet"
    machine.run(until=220_000)
    assert exchange(spi, b"\0\0\0") == (401 << 3).to_bytes(2, "big") + b"\0"
    oven.celsius = None
    assert exchange(spi, b"\0\0") == (401 << 3).to_bytes(2, "big"), "a conversion takes 0.22 s"
    machine.run(until=440_000)
    assert exchange(spi, b"\0\0") == b"\0\4", "open"


def test_devices_share_a_bus_by_the_pins_that_select_them(make):
    machine = make(
        'near: Beken.PyDevice @ spi 15 { model: "thermocouple:Thermocouple"; args: "celsius=1" }\n'
        'far: Beken.PyDevice @ spi 20 { model: "thermocouple:Thermocouple"; args: "celsius=2" }\n'
    )
    gpio, spi = machine.board.gpio, machine.board.spi
    machine.run(until=220_000)

    def selected(pin):
        gpio.write(pin * 4, 0)
        got = exchange(spi, b"\0") + exchange(spi, b"\0")
        gpio.write(pin * 4, OUTPUT_HIGH)
        return got

    gpio.write(15 * 4, OUTPUT_HIGH)
    gpio.write(20 * 4, OUTPUT_HIGH)
    assert exchange(spi, b"\0") == b"\xff", "nobody is selected"
    assert selected(15) == b"\0\x20" and selected(20) == b"\0\x40"


# I2C


def transfer(bus, address, write=(), read=0):
    """What I2C1 reads behind a write, and whether everything was acknowledged."""
    acknowledged = []

    def step(config, byte=None):
        if byte is not None:
            bus.write(0x04, byte)
        bus.write(0x00, config)
        assert bus.read(0x00) & 1 << 16
        acknowledged.append(bool(bus.read(0x00) & 1 << 17))

    if write:
        step(0x13, address << 1)
        for byte in write:
            step(0x11, byte)
    got = bytearray()
    if read:
        step(0x13, address << 1 | 1)
        for left in reversed(range(read)):
            step(0x01 | (0x08 if got else 0))
            got.append(bus.read(0x04))
            assert bus.read(0x00) & 1 << 18, "the master is to acknowledge"
            assert left >= 0
    bus.write(0x00, 0x05)
    assert not bus.read(0x00) & (1 << 16 | 1 << 19)
    return bytes(got), all(acknowledged)


def test_an_eeprom_writes_around_its_page_and_reads_around_its_end(make):
    machine = make(ALL)
    bus, eeprom = machine.board.i2c1, machine.board.eeprom
    assert transfer(bus, 0x50, [0xFE, 1, 2, 3, 4]) == (b"", True)
    assert eeprom.content[0xF8:] == bytes((3, 4, 255, 255, 255, 255, 1, 2))
    assert transfer(bus, 0x50, [0xFE], 1) == (b"\xff", False), "busy"
    machine.run(until=5_000)
    assert transfer(bus, 0x50, [0xFE], 3) == (b"\x01\x02\xff", True)
    assert transfer(bus, 0x50, [], 1) == (b"\xff", True), "on from where it stands"
    assert transfer(bus, 0x51, [0]) == (b"", False)


def test_a_large_eeprom_has_two_bytes_of_address_and_keeps_its_content(make):
    machine = make(ALL.replace('"eeprom:Eeprom"', '"eeprom:Eeprom"\n    args: "size=4096,page=32"'))
    board = machine.board
    transfer(board.i2c1, 0x50, [0x0A, 0xBC, 7])
    assert board.eeprom.content[0xABC] == 7
    board.reset(ResetKind.POWER_ON)
    assert transfer(board.i2c1, 0x50, [0x0A, 0xBC], 1) == (b"\x07", True)


# The converter


def test_a_battery_empties_in_virtual_time(make):
    machine = make(ALL.replace("volts=1.2", "volts=1.5,slope=-1"))
    machine.run(until=250_000)
    assert machine.board.battery.volts() == pytest.approx(1.25)
    adc = machine.board.saradc
    adc.write(0x08, 1)
    adc.write(0x0C, 1 << 3)
    adc.write(0x00, 1)
    machine.run(until=250_020)
    assert adc.read(0x10) == int(0x472 + (0x8E9 - 0x472) * 0.24998)
    with pytest.raises(ValueError, match="battery hangs on channel 1"):
        adc.set_volts(1, 0.5)


@pytest.mark.parametrize(
    ("model", "args"),
    [
        ("button:Button", "pressed=2"),
        ("button:Button", "bounces=-1"),
        ("relay:Relay", "active=yes"),
        ("eeprom:Eeprom", "size=100,page=8"),
        ("eeprom:Eeprom", "size=70000"),
        ("voltage:Voltage", "volts=much"),
        ("thermocouple:Thermocouple", "fahrenheit=1"),
    ],
)
def test_a_wrong_argument_is_one_line(make, model, args):
    with pytest.raises(ValueError, match=r"devices\.repl:1:1: .* cannot be made: .*; check the args of x$") as caught:
        make(f'x: Beken.PyDevice @ gpio 1 {{ model: "{model}"; args: "{args}" }}\n')
    assert "\n" not in str(caught.value)


# A device of one's own


def test_the_example_is_a_thermometer_that_a_master_reads():
    folder = Path(__file__).parents[2] / "examples" / "devices"
    board = Machine(chip.usual().codec.encode(SPIN * 8, 0), devices=[folder / "board.repl"]).board
    assert transfer(board.i2c1, 0x48, [], 3) == (b"\x15\x80\xff", True)
    board.sensor.celsius = -0.5
    assert transfer(board.i2c1, 0x48, [], 2) == (b"\xff\x80", True)
    assert board.button.bounces == 3 and not board.lamp.closed
