"""Blocks made and connected from a platform description."""

import copy
import random
import re
from pathlib import Path

import pytest

from bk7238.engine.repl import Platform, ReplError, load, loads
from bk7238.engine.wiring import Board, wire
from bk7238.peripherals.core import RW, Input, Output, Peripheral, Register, ResetKind, Services, on_input
from bk7238.testing.block import BenchBus, BenchClock, BenchLog


class Sender(Peripheral):
    """Drives its wires as told."""

    class LEVELS(Register, at=0x00):
        word = RW(0, 31)

    irq = Output()
    wires = Output(0, 3)

    def __init__(self, services: Services, *, label: str = "", base: int = 0) -> None:
        super().__init__(services)
        self.label, self.base = label, base
        if base < 0:
            raise ValueError("base is negative")


class Receiver(Peripheral):
    """Remembers what its inputs did."""

    size = 0x40
    pins = Input(4, 7)

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.seen: list[int] = []

    @on_input(pins)
    def _changed(self) -> None:
        self.seen.append(self.pins)


class NotABlock:
    pass


CPU = 'cpu: CPU.ARMv7A @ sysbus { cpuType: "arm946" }\n'
SENDER = 'a: Beken.PyPeripheral @ sysbus 0x2000 {{ model: "test_wiring:Sender"; size: 0x100; lines: 8{more} }}\n'
RECEIVER = 'b: Beken.PyPeripheral @ sysbus 0x1000 { model: "test_wiring:Receiver"; size: 0x40 }\n'


class Cpu:
    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []

    def set_input(self, number: int, level: bool) -> None:
        self.seen.append((number, level))


def build(text: str, cpu: Cpu | None = None, seed: int = 1, logs: dict[str, int] | None = None) -> Board:
    return make(loads(CPU + text, "board.repl"), cpu, seed, logs)


def make(platform: Platform, cpu: Cpu | None = None, seed: int = 1, logs: dict[str, int] | None = None) -> Board:
    def log(name: str, address: int) -> BenchLog:
        if logs is not None:
            logs[name] = address
        return BenchLog()

    return wire(
        platform,
        clock=BenchClock(),
        bus=BenchBus(),
        log=log,
        seed=seed,
        request_reset=lambda _kind: None,
        cpu_input=(cpu or Cpu()).set_input,
    )


def board(more: str = "", cpu: Cpu | None = None) -> Board:
    return build(SENDER.format(more=more and "; " + more) + RECEIVER, cpu)


def test_blocks_are_found_by_name_by_attribute_and_in_order():
    made = board()
    assert isinstance(made.a, Sender)
    assert made["b"] is made.b
    assert [block.name for block in made] == list(made.names) == ["a", "b"]
    assert dict(made.items()) == {"a": made.a, "b": made.b}
    assert "a" in made and "c" not in made and len(made) == 2
    with pytest.raises(KeyError, match="no block 'c'; there is a, b"):
        made["c"]
    with pytest.raises(AttributeError, match="no block 'c'"):
        made.c  # noqa: B018
    assert not hasattr(copy.copy(made), "_nothing")


def test_addresses_lead_to_a_block_and_its_offset():
    made = board()
    assert [block.name for block in made.placed] == ["b", "a"]
    assert made.at(0x1000) == (made.b, 0)
    assert made.at(0x103F) == (made.b, 0x3F)
    assert made.at(0x1040) is None
    assert made.at(0x0FFF) is None
    assert made.at(0x20FC) == (made.a, 0xFC)
    assert made.at(0x2100) is None


def test_arguments_and_services_reach_the_block():
    logs: dict[str, int] = {}
    made = build(SENDER.format(more='; args: "label=x y,base=0x10"') + RECEIVER, seed=7, logs=logs)
    assert (made.a.label, made.a.base) == ("x y", 16)
    assert made.a.name == "a"
    assert made.a.random.getrandbits(64) == random.Random("7:a").getrandbits(64)
    assert made.a.random is not made.b.random
    assert logs == {"a": 0x2000, "b": 0x1000}


def test_wires_carry_levels_to_blocks_and_to_the_cpu():
    cpu = Cpu()
    made = board("[0, 1] -> b@[4, 7]; IRQ -> cpu@0 | b@5; 3 -> cpu@1", cpu)
    made.a.wires.drive(0b0011)
    made.a.wires.drive(0b1010)
    made.a.irq.drive(1)
    assert made.b.seen == [0b0001, 0b1001, 0b1000, 0b1010]
    assert cpu.seen == [(1, True), (0, True)]
    made.a.reset(ResetKind.POWER_ON)
    assert made.b.pins == 0
    assert cpu.seen[2:] == [(0, False), (1, False)]


def test_wires_that_meet_at_an_input_are_ored():
    cpu = Cpu()
    made = board("[0, 1] -> b@[4, 4]; 2 -> cpu@0; IRQ -> cpu@0", cpu)
    made.a.wires.drive(0b001)
    made.a.wires.drive(0b011)
    made.a.wires.drive(0b110)
    made.a.wires.drive(0b100)
    assert made.b.seen == [1, 0]
    made.a.irq.drive(1)
    made.a.wires.drive(0)
    made.a.irq.drive(0)
    assert cpu.seen == [(0, True), (0, False)]


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("nowhere:Sender", "2:1", "there is no module nowhere; check the model of a"),
        ("bk7238.peripherals.nowhere:Sender", "2:1", "there is no module bk7238.peripherals.nowhere; "),
        ("test_wiring:Nothing", "2:1", "test_wiring has no Nothing; "),
        ("test_wiring:NotABlock", "2:1", "test_wiring:NotABlock is no Peripheral; "),
        ("test_wiring:random", "2:1", "test_wiring:random is no Peripheral; "),
        ("test_wiring:Receiver", "2:1", "Receiver has 0x40 bytes, not 0x100; "),
    ],
)
def test_a_wrong_model_is_named(text: str, where: str, problem: str):
    with pytest.raises(ReplError, match=f"^board\\.repl:{where}: {re.escape(problem)}"):
        build(SENDER.format(more="").replace("test_wiring:Sender", text))


@pytest.mark.parametrize(
    ("more", "column", "problem"),
    [
        ('args: "colour=1"', 1, "test_wiring:Sender cannot be made: "),
        ('args: "base=-1"', 1, "test_wiring:Sender cannot be made: base is negative; check the args of a"),
        ("4 -> b@4", 93, "the model of a has no output 4; it has IRQ, 0, 1, 2, 3"),
        ("3 -> b@3", 93, "the model of b has no input 3; it has 4, 5, 6, 7"),
        ("3 -> a@0", 93, "the model of a has no input 0; it has none"),
    ],
)
def test_what_the_model_does_not_have_is_named(more: str, column: int, problem: str):
    with pytest.raises(ReplError, match=f"^board\\.repl:2:{column}: {re.escape(problem)}"):
        board(more)


GPIO = 'gpio: Beken.PyPeripheral @ sysbus 0x3000 { model: "gpio:Gpio"; size: 0x100; lines: 32 }\n'
I2C = 'i2c: Beken.PyPeripheral @ sysbus 0x4000 { model: "i2c:I2c"; size: 0x100 }\n'


@pytest.mark.parametrize(
    ("place", "model", "column", "problem"),
    [
        ("gpio 32", "button:Button", 26, "gpio has no pin 32: a pin from 0 to 31; hang x elsewhere"),
        ("gpio -1", "button:Button", 26, "gpio has no pin -1: "),
        ("gpio", "button:Button", 21, "gpio takes a device at a number: a pin from 0 to 31; "),
        ("i2c 0x78", "eeprom:Eeprom", 25, "i2c has no address 0x78: an address from 0x8 to 0x77; "),
        ("gpio 7", "eeprom:Eeprom", 26, "x is no PinDevice, and gpio takes no other device; "),
        ("a 1", "button:Button", 23, "a takes no devices; what takes some here: gpio, i2c"),
        ("gpio 7", "button:Knob", 1, "bk7238.things.button has no Knob; check the model of x"),
        ("gpio 7", "nowhere:Button", 1, "there is no module nowhere; "),
        ("gpio 7", "test_wiring:Sender", 1, "test_wiring:Sender is no Device; "),
    ],
)
def test_a_device_that_the_model_cannot_carry_is_named(place: str, model: str, column: int, problem: str):
    device = f'x: Beken.PyDevice @ {place} {{ model: "{model}" }}\n'
    with pytest.raises(ReplError, match=f"^board\\.repl:5:{column}: {re.escape(problem)}"):
        build(SENDER.format(more="") + GPIO + I2C + device)


@pytest.mark.parametrize(
    ("place", "model", "taken"),
    [("gpio 7", "button:Button", "at pin 7"), ("i2c 0x50", "eeprom:Eeprom", "at address 0x50")],
)
def test_two_devices_at_one_place_are_named(place: str, model: str, taken: str):
    devices = [f'{name}: Beken.PyDevice @ {place} {{ model: "{model}" }}\n' for name in "xy"]
    with pytest.raises(ReplError, match=rf"^board\.repl:5:\d+: x hangs {taken} already; hang y elsewhere"):
        build(GPIO + I2C + "".join(devices))


def test_the_platform_of_the_chip():
    cpu = Cpu()
    platform = load(Path(__file__).resolve().parents[2] / "platform" / "bk7238" / "board.repl")
    made = make(platform, cpu)
    assert made.names == tuple(block.name for block in platform.blocks)
    made.icu.write(0x40, 1 << 8)
    made.icu.write(0x44, 1)
    for timers, flags in ((made.timers_a, 1), (made.timers_b, 1), (made.timers_a, 0)):
        timers.CTL.flags = flags
        timers.irq.update()
    assert cpu.seen == [(0, True)], "both groups share source 8"
    made.timers_b.CTL.flags = 0
    made.timers_b.irq.update()
    assert cpu.seen == [(0, True), (0, False)]
