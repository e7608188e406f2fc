"""The board of the BK7238: every block stands where the chip has it, with the outputs and inputs that wires need."""

import re
from pathlib import Path

import pytest

from bk7238.engine.repl import ReplError, load, loads
from bk7238.engine.wiring import wire
from bk7238.peripherals.core import Input, Output
from bk7238.testing.block import BenchLog, BlockBench

PATH = Path(__file__).parents[2] / "platform" / "bk7238" / "board.repl"


MODELS = {
    "adc:SarAdc": "saradc",
    "ble:BleCore": "ble",
    "ble:BleRadio": "xvr",
    "flash:FlashController": "flash",
    "gdma:Gdma": "gdma",
    "gpio:Gpio": "gpio",
    "i2c:I2c": "i2c1",
    "i2c:I2c2": "i2c2",
    "interrupt_controller:InterruptController": "icu",
    "irda:Irda": "irda",
    "logic_analyser:LogicAnalyser": "logic_analyser",
    "phy:Phy": "phy mpb pta",
    "pwm:LegacyPwm": "pwm_legacy",
    "pwm:PwmGroup": "pwm0 pwm1 pwm2",
    "radio:RadioController": "rc",
    "random_numbers:RandomNumbers": "trng",
    "spi:Spi": "spi",
    "system_control:SystemControl": "sctrl",
    "timers:TimerGroup": "timers_a timers_b",
    "uart:Uart": "uart1 uart2",
    "watchdog:Watchdog": "wdt",
    "wifi.mac:WifiMac": "wifi",
}
"""The blocks of each class."""


@pytest.fixture(scope="module")
def platform():
    return load(PATH)


def made(platform):
    """The blocks of a description, connected."""
    bench = BlockBench()
    return wire(
        platform,
        clock=bench.clock,
        bus=bench.bus,
        log=lambda _name, _address: BenchLog(),
        seed=0,
        request_reset=bench.resets.append,
        cpu_input=lambda _number, _level: None,
    )


ALSO = {"bk7252": {"audio"}, "bk7252n": {"gdma", "spi_dma", "qspi", "audio", "i2s", "ip_checksum"}}
OTHERS = sorted(path for path in PATH.parents[1].glob("*/board.repl") if path != PATH)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.parent.name)
def test_the_other_boards_differ_in_few_blocks(path, platform):
    """Their memories and what is silenced fill the first 8 MiB, and every model fits its place."""
    other = load(path)
    test_what_is_not_memory_in_the_first_8_mib_is_silenced(other)
    test_every_model_fits_its_place(other, made(other))
    differ = {block.name for block in other.blocks} - {block.name for block in platform.blocks}
    ours = {block.name: (block.model, block.args) for block in platform.blocks}
    differ |= {one.name for one in other.blocks if one.name in ours and (one.model, one.args) != ours[one.name]}
    more = ALSO.get(path.parent.name, set())
    assert more <= differ <= {"sctrl", "saradc", "rc", "jpeg", "ble"} | more and "sctrl" in differ


@pytest.fixture(scope="module")
def board(platform):
    return made(platform)


def numbers(kind, declaration):
    declared = [item for _, item in kind.declarations() if isinstance(item, declaration)]
    return {number for item in declared for number in item.numbers}


def test_memories(platform):
    places = {memory.name: (memory.address, memory.size) for memory in platform.memories}
    assert places["xip"] == (0, 0x3C4000) and places["itcm"] == (0x3F0000, 0x4000)
    assert places["ram"] == (0x400000, 0x40000) and places["ble_memory"][0] == 0x910000


def test_what_is_not_memory_in_the_first_8_mib_is_silenced(platform):
    """Those addresses are the tightly coupled memories', and neither take stores nor abort."""
    taken = [(memory.address, memory.size) for memory in platform.memories if memory.address < 0x800000]
    at = 0
    for address, size in sorted([*taken, *platform.silenced]):
        assert address == at
        at += size
    assert at == 0x800000


def test_cpu(platform):
    assert (platform.cpu.cpu_type, platform.cpu.mips) == ("arm946", 30)


def test_every_block_is_of_its_class(board):
    expected = {name: model for model, names in MODELS.items() for name in names.split()}
    found = {name: f"{type(block).__module__}:{type(block).__name__}" for name, block in board.items()}
    assert found == {name: f"bk7238.peripherals.{model}" for name, model in expected.items()}


@pytest.mark.full
@pytest.mark.parametrize("mistyped", [r"\1:\2x", r"\1x:\2", r"\1:Register"])
def test_a_model_that_is_mistyped_is_refused_where_it_stands(platform, mistyped):
    text = PATH.read_text()
    for block in platform.blocks:
        start = text.index(f"\n{block.name}: ") + 1
        other = text[:start] + re.sub(r"([\w.]+):(\w+)(?=\"\n)", mistyped, text[start:], count=1)
        line = text[:start].count("\n") + 1
        with pytest.raises(ReplError, match=rf"^board\.repl:{line}:1: .*; check the model of {block.name}$"):
            made(loads(other, "board.repl"))


def test_every_model_fits_its_place(platform, board):
    for block in platform.blocks:
        kind = type(board[block.name])
        assert block.size <= kind.size, block.name
        for register in _registers(kind):
            last = register.at + (register.count - 1) * register.stride
            assert (last < block.size) is register.bus, block.name
        outputs = numbers(kind, Output) - {None}
        assert block.lines == (max(outputs) + 1 if outputs else 0), block.name


def _registers(kind):
    return [item for _, item in kind.declarations() if isinstance(item, type)]


def test_every_interrupt_is_wired_to_its_source(platform):
    sources = {(w.source, w.output): w.input for w in platform.wires if w.target == "icu"}
    irqs = {"uart1": 0, "uart2": 1, "i2c1": 2, "i2c2": 5, "spi": 6, "gpio": 7, "timers_a": 8, "timers_b": 8}
    irqs |= {"pwm0": 9, "pwm1": 9, "pwm2": 9, "saradc": 11, "gdma": 15}
    assert sources == {
        **{(name, None): number for name, number in irqs.items()},
        **{("wifi", line): 16 + line for line in range(7)},
        ("wifi", 7): 26,
        ("sctrl", 0): 32,
    }


def test_every_other_wire(platform):
    others = {(w.source, w.output, w.target, w.input) for w in platform.wires if w.target != "icu"}
    assert others == {
        ("icu", 0, "cpu", 0),
        ("icu", 1, "cpu", 1),
        ("icu", 2, "sctrl", 32),
        ("icu", 32 + 8, "wdt", 0),
        ("icu", 32 + 20, "timers_a", 0),
        ("icu", 32 + 21, "timers_b", 0),
        *(("rc", line, "wifi", line) for line in range(8)),
        *(("gpio", pin, block, pin) for pin in range(32) for block in ("spi", "sctrl")),
    }


def test_every_output_of_a_model_goes_somewhere(platform, board):
    wired = {(wire.source, wire.output) for wire in platform.wires}
    inputs = {(wire.target, wire.input) for wire in platform.wires}
    for block in platform.blocks:
        kind = type(board[block.name])
        unused = {number for number in numbers(kind, Output) if (block.name, number) not in wired}
        assert block.name == "icu" or not unused, f"{block.name}: {unused}"
        open_inputs = {number for number in numbers(kind, Input) if (block.name, number) not in inputs}
        assert block.name == "icu" or not open_inputs, f"{block.name}: {open_inputs}"


def test_renode_rejects_tabs_and_wants_four_spaces():
    for line in PATH.read_text().splitlines():
        assert "\t" not in line and (len(line) - len(line.lstrip())) in (0, 4, 8)
