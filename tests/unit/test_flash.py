"""The flash controller as a driver sees it: operations, NOR rules, protection, and the window that follows."""

from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import chip
from bk7238.engine import slice as slices
from bk7238.formats import crc_framing
from bk7238.formats.codec import CRC_FRAMES, ScrambledCrcFrames
from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.flash import FlashController
from bk7238.peripherals.nor_endings import UNSTABLE, Operation
from bk7238.peripherals.nor_flash import NorFlash
from bk7238.testing.block import BlockBench

OPERATE, DATA_IN, DATA_OUT, RDID, STATUS, CONF, PAGE = 0x00, 0x04, 0x08, 0x10, 0x14, 0x1C, 0x24
GO = 1 << 29


class Driver:
    """The SDK's flash driver, as far as the tests need it."""

    def __init__(self, size=0x200000):
        self.bench = BlockBench()
        self.flash = self.bench.make(FlashController, "flash")
        fitted = chip.usual().flash(size)
        self.flash.chip = NorFlash(fitted.size, fitted.jedec_id)
        self.operations = []
        self.flash.operated.connect(lambda *what: self.operations.append(what))

    def operate(self, opcode, address=0):
        self.flash.write(OPERATE, GO | opcode << 24 | address)
        assert not self.flash.read(OPERATE) >> 31, "busy"

    def read(self, address):
        self.operate(5, address)
        return b"".join(self.flash.read(DATA_OUT).to_bytes(4, "little") for _ in range(8))

    def program(self, address, data):
        for at in range(0, 32, 4):
            self.flash.write(DATA_IN, int.from_bytes(data[at : at + 4], "little"))
        self.operate(12, address)

    def program_page(self, address, data):
        self.flash.write(STATUS, 1 << 30)
        self.flash.write(PAGE, 1 << 31)
        for byte in data:
            self.flash.write(PAGE, byte)
        self.operate(12, address)
        self.flash.write(STATUS, 0)

    def status(self, value):
        self.flash.write(CONF, value << 10)
        self.operate(7)


@pytest.fixture
def driver():
    return Driver()


@pytest.mark.parametrize(("size", "jedec_id"), [(0x200000, 0xC84015), (0x400000, 0xEF4016)])
def test_identity(size, jedec_id):
    driver = Driver(size)
    driver.operate(20)
    assert driver.flash.read(RDID) == jedec_id
    assert 1 << (jedec_id & 0xFF) == size


def test_program_clears_bits_only(driver):
    driver.program(0x1000, b"\x0f" * 32)
    driver.program(0x1000, b"\xf1" * 32)
    assert driver.read(0x1000) == b"\x01" * 32
    assert driver.operations == [("program", 0x1000, b"\x0f" * 32), ("program", 0x1000, b"\xf1" * 32)]


@pytest.mark.parametrize("address", [0, 0x1FF0, 0x1FFFE0, 0x1FFFFF, 0x200000, 0x3FFFE5])
def test_a_read_gives_eight_words_again_and_again(driver, address):
    pattern = bytes(range(251)) * (driver.flash.chip.size // 251 + 1)
    driver.flash.chip.load(pattern[: driver.flash.chip.size])
    start = address % driver.flash.chip.size & ~31
    assert driver.read(address) == pattern[start : start + 32]
    again = [driver.flash.read(DATA_OUT).to_bytes(4, "little") for _ in range(11)]
    assert b"".join(again) == (pattern[start : start + 32] * 2)[:44]
    before = driver.flash.snapshot()
    driver.flash.chip.load(bytes(32), start)
    driver.operate(3)
    driver.flash.restore(before)
    assert driver.flash.read(DATA_OUT) == int.from_bytes(pattern[start + 12 : start + 16], "little")


def test_python_is_not_asked_for_a_read(driver, monkeypatch):
    if slices.functions().on_write is None:
        pytest.skip("nothing is native on this host")
    driver.flash.chip.load(b"word" * 8, 0x40)
    monkeypatch.setattr(NorFlash, "read", None)
    assert driver.read(0x4F) == b"word" * 8


def test_another_chip_is_read_at_once(driver):
    driver.flash.insert(NorFlash(0x1000, 0))
    driver.flash.chip.load(b"word" * 8)
    assert driver.read(0) == driver.read(0x1000) == b"word" * 8


def test_bits_that_read_differently_do_so_for_the_driver_until_they_are_erased(driver):
    chip = driver.flash.chip
    driver.flash.insert(chip)
    chip.load(bytes(0x1000), 0x3000)
    chip.perform(Operation("erase", 0x3000, 0x1000), UNSTABLE, Random(1))
    line = min(chip.unstable) & ~31
    before = deepcopy((driver.flash.snapshot(), chip.snapshot()))
    reads = [driver.read(line) for _ in range(20)]
    assert len(set(reads)) > 1
    driver.operate(13, 0x3000)
    assert driver.read(line) == b"\xff" * 32 and chip.steady
    driver.flash.restore(before[0])
    chip.restore(before[1])
    assert [driver.read(line) for _ in range(20)][1:] != [b"\xff" * 32] * 19


def test_words_that_are_not_written_again_are_programmed_again_and_a_ninth_is_the_first(driver):
    driver.program(0x1000, bytes(range(32)))
    for word in (b"abcd", b"efgh"):
        driver.flash.write(DATA_IN, int.from_bytes(word, "little"))
    driver.operate(12, 0x2000)
    assert driver.read(0x2000) == b"abcdefgh" + bytes(range(8, 32))
    for number in range(10):
        driver.flash.write(DATA_IN, number)
    driver.operate(12, 0x3000)
    assert driver.read(0x3000)[::4] == bytes((8, 9, 2, 3, 4, 5, 6, 7))


def test_python_is_not_asked_for_the_words_of_a_program(driver):
    if slices.functions().on_write is None:
        pytest.skip("nothing is native on this host")
    asked = []
    driver.flash.writers[DATA_IN] = asked.append
    driver.program(0x1000, bytes(range(32)))
    assert not asked and driver.read(0x1000) == bytes(range(32))


def test_page_programming(driver):
    page = bytes(range(256))
    driver.program_page(0x2000, page)
    assert b"".join(driver.read(0x2000 + at) for at in range(0, 256, 32)) == page
    assert driver.operations == [("program", 0x2000, page)]


@pytest.mark.parametrize(("opcode", "length"), [(13, 0x1000), (14, 0x8000), (15, 0x10000)])
def test_erase_covers_the_aligned_block(driver, opcode, length):
    driver.flash.chip.load(bytes(0x20000), 0)
    driver.operate(opcode, length + 0x123)
    data = driver.flash.chip.data
    assert data[:length] == bytes(length) and data[length : 2 * length] == b"\xff" * length
    assert data[2 * length : 0x20000] == bytes(0x20000 - 2 * length)


def test_chip_erase(driver):
    driver.flash.chip.load(bytes(0x200000), 0)
    driver.operate(16)
    assert driver.flash.chip.data == b"\xff" * 0x200000


def test_status_reads_back_in_two_bytes(driver):
    driver.status(0x4204)
    driver.operate(3)
    assert driver.flash.read(STATUS) & 0xFF == 0x04
    driver.operate(6)
    assert driver.flash.read(STATUS) & 0xFF == 0x42


def test_a_one_byte_status_write_leaves_the_second_byte(driver):
    driver.status(0x4204)
    driver.flash.write(CONF, 0x7C << 10)
    driver.operate(4)
    assert driver.flash.chip.status == 0x427C


@pytest.mark.parametrize(
    ("status", "unprotected"),
    [
        (0x0000, range(0, 0x200000)),
        (0x007C, range(0)),
        (0x0004, range(0, 0x1F0000)),
        (0x4004, range(0x1F0000, 0x200000)),  # what apps run with: all but the last block
        (0x0024, range(0x10000, 0x200000)),
        (0x0044, range(0, 0x1FF000)),
        (0x4000, range(0)),
        (0x407C, range(0, 0x200000)),
    ],
)
def test_protection(driver, status, unprotected):
    driver.flash.chip.load(bytes(0x200000), 0)
    driver.status(status)
    for sector in (0, 0xF000, 0x10000, 0x1E0000, 0x1EF000, 0x1F0000, 0x1FE000, 0x1FF000):
        driver.operate(13, sector)
        assert (driver.flash.chip.data[sector] == 0xFF) == (sector in unprotected), hex(sector)
    assert len(driver.operations) == sum(s in unprotected for s in (op[1] for op in driver.operations))


def test_protected_and_unreachable_operations_are_logged_and_change_nothing(driver):
    driver.status(0x007C)
    driver.program(0x1000, bytes(32))
    driver.status(0)
    driver.program(0x200000, bytes(32))
    assert driver.flash.chip.data == b"\xff" * 0x200000 and driver.operations == []
    assert ["protected" in m or "beyond" in m for m in driver.bench.log.messages] == [True, True]


def test_the_window_shows_the_logical_bytes(driver):
    code = bytes(range(256)) * 16
    driver.flash.chip.load(crc_framing.frame(code))
    driver.flash.insert(driver.flash.chip)
    assert driver.bench.bus.read(0, len(code)) == code


@given(st.integers(0, 0x3FF), st.binary(min_size=256, max_size=256))
def test_the_window_follows_every_program(page, data):
    driver = Driver()
    driver.program_page(page * 256, data)
    chip = driver.flash.chip
    first = page * 256 // 34
    for frame in range(first, (page * 256 + 255) // 34 + 1):
        assert driver.bench.bus.read(frame * 32, 32) == chip.data[frame * 34 : frame * 34 + 32]


def test_the_window_follows_an_erase(driver):
    driver.flash.chip.load(bytes(0x20000), 0)
    driver.flash.insert(driver.flash.chip)
    driver.operate(13, 0x1000)
    assert driver.bench.bus.read(0x1000 // 34 * 32 + 32, 32) == b"\xff" * 32
    assert driver.bench.bus.read(0, 32) == bytes(32)


def test_unknown_opcodes_are_logged(driver):
    driver.operate(28)
    assert driver.bench.log.messages == ["flash opcode 28 is not modelled"]


def test_no_start_no_operation(driver):
    driver.flash.write(OPERATE, 13 << 24)
    assert driver.operations == []


@pytest.mark.parametrize("kind", list(ResetKind))
def test_reset_spares_the_chip_only(driver, kind):
    driver.program(0, bytes(32))
    driver.flash.write(DATA_IN, 1)
    driver.flash.write(PAGE, 1)
    driver.flash.write(STATUS, 1 << 30)
    driver.flash.reset(kind)
    assert driver.flash.snapshot() == driver.bench.make(FlashController, "flash").snapshot()
    assert driver.flash.chip.data[:32] == bytes(32)


# Stores into the window


def stored(driver, address, data):
    """The words of `data`, stored by the CPU one after the other; answers whether each was taken."""
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    return [driver.bench.bus.on_store(address + 4 * number, word, 4) for number, word in enumerate(words)]


LINES = bytes(range(1, 65))


@pytest.mark.parametrize("codec", [CRC_FRAMES, ScrambledCrcFrames((0x1F2E3D4C, 0x9A5BC3D7, 0x0F1E2D3C, 0x6E5D0B40))])
def test_with_cpu_data_write_stores_into_the_window_program_frames(driver, codec):
    driver.flash.insert(driver.flash.chip, codec)
    driver.flash.write(CONF, 1 << 9)
    assert all(stored(driver, 0x100E0, LINES))
    framed = codec.encode(LINES, 0x100E0)
    at = codec.physical(0x100E0)
    assert at % 256 + 34 > 256, "a frame that lies in two pages"
    assert driver.flash.chip.data[at : at + 68] == framed and driver.bench.bus.read(0x100E0, 64) == LINES
    first = 256 - at % 256
    assert driver.operations == [
        ("program", at, framed[:first]),
        ("program", at + first, framed[first:34]),
        ("program", at + 34, framed[34:]),
    ]


def test_a_line_is_programmed_when_its_last_byte_comes(driver):
    driver.flash.write(CONF, 1 << 9)
    stored(driver, 0x10000, LINES[:28])
    driver.bench.bus.on_store(0x1001C, 0x1E1D, 2)
    assert driver.operations == []
    driver.bench.bus.on_store(0x1001E, 0x201F, 2)
    assert driver.bench.bus.read(0x10000, 32) == LINES[:32]


def test_without_it_they_go_nowhere(driver):
    assert not any(stored(driver, 0x10000, LINES))
    assert driver.operations == [] and driver.flash.chip.data == b"\xff" * 0x200000


def test_a_protected_frame_stays(driver):
    driver.status(0x7C)
    driver.flash.write(CONF, 1 << 9)
    stored(driver, 0x10000, LINES[:32])
    assert driver.operations == []
