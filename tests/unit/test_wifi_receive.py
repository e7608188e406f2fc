"""Receiving: what is on the air lies in the firmware's rings, once there is room."""

import pytest
from wifi_driver import (
    ACCESS_POINT,
    ACTIVE,
    BROADCAST,
    DMA_CNTRL_SET,
    DOZE,
    IDLE,
    MAC_CNTRL_2,
    MY_ADDRESS,
    RX_CNTRL,
    RX_TRIGGER,
    SCAN_FILTER,
    SOMEBODY,
    STATE_CNTRL,
    TX_RX_ACK,
    TX_RX_TIMER,
    WifiDriver,
    data_from_ap,
    management,
)

from bk7238.engine.slice import functions

BEACON = management(8, BROADCAST, ACCESS_POINT, bytes(12) + b"\x00\x04test")
HEADER_CURRENT, PAYLOAD_CURRENT = 0x8548, 0x854C


@pytest.fixture
def bench():
    bench = WifiDriver()
    bench.rings()
    return bench


def data(number, size=300):
    return data_from_ap(bytes([number]) * size)


def test_a_beacon_from_an_unknown_station(bench):
    bench.clock.advance(123_456)
    assert not bench.hear(BEACON, rssi=-50), "nobody acknowledges a group frame"
    rhd = bench.rhds[1]
    assert bench.received(rhd) == BEACON
    assert bench.rx_status(rhd) == 0x0000_6401
    words = [bench.bus.word(rhd + 4 * i) for i in range(17)]
    assert words[0x08 // 4] == bench.rbds[1] and words[0x0C // 4] == 0x1234_5678
    assert words[0x1C // 4] == len(BEACON), "length without FCS, and no A-MPDU"
    assert (words[0x20 // 4], words[0x24 // 4]) == (123_456, 0)
    assert words[0x28 // 4] & 0xFFF == len(BEACON) + 4
    assert words[0x30 // 4] == 0xCE00_0000
    assert words[0x3C // 4] == 0, "the firmware resets the MAC for anything else"
    assert bench.bus.word(bench.rbds[1] + 0x10) == 0x5A5A_0003
    assert bench.mac.read(HEADER_CURRENT) == rhd and bench.mac.read(PAYLOAD_CURRENT) == bench.rbds[1]


def test_an_engine_that_places_frames_does_what_the_mac_does():
    here, there = WifiDriver(), WifiDriver()
    native, answers = here.bus.place, []
    here.bus.place = lambda *what: answers.append(native(*what)) or answers[-1]
    there.bus.place = lambda *_what: False
    for bench in (here, there):
        bench.rings()
    for frame in (BEACON, data(1), data(2, 1500), BEACON):
        here.hear(frame)
        there.hear(frame)
    assert here.mac.snapshot() == there.mac.snapshot()
    assert [bytes(one.bytes) for one in here.bus.rest] == [bytes(one.bytes) for one in there.bus.rest]
    natively = [True, True, False, True]  # one of them needs several buffers
    assert answers == (natively if functions().on_read is not None else [False] * 4)


def test_the_receive_interrupt(bench):
    bench.hear(BEACON)
    assert bench.mac.read(0x8078) == 0xB_0000
    assert bench.line(TX_RX_TIMER) and not bench.line(RX_TRIGGER), "the firmware enables one of the three"
    bench.mac.write(TX_RX_ACK, 0xA_0000)
    assert not bench.line(TX_RX_TIMER)


def test_the_transmitter_is_looked_up(bench):
    bench.add_key(24, ACCESS_POINT, default=1)
    assert bench.hear(management(1, MY_ADDRESS, ACCESS_POINT, bytes(6))), "a frame for this station is acknowledged"
    bench.hear(BEACON)
    assert bench.rx_status(bench.rhds[1]) == 0x020C_6001
    assert bench.rx_status(bench.rhds[2]) == 0x020C_6401


def test_a_long_frame_takes_several_buffers(bench):
    frame = data_from_ap(bytes(i & 0xFF for i in range(1_476)))
    bench.hear(frame)
    assert bench.received(bench.rhds[1]) == frame
    statuses = [bench.bus.word(rbd + 0x10) & 0xFFFF for rbd in bench.rbds[1:5]]
    assert statuses == [2, 2, 3, 0]
    assert bench.mac.read(PAYLOAD_CURRENT) == bench.rbds[3]
    bench.hear(BEACON)
    assert bench.bus.word(bench.rhds[2] + 8) == bench.rbds[4]


@pytest.mark.parametrize("size", [488, 489])
def test_a_frame_that_just_fits_a_buffer(bench, size):
    frame = data(1, size)
    bench.hear(frame)
    assert bench.received(bench.rhds[1]) == frame
    assert bench.mac.read(PAYLOAD_CURRENT) == bench.rbds[1 if size == 488 else 2]


def recycle(bench, _ring, bit, last, address):
    """As the firmware does it: link the descriptor behind the last one, tell the DMA."""
    bench.bus.put(address + 4, 0)
    bench.bus.put(last + 4, address)
    bench.mac.write(DMA_CNTRL_SET, 1 << bit)


def test_frames_wait_for_buffers(bench):
    """Nine buffers of 512 bytes hold three frames of full size; others wait until the firmware gives buffers back."""
    frames = [data(number, 1_476) for number in range(5)]
    assert all(bench.hear(frame) for frame in frames)
    done = [rhd for rhd in bench.rhds if bench.rx_status(rhd)]
    assert done == bench.rhds[1:4]
    assert [bench.received(rhd) for rhd in done] == frames[:3]
    bench.mac.write(TX_RX_ACK, 1 << 17)
    last = bench.rbds[9]
    for rbd in (bench.rbds[0], bench.rbds[1]):
        bench.bus.put(rbd + 0x10, 0)
        recycle(bench, bench.rbds, 25, last, rbd)
        last = rbd
    assert not bench.rx_status(bench.rhds[4]) and not bench.line(TX_RX_TIMER), "two are not enough"
    recycle(bench, bench.rbds, 25, last, bench.rbds[2])
    assert bench.received(bench.rhds[4]) == frames[3] and bench.line(TX_RX_TIMER)
    assert not bench.rx_status(bench.rhds[5])


def test_frames_wait_for_headers(bench):
    frames = [data(number, 10) for number in range(9)]
    for frame in frames[:8]:
        bench.hear(frame)
    assert bench.mac.read(HEADER_CURRENT) == bench.rhds[8]
    bench.hear(frames[8])
    recycle(bench, bench.rhds, 24, bench.rhds[8], bench.rhds[0])
    assert bench.received(bench.rhds[0]) == frames[8]
    assert bench.mac.read(HEADER_CURRENT) == bench.rhds[0]


def test_frames_before_there_are_rings():
    bench = WifiDriver()
    bench.hear(BEACON)
    bench.rings()
    assert bench.received(bench.rhds[1]) == BEACON


def test_too_many_waiting_frames_are_lost_with_a_message():
    bench = WifiDriver()
    assert all(bench.hear(data(1, 10)) for _ in range(256))
    assert not bench.hear(data(1, 10))
    assert "one more is lost" in bench.log.messages[0]


def test_only_the_tuned_channel_is_heard(bench):
    assert not bench.hear(BEACON, channel=7)
    bench.tune_steps(80)
    assert not bench.hear(data(1), channel=6) and not bench.hear(data(1), channel=0)
    assert bench.mac.read(0x8078) == 0
    bench.tune(7)
    assert bench.hear(data(1), channel=7)


@pytest.mark.parametrize("state", [IDLE, DOZE])
def test_only_the_active_state_hears(bench, state):
    bench.mac.write(STATE_CNTRL, state << 4)
    assert not bench.hear(data(1))
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    assert not bench.rx_status(bench.rhds[1]), "what was not heard is gone"
    assert bench.hear(data(1))


def test_a_fresh_ring_starts_over(bench):
    bench.hear(BEACON)
    bench.rings()
    bench.hear(BEACON)
    assert bench.received(bench.rhds[1]) == BEACON


def test_soft_reset_forgets_rings_and_frames(bench):
    for _ in range(20):
        bench.hear(data(1))
    bench.mac.write(MAC_CNTRL_2, 1)
    assert bench.mac.read(HEADER_CURRENT) == bench.mac.read(PAYLOAD_CURRENT) == bench.mac.read(0x8078) == 0
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    bench.rings()
    assert not bench.rx_status(bench.rhds[1])


class TestFilter:
    def hears(self, bench, frame):
        bench.rings()
        bench.hear(frame)
        return bool(bench.rx_status(bench.rhds[1]))

    def test_unicast_to_others(self, bench):
        frame = data_from_ap(b"secret", receiver=SOMEBODY)
        assert not self.hears(bench, frame)
        bench.mac.write(RX_CNTRL, 0x7FFF_FFDE)  # the SDK's monitor mode
        assert self.hears(bench, frame)
        assert bench.rx_status(bench.rhds[1]) == 0x6201, "marked as for somebody else"

    def test_nobody_acknowledges_for_others(self, bench):
        bench.mac.write(RX_CNTRL, 0x7FFF_FFDE)
        assert not bench.hear(data_from_ap(b"", receiver=SOMEBODY))

    def test_an_unwanted_frame_is_acknowledged_all_the_same(self, bench):
        assert bench.hear(management(5, MY_ADDRESS, SOMEBODY, bytes(12))) and not bench.rx_status(bench.rhds[1])

    def test_beacons_of_other_networks(self, bench):
        beacon = management(8, BROADCAST, SOMEBODY, bytes(12), bssid=SOMEBODY)
        assert not self.hears(bench, beacon)
        bench.mac.write(RX_CNTRL, SCAN_FILTER)
        assert self.hears(bench, beacon)

    def test_probe_responses_while_scanning(self, bench):
        response = management(5, MY_ADDRESS, SOMEBODY, bytes(12), bssid=SOMEBODY)
        assert not self.hears(bench, response)
        bench.mac.write(RX_CNTRL, SCAN_FILTER)
        assert self.hears(bench, response)

    def test_group_data_of_other_networks(self, bench):
        mine, other = data_from_ap(b"", BROADCAST), data_from_ap(b"", BROADCAST, bssid=SOMEBODY)
        assert self.hears(bench, mine) and not self.hears(bench, other)
        bench.mac.write(RX_CNTRL, bench.mac.read(RX_CNTRL) | 1 << 4)
        assert self.hears(bench, other)

    def test_multicast(self, bench):
        frame = data_from_ap(b"", bytes.fromhex("01005e0000fb"))
        assert self.hears(bench, frame)
        bench.mac.write(RX_CNTRL, bench.mac.read(RX_CNTRL) & ~(1 << 2))
        assert not self.hears(bench, frame)

    def test_address_mask(self, bench):
        second = MY_ADDRESS[:5] + bytes([MY_ADDRESS[5] ^ 1])
        assert not self.hears(bench, data_from_ap(b"", second))
        bench.mac.write(0x1C, 0x0100)
        assert self.hears(bench, data_from_ap(b"", second))

    def test_kinds(self, bench):
        null = bytes((0x48, 2, 0, 0)) + MY_ADDRESS + ACCESS_POINT + SOMEBODY + bytes(2)
        assert self.hears(bench, null)
        bench.mac.write(RX_CNTRL, bench.mac.read(RX_CNTRL) & ~(1 << 29))
        assert not self.hears(bench, null)
        acknowledgement = bytes((0xD4, 0, 0, 0)) + MY_ADDRESS
        assert not self.hears(bench, acknowledgement)

    def test_too_long(self, bench):
        bench.mac.write(0x150, 327)
        assert not self.hears(bench, data(1)) and self.hears(bench, data(1, 299))

    @pytest.mark.parametrize("noise", [b"", b"\x08", bytes(9), b"\x80\x00" + bytes(10), b"\xff" * 40])
    def test_noise(self, bench, noise):
        assert not bench.hear(noise) and not bench.rx_status(bench.rhds[1])


class TestBadDescriptors:
    def lost(self, bench, text, frame=None):
        bench.hear(data(1) if frame is None else frame)
        assert len(bench.log.messages) == 1 and text in bench.log.messages[0]
        assert not bench.line(TX_RX_TIMER) and not bench.rx_status(bench.rhds[1])
        bench.hear(data(2))
        assert len(bench.log.messages) == 1, "reception waits for new rings"
        bench.rings()
        assert bench.received(bench.rhds[1]) == data(2)

    def test_header_outside_memory(self, bench):
        bench.mac.write(0x81B8, 0x0010_0000)
        bench.mac.write(DMA_CNTRL_SET, 1 << 26)
        self.lost(bench, "RHD at 0x00100000")

    def test_header_without_its_pattern(self, bench):
        bench.bus.put(bench.rhds[1], 0)
        self.lost(bench, "pattern 0x00000000")

    def test_buffer_without_its_pattern(self, bench):
        bench.bus.put(bench.rbds[1], 0x1111_1111)
        self.lost(bench, "RBD")

    def test_buffer_outside_memory(self, bench):
        bench.bus.put(bench.rbds[1] + 8, 0x0043_FFF0, 0x0044_0100)
        self.lost(bench, "no memory at 0x0043fff0")

    def test_empty_buffer(self, bench):
        bench.bus.put(bench.rbds[1] + 8, 0x0041_0010, 0x0041_000F)
        self.lost(bench, "a buffer from")

    def test_buffers_in_a_circle(self, bench):
        bench.bus.put(bench.rbds[1] + 4, bench.rbds[1])
        self.lost(bench, "without an end", data(1, 1_000))
