"""Sending: what the firmware queues goes on the air, and its descriptors say how it went."""

import pytest
from wifi_driver import (
    AC0,
    AC2,
    AC3,
    ACCESS_POINT,
    ACTIVE,
    BCN,
    BROADCAST,
    DMA_CNTRL_SET,
    IDLE,
    MAC_CNTRL_2,
    MY_ADDRESS,
    STATE_CNTRL,
    TX_RX_ACK,
    TX_TRIGGER,
    WifiDriver,
    data_to_ap,
    management,
)

SUCCESS = 0x8080_0000
AUTHENTICATION = management(11, ACCESS_POINT, MY_ADDRESS, b"\0\0\1\0\0\0")
PROBE = management(4, BROADCAST, MY_ADDRESS, b"\x00\x04test", bssid=BROADCAST)


def without_duration(frame):
    return frame[:2] + b"\0\0" + frame[4:]


@pytest.fixture
def bench():
    return WifiDriver()


def test_a_management_frame_is_sent(bench):
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    assert bench.frames == [] and bench.tx_status(thd) == 0, "it is not sent before its time on the air has passed"
    bench.clock.advance(2_000)
    [(now, frame, channel)] = bench.air
    assert without_duration(frame) == AUTHENTICATION and channel == 6 and 0 < now < 500
    assert frame[2:4] != b"\0\0", "the MAC fills in how long the answer takes"
    assert bench.tx_status(thd) == SUCCESS
    assert bench.mac.read(0x8534) == thd, "status pointer of AC3"
    assert bench.mac.read(0x8078) == 1 << 9 and bench.line(TX_TRIGGER)
    bench.mac.write(TX_RX_ACK, 1 << 9)
    assert not bench.line(TX_TRIGGER)


def test_a_data_frame_lies_in_buffer_descriptors(bench):
    frame = data_to_ap(bytes(range(200)))
    second = bench.tbd(frame[100:])
    first = bench.tbd(frame[:100], next=second)
    thd = bench.thd(first_tbd=first)
    bench.new_head(AC2, thd)
    bench.clock.advance(2_000)
    assert [without_duration(sent) for sent in bench.frames] == [frame]
    assert bench.bus.word(first + 0x10) == bench.bus.word(second + 0x10) == 0x8000_0000
    assert bench.mac.read(0x8530) == thd and bench.mac.read(0x8078) == 1 << 8


def test_a_header_with_further_elements_in_a_buffer(bench):
    thd = bench.thd(PROBE[:30], first_tbd=bench.tbd(PROBE[30:]))
    bench.new_head(AC3, thd)
    bench.clock.advance(2_000)
    assert bench.frames == [PROBE]


def test_chained_descriptors_are_sent_in_order(bench):
    thds = [bench.thd(data_to_ap(bytes([i]) * 20)) for i in range(3)]
    bench.bus.put(thds[0] + 4, thds[1])
    bench.bus.put(thds[1] + 4, thds[2])
    bench.new_head(AC2, thds[0])
    bench.clock.advance(10_000)
    assert [frame[-1] for frame in bench.frames] == [0, 1, 2]
    assert [bench.tx_status(thd) for thd in thds] == [SUCCESS] * 3
    times = [now for now, _, _ in bench.air]
    assert times == sorted(set(times)), "one after the other, not at once"


def test_new_tail_after_the_last_one_was_finished(bench):
    first, second = bench.thd(data_to_ap(b"first")), bench.thd(data_to_ap(b"second"))
    bench.new_head(AC2, first)
    bench.clock.advance(5_000)
    assert bench.tx_status(first) == SUCCESS
    bench.new_tail(AC2, first, second)
    bench.clock.advance(5_000)
    assert [frame[24:] for frame in bench.frames] == [b"first", b"second"]
    assert bench.tx_status(second) == SUCCESS


def test_new_tail_while_the_last_one_is_on_the_air(bench):
    first, second = bench.thd(data_to_ap(b"first")), bench.thd(data_to_ap(b"second"))
    bench.new_head(AC2, first)
    bench.clock.advance(20)
    bench.new_tail(AC2, first, second)
    bench.clock.advance(5_000)
    assert [frame[24:] for frame in bench.frames] == [b"first", b"second"]


def test_new_tail_with_nothing_linked_waits_for_the_next(bench):
    first, second = bench.thd(data_to_ap(b"first")), bench.thd(data_to_ap(b"second"))
    bench.new_head(AC2, first)
    bench.clock.advance(5_000)
    bench.mac.write(DMA_CNTRL_SET, 1 << AC2)
    bench.new_tail(AC2, first, second)
    bench.clock.advance(5_000)
    assert bench.tx_status(second) == SUCCESS and len(bench.frames) == 2


def test_without_an_acknowledgement_the_retry_limit_is_reached(bench):
    bench.answers = False
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.clock.advance(300)
    assert len(bench.frames) == 1 and bench.tx_status(thd) == 0, "the retries take their time"
    bench.clock.advance(50_000)
    assert len(bench.frames) == 1
    assert bench.tx_status(thd) == 0x8001_0000 | 3 << 8
    assert bench.line(TX_TRIGGER)


def test_nobody_listens_at_all():
    bench = WifiDriver()
    bench.mac.tx.transmitted._listeners.clear()
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.clock.advance(100_000)
    assert bench.tx_status(thd) & 0x8081_0000 == 0x8001_0000


@pytest.mark.parametrize(("frame", "ack"), [(PROBE, True), (AUTHENTICATION, False)])
def test_a_frame_that_nobody_answers_succeeds(bench, frame, ack):
    bench.answers = False
    thd = bench.thd(frame, ack=ack)
    bench.new_head(AC3, thd)
    bench.clock.advance(5_000)
    assert bench.tx_status(thd) == SUCCESS and bench.frames == [frame]


def test_the_more_important_queue_goes_first(bench):
    bench.mac.write(STATE_CNTRL, IDLE << 4)
    for queue in (AC0, AC2, AC3, BCN):
        bench.new_head(queue, bench.thd(data_to_ap(bytes([queue]))))
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    bench.clock.advance(20_000)
    assert [frame[-1] for frame in bench.frames] == [BCN, AC3, AC2, AC0]
    assert bench.mac.read(0x8078) == 1 << 10 | 1 << 9 | 1 << 8 | 1 << 6


def test_nothing_is_sent_while_idle(bench):
    bench.mac.write(STATE_CNTRL, IDLE << 4)
    bench.new_head(AC3, bench.thd(AUTHENTICATION))
    bench.clock.advance(100_000)
    assert bench.frames == []
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    bench.clock.advance(1_000)
    assert len(bench.frames) == 1


def test_a_frame_is_heard_on_the_channel_it_was_begun_on(bench):
    bench.new_head(AC3, bench.thd(AUTHENTICATION))
    bench.tune(11)
    bench.clock.advance(1_000)
    bench.new_head(AC3, bench.thd(AUTHENTICATION))
    bench.clock.advance(1_000)
    assert [channel for _, _, channel in bench.air] == [6, 11]


def test_a_radio_on_no_channel_reaches_nobody(bench):
    bench.tune_steps(30)
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.clock.advance(100_000)
    assert bench.frames == [] and bench.tx_status(thd) & 1 << 16


def test_channel_14_lies_24_steps_above_channel_13(bench):
    bench.tune_steps(168)
    bench.new_head(AC3, bench.thd(PROBE))
    bench.clock.advance(2_000)
    assert bench.air[0][2] == 14


def test_slower_rates_take_longer(bench):
    times = []
    for rate in (0x0400, 0x0404, 0x040B, 0x1007):  # 1, 6, 54 Mbit/s, MCS 7
        begin = bench.clock.now
        thd = bench.thd(data_to_ap(bytes(1_000)), policy=bench.policy(rate=rate))
        bench.new_head(AC2, thd)
        bench.clock.advance(30_000)
        assert bench.tx_status(thd) == SUCCESS
        times.append(bench.air[-1][0] - begin)
    assert 8_000 < times[0] < 9_000 and 1_300 < times[1] < 1_700
    assert times[0] > times[1] > times[2] > 100 and times[3] < 300


def test_a_halted_queue_takes_its_frame_back(bench):
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    assert bench.mac.read(0x8188) == 2 << 16
    bench.mac.write(DMA_CNTRL_SET, 1 << 19)
    assert bench.mac.read(0x8188) == 0 and bench.mac.read(DMA_CNTRL_SET) == 0 and bench.mac.read(0x8184) == 0
    bench.clock.advance(100_000)
    assert bench.frames == [] and bench.tx_status(thd) == 0
    bench.new_head(AC3, thd)
    bench.clock.advance(1_000)
    assert bench.tx_status(thd) == SUCCESS


def test_soft_reset_forgets_what_was_queued(bench):
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.mac.write(MAC_CNTRL_2, 1)
    bench.mac.write(STATE_CNTRL, ACTIVE << 4)
    bench.clock.advance(100_000)
    assert bench.frames == [] and bench.tx_status(thd) == 0 and not bench.line(TX_TRIGGER)


def test_state_machine_reset_gives_up_what_is_on_the_air(bench):
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.mac.write(0x54, 0x7C)
    assert bench.mac.read(0x54) == 0
    bench.clock.advance(100_000)
    assert bench.frames == [] and bench.tx_status(thd) == 0


def test_a_listener_may_reset_the_mac(bench):
    bench.mac.tx.transmitted.connect(lambda _frame, _channel: bench.mac.write(MAC_CNTRL_2, 1))
    thd = bench.thd(AUTHENTICATION)
    bench.new_head(AC3, thd)
    bench.clock.advance(100_000)
    assert len(bench.frames) == 1 and bench.tx_status(thd) == 0


class TestBadDescriptors:
    def refused(self, bench, thd, text):
        """The queue stops with a message, and works again after the next newHead."""
        bench.new_head(AC2, thd)
        bench.clock.advance(100_000)
        assert bench.frames == [] and not bench.line(TX_TRIGGER)
        assert len(bench.log.messages) == 1 and text in bench.log.messages[0] and "AC2" in bench.log.messages[0]
        good = bench.thd(AUTHENTICATION)
        bench.new_head(AC2, good)
        bench.clock.advance(1_000)
        assert bench.tx_status(good) == SUCCESS

    def test_header_outside_memory(self, bench):
        self.refused(bench, 0x1000, "THD at 0x00001000")

    def test_header_without_its_pattern(self, bench):
        self.refused(bench, bench.store(bytes(0x44)), "pattern 0x00000000")

    def test_policy_table_without_its_pattern(self, bench):
        self.refused(bench, bench.thd(AUTHENTICATION, policy=bench.store(bytes(0x34))), "policy table")

    def test_buffer_outside_memory(self, bench):
        tbd = bench.tbd(b"x" * 30)
        bench.bus.put(tbd + 8, 0x0043_FFF0, 0x0044_0010)
        self.refused(bench, bench.thd(first_tbd=tbd), "no memory at 0x0043fff0")

    def test_buffer_that_ends_before_it_begins(self, bench):
        tbd = bench.tbd(b"x" * 30)
        bench.bus.put(tbd + 12, 0x0040_0000)
        self.refused(bench, bench.thd(first_tbd=tbd), "a buffer from")

    def test_buffers_in_a_circle(self, bench):
        tbd = bench.tbd(b"x" * 30)
        bench.bus.put(tbd + 4, tbd)
        self.refused(bench, bench.thd(first_tbd=tbd), "more than 64 buffers")

    def test_no_frame_at_all(self, bench):
        self.refused(bench, bench.thd(b"12345"), "a frame of 5 bytes")

    def test_ampdu(self, bench):
        self.refused(bench, bench.thd(AUTHENTICATION, control2=5 << 19), "A-MPDU")

    def test_headers_in_a_circle(self, bench):
        first, second = bench.thd(data_to_ap(b"1")), bench.thd(data_to_ap(b"2"))
        bench.bus.put(first + 4, second)
        bench.bus.put(second + 4, first)
        bench.new_head(AC2, first)
        bench.clock.advance(1_000_000)
        assert len(bench.frames) == 2 and "without an end" in bench.log.messages[0]

    def test_another_queue_goes_on(self, bench):
        bench.new_head(AC3, 0x1000)
        thd = bench.thd(AUTHENTICATION)
        bench.new_head(AC2, thd)
        bench.clock.advance(1_000)
        assert bench.tx_status(thd) == SUCCESS
