"""ESPHome: its update protocol and native API against a device of the same words, and its owner with a telephone."""

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import built
from test_delivery import Bench, Server
from test_network_push import DEVICE, Listener, Wire, http

from bk7238 import chip as chips
from bk7238.air.events import NetworkJoined
from bk7238.families import esphome_api, recognise
from bk7238.families.esphome import AGAIN, Esphome
from bk7238.families.esphome_api import EsphomeApi
from bk7238.families.esphome_ota import PORT, EsphomeOta
from bk7238.families.family import Instructions
from bk7238.families.known import FAMILIES
from bk7238.image import envelope, package
from bk7238.network import events as told
from bk7238.network.events import HttpFetched, HttpFetchFailed, LeaseGranted, LeaseTaken
from bk7238.peripherals.core import Signal

CONTENT = random.Random(1).randbytes(40_001)
HASHES = {"md5": b"\x01", "sha256": b"\x02"}  # as the device asks for one


class Ota(Listener):
    """A device's end of the update protocol, with a password or without, which may refuse one step."""

    def __init__(self, version=2, password=b"", refuses=b"", code=0x8B, digest="md5"):
        super().__init__(0)
        self.version, self.password, self.refuses, self.code = version, password, refuses, code
        self.hash = digest
        self.nonce = self.hashed(b"nonce")
        self.wants, self.said = "greeting", b""

    def received(self, data, _now):
        self.said += data
        while (size := self._size()) and len(self.said) >= size:
            content, self.said = self.said[:size], self.said[size:]
            if self.wants.encode() == self.refuses:
                self.connection.send(bytes((self.code,)))
                self.connection.close()
                return
            self.connection.send(getattr(self, f"on_{self.wants}")(content))

    def _size(self):
        left = getattr(self, "total", 0) - len(self.data)
        sizes = {
            "greeting": 5,
            "features": 1,
            "proof": 2 * len(self.nonce),
            "size": 4,
            "md5": 32,
            "content": min(left, 1024),
            "end": 1,
        }
        return sizes.get(self.wants, 0)

    def hashed(self, data):
        return hashlib.new(self.hash, data).hexdigest().encode()

    def on_greeting(self, content):
        assert content == bytes.fromhex("6c26f75c45")
        self.wants = "features"
        return bytes((0, self.version))

    def on_features(self, content):
        assert not content[0] & 1, "nothing here is compressed"
        self.wants = "proof" if self.password else "size"
        assert content[0] & 2, "SHA-256 is known"
        return b"\x40" + (HASHES[self.hash] + self.nonce if self.password else b"\x41")

    def on_proof(self, content):
        own, proof = content[: len(self.nonce)], content[len(self.nonce) :]
        right = self.hashed(self.password + self.nonce + own) == proof
        self.wants = "size"
        return b"\x41" if right else b"\x82"

    def on_size(self, content):
        self.total, self.wants, self.acknowledged = int.from_bytes(content, "big"), "md5", 0
        return b"\x42"

    def on_md5(self, content):
        self.digest, self.wants = content, "content"
        return b"\x43"

    def on_content(self, content):
        self.data += content
        out = b""
        while self.version > 1 and (
            self.acknowledged + 8192 <= len(self.data) or len(self.data) == self.total > self.acknowledged
        ):
            self.acknowledged += 8192
            out += b"\x47"
        if len(self.data) == self.total:
            self.wants = "end"
            out += b"\x44\x45"
        return out

    def on_end(self, content):
        assert content == b"\0"
        self.wants = "nothing"
        return b""


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("password", "digest"), [("", "md5"), ("a secret", "md5"), ("ein Schl\u00fcssel", "sha256")])
def test_the_update_protocol(version, password, digest):
    device = Ota(version, password.encode(), digest=digest)
    wire = Wire(device, port=PORT)
    assert isinstance(wire.run(EsphomeOta(DEVICE, PORT, CONTENT, password)), told.Pushed)
    assert bytes(device.data) == CONTENT and device.digest.decode() == hashlib.md5(CONTENT).hexdigest()
    assert device.wants == "nothing", "it was told that its answer has come"
    assert wire.happened(told.PushDelivered)[0].total == len(CONTENT)


@pytest.mark.parametrize(
    ("device", "password", "said"),
    [
        (Ota(password=b"a secret"), "", "the device asks for a password: give it with --ota-password"),
        (Ota(password=b"a secret"), "another", "the device refused the password: the password is wrong"),
        (Ota(password=b"a secret", digest="sha256"), "other", "the device refused the password: the password is wrong"),
        (Ota(refuses=b"size", code=0x81), "", "the device refused the size: it could not prepare its flash"),
        (Ota(refuses=b"content", code=0xFF), "", "the device refused the update: code 0xff"),
        (Ota(version=3), "", "the device answered the version with 0003"),
        (Ota(refuses=b"features", code=0x41), "", "the device answered the features with 41"),
    ],
)
def test_what_a_device_refuses(device, password, said):
    end = Wire(device, port=PORT).run(EsphomeOta(DEVICE, PORT, CONTENT, password))
    assert isinstance(end, told.PushFailed) and end.reason.startswith(said)


def describes(name=b"lamp", version=b"2025.5.0", kind=10):
    def field(number, value):
        return bytes((number << 3 | 2, len(value))) + value

    return esphome_api.message(kind, b"\x08\x01" + field(2, name) + field(4, version) + b"\x9d\x01" + bytes(4))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (esphome_api.message(2, b"\x08\x01") + esphome_api.message(4) + describes(), ("lamp", "2025.5.0")),
        (esphome_api.message(4, b"\x08\x01"), "the device asks for a password"),
        (b"\x01\x00\x00", "no native API: the device wants an encrypted connection"),
        (b"HTTP/1.1 400", "no native API: 485454502f312e31"),
        (esphome_api.message(10, b"\x12\x7f"), "no native API: field 2 does not fit"),
        (b"\0" + b"\xff" * 10, "no native API: a number of more than 64 bits"),
    ],
)
def test_who_a_device_is(answer, said):
    wire = Wire(Listener(1, answer), port=esphome_api.PORT)
    wire.run(EsphomeApi(DEVICE), seconds=2)
    end = wire.events[-1]
    if isinstance(said, tuple):
        assert (end.name, end.version) == said
    else:
        assert isinstance(end, told.NotIdentified) and end.reason == said


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_a_hostile_device_says_who_it_is_or_one_line(pieces):
    exchange = EsphomeApi(DEVICE)
    for piece in pieces:
        if not exchange.done:
            exchange.receive(piece)
    if not exchange.done:
        exchange.receive(b"")
    assert exchange.complete or (exchange.failure and "\n" not in exchange.failure)


@given(st.lists(st.binary(min_size=1, max_size=40) | st.just(b"\0\2\x40\2"), max_size=5), st.text(max_size=9))
def test_a_hostile_device_ends_an_update_with_one_line(pieces, password):
    exchange = EsphomeOta(DEVICE, PORT, CONTENT, password)
    for piece in [*pieces, b""]:
        if not exchange.done:
            exchange.receive(piece)
    assert exchange.failure and "\n" not in exchange.failure


class OnBoard(Bench):
    chip = chips.load("bk7231n")


def test_it_is_asked_who_it_is_and_then_brought_a_uf2():
    given_package = package.parse(built("reference_1.0.1_gzip_aes.rbl"), "app.rbl")
    server = Server(http(200, b"Update Failed: no room"), http(200, b"Update Successful!"))
    bench = OnBoard(Esphome().delivery("web"), server, 80, given_package)
    content = envelope.in_uf2(given_package.data, bench.chip)
    bench.lease()
    bench.run(60_000_000)
    assert [line for line, _ in server.requests] == ["POST /update HTTP/1.1"] * 2 and content in server.requests[1][1]
    assert len(bench.happened(told.NotIdentified)) == 1, "it has no native API, and that is no reason"
    assert bench.happened(told.PushFailed)[0].reason == "the device answered 200: Update Failed: no room"


TOLD = Instructions(b"Bench & co", "a passphrase?", None)


class Device:
    """A machine and an air that only tell what happens."""

    now = 0

    def __init__(self):
        self.engine, self.on_reset, self.on_event, self.stations = self, Signal(), Signal(), []
        self.owner = Esphome().attach(self, self, TOLD)

    def random(self, name):
        return random.Random(name)

    def add_station(self, station):
        self.stations.append(station)

    def asks(self):
        host = self.stations[0].host
        return [(exchange.target, at) for at, exchange in host._wanted]


def test_the_owner_tells_it_the_network_in_its_portal():
    device = Device()
    owner, happens = device.owner, device.on_event
    assert owner.missing().startswith("it opened no access point of its own")
    happens(NetworkJoined(1, "02:aa", "c8:47", b"lamp", 1, 1))
    assert owner.missing() == "its access point gave no address"
    happens(LeaseTaken(2, "02:aa", "192.168.4.100", "192.168.4.1"))
    assert device.asks() == [("http://192.168.4.1/", 2)]
    assert owner.missing() == "its portal at http://192.168.4.1/ did not answer"
    happens(HttpFetchFailed(3, "http://192.168.4.1/", "refused"))
    assert device.asks() == [("http://192.168.4.1/", 3 + AGAIN)]
    happens(HttpFetched(4, "http://192.168.4.1/", 200, 999, ""))
    saves = "http://192.168.4.1/wifisave?ssid=Bench%20%26%20co&psk=a%20passphrase%3F"
    assert device.asks() == [(saves, 4)]
    happens(HttpFetched(5, saves, 404, 0, ""))
    assert owner.missing() == f"its portal did not take the network: {saves}: status 404"
    assert device.asks() == [(saves, 5 + AGAIN)]
    happens(HttpFetched(6, saves, 302, 0, "http://192.168.4.1/?save"))
    happens(HttpFetchFailed(7, "http://192.168.4.1/?save", "the connection to the access point was lost"))
    assert owner.missing() == 'it was told "Bench & co" in its portal and did not come to be on the network'
    happens(LeaseGranted(8, "c8:47", "192.168.77.50", False))
    assert owner.missing() == "" and device.stations[0].deadline is None, "the telephone is put away"
    device.on_reset(None)
    assert owner.missing().startswith("it opened no") and device.stations[0].deadline == 0


@pytest.mark.parametrize("network", [Instructions(b"x" * 33, "", None), Instructions(b"a\0b", "", None)])
def test_what_cannot_be_told_is_refused(network):
    with pytest.raises(ValueError, match="ESPHome keeps up to 32 bytes without a zero"):
        Esphome().configure(None, network)


def test_an_app_is_recognised_without_any_one_kind():
    family = FAMILIES["esphome"]
    app = b"SDK Rev: %s\0[FUNC]rwnxl_init\0chip id=%x\0" + b"\0".join(kind.texts[0] for kind in family.evidence)
    app += b"\0" + b"\0".join(family.evidence[-1].texts)
    for kind in family.evidence:
        left = app
        for text in kind.texts:
            left = left.replace(text, b"\x01" * len(text))
        assert recognise.recognise(left).family is family, kind.name


def test_a_family_of_ones_own_is_updated_at_another_port():
    page = (Path(__file__).parents[2] / "docs" / "firmware-families.md").read_text()
    code, made = page.rpartition("```python\n")[2].partition("```")[0], {}
    exec(code, made)
    asks, update = made["MINE"].delivery(None).with_password("a secret").steps(DEVICE, CONTENT, "app.uf2")
    assert isinstance(asks, EsphomeApi)
    assert isinstance(Wire(Ota(password=b"a secret"), port=3232).run(update), told.Pushed)
    app = b"ESPHome version \0libretiny\0esphome.ota\0"
    assert recognise.recognise(app).family is FAMILIES["esphome"], "as before"
