"""The MAC as a whole: state, interrupts, timers, clocks, key RAM, resets."""

import sys

import pytest
from wifi_driver import (
    AC2,
    AC3,
    ACCESS_POINT,
    ACTIVE,
    BROADCAST,
    DOZE,
    ENCR_CNTRL,
    GEN_ACK,
    GEN_ENABLE,
    GEN_STATUS,
    GENERAL,
    IDLE,
    MAC_CNTRL_2,
    MY_ADDRESS,
    RAM,
    RAM_SIZE,
    SOMEBODY,
    STATE_CNTRL,
    TIMERS_CLEAR,
    TIMERS_SET,
    TIMERS_UNMASK,
    TX_RX_ENABLE,
    TX_TRIGGER,
    WifiDriver,
    data_from_ap,
    management,
)

from bk7238.peripherals.core import BlockPart, ResetKind
from bk7238.peripherals.wifi.mac import WifiMac
from bk7238.testing.block import levels

KERNEL_TIMER = 8


@pytest.fixture
def bench():
    return WifiDriver()


@pytest.fixture
def mac(bench):
    return bench.mac


def test_all_registers_of_the_headers_are_claimed(bench, mac):
    for offset in (*range(0x00, 0x30, 4), 0x38, *range(0x128, 0x150, 4), 0x700, *range(0x8198, 0x81AC, 4), 0x857C):
        mac.read(offset)
    assert bench.log.unclaimed_offsets == []


class TestStates:
    def test_current_follows_next_at_once(self, mac):
        for state in (DOZE, ACTIVE, IDLE):
            mac.write(STATE_CNTRL, state << 4)
            assert mac.read(STATE_CNTRL) == state << 4 | state

    def test_idle_interrupt_only_when_idle_is_reached(self, bench, mac):
        mac.write(STATE_CNTRL, IDLE << 4)
        assert mac.read(GEN_STATUS) == 1 << 2 and bench.line(GENERAL)
        mac.write(GEN_ACK, 1 << 2)
        assert not bench.line(GENERAL)
        mac.write(STATE_CNTRL, IDLE << 4)
        mac.write(STATE_CNTRL, DOZE << 4)
        assert mac.read(GEN_STATUS) == 0
        mac.write(STATE_CNTRL, IDLE << 4)
        assert mac.read(GEN_STATUS) == 1 << 2

    def test_soft_reset_reads_back_zero_and_is_silent(self, mac):
        mac.write(MAC_CNTRL_2, 1)
        assert mac.read(MAC_CNTRL_2) == 0 and mac.read(STATE_CNTRL) == 0 and mac.read(GEN_STATUS) == 0


class TestInterrupts:
    def test_master_and_enable_gate_the_line(self, mac):
        seen = levels(mac, GENERAL)
        mac.write(STATE_CNTRL, IDLE << 4)
        mac.write(GEN_ENABLE, 0x0373_F14C)
        mac.write(GEN_ENABLE, 0x8000_0008)
        mac.write(GEN_ENABLE, 0x8000_0004)
        assert seen == [True, False, True]

    def test_each_source_has_its_line(self, bench, mac):
        mac.write(TX_RX_ENABLE, 0xFFFF_FFFF)
        lines = {}
        for bit in range(29):
            mac.interrupts.TX_RX_INT_STATUS.value = 1 << bit
            mac.interrupts.update()
            lines[bit] = [n for n in range(7) if bench.line(n)]
        assert all(lines[bit] == [5] for bit in range(6))
        assert all(lines[bit] == [4] for bit in (*range(6, 14), 15, *range(20, 29)))
        assert lines[14] == lines[17] == [1]
        assert lines[16] == lines[18] == lines[19] == [3]

    def test_status_is_not_written_by_software(self, mac):
        mac.write(GEN_STATUS, 0xFFFF_FFFF)
        mac.write(0x8078, 0xFFFF_FFFF)
        assert mac.read(GEN_STATUS) == mac.read(0x8078) == 0


class TestTimers:
    def arm(self, mac, timer, value):
        mac.write(0x128 + 4 * timer, value & 0xFFFF_FFFF)

    def test_one_shot(self, bench, mac):
        mac.write(TIMERS_UNMASK, 1 << KERNEL_TIMER)
        self.arm(mac, KERNEL_TIMER, 1_000)
        bench.clock.advance(999)
        assert mac.read(TIMERS_SET) == 0 and not bench.line(GENERAL)
        bench.clock.advance(1)
        assert mac.read(TIMERS_SET) == 1 << KERNEL_TIMER
        assert mac.read(GEN_STATUS) == 1 << 3 and bench.line(GENERAL)
        mac.write(TIMERS_CLEAR, 1 << KERNEL_TIMER)
        assert mac.read(TIMERS_SET) == 0 and mac.read(GEN_STATUS) == 0 and not bench.line(GENERAL)
        bench.clock.advance(10_000)
        assert mac.read(TIMERS_SET) == 0, "it does not latch again"
        assert mac.read(0x128 + 4 * KERNEL_TIMER) == 1_000

    def test_a_masked_timer_never_latches(self, bench, mac):
        self.arm(mac, 5, 1_000)
        bench.clock.advance(2_000)
        mac.write(TIMERS_UNMASK, 0x3FF)
        bench.clock.advance(2_000)
        assert mac.read(TIMERS_SET) == 0

    def test_masking_hides_a_latched_one_from_the_line_only(self, bench, mac):
        mac.write(TIMERS_UNMASK, 1)
        self.arm(mac, 0, 10)
        bench.clock.advance(20)
        mac.write(TIMERS_UNMASK, 0)
        assert mac.read(TIMERS_SET) == 1 and not bench.line(GENERAL) and mac.read(GEN_STATUS) == 0
        mac.write(TIMERS_UNMASK, 1)
        assert bench.line(GENERAL)

    def test_acknowledging_the_general_status_does_not_clear_timers(self, bench, mac):
        mac.write(TIMERS_UNMASK, 1)
        self.arm(mac, 0, 10)
        bench.clock.advance(20)
        mac.write(GEN_ACK, 0xFFFF_FFFF)
        assert bench.line(GENERAL)

    def test_a_time_in_the_past_expires_at_once(self, bench, mac):
        bench.clock.advance(5_000)
        mac.write(TIMERS_UNMASK, 2)
        self.arm(mac, 1, 4_000)
        bench.clock.advance(0)
        assert mac.read(TIMERS_SET) == 2

    def test_beyond_32_bits(self, bench, mac):
        bench.clock.advance(0xFFFF_FF00)
        mac.write(TIMERS_UNMASK, 2)
        self.arm(mac, 1, 0x100)
        bench.clock.advance(0x1FF)
        assert mac.read(TIMERS_SET) == 0
        bench.clock.advance(1)
        assert mac.read(TIMERS_SET) == 2

    def test_a_new_value_replaces_the_old_one(self, bench, mac):
        mac.write(TIMERS_UNMASK, 1)
        self.arm(mac, 0, 100)
        self.arm(mac, 0, 300)
        bench.clock.advance(200)
        assert mac.read(TIMERS_SET) == 0
        bench.clock.advance(100)
        assert mac.read(TIMERS_SET) == 1

    def test_software_can_set_a_status(self, bench, mac):
        mac.write(TIMERS_UNMASK, 4)
        mac.write(TIMERS_SET, 4)
        mac.write(TIMERS_SET, 8)
        assert mac.read(TIMERS_SET) == 12 and bench.line(GENERAL)

    def test_soft_reset_stops_them(self, bench, mac):
        mac.write(TIMERS_UNMASK, 3)
        self.arm(mac, 0, 100)
        mac.write(TIMERS_SET, 2)
        mac.write(MAC_CNTRL_2, 1)
        bench.clock.advance(200)
        assert mac.read(TIMERS_SET) == 0 and not bench.line(GENERAL)


class TestClocks:
    def test_the_counter_counts_microseconds(self, bench, mac):
        bench.clock.advance(0x1_0000_0005)
        assert [mac.read(offset) for offset in (0x11C, 0x120, 0x124)] == [5, 5, 1]

    def test_it_never_looks_switched_off(self, bench, mac):
        bench.clock.advance(0xDEAD_5555)
        assert mac.read(0x120) == 0xDEAD_5556

    def test_the_tsf_goes_on_from_what_was_written(self, bench, mac):
        bench.clock.advance(1_000)
        mac.write(0x80A8, 7)
        mac.write(0x80A4, 0xFFFF_FFFF)
        bench.clock.advance(3)
        assert [mac.read(0x80A4), mac.read(0x80A8)] == [2, 8]
        mac.write(0x80A4, 0)
        mac.write(0x80A8, 0)
        bench.clock.advance(10)
        assert [mac.read(0x80A4), mac.read(0x80A8), mac.read(0x120)] == [10, 0, 1_013]


@pytest.mark.parametrize(
    ("kind", "rate", "length", "expected"),
    [
        (1, 0, 14, 192 + 112),  # 1 Mbit/s, long preamble
        (0, 3, 14, 96 + 11),  # 11 Mbit/s, short preamble
        (1, 4, 14, 20 + 24 + 6),  # 6 Mbit/s
        (1, 11, 1_536, 20 + 4 * 57 + 6),  # 54 Mbit/s
        (2, 7, 1_500, 36 + 4 * 47 + 6),  # MCS 7
    ],
)
def test_time_on_air(mac, kind, rate, length, expected):
    mac.write(0x8164, rate)
    mac.write(0x8160, kind << 24 | length)
    mac.write(0x8168, 1 << 31)
    assert mac.read(0x8168) == 1 << 30 | expected


class TestKeys:
    KEY = bytes(range(16))

    def test_read_back(self, bench, mac):
        bench.add_key(24, ACCESS_POINT, cipher=3, key=self.KEY)
        bench.add_key(1, BROADCAST, cipher=3)
        assert mac.read(0xAC) == 0
        mac.write(ENCR_CNTRL, 1 << 31 | 24 << 16)
        assert [mac.read(0xAC + 4 * i) for i in range(4)] == [0x0302_0100, 0x0706_0504, 0x0B0A_0908, 0x0F0E_0D0C]
        assert [mac.read(0xBC), mac.read(0xC0)] == [0xCCBB_AA02, 0x01DD]
        assert mac.read(ENCR_CNTRL) == 24 << 16 | 0x301, "command bits read zero"

    def test_an_empty_entry(self, mac):
        mac.write(ENCR_CNTRL, 1 << 31 | 30 << 16)
        assert [mac.read(0xBC), mac.read(0xC0)] == [0xFFFF_FFFF, 0xFFFF]

    def search(self, bench, address):
        bench.address(0xBC, address)
        bench.mac.write(ENCR_CNTRL, 1 << 29)
        word = bench.mac.read(ENCR_CNTRL)
        return None if word >> 28 & 1 else word >> 16

    def test_search(self, bench):
        bench.add_key(3, SOMEBODY)
        bench.add_key(4, ACCESS_POINT)
        bench.add_key(25, ACCESS_POINT)
        assert self.search(bench, ACCESS_POINT) == 25, "stations first"
        assert self.search(bench, MY_ADDRESS) is None
        assert self.search(bench, SOMEBODY) == 3, "and the error is gone again"

    def test_a_deleted_key_is_not_found(self, bench):
        bench.add_key(24, ACCESS_POINT)
        bench.add_key(24, BROADCAST)
        assert self.search(bench, ACCESS_POINT) is None

    def test_soft_reset_keeps_them_and_two_others_do_not(self, bench, mac):
        bench.add_key(24, ACCESS_POINT)
        mac.write(MAC_CNTRL_2, 1)
        assert self.search(bench, ACCESS_POINT) == 24
        mac.write(0x4C, mac.read(0x4C) | 1 << 13)
        assert mac.read(0x4C) == 0xC881 and self.search(bench, ACCESS_POINT) is None
        bench.add_key(24, ACCESS_POINT)
        mac.reset(ResetKind.WATCHDOG)
        assert self.search(bench, ACCESS_POINT) is None

    def test_an_entry_that_does_not_exist(self, bench):
        bench.add_key(700, ACCESS_POINT)
        assert self.search(bench, ACCESS_POINT) is None and "entry 700" in bench.log.messages[0]


def busy_bench():
    """A MAC in the middle of everything."""
    bench = WifiDriver()
    bench.rings(headers=3)
    bench.add_key(24, ACCESS_POINT, cipher=0, default=1)
    bench.mac.write(TIMERS_UNMASK, 0x3FF)
    for timer in range(10):
        bench.mac.write(0x128 + 4 * timer, 100 * timer)
    bench.mac.write(0x80A4, 12_345)
    bench.mac.write(0x44, 7)
    bench.mac.write(0x8168, 1 << 31)
    for number in range(5):
        bench.hear(data_from_ap(bytes([number]) * 600))
    bench.new_head(AC2, bench.thd(data_from_ap(b"first")))
    bench.clock.advance(450)
    bench.new_head(AC3, bench.thd(management(11, ACCESS_POINT, MY_ADDRESS, bytes(6))))
    bench.new_head(AC2, bench.thd(data_from_ap(b"second")))
    assert bench.line(GENERAL) and bench.mac.rings.waiting and bench.mac.tx.exchange
    return bench


@pytest.mark.parametrize("kind", list(ResetKind))
def test_reset_gives_a_fresh_block(kind):
    bench = busy_bench()
    fresh = bench.make(WifiMac, "wifi")
    bench.mac.reset(kind)
    assert bench.mac.snapshot() == fresh.snapshot()
    sent = len(bench.frames)
    bench.clock.advance(1_000_000)
    assert bench.mac.snapshot() == fresh.snapshot() and len(bench.frames) == sent, "something survived the reset"
    bench.start()
    bench.new_head(AC3, bench.thd(management(11, ACCESS_POINT, MY_ADDRESS, bytes(6))))
    bench.clock.advance(1_000)
    assert len(bench.frames) == sent + 1 and bench.line(TX_TRIGGER)


def test_snapshot_and_restore_continue_alike():
    bench = busy_bench()
    snapshot, ram = bench.mac.snapshot(), bench.bus.read(RAM, RAM_SIZE)
    other = WifiDriver()
    other.clock.advance(bench.clock.now)
    other.bus.write(RAM, ram)
    other.mac.restore(snapshot)
    assert other.mac.snapshot() == snapshot
    for one in (bench, other):
        one.air.clear()
        one.clock.advance(10_000)
    assert bench.air == other.air and len(bench.air) == 2
    assert bench.bus.read(RAM, RAM_SIZE) == other.bus.read(RAM, RAM_SIZE)
    assert bench.mac.snapshot() == other.mac.snapshot()


def test_every_part_says_what_it_leaves_out(mac):
    parts = [part for part in vars(mac).values() if isinstance(part, BlockPart)]
    assert len(parts) == 16
    for part in parts:
        lines = (sys.modules[type(part).__module__].__doc__ or "").splitlines()
        assert sum(line.startswith("Not modelled: ") for line in lines) == 1, type(part).__module__
