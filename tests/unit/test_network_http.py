"""The HTTP server as a client on a TCP connection sees it."""

import os
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from tcp_client import TcpClient
from tcp_wire import Wire

from bk7238.network import events, http_path
from bk7238.network.http_server import HttpServer, HttpSession
from bk7238.network.tcp_segment import RST

SECOND = 1_000_000
BODY = random.Random(1).randbytes(20_000)
FILES = {"/fw.rbl": BODY, "/empty": b"", "/with space": b"spaced"}
CLIENT = "192.168.77.50"


class Conversation:
    """A client's bytes in, the server's bytes out, over an undisturbed connection."""

    def __init__(self, files=FILES):
        self.client = TcpClient(window=14_600)
        self.wire = Wire(self.client, files)
        self.client.connect(0)

    def say(self, data, seconds=1):
        before = len(self.client.received)
        self.client.send(data, self.wire.now)
        self.wire.run(self.wire.now + seconds * SECOND)
        return bytes(self.client.received[before:])

    @property
    def requests(self):
        return [event for event in self.wire.told if isinstance(event, events.HttpRequested)]


def get(path, *headers, method="GET", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: 192.168.77.1", *headers, "", ""]
    return "\r\n".join(lines).encode()


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


def test_a_file():
    talk = Conversation()
    status, headers, body = split(talk.say(get("/fw.rbl", "Content-Length: 0", "Content-Type: text/csv")))
    assert (status, body) == (200, BODY)
    assert headers["content-length"] == "20000" and "date" not in headers
    told = talk.wire.told
    assert told[1] == events.HttpRequested(told[1].time, CLIENT, "GET", "/fw.rbl", "192.168.77.1", 200)
    progress = [event.acknowledged for event in told if isinstance(event, events.HttpBodyProgress)]
    assert progress == sorted(set(progress)) and progress[-1] == 20_000
    assert all(b - a >= 4096 for a, b in pairwise(progress[:-1]))
    assert told[-1] == events.HttpBodyDelivered(told[-1].time, CLIENT, "/fw.rbl", 20_000)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/fw.rbl?version=1", 200, BODY),
        ("http://192.168.77.1/fw.rbl", 200, BODY),
        ("/with%20space", 200, b"spaced"),
        ("/empty", 200, b""),
        ("/other", 404, b"404 Not Found\n"),
        ("/FW.RBL", 404, b"404 Not Found\n"),
        ("/%FF%fe%zz", 404, b"404 Not Found\n"),
    ],
)
def test_paths(path, status, body):
    talk = Conversation()
    answer = split(talk.say(get(path)))
    assert (answer[0], answer[2]) == (status, body)
    assert int(answer[1]["content-length"]) == len(body)


def legal_forms(path):
    """The ways in which a request may write a path (RFC 3986, section 3.3), by a drawn choice for each byte."""
    plain = b"/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@"

    def forms(byte):
        encoded = [f"%{byte:02X}", f"%{byte:02x}"]
        return st.sampled_from([chr(byte), *encoded] if byte in plain else encoded)

    return st.tuples(*(forms(byte) for byte in os.fsencode(path))).map("".join)


NAMES = ["a b (1).rbl", "100%.rbl", "a%41.rbl", "a+b&c=d.rbl", "what?.rbl", "#1.rbl"]
NAMES += ["\u00fcn.rbl", "u\u0308n.rbl", "\udcff.rbl"]  # composed, decomposed, and no UTF-8


@examples(100)
@given(st.data())
def test_what_is_offered_is_served_however_it_is_written(data):
    raw = st.binary(min_size=1, max_size=24).filter(lambda name: not set(name) & set(b"/\0"))
    name = data.draw(st.sampled_from(NAMES) | raw.map(os.fsdecode))
    before = data.draw(st.sampled_from(["", "http://192.168.77.1", "HTTP://host:80"]))
    query = data.draw(st.sampled_from(["", "?", "?v=1&w=%3F/?"]))
    talk = Conversation({"/" + name: b"this", "/other": b"that"})
    # The slash is not encoded: what begins otherwise is no path (RFC 9112, section 3.2.1).
    assert split(talk.say(get(f"{before}/{data.draw(legal_forms(name))}{query}")))[2] == b"this"
    assert talk.requests[0].path == "/" + name
    asked = http_path.quoted("/" + name)
    assert asked.isascii() and http_path.decoded(asked.encode()) == "/" + name
    assert http_path.shown("/" + name).isprintable()


def test_a_path_may_be_offered_without_its_slash():
    assert split(Conversation({"more.txt": b"more"}).say(get("/more.txt")))[2] == b"more"


def test_head():
    talk = Conversation()
    status, headers, body = split(talk.say(get("/fw.rbl", method="HEAD")))
    assert (status, headers["content-length"], body) == (200, "20000", b"")
    assert split(talk.say(get("/fw.rbl")))[2] == BODY


def test_a_connection_is_kept():
    talk = Conversation()
    for _ in range(3):
        assert split(talk.say(get("/fw.rbl")))[2] == BODY
    assert not talk.client.ended
    assert [type(event).__name__ for event in talk.wire.told].count("HttpBodyDelivered") == 3


@pytest.mark.parametrize("request_bytes", [get("/fw.rbl", "Connection: close"), get("/fw.rbl", version="1.0")])
def test_a_connection_is_closed_when_the_client_wants_it(request_bytes):
    talk = Conversation()
    assert split(talk.say(request_bytes))[2] == BODY
    assert talk.client.ended


def test_a_client_that_ends_its_half_is_answered():
    talk = Conversation()
    talk.client.send(get("/fw.rbl"), 0)
    talk.wire.run(5_000)
    talk.client.close(talk.wire.now)
    talk.wire.run(SECOND)
    assert split(bytes(talk.client.received))[2] == BODY
    assert talk.client.ended and talk.wire.tcp.connections == {}


def test_requests_may_wait_in_line():
    talk = Conversation()
    answer = talk.say(get("/with%20space") * 3 + get("/fw.rbl") + get("/other"))
    assert answer.count(b"HTTP/1.1 200") == 4 and answer.endswith(b"404 Not Found\n")
    assert [event.status for event in talk.requests] == [200] * 4 + [404]


def test_other_methods():
    talk = Conversation()
    status, headers, _ = split(talk.say(get("/fw.rbl", "Content-Length: 5", method="POST") + b"hello"))
    assert (status, headers["allow"], headers["connection"]) == (405, "get, head", "close")
    assert talk.client.ended
    assert talk.requests[0].method == "POST"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9_000, 431),
        (get("/fw.rbl", "Content-Length: 70000") + bytes(70_000), 413),
    ],
)
def test_bad_requests(request_bytes, status):
    talk = Conversation()
    assert split(talk.say(request_bytes))[0] == status
    assert talk.client.ended or talk.client.reset
    assert [event.status for event in talk.requests] == [status]


def test_a_slow_request_is_not_waited_for():
    talk = Conversation()
    assert talk.say(b"GET /fw", seconds=80) == b""
    assert talk.client.ended


def test_a_line_of_requests_has_limits():
    talk = Conversation({"/fw.rbl": bytes(1_000_000)})
    talk.client.read_size = 0  # the answer cannot be sent
    talk.say(get("/fw.rbl") * 1_000, seconds=30)
    assert talk.client.reset


def test_a_download_that_breaks_off():
    talk = Conversation({"/fw.rbl": bytes(100_000)})
    talk.client.send(get("/fw.rbl"), 0)
    talk.wire.run(8_000)

    talk.client._emit(talk.client.nxt, RST)
    talk.wire.run(20_000)
    aborted, reset = talk.wire.told[-2:]
    assert isinstance(aborted, events.HttpBodyAborted) and 0 < aborted.acknowledged < 100_000
    assert reset.reason == "reset by the device"


def test_files_may_change():
    talk = Conversation({})
    assert split(talk.say(get("/fw.rbl")))[0] == 404
    talk.wire.http.files["/fw.rbl"] = b"new"
    assert split(talk.say(get("/fw.rbl")))[2] == b"new"


class Sink:
    """A connection that takes everything and acknowledges it."""

    def __init__(self):
        self.delivered = 0
        self.closed = False
        self.space = 4_096

    def send(self, data):
        self.delivered += len(data)

    def close(self):
        self.closed = True

    def abort(self, _now):
        self.closed = True


@examples(100)
@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.sampled_from(
                [get("/fw.rbl"), get("/x", "Transfer-Encoding: chunked"), get("/"), b"5\r\nhello\r\n0\r\n\r\n"]
            ),
            st.sampled_from([get("/a", "Expect: 100-continue", "Content-Length: 3"), get("*", "Upgrade: websocket")]),
            st.sampled_from([get("a:1", method="CONNECT"), b"\r\n", b"GET http:// HTTP/1.0\r\n\r\n", b"\0" * 5_000]),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_hostile_requests_do_no_harm(pieces, ended):
    sink = Sink()
    session = HttpSession(HttpServer(events.Events(), FILES), sink, CLIENT)
    session.opened(0)
    for now, piece in enumerate(pieces):
        session.received(piece, now)
        session.drained(now)
    if ended:
        session.ended(99)
        session.drained(99)
    session.idle(100)
    session.closed("", 101)
    assert sink.closed


def test_many_small_requests_at_once_are_answered_without_deep_recursion():
    sink = Sink()
    session = HttpSession(HttpServer(events.Events(), {"/": b""}), sink, CLIENT)
    session.received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000, 0)
    assert sink.delivered > 5_000 * 50
