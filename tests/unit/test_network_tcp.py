"""The server's TCP against a small client with lwIP's window, over a wire that loses, doubles and reorders."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from tcp_client import TcpClient
from tcp_wire import DEVICE, GATEWAY, Wire

from bk7238.network import events
from bk7238.network.tcp_congestion import LONGEST_RTO, SHORTEST_RTO, Congestion, RoundTrip
from bk7238.network.tcp_connection import Connection, near
from bk7238.network.tcp_receiver import WINDOW, Receiver
from bk7238.network.tcp_segment import ACK, FIN, PSH, RST, SYN, Segment, build, parse
from bk7238.network.tcp_sender import BUFFER, RETRIES

SECOND = 1_000_000
NAMES = ("192.168.77.50", 49153, 80)
GET = b"GET /fw.rbl HTTP/1.1\r\nHost: 192.168.77.1\r\nContent-Length: 0\r\nContent-Type: text/csv\r\n\r\n"


def download(size=100_000, *, read_size=None, window=4380, until=600 * SECOND, pauses=(), cut=(), mss=1460, **wire):
    """A wire on which the body was fetched, and the body."""
    body = random.Random(size).randbytes(size)
    client = TcpClient(window=window, mss=mss)
    client.read_size = read_size
    link = Wire(client, {"/fw.rbl": body}, **wire)
    link.pauses, link.cut = list(pauses), list(cut)
    client.connect(0)
    client.send(GET, 0)
    link.run(until, lambda: link.told and isinstance(link.told[-1], events.HttpBodyDelivered))
    return link, body


def body_of(link):
    return bytes(link.client.received).partition(b"\r\n\r\n")[2]


# Whole transfers


@examples(60)
@given(
    st.integers(0, 60_000),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.02, 0.1, 0.2]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([0, 5_000, 30_000]),
    st.sampled_from([None, 255, 1460]),
    st.sampled_from([4380, 14_600, 1000]),
)
def test_any_body_arrives_whole(size, seed, loss, twice, jitter, read_size, window):
    wire = {"seed": seed, "loss": loss, "twice": twice, "jitter": jitter}
    body = random.Random(size).randbytes(size)
    client = TcpClient(window=window, mss=min(1460, window))
    client.read_size = read_size
    link = Wire(client, {"/fw.rbl": body}, **wire)
    client.connect(0)
    client.send(GET, 0)
    link.run(3_000 * SECOND, lambda: body_of(link) == body and link.client.connected and link.client.received)
    assert body_of(link) == body


@examples(20)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 90)), max_size=3),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=2),
    st.integers(0, 99),
)
def test_a_body_arrives_after_pauses_of_the_reader_and_of_the_wire(pauses, cut, seed):
    pauses = [(start * SECOND, (start + length) * SECOND) for start, length in pauses]
    cut = [(start * SECOND, (start + length) * SECOND) for start, length in cut]
    link, body = download(30_000, read_size=255, pauses=pauses, cut=cut, seed=seed, loss=0.05)
    assert body_of(link) == body


def test_a_download_of_a_whole_package_is_clocked_by_acknowledgments():
    link, body = download(505_232)
    assert body_of(link) == body
    assert link.now < SECOND  # three segments each round trip of 2 ms
    sent = [segment for _, from_client, segment in link.carried if not from_client]
    assert max(len(segment.payload) for segment in sent) == 1460
    assert len(sent) < 1.02 * 505_232 / 1460 + 5


def test_the_window_is_never_exceeded():
    link, _ = download(60_000, read_size=255)
    limit = None
    for _, from_client, segment in link.carried:
        if from_client and segment.flags & ACK:
            limit = max(limit or 0, segment.acknowledgment + segment.window & 0xFFFF_FFFF)
        elif segment.payload:
            assert segment.sequence + len(segment.payload) <= limit


def test_no_silly_windows():
    """With a reader of 255 bytes at a time, segments still carry a good part of the window."""
    link, _ = download(60_000, read_size=255)
    sizes = [len(segment.payload) for _, from_client, segment in link.carried if segment.payload and not from_client]
    assert sum(size < 1000 for size in sizes) <= 2


def test_a_closed_window_is_probed_and_a_lost_update_does_not_matter():
    link, body = download(20_000, read_size=4380, pauses=[(0, 40 * SECOND)], cut=[(39 * SECOND, 41 * SECOND)])
    assert body_of(link) == body
    assert link.lost > 0  # the update
    probes = [time for time, from_client, segment in link.carried if not from_client and not segment.payload]
    waits = [b - a for a, b in pairwise(probes) if b - a > SHORTEST_RTO // 2]
    assert len(waits) >= 5
    assert all(1.9 < b / a < 2.1 for a, b in pairwise(waits[1:5]))


def test_a_reader_that_never_reads_keeps_its_connection():
    link, _ = download(20_000, read_size=255, pauses=[(0, 10_000 * SECOND)], until=2_000 * SECOND)
    assert not link.client.reset and len(link.tcp.connections) == 1


@pytest.mark.parametrize(
    ("window", "lost"), [(14_600, {11}), (14_600, {11, 12}), (14_600, {11, 13, 30}), (4380, {11}), (4380, {11, 30})]
)
def test_a_lost_segment_is_sent_again_before_the_timer(window, lost):
    body = bytes(60_000)
    client = TcpClient(window=window)
    link = Wire(client, {"/fw.rbl": body})
    link.drop = lost
    client.connect(0)
    client.send(GET, 0)
    link.run(SECOND, lambda: body_of(link) == body)
    assert link.lost == len(lost)
    assert link.now < SHORTEST_RTO


def test_the_access_points_absence_of_15_seconds_is_survived():
    link, body = download(505_232, read_size=255, cut=[(SECOND, 16 * SECOND)])
    assert body_of(link) == body
    assert 16 * SECOND < link.now < 32 * SECOND
    lost = [s for t, from_client, s in link.carried if SECOND <= t < 16 * SECOND and not from_client]
    assert len(lost) < 12  # backing off


def test_a_device_that_is_gone_is_given_up():
    link, _ = download(60_000, cut=[(10_000, 1 << 60)], until=2_000 * SECOND)
    assert link.tcp.connections == {}
    ends = [event for event in link.told if isinstance(event, events.ConnectionBroken)]
    assert [(event.reason) for event in ends] == ["timed out"]
    aborted = [event for event in link.told if isinstance(event, events.HttpBodyAborted)]
    assert len(aborted) == 1 and 0 <= aborted[0].acknowledged < 60_000
    again = [s.sequence for t, from_client, s in link.carried if not from_client and s.payload]
    assert max(map(again.count, again)) == RETRIES + 1


# Single segments


class Server:
    """A gateway's TCP, spoken to segment by segment."""

    def __init__(self, files=None):
        self.wire = Wire(TcpClient(), files)
        self.tcp, self.told = self.wire.tcp, self.wire.told
        self.theirs, self.ours = 1000, 0

    def say(self, flags, payload=b"", *, sequence=None, ack=None, window=4380, now=0, mss=None, port=80):
        sequence = self.theirs if sequence is None else sequence
        ack = self.ours if ack is None else ack
        segment = Segment(49153, port, sequence, ack if flags & ACK else 0, flags, window, payload, mss)
        return [parse(data, GATEWAY, DEVICE) for data in self.tcp.receive(build(segment, DEVICE, GATEWAY), DEVICE, now)]

    def open(self, **fields):
        [answer] = self.say(SYN, mss=1460, **fields)
        self.theirs += 1
        self.ours = answer.sequence + 1 & 0xFFFF_FFFF
        assert self.say(ACK) == []
        return answer

    def poll(self, now):
        return [parse(data, GATEWAY, DEVICE) for _, data in self.tcp.poll(now)]


def test_the_handshake():
    server = Server()
    [answer] = server.say(SYN, mss=1460)
    assert answer.flags == SYN | ACK
    assert (answer.acknowledgment, answer.window, answer.mss) == (1001, WINDOW, 1460)
    assert server.told == []
    server.theirs, server.ours = 1001, answer.sequence + 1 & 0xFFFF_FFFF
    assert server.say(ACK, now=5) == []
    assert server.told == [events.ConnectionOpened(5, *NAMES)]


def test_a_repeated_syn_is_answered_as_the_first():
    server = Server()
    [first] = server.say(SYN)
    [second] = server.say(SYN)
    assert first == second


def test_a_syn_ack_that_is_not_answered_is_repeated_and_given_up():
    server = Server()
    [first] = server.say(SYN)
    times = []
    while server.tcp.deadline is not None:
        now = server.tcp.deadline
        for segment in server.poll(now):
            times.append(now)
            assert segment == first or segment.flags & RST
    assert times == [SECOND * n for n in (1, 3, 7, 15, 31, 63)]
    assert server.tcp.connections == {} and server.told == []


def test_a_wrong_acknowledgment_of_the_handshake_is_reset():
    server = Server()
    [answer] = server.say(SYN)
    [reset] = server.say(ACK, sequence=1001, ack=answer.sequence + 77)
    assert reset.flags == RST and reset.sequence == answer.sequence + 77 & 0xFFFF_FFFF
    assert server.told == []


def test_without_an_mss_option_segments_are_small():
    link, body = download(5_000, mss=None)
    assert body_of(link) == body
    assert max(len(s.payload) for _, from_client, s in link.carried if not from_client) == 536


def test_a_reset_in_place_ends_and_one_in_the_window_is_challenged():
    server = Server()
    server.open()
    [challenge] = server.say(RST, sequence=server.theirs + 5)
    assert challenge.flags == ACK and challenge.acknowledgment == server.theirs
    assert server.say(RST, sequence=server.theirs + WINDOW + 5) == []
    assert server.say(RST, now=9) == []
    assert server.told[-1] == events.ConnectionBroken(9, *NAMES, "reset by the device")
    assert server.tcp.connections == {}


def test_a_device_that_restarted_opens_the_same_port_again():
    server = Server()
    server.open()
    [challenge] = server.say(SYN, sequence=500_000)
    assert challenge.flags == ACK
    assert server.say(RST, sequence=challenge.acknowledgment) == []  # lwIP's answer to it
    [answer] = server.say(SYN, sequence=500_000)
    assert answer.flags == SYN | ACK and answer.acknowledgment == 500_001


def test_data_out_of_order_waits():
    server = Server({"/x": b"ok"})
    server.open()
    request = b"GET /x HTTP/1.0\r\n\r\n"
    base = server.theirs
    [ack] = server.say(ACK | PSH, request[10:], sequence=base + 10)
    assert ack.acknowledgment == base and not ack.payload
    [ack] = server.say(ACK, request[5:12], sequence=base + 5)
    assert ack.acknowledgment == base
    answers = server.say(ACK, request[:7], sequence=base)
    assert answers[0].acknowledgment == base + len(request)
    assert answers[0].payload.startswith(b"HTTP/1.1 200 OK")


def test_the_server_ends_first_and_waits():
    server = Server({"/x": b"ok"})
    server.open()
    request = b"GET /x HTTP/1.0\r\n\r\n"
    [answer] = server.say(ACK | PSH, request)
    assert answer.flags & FIN and answer.payload.endswith(b"\r\n\r\nok")
    server.theirs += len(request)
    server.ours += len(answer.payload) + 1
    assert server.say(ACK) == []
    [last] = server.say(ACK | FIN, now=SECOND)
    assert (last.flags, last.acknowledgment) == (ACK, server.theirs + 1)
    [again] = server.say(ACK | FIN, now=2 * SECOND)
    assert again == last
    key = (DEVICE, 49153, 80)
    assert server.tcp.connections[key].in_time_wait
    assert server.tcp.deadline == 62 * SECOND
    assert server.told[-1] == events.ConnectionClosed(SECOND, *NAMES)
    [answer] = server.say(SYN, sequence=server.theirs + 5_000, now=3 * SECOND)  # the next connection
    assert answer.flags == SYN | ACK
    assert len(server.tcp.connections) == 1


def test_the_device_ends_first_and_is_the_one_that_waits():
    server = Server({"/x": b"ok"})
    server.open()
    request = b"GET /x HTTP/1.0\r\n\r\n"
    [answer] = server.say(ACK | FIN, request)
    server.theirs += len(request) + 1
    server.ours += len(answer.payload) + 1
    server.say(ACK)
    assert server.told[-1] == events.ConnectionClosed(0, *NAMES)
    assert server.tcp.connections == {}


def test_an_idle_connection_is_closed():
    server = Server()
    server.open()
    assert server.tcp.deadline == 75 * SECOND
    [fin] = server.poll(75 * SECOND)
    assert fin.flags == FIN | ACK
    server.ours += 1
    server.say(ACK, now=76 * SECOND)
    assert server.tcp.deadline == 136 * SECOND
    server.poll(136 * SECOND)
    assert server.tcp.connections == {} and server.tcp.deadline is None


def test_a_stray_segment_is_reset():
    server = Server()
    [reset] = server.say(ACK, b"hello", ack=777)
    assert (reset.flags, reset.sequence) == (RST, 777)
    [reset] = server.say(FIN, b"hello")
    assert (reset.flags, reset.acknowledgment) == (RST | ACK, 1006)
    assert server.say(RST) == []


# Parts


def test_positions_do_not_wrap():
    assert near(5, 0) == 5
    assert near(-1 & 0xFFFF_FFFF, 3) == -1
    assert near(2, 0xFFFF_FFFE) == 0x1_0000_0002
    assert near(0xFFFF_FFFE, 0x1_0000_0002) == 0xFFFF_FFFE


@given(st.binary(min_size=1, max_size=300), st.data())
def test_the_receiver_puts_any_pieces_in_order(data, choose):
    receiver = Receiver()
    pieces = choose.draw(st.lists(st.tuples(st.integers(0, len(data)), st.integers(0, 40)), max_size=30))
    ready = b""
    for start, length in pieces:
        piece = data[start : start + length]
        fin = start + len(piece) == len(data)
        if receiver.acceptable(start + 1, len(piece) + fin):
            ready += receiver.receive(start + 1, piece, fin)
    assert data.startswith(ready)
    if not receiver.ended:
        ready += receiver.receive(1, data, True)
    assert ready == data and receiver.ended
    assert receiver.next == len(data) + 2


def test_the_timeout_follows_rfc_6298():
    trip = RoundTrip()
    assert trip.timeout == SECOND
    trip.measured(400_000)
    assert trip.timeout == 400_000 + 4 * 200_000
    trip.measured(400_000)
    assert trip.timeout == 400_000 + 4 * 150_000
    for _ in range(100):
        trip.measured(1_000)
    assert trip.timeout == SHORTEST_RTO
    for _ in range(20):
        trip.back_off()
    assert trip.timeout == LONGEST_RTO
    trip.progressed()
    assert trip.timeout == SHORTEST_RTO


def test_the_congestion_window_follows_rfc_5681():
    congestion = Congestion(1460)
    assert congestion.window == 14_600
    congestion.acknowledged(1460)
    assert congestion.window == 16_060
    congestion.lost(16_060, 20_000)
    assert (congestion.threshold, congestion.window) == (8_030, 8_030 + 3 * 1460)
    congestion.duplicate()
    congestion.recovered(0)
    assert congestion.window == 2 * 1460
    congestion.timed_out(4_000, 30_000)
    assert (congestion.threshold, congestion.window) == (2_920, 1460)
    congestion.acknowledged(1460)
    assert congestion.window == 2_920  # slow start up to here
    congestion.acknowledged(1460)
    assert congestion.window == 2_920
    congestion.acknowledged(1460)
    assert congestion.window == 4_380  # one segment a round trip


# Anything at all


SEGMENTS = st.tuples(
    st.integers(0, 0x3F),
    st.one_of(st.integers(-5, 40), st.integers(-(1 << 31), 1 << 31)),
    st.one_of(st.integers(-5, 40), st.integers(-(1 << 31), 1 << 31)),
    st.one_of(st.integers(0, 5_000), st.integers(0, 0xFFFF)),
    st.one_of(st.binary(max_size=50), st.just(GET), st.just(GET[:20]), st.just(bytes(1460))),
    st.integers(0, 3_000_000),
)


@examples(100)
@given(st.lists(SEGMENTS, max_size=40), st.booleans())
def test_hostile_segments_do_no_harm(segments, follow):
    server = Server({"/fw.rbl": bytes(50_000)})
    server.open()
    now = 0
    theirs, ours = server.theirs, server.ours
    for flags, sequence, ack, window, payload, pause in segments:
        now += pause
        while (deadline := server.tcp.deadline) is not None and deadline <= now:
            server.poll(deadline)
            assert server.tcp.deadline is None or server.tcp.deadline > deadline
        number, acknowledged = theirs + sequence & 0xFFFF_FFFF, ours + ack & 0xFFFF_FFFF
        answers = server.say(flags, payload, sequence=number, ack=acknowledged, window=window, now=now)
        assert len(answers) <= 2 + BUFFER // 64
        for answer in answers:
            assert len(answer.payload) <= 1460
            if follow and not answer.flags & (RST | SYN):
                theirs = answer.acknowledgment
                ours = answer.sequence + answer.length & 0xFFFF_FFFF
    assert len(server.tcp.connections) <= 1


@examples(50)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_segment_or_a_value_error(data):
    try:
        parse(data, DEVICE, GATEWAY)
    except ValueError:
        return
    pytest.fail("chance made a checksum")


def test_a_connection_forgets_what_it_sent():
    connection = Connection(Segment(1, 80, 0, 0, SYN, 65_535, mss=1460), 0, 0)
    connection.receive(Segment(1, 80, 1, 1, ACK, 65_535), 0)
    total = 0
    for _ in range(100):
        connection.send(bytes(connection.space))
        connection.receive(Segment(1, 80, 1, 1 + total, ACK, 65_535), 0)
        total += sum(len(segment.payload) for segment in connection.take())
        assert len(connection._sender._buffer) <= BUFFER
    assert connection.delivered > 1_000_000 // 2
