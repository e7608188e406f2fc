"""The flash controller, and the execute-in-place window that follows every change of the chip at once.

Facts: docs/hardware/flash.md; the SDK's driver/flash/flash.h. The controller works on raw physical addresses; the
window shows the logical bytes, without CRCs and descrambled. With cpu_data_write stores into the window program them:
the controller scrambles 32 bytes, adds their CRC, and programs them when the last of them comes. Operations finish at
once, and the controller issues WREN by itself. Who listens to `operated` is told of each operation in its moment; who
listens to `operations`, of lists of them, with the microseconds at which they were.

Not modelled: time that an operation takes, line modes, deep power-down, security registers, CRC errors of the window.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from bk7238.formats.codec import CRC_FRAMES, Codec
from bk7238.peripherals.core import (
    RO,
    RW,
    WO,
    Fifo,
    Load,
    Peripheral,
    Port,
    Register,
    Services,
    State,
    StoreBuffer,
    on_write,
)
from bk7238.peripherals.flash_programs import Program, Programs
from bk7238.peripherals.nor_endings import BLOCK_32K, BLOCK_64K, PAGE, SECTOR, Operation
from bk7238.peripherals.nor_flash import NorFlash

READ, PROGRAM = 5, 12  # opcodes
_EIGHT_WORDS = struct.Struct("<8I")


class FlashController(Peripheral):
    """`window` is the CPU address at which the logical bytes appear."""

    size = 0x1000

    class OPERATE_SW(Register, at=0x00):
        address = RW(0, 23)
        opcode = RW(24, 28)
        start = WO(29)
        wp_value = RW(30)
        busy = RO(31)

    class DATA_SW_FLASH(Register, at=0x04):
        data = WO(0, 31)

    class DATA_FLASH_SW(Register, at=0x08):
        data = RO(0, 31)

    class RDID_DATA_FLASH(Register, at=0x10):
        jedec_id = RO(0, 23)

    class SR_DATA_CRC_CNT(Register, at=0x14):
        status = RO(0, 7)
        crc_error_count = RO(8, 15)
        m_value = RW(22, 29)
        page_write_en = RW(30)

    class CONF(Register, at=0x1C):
        clock = RW(0, 3)
        mode = RW(4, 8)
        cpu_data_write = RW(9)
        wrsr_data = RW(10, 25)
        crc_en = RW(26)

    class PAGE_WRITE(Register, at=0x24):
        data = WO(0, 7)
        rewind = WO(31)

    reading = Fifo(DATA_FLASH_SW.data, 8, ring=True)
    loading = Load(reading, OPERATE_SW.address, {OPERATE_SW.opcode: READ, OPERATE_SW.start: 1})
    program_words = State(factory=lambda: [0xFFFF_FFFF] * 8)  # what `data_words` do not write again stays
    data_words = Fifo(DATA_SW_FLASH.data, 8)
    page = Fifo(PAGE_WRITE.data, PAGE)

    line = StoreBuffer(CRC_FRAMES.data, enable=CONF.cpu_data_write)

    operated = Port()
    operations = Port()

    def __init__(self, services: Services, window: int = 0) -> None:
        self.window = window
        self._chip = NorFlash(0, 0)  # none is soldered in yet
        self.codec: Codec = CRC_FRAMES
        super().__init__(services)
        self.bus.on_store, self.bus.buffer = self._store, self.line.host_address
        operate, state = FlashController.OPERATE_SW, FlashController.SR_DATA_CRC_CNT
        self.programs = Programs(window, self.data_words, self.line)
        command = {operate.opcode: PROGRAM, operate.start: 1}
        self.programs.command(self.words[operate.at], operate.address, command)
        self.programs.unless(self.words[state.at], state.page_write_en)
        self.programs.program(self._chip.data, self.codec)
        self.batches.append((self.programs, self._programmed))
        self.bus.on_served, self.operated.on_listeners = self.programs.serve, self._serve

    # The world's side

    @property
    def chip(self) -> NorFlash:
        """The chip that is soldered in."""
        return self._chip

    @chip.setter
    def chip(self, chip: NorFlash) -> None:
        self._chip = chip
        self.programs.program(chip.data, self.codec)
        chip.on_steadiness.connect(self._serve)
        self._serve()

    def insert(self, chip: NorFlash, codec: Codec | None = None) -> None:
        """Solder in another chip; the window shows it at once, decoded by `codec` or as before."""
        self.codec = codec or self.codec
        self.chip = chip
        self._show(0, chip.size)

    def refresh(self, address: int, length: int) -> None:
        """The chip's bytes were changed by something else than its commands: the window follows."""
        self._show(address, length)

    # The firmware's side

    @on_write(OPERATE_SW)
    def _operate(self, word: int) -> None:
        if not word & 0x2000_0000:
            return
        address = word & 0xFF_FFFF
        opcode = word >> 24 & 0x1F
        if opcode == READ:
            self.reading.fill(self.chip.read(address & ~31, 32))
            return
        operation = self._OPCODES.get(opcode)
        if operation is None:
            self.log.warning(f"flash opcode {opcode} is not modelled")
        else:
            operation(self, address)

    @on_write(DATA_SW_FLASH)
    def _fill_words(self, word: int) -> None:
        """All eight are there: the next one is the first again."""
        self._take_words()
        self.data_words.put(word)

    @on_write(PAGE_WRITE)
    def _fill_page(self, word: int) -> None:
        if word & 0x8000_0000:
            self.page.clear()
        else:
            self.page.take(word & 0xFF)

    def _serve(self) -> None:
        """Reads and programs need nothing but the chip's bytes, or the chip has to be asked."""
        self.loading.read_from(self.chip.data if self.chip.steady else bytearray())
        self.programs.open = self.chip.obedient and not self.operated.heard

    def _store(self, address: int, value: int, width: int) -> bool:
        """The CPU stores into the window. Answers whether that goes into the flash."""
        if not self.CONF.cpu_data_write:
            return False
        if self.line.put(address, value, width):
            logical = address + width - self.line.size - self.window
            self._program_pages(self.codec.physical(logical), self.codec.encode(bytes(self.line), logical))
            self.line.clear()
        return True

    # The opcodes

    def _identify(self, _address: int) -> None:
        self.RDID_DATA_FLASH.jedec_id = self.chip.identify()

    def _read_status(self, _address: int) -> None:
        self.SR_DATA_CRC_CNT.status = self.chip.status & 0xFF

    def _read_status_2(self, _address: int) -> None:
        self.SR_DATA_CRC_CNT.status = self.chip.status >> 8

    def _write_status(self, _address: int) -> None:
        self.chip.write_status(self.chip.status & 0xFF00 | self.CONF.wrsr_data & 0xFC)

    def _write_status_2(self, _address: int) -> None:
        self.chip.write_status(self.CONF.wrsr_data & 0xFFFC)

    def _program(self, address: int) -> None:
        if self.SR_DATA_CRC_CNT.page_write_en:
            data = bytes(self.page.items)
        else:
            self._take_words()
            data = _EIGHT_WORDS.pack(*self.program_words)
        self._program_bytes(address, data)

    def _take_words(self) -> None:
        words = self.data_words.items
        self.program_words[: len(words)] = words
        self.data_words.clear()

    def _program_pages(self, address: int, data: bytes) -> None:
        """Program bytes that may lie in two pages, one after the other."""
        first = PAGE - address % PAGE
        self._program_bytes(address, data[:first])
        if data[first:]:
            self._program_bytes(address + first, data[first:])

    def _program_bytes(self, address: int, data: bytes) -> None:
        if not self._allowed("program", address, len(data)):
            return
        if self.chip.program(address, data):
            self._show(address, len(data))
            self._operated("program", address, data)
        else:
            self._show_around(address, len(data))

    def _programmed(self, programs: list[Program]) -> None:
        """The engine has carried these out."""
        for one in programs:
            first, last = self._units(one.address, len(one.data))
            self.bus.written(self.window + first * self.codec.data, (last - first) * self.codec.data)
            if one.of_words:
                self.program_words[:] = _EIGHT_WORDS.unpack(one.data)
        self.operations([(self.clock.microseconds(one.ticks), "program", one.address, one.data) for one in programs])

    def _operated(self, kind: str, address: int, what: bytes | int) -> None:
        """Tell of an operation that has happened."""
        self.operations([(self.clock.now, kind, address, what)])
        self.operated(kind, address, what)

    def _erase(self, address: int, length: int) -> None:
        address &= ~(length - 1)
        if not self._allowed("erase", address, length):
            return
        if self.chip.erase(address, length):
            self._show(address, length)
            self._operated("erase", address, length)
        else:
            self._show_around(address, length)

    def _erase_sector(self, address: int) -> None:
        self._erase(address, SECTOR)

    def _erase_32k(self, address: int) -> None:
        self._erase(address, BLOCK_32K)

    def _erase_64k(self, address: int) -> None:
        self._erase(address, BLOCK_64K)

    def _erase_chip(self, _address: int) -> None:
        self._erase(0, self.chip.size)

    def _nothing(self, address: int) -> None:
        """Write enable, power-down and mode commands: the controller and the chip are always ready here."""

    _OPCODES: dict[int, Callable[[FlashController, int], None]] = {
        1: _nothing,  # WREN
        2: _nothing,  # WRDI
        3: _read_status,
        4: _write_status,
        6: _read_status_2,
        7: _write_status_2,
        PROGRAM: _program,
        13: _erase_sector,
        14: _erase_32k,
        15: _erase_64k,
        16: _erase_chip,
        17: _nothing,  # DP
        18: _nothing,  # RFDP
        20: _identify,
        21: _nothing,  # HPM
        22: _nothing,  # CRMR
        23: _nothing,  # CRMR2
    }

    def _allowed(self, what: str, address: int, length: int) -> bool:
        if address + length > self.chip.size:
            self.log.warning(f"flash {what} at {address:#x} is beyond the chip: ignored")
        elif self.chip.protected(address, length):
            self.log.warning(f"flash {what} at {address:#x} is protected by status {self.chip.status:#06x}: ignored")
        else:
            return True
        return False

    def _show_around(self, address: int, length: int) -> None:
        """An operation was interrupted, which other bytes of its sectors may show, too."""
        around = Operation("", address, length).around
        self._show(around.start, len(around))

    def _show(self, address: int, length: int) -> None:
        """The window follows the frames that the physical range touches."""
        codec, frame = self.codec, self.codec.frame
        first, last = self._units(address, length)
        framed = self._chip.shown(first * frame, (last - first) * frame)
        self.bus.write(self.window + first * codec.data, codec.decode(framed, first * frame))

    def _units(self, address: int, length: int) -> tuple[int, int]:
        """The first of the frames that a physical range touches, and the one behind the last."""
        frame = self.codec.frame
        return address // frame, min(-(-(address + length) // frame), self._chip.size // frame)
