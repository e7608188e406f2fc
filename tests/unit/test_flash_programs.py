"""Programs of the flash: what the engine carries out by itself and what the controller does is the same."""

from random import Random

import pytest
from test_engine import BODIES, CONTROLLER, PLATFORM, arm

from bk7238.engine import slice as slices
from bk7238.engine.repl import load
from bk7238.engine.stops import Watch
from bk7238.engine.unicorn import UnicornEngine
from bk7238.formats.codec import CRC_FRAMES, ScrambledCrcFrames
from bk7238.peripherals.nor_flash import NorFlash

SIZE, WINDOW, CODE, RAM = 0x4400, 0x4000, 0x3000, 0x400000
OPERATE, WORDS, STATE, CONF = 0x800000, 0x800004, 0x800014, 0x80001C
GO = 1 << 29
SCRAMBLED = ScrambledCrcFrames((0x1F2E3D4C, 0x9A5BC3D7, 0x0F1E2D3C, 0x6E5D0B40))
# b loop; and at CODE: mov r4, #RAM; loop: ldmia r4!, {r0, r1}; cmp r0, #0; strne r1, [r0]; bne loop; b .
JUMP = arm(0xEA000000 | (CODE - 8) // 4)
LOOP = arm(0xE3A04501, 0xE8B40003, 0xE3700001, 0x15801000, 0x1AFFFFFB, 0xEAFFFFFE)


def course(chance):
    """What the firmware stores, and where: words and lines, sometimes too many or too few of them, near to each other,
    and what changes how they are taken."""
    yield CONF, 1 << 9
    for _ in range(60):
        address = chance.choice([0x10, 0x1000, 0x10E0, 0x3F00, SIZE - 40]) + chance.randrange(0, 96, 4)
        match chance.randrange(12):
            case 0:
                yield OPERATE, GO | 13 << 24 | chance.choice([0, 0x1000, 0x2000, 0x4000])
            case 1:
                yield STATE, chance.randrange(2) << 30
                yield STATE, 0
            case 2:
                yield CONF, chance.choice([0, 0x7C]) << 10 | chance.randrange(2) << 9
                yield OPERATE, GO | 7 << 24
                yield CONF, 1 << 9
                yield OPERATE, GO | 7 << 24
            case one if one < 8:
                for _ in range(chance.choice([8, 8, 8, 3, 9])):
                    yield WORDS, chance.getrandbits(32)
                yield OPERATE, GO | 12 << 24 | address
            case _:
                line = address // 34 * 32
                for at in range(chance.choice([0, 0, 16]), 32, 4):
                    yield line + at, chance.getrandbits(32)


def carried_out(tmp_path, codec, seed, watch=None, heard=False):
    """What is seen afterwards, and how many programs the chip was asked for."""
    description = tmp_path / "flash.repl"
    description.write_text(PLATFORM.split("probe:")[0] + CONTROLLER)
    engine = UnicornEngine(load(description))
    controller, chip, asked, told = engine.board.controller, NorFlash(SIZE, 0), [], []
    code = JUMP.ljust(CODE, b"\xff") + LOOP
    chip.load(codec.encode(code, 0))
    controller.insert(chip, codec)
    chip.program = lambda *what, program=chip.program: asked.append(what) or program(*what)
    controller.operations.connect(told.extend)
    if heard:
        controller.operated.connect(lambda *_what: None)
    if watch is not None:
        engine.stops.add_watch(watch)
    stores = [number for store in (*course(Random(seed)), (0xFFFF_FFFF, 0)) for number in store]
    engine.bus.write(RAM, arm(*stores))
    before = engine.snapshot().window
    assert bytes(engine.bus.window.bytes) == b"".join(before)
    engine.run(1_000)
    assert engine.register("pc") == CODE + 20
    shown = bytes(engine.bus.window.bytes)
    assert b"".join(engine.snapshot().window) == shown
    seen = bytes(chip.data), shown, told, controller.snapshot(), engine.instructions, engine.log.records
    return seen, len(asked)


@pytest.mark.parametrize("codec", [CRC_FRAMES, SCRAMBLED], ids=["plain", "scrambled"])
@pytest.mark.parametrize("seed", range(3))
def test_all_do_the_same(seed, codec, tmp_path, monkeypatch):
    if slices.functions().name == "python":
        pytest.skip("nothing is native on this host")
    native, few = carried_out(tmp_path, codec, seed)
    alone, all_of_them = carried_out(tmp_path, codec, seed, heard=True)
    assert native == alone and len(native[2]) > 20
    assert few < all_of_them / 2
    monkeypatch.setattr(slices, "functions", BODIES["python"])
    assert carried_out(tmp_path, codec, seed) == (native, all_of_them)


def test_a_watch_on_the_window_is_told_of_each(tmp_path):
    _, few = carried_out(tmp_path, CRC_FRAMES, 0)
    watch = Watch(0x2000, 4, False, True)  # nothing is stored there
    _, asked = carried_out(tmp_path, CRC_FRAMES, 0, watch)
    assert asked > few
