"""The embedded engine on small programs (tests/unit/programs): exceptions, interrupts, idling, changing code.

Each runs on both bodies of the slice functions, machine code and Python, and must give the same to the instruction.
"""

import shutil
import subprocess
from pathlib import Path

import aarch64
import pytest

from bk7238.engine import slice as slices
from bk7238.engine.repl import load
from bk7238.engine.unicorn import UnicornEngine
from bk7238.formats.codec import CRC_FRAMES
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.nor_flash import NorFlash

PROGRAMS = Path(__file__).with_name("programs")
PLATFORM = """\
sysbus:
    init:
        SilenceRange <0x4000, 0x3FFFFF>
        SilenceRange <0x404000 0x3FC000>

cpu: CPU.ARMv7A @ sysbus
    cpuType: "arm946"
    PerformanceInMips: 30

flash: Memory.MappedMemory @ sysbus 0x0
    size: 0x4000

ram: Memory.MappedMemory @ sysbus 0x400000
    size: 0x4000

probe: Beken.PyPeripheral @ sysbus 0x800000
    model: "engine_probe:Probe"
    size: 0x100
    lines: 2
    args: "window=0x0"
    [0, 1] -> cpu@[0, 1]
"""
CONTROLLER = """\
controller: Beken.PyPeripheral @ sysbus 0x800000
    model: "bk7238.peripherals.flash:FlashController"
    size: 0x1000
    args: "window=0x0"
"""
SVC, UNDEFINED, ABORT, IRQ, FIQ, SYS = 0x13, 0x1B, 0x17, 0x12, 0x11, 0x1F
NO_IRQ, NO_FIQ, THUMB = 0x80, 0x40, 0x20


BODIES = {"native": slices.functions, "python": slices.InPython, "aarch64": aarch64.functions}


@pytest.fixture(params=["native", "python", pytest.param("aarch64", marks=pytest.mark.full)])
def body(request, monkeypatch):
    monkeypatch.setattr(slices, "functions", BODIES[request.param])
    return request.param


@pytest.fixture
def start(body, tmp_path):
    description = tmp_path / "probe.repl"
    description.write_text(PLATFORM)

    def start(program):
        engine = UnicornEngine(load(description))
        if engine.stepping == "python" != body:
            pytest.skip(f"this host cannot run the {body} slice functions")
        code = program if isinstance(program, bytes) else (PROGRAMS / f"{program}.bin").read_bytes()
        engine.bus.write(0, code)
        engine.board.probe.stopped.connect(engine.stop)
        return engine

    return start


def words(engine, address, count):
    data = engine.bus.read(address, 4 * count)
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def arm(*instructions):
    return b"".join(instruction.to_bytes(4, "little") for instruction in instructions)


def test_every_exception_is_entered_as_the_architecture_says(start):
    engine = start("exceptions")
    engine.run(1_000)
    flags = 0xF000_0000
    seen = [tuple(words(engine, 0x400000 + 16 * i, 4)) for i in range(8)]
    seen = [(number, spsr & ~flags, link, cpsr & ~flags) for number, spsr, link, cpsr in seen]
    masked = SYS | NO_IRQ | NO_FIQ
    assert seen == [
        (2, masked, 0x34, SVC | NO_IRQ | NO_FIQ),
        (1, masked, 0x38, UNDEFINED | NO_IRQ | NO_FIQ),
        (4, masked, 0x3C + 8, ABORT | NO_IRQ | NO_FIQ),
        (3, masked, 0x2000_0000 + 4, ABORT | NO_IRQ | NO_FIQ),
        (2, masked | THUMB, 0x54, SVC | NO_IRQ | NO_FIQ),
        (1, masked | THUMB, 0x56, UNDEFINED | NO_IRQ | NO_FIQ),
        (6, SYS, 0x6C + 4, IRQ | NO_IRQ),
        (7, SYS, 0x7C + 4, FIQ | NO_IRQ | NO_FIQ),
    ]
    assert engine.register("pc") == 0x80
    assert [record.text for record in engine.log.records if "abort" in record.text] == [
        "data abort at 0x0000003c",
        "prefetch abort at 0x20000000",
    ]


def test_waiting_and_spinning_take_no_instructions(start):
    engine = start("idle")
    engine.run(10_500)
    assert words(engine, 0x400000, 1) == [10], "an interrupt a millisecond"
    # Ten milliseconds at 30 a microsecond are 300,000; the last five begin with a look of 2,000 each.
    assert engine.instructions < 20_000
    assert engine.clock.now == 10_500


def test_interrupts_and_waiting_are_the_same_in_pieces(start):
    whole, pieces = start("idle"), start("idle")
    whole.run(9_700)
    for until in (1, 333, 1_000, 2_001, 5_432, 5_433, 7_777, 9_700):
        pieces.run(until)
    assert (pieces.instructions, pieces.register("pc")) == (whole.instructions, whole.register("pc"))
    assert pieces.bus.read(0x400000, 16) == whole.bus.read(0x400000, 16)


def test_changed_code_is_never_run_stale(start):
    engine = start("rewrite")
    engine.bus.write(0x2000, arm(0xE2800042, 0xE12FFF1E))
    engine.run(1_000)
    assert words(engine, 0x400000, 7) == [100, 101, 102, 103, 155, 166, 177]


def test_a_slice_ends_before_a_block_and_counts_it_when_entered(start):
    engine = start(arm(0xE2800001, 0xEAFFFFFD))  # again: add r0, r0, #1; b again
    engine.run(10)
    assert engine.instructions == 300 and engine.register("r0") == 150


def test_a_failing_block_raises_in_the_caller_after_the_instruction(start):
    # ldr r6, =0x800000; str r6, [r6, #28]; mov r1, #7; b .
    engine = start(arm(0xE3A06502, 0xE586601C, 0xE3A01007, 0xEAFFFFFE))
    with pytest.raises(RuntimeError, match="told to fail"):
        engine.run(100)
    engine.run(engine.clock.now + 10)
    assert engine.register("r1") == 7


def test_a_watchdog_reset_keeps_ram_and_a_power_cycle_does_not(start):
    # mov r6, #0x800000; mov r7, #0x400000; ldr r0, [r7]; add r0, #1; str r0, [r7]; cmp r0, #2; strlt r0, [r6, #32]; b .
    engine = start(arm(0xE3A06502, 0xE3A07501, 0xE5970000, 0xE2800001, 0xE5870000, 0xE3500002, 0xB5860020, 0xEAFFFFFE))
    kinds = []
    engine.on_reset.connect(kinds.append)
    engine.run(100)
    assert words(engine, 0x400000, 1) == [2] and kinds == [ResetKind.WATCHDOG]
    engine.power_cycle()
    engine.run(101)
    assert kinds[1:] == [ResetKind.POWER_ON, ResetKind.WATCHDOG]
    assert engine.bus.read(0, 4) == arm(0xE3A06502), "the flash window keeps its bytes"


def test_a_store_into_the_flash_window_goes_nowhere(start):
    # mov r0, #0; ldr r1, [r0]; mvn r2, #0; str r2, [r0]; strh r2, [r0, #2]; ldr r3, [r0]; b .
    code = arm(0xE3A00000, 0xE5901000, 0xE3E02000, 0xE5802000, 0xE1C020B2, 0xE5903000, 0xEAFFFFFE)
    engine = start(code)
    engine.run(10)
    assert engine.register("pc") == 0x18 and engine.bus.read(0, len(code)) == code
    assert engine.register("r1") == engine.register("r3") == 0xE3A00000
    assert [(r.source, r.level) for r in engine.log.records] == [("bus", "info")] * 2


def test_stores_fill_a_line_of_the_flash_and_ask_nobody(body, tmp_path):
    description = tmp_path / "flash.repl"
    description.write_text(PLATFORM.split("probe:")[0] + CONTROLLER)
    engine = UnicornEngine(load(description))
    # mov r6, #0x800000; mov r0, #0x200; str r0, [r6, #CONF]; mov r1, #0x1000; mov r2, #0x45; strb r2, [r1];
    # strh r2, [r1, #2]; str r2, [r1, #4]; str r6, [r1, #28]; b .
    code = arm(0xE3A06502, 0xE3A00C02, 0xE586001C, 0xE3A01A01, 0xE3A02045, 0xE5C12000)
    code += arm(0xE1C120B2, 0xE5812004, 0xE581601C, 0xEAFFFFFE)
    chip = NorFlash(0x4400, 0)
    chip.load(CRC_FRAMES.encode(code, 0))
    engine.board.controller.insert(chip)
    asked, store = [], engine.bus.on_store
    engine.bus.on_store = lambda *what: asked.append(what) or store(*what)
    engine.run(10)
    line = arm(0x0045_FF45, 0x45, *[0xFFFF_FFFF] * 5, 0x80_0000)
    assert engine.bus.read(0x1000, 32) == line and chip.data[0x1100:0x1122] == CRC_FRAMES.encode(line, 0x1000)
    assert len(asked) == (4 if body == "python" else 0)
    assert bytes(engine.board.controller.line) == b"\xff" * 32, "the next one begins anew"


def test_a_silenced_range_reads_zero_and_is_logged_once(start):
    # mov r6, #0x500000; mvn r0, #0; str r0, [r6]; ldr r0, [r6]; ldr r1, [r6]; b .
    engine = start(arm(0xE3A06605, 0xE3E00000, 0xE5860000, 0xE5960000, 0xE5961000, 0xEAFFFFFE))
    engine.run(10)
    assert engine.register("r0") == 0 and engine.register("pc") == 0x14
    assert [(r.source, r.pc) for r in engine.log.records] == [("bus", 0)]


# ldr r1, [pc, #16]; ldr r2, [r1]; ldrh r3, [r1, #0xFC]; ldr r4, [r1, #0x140]; b .; the address
READ_TAG = arm(0xE59F100C, 0xE5912000, 0xE1D13FBC, 0xE5914140, 0xEAFFFFFE)


@pytest.mark.parametrize("address", [0x500000, 0x50000000, 0x800200])
@pytest.mark.usefixtures("body")
def test_a_tag_reads_as_its_value(address, tmp_path):
    description = tmp_path / "tagged.repl"
    tag = f'        Tag <{address:#x}, {address + 0x100:#x}> "efuse" 0x12345678\n'
    description.write_text(PLATFORM.replace("        SilenceRange", f"{tag}        SilenceRange", 1))
    engine = UnicornEngine(load(description))
    engine.bus.write(0, READ_TAG + arm(address))
    engine.run(10)
    assert engine.register("pc") == 0x10
    assert (engine.register("r2"), engine.register("r3")) == (0x12345678, 0x5678)
    assert engine.register("r4") == 0, "behind its end there is nothing"


@pytest.mark.parametrize(("model", "identity"), [("arm946", 0x41059461), ("arm926", 0x41069265)])
@pytest.mark.usefixtures("body")
def test_the_cpu_is_the_one_of_the_description(model, identity, tmp_path):
    description = tmp_path / "other.repl"
    description.write_text(PLATFORM.replace("arm946", model))
    engine = UnicornEngine(load(description))
    engine.bus.write(0, arm(0xEE100F10, 0xEAFFFFFE))  # mrc p15, 0, r0, c0, c0, 0; b .
    engine.run(10)
    assert engine.register("pc") == 4 and engine.register("r0") == identity


@pytest.mark.usefixtures("body")
def test_the_flash_shows_where_the_description_says(tmp_path):
    """The memories stand in another order, and the window is not at 0."""
    other = PLATFORM.replace("sysbus 0x0\n", "sysbus 0xA00000\n").replace("window=0x0", "window=0xA00000")
    low = "low: Memory.MappedMemory @ sysbus 0x0\n    size: 0x1000\n\n"
    description = tmp_path / "moved.repl"
    description.write_text(other.replace("flash: Memory", f"{low}flash: Memory"))
    engine = UnicornEngine(load(description))
    assert engine.bus.window.name == "flash" and [memory.name for memory in engine.bus.rest] == ["low", "ram"]
    # mov r0, #0xA00000; str r0, [r0]; mov r1, #0x100; str r0, [r1]; b .
    engine.bus.write(0, arm(0xE3A0060A, 0xE5800000, 0xE3A01C01, 0xE5810000, 0xEAFFFFFE))
    engine.run(10)
    assert engine.register("pc") == 0x10
    assert engine.bus.read(0xA00000, 4) == bytes(4) and engine.bus.read(0x100, 4) == arm(0xA00000)


@pytest.mark.parametrize(
    ("args", "said"),
    [("", "give its controller the argument window=ADDRESS"), ("window=0x100", "at 256, where no memory begins")],
)
def test_a_description_says_where_the_flash_shows(args, said, tmp_path):
    description = tmp_path / "nowhere.repl"
    description.write_text(PLATFORM.replace("window=0x0", args))
    with pytest.raises(ValueError, match=said):
        UnicornEngine(load(description))


def test_both_bodies_give_the_same_run(tmp_path, monkeypatch):
    description = tmp_path / "probe.repl"
    description.write_text(PLATFORM)
    ends = []
    for program in ("exceptions", "idle", "rewrite"):
        for functions in (slices.functions, slices.InPython):
            monkeypatch.setattr(slices, "functions", functions)
            engine = UnicornEngine(load(description))
            engine.bus.write(0, (PROGRAMS / f"{program}.bin").read_bytes())
            engine.board.probe.stopped.connect(engine.stop)
            engine.run(8_123)
            ends.append((engine.instructions, engine.clock.now, engine.register("pc"), engine.bus.read(0x400000, 512)))
            monkeypatch.undo()
    assert ends[0::2] == ends[1::2]


@pytest.mark.skipif(shutil.which("arm-none-eabi-as") is None, reason="needs Debian's package binutils-arm-none-eabi")
@pytest.mark.parametrize("source", sorted(PROGRAMS.glob("*.s")), ids=lambda path: path.stem)
def test_the_programs_are_what_their_sources_say(source, tmp_path):
    subprocess.run(["arm-none-eabi-as", "-o", tmp_path / "a.o", source], check=True)
    subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", tmp_path / "a.o", tmp_path / "a.bin"], check=True
    )
    assert (tmp_path / "a.bin").read_bytes() == source.with_suffix(".bin").read_bytes()
