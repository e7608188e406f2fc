"""The MAC as an access point's, and asleep: TBTT, the beacon queue, the time stamp, the power bit, doze."""

import pytest
from wifi_driver import ACCESS_POINT, ACTIVE, BCN, BROADCAST, DOZE, GENERAL, IDLE, MY_ADDRESS, STATE_CNTRL, WifiDriver

MAC_CNTRL_1, BCN_CNTRL_1, NEXT_TBTT = 0x4C, 0x64, 0x8040
GEN_STATUS, GEN_ACK, GEN_ENABLE, TX_RX_STATUS = 0x806C, 0x8070, 0x8074, 0x8078
TSF_LO, TSF_HI = 0x80A4, 0x80A8
AP_MODE, POWER_BIT = 0x0600_C8C3, 0x0600_C8C5  # what the SDK writes
INTERVAL = 102_400
AHEAD = 2_048
BCN_TRIGGER = 1 << 10
AC3 = 4


def beacon(sequence: int = 0) -> bytes:
    order = (sequence << 4).to_bytes(2, "little")
    return b"\x80\0\0\0" + BROADCAST + MY_ADDRESS + MY_ADDRESS + order + bytes(8) + b"\x64\0\x21\x04\0\3Own"


@pytest.fixture
def bench():
    """An access point, its TSF at zero, as the SDK starts it."""
    bench = WifiDriver()
    bench.mac.write(TSF_LO, 0)
    bench.mac.write(TSF_HI, 0)
    bench.mac.write(MAC_CNTRL_1, AP_MODE)
    bench.mac.write(GEN_ENABLE, 0x8377_F14D)
    bench.mac.write(BCN_CNTRL_1, 0xFF90_0064)
    return bench


def test_tbtt_is_announced_2048_microseconds_ahead(bench):
    seen = []
    for _ in range(4 * INTERVAL // 64):
        bench.clock.advance(64)
        if bench.line(GENERAL):
            assert bench.mac.read(GEN_STATUS) == 1
            seen.append(bench.clock.now)
            bench.mac.write(GEN_ACK, 1)
    assert seen == [INTERVAL * n - AHEAD for n in (1, 2, 3, 4)]


def test_the_countdown_to_the_next_tbtt(bench):
    assert bench.mac.read(NEXT_TBTT) == INTERVAL // 32
    bench.clock.advance(INTERVAL - 320)
    assert bench.mac.read(NEXT_TBTT) == 10


def test_setting_the_tsf_moves_the_tbtt(bench):
    bench.mac.write(TSF_LO, INTERVAL - 5_000)
    bench.clock.advance(5_000 - AHEAD - 1)
    assert not bench.line(GENERAL)
    bench.clock.advance(1)
    assert bench.line(GENERAL)


@pytest.mark.parametrize("how", ["station", "no interval", "idle"])
def test_no_tbtt_without_an_access_point(bench, how):
    if how == "station":
        bench.mac.write(MAC_CNTRL_1, AP_MODE & ~2)
    elif how == "no interval":
        bench.mac.write(BCN_CNTRL_1, 0xFF90_0000)
    else:
        bench.mac.write(STATE_CNTRL, IDLE << 4)
        bench.mac.write(GEN_ACK, 4)
    bench.clock.advance(3 * INTERVAL)
    assert bench.mac.read(GEN_STATUS) == 0


def test_beacons_wait_for_their_time_and_carry_the_tsf(bench):
    for n in (1, 2, 3):
        bench.clock.advance(INTERVAL * n - AHEAD - bench.clock.now)
        bench.mac.write(GEN_ACK, 1)
        thd = bench.thd(beacon(n), ack=False)
        bench.new_head(BCN, thd)
        bench.clock.advance(AHEAD - 1)
        assert len(bench.air) == n - 1
        bench.clock.advance(1_000)
        time, frame, _ = bench.air[-1]
        assert len(bench.air) == n and 0 < time - INTERVAL * n < 1_000
        assert frame[22] == n << 4
        assert INTERVAL * n <= int.from_bytes(frame[24:32], "little") <= time
        assert bench.tx_status(thd) >> 31 and bench.mac.read(TX_RX_STATUS) & BCN_TRIGGER
    times = [time for time, _, _ in bench.air]
    assert times[2] - times[1] == times[1] - times[0] == INTERVAL


def test_what_is_linked_behind_a_beacon_follows_it(bench):
    group = b"\x08\x02\0\0" + BROADCAST + MY_ADDRESS + MY_ADDRESS + b"\0\0" + bytes(20)
    first, second = bench.thd(beacon(), ack=False), bench.thd(group, ack=False)
    bench.new_head(BCN, first)
    bench.new_tail(BCN, first, second)
    bench.clock.advance(INTERVAL - 1)
    assert bench.frames == []
    bench.clock.advance(3_000)
    assert [frame[0] for frame in bench.frames] == [0x80, 0x08]


def test_other_queues_do_not_wait(bench):
    bench.new_head(AC3, bench.thd(b"\xc0\0\0\0" + BROADCAST + MY_ADDRESS * 2 + bytes(4), ack=False))
    bench.clock.advance(2_000)
    assert [frame[0] for frame in bench.frames] == [0xC0]


def test_the_power_bit_is_the_macs():
    bench = WifiDriver()
    null = b"\x48\x01\0\0" + ACCESS_POINT + MY_ADDRESS + ACCESS_POINT + bytes(2)
    for control in (POWER_BIT, POWER_BIT & ~4):
        bench.mac.write(MAC_CNTRL_1, control)
        bench.new_head(AC3, bench.thd(null))
        bench.clock.advance(2_000)
    assert [frame[1] for frame in bench.frames] == [0x11, 0x01]


def test_a_dozing_mac_hears_and_sends_nothing():
    bench = WifiDriver()
    bench.rings()
    frame = b"\x08\x02\0\0" + MY_ADDRESS + ACCESS_POINT + ACCESS_POINT + bytes(10)
    bench.mac.write(STATE_CNTRL, DOZE << 4)
    assert not bench.hear(frame)
    bench.new_head(AC3, bench.thd(b"\x48\x01\0\0" + ACCESS_POINT + MY_ADDRESS + ACCESS_POINT + bytes(2)))
    bench.clock.advance(5_000)
    assert bench.frames == [] and bench.rx_status(bench.rhds[1]) == 0
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    assert bench.hear(frame)
    bench.clock.advance(5_000)
    assert len(bench.frames) == 1 and bench.rx_status(bench.rhds[1])


DOZE_CNTRL_1, DOZE_CNTRL_2, TIMINGS_4 = 0x44, 0x8048, 0xF0
WAKE_UP = 102 * 32  # microseconds, what the SDK asks for


@pytest.fixture
def sleeper():
    """A station with the registers that the SDK writes before it lets the MAC doze; the TSF is at zero."""
    bench = WifiDriver()
    for offset, word in (
        (TSF_LO, 0),
        (TSF_HI, 0),
        (TIMINGS_4, 102 << 22),
        (MAC_CNTRL_1, 0x0400_C8C5),
        (DOZE_CNTRL_1, 0x0400_0001),
        (DOZE_CNTRL_2, 0),
        (BCN_CNTRL_1, 0xFF90_0064),
        (GEN_ACK, 0xFFFF_FFFF),
    ):
        bench.mac.write(offset, word)
    bench.clock.advance(10_000)
    return bench


def doze(bench) -> None:
    bench.mac.write(STATE_CNTRL, IDLE << 4)
    bench.mac.write(GEN_ACK, 4)
    bench.mac.write(STATE_CNTRL, DOZE << 4)


@pytest.mark.parametrize("listen", [1, 2, 10])
def test_it_wakes_ahead_of_the_beacon(sleeper, listen):
    sleeper.mac.write(DOZE_CNTRL_1, 0x0400_0000 | listen)
    doze(sleeper)
    sleeper.clock.advance(listen * INTERVAL - WAKE_UP - 10_000 - 1)
    assert not sleeper.mac.doze.wake.value
    sleeper.clock.advance(1)
    assert sleeper.mac.doze.wake.value and sleeper.mac.read(STATE_CNTRL) & 15 == DOZE
    sleeper.mac.write(DOZE_CNTRL_2, 1 << 31)
    assert sleeper.mac.read(STATE_CNTRL) & 15 == IDLE and sleeper.mac.read(GEN_STATUS) & 4
    assert not sleeper.mac.doze.wake.value


def test_software_may_wake_it_sooner(sleeper):
    doze(sleeper)
    sleeper.clock.advance(5_000)
    sleeper.mac.write(DOZE_CNTRL_2, 1 << 31)
    assert sleeper.mac.read(STATE_CNTRL) & 15 == IDLE
    sleeper.clock.advance(3 * INTERVAL)
    assert not sleeper.mac.doze.wake.value


@pytest.mark.parametrize(("offset", "word"), [(DOZE_CNTRL_2, 1), (BCN_CNTRL_1, 0xFF90_0000)])
def test_it_does_not_wake_by_itself_when_told_so(sleeper, offset, word):
    sleeper.mac.write(offset, word)
    doze(sleeper)
    sleeper.clock.advance(5 * INTERVAL)
    assert not sleeper.mac.doze.wake.value


@pytest.mark.parametrize(("control", "follows"), [(0x0400_C8C5, True), (0x0600_C8C5, False), (0x0400_C8C7, False)])
def test_the_tsf_follows_the_beacons_of_its_network(sleeper, control, follows):
    sleeper.mac.write(MAC_CNTRL_1, control)
    before = sleeper.mac.clocks.tsf

    def heard(bssid):
        head = b"\x80\0\0\0" + BROADCAST + bssid + bssid + b"\0\0"
        sleeper.hear(head + (7_000_000_000).to_bytes(8, "little") + b"\x64\0\x01\x04\0\5Bench")

    heard(bytes.fromhex("02aabbccdd99"))
    assert sleeper.mac.clocks.tsf == before
    heard(ACCESS_POINT)
    assert (7_000_000_000 < sleeper.mac.clocks.tsf < 7_000_001_000) is follows
