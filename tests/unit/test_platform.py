"""The board of the BK7238: every block stands where the chip has it, with the outputs and inputs that wires need."""

import importlib
from pathlib import Path

import pytest

from bk7238.engine.repl import load
from bk7238.peripherals.core import Input, Output

PATH = Path(__file__).parents[2] / "platform" / "bk7238" / "board.repl"


@pytest.fixture(scope="module")
def platform():
    return load(PATH)


def model(block):
    return getattr(importlib.import_module(block.module), block.model.partition(":")[2])


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


def test_block_names(platform):
    expected = "sctrl icu uart1 uart2 i2c1 i2c2 irda trng spi gpio wdt timers_a timers_b pwm_legacy pwm0 pwm1 pwm2"
    expected += " saradc flash logic_analyser gdma ble xvr phy rc mpb wifi pta"
    assert {block.name for block in platform.blocks} == set(expected.split())


def test_every_model_fits_its_place(platform):
    for block in platform.blocks:
        kind = model(block)
        assert block.size <= kind.size, block.name
        last = max((register.at + (register.count - 1) * register.stride for register in _registers(kind)), default=0)
        assert last < block.size, block.name
        outputs = numbers(kind, Output) - {None}
        assert block.lines == (max(outputs) + 1 if outputs else 0), block.name


def _registers(kind):
    return [item for _, item in kind.declarations() if isinstance(item, type)]


def test_every_interrupt_is_wired_to_its_source(platform):
    sources = {(w.source, w.output): w.input for w in platform.wires if w.target == "icu"}
    irqs = {"uart1": 0, "uart2": 1, "i2c1": 2, "i2c2": 5, "spi": 6, "gpio": 7, "timers_a": 8, "timers_b": 8}
    irqs |= {"saradc": 11, "gdma": 15}
    assert sources == {
        **{(name, None): number for name, number in irqs.items()},
        **{("wifi", line): 16 + line for line in range(7)},
        ("wifi", 7): 26,
    }


def test_every_other_wire(platform):
    others = {(w.source, w.output, w.target, w.input) for w in platform.wires if w.target != "icu"}
    assert others == {
        ("icu", 0, "cpu", 0),
        ("icu", 1, "cpu", 1),
        ("icu", 32 + 8, "wdt", 0),
        ("icu", 32 + 20, "timers_a", 0),
        ("icu", 32 + 21, "timers_b", 0),
        *(("rc", line, "wifi", line) for line in range(8)),
    }


def test_every_output_of_a_model_goes_somewhere(platform):
    wired = {(wire.source, wire.output) for wire in platform.wires}
    inputs = {(wire.target, wire.input) for wire in platform.wires}
    for block in platform.blocks:
        kind = model(block)
        unused = {number for number in numbers(kind, Output) if (block.name, number) not in wired}
        assert block.name == "icu" or not unused, f"{block.name}: {unused}"
        open_inputs = {number for number in numbers(kind, Input) if (block.name, number) not in inputs}
        assert block.name == "icu" or not open_inputs, f"{block.name}: {open_inputs}"


def test_renode_rejects_tabs_and_wants_four_spaces(platform):
    for line in PATH.read_text().splitlines():
        assert "\t" not in line and (len(line) - len(line.lstrip())) in (0, 4, 8)
