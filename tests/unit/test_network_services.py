"""What devices expect of a network besides addresses and names: the time, and names in `.local`."""

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether
from scapy.layers.ntp import NTPHeader
from station import MAC

from bk7238.bench.settings import Settings
from bk7238.network import events, ipv4, mdns, sntp, udp
from bk7238.network.addresses import ip_bytes
from bk7238.network.network import Network

GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
GATEWAY, DEVICE = ip_bytes("192.168.77.1"), ip_bytes("192.168.77.50")
NAMES = {"Broker.local": "192.168.77.1", "desk.lan": "192.168.77.9"}


def make(**options):
    network, told = Network(random.Random(7), **options), []
    network.events.on_event.connect(told.append)
    return network, told


def send(network, port, payload, *, now=0, destination=GATEWAY, source_port=5000):
    """The Ethernet frames that answer a datagram of the device's."""
    data = udp.build(DEVICE, source_port, destination, port, payload)
    packet = ipv4.build(DEVICE, destination, ipv4.UDP, data, 1)
    answers = network.receive(GATEWAY_MAC + MAC + b"\x08\0" + packet, now)
    if network.deadline is not None and network.deadline <= now:
        answers += network.poll(now)
    return [Ether(frame) for frame in answers]


def asked(name, *, kind=1, unicast=0, id=7, **more):
    return bytes(DNS(id=id, rd=0, qd=[DNSQR(qname=name, qtype=kind, unicastresponse=unicast)], **more))


def ask(network, question, **more):
    return send(network, mdns.PORT, question, destination=mdns.GROUP, **more)


# The time


@pytest.mark.parametrize("date", ["2026-03-29T00:59:57", "2039-06-01T12:00:00"])
def test_the_time_is_virtual_from_the_date_of_the_power_on(date):
    network, told = make(date=date)
    sent = 0xE5A1_0203_0405_0607
    question = NTPHeader(version=3, mode=3, poll=6)
    question.fields["sent"] = sent
    [answer] = send(network, sntp.PORT, bytes(question), now=2_500_000)
    time = NTPHeader(bytes(answer[UDP].payload))
    assert (answer[UDP].sport, answer[UDP].dport) == (123, 5000)
    assert (time.version, time.mode, time.leap, time.stratum, time.ref_id, time.poll) == (3, 4, 0, 1, b"LOCL", 6)
    assert time.getfieldval("orig") == sent
    passed = datetime.fromisoformat(date) + timedelta(seconds=2.5) - datetime(1900, 1, 1)
    for name in ("ref", "recv", "sent"):
        assert time.getfieldval(name) == int(passed.total_seconds() * 2**32) % 2**64
    assert told == [
        events.TimeAsked(2_500_000, "192.168.77.50", f"{date[:10]} {date[11:17]}{int(date[17:]) + 2:02}.500")
    ]


def test_who_is_no_client_gets_no_time():
    network, told = make()
    for data in (b"", bytes(NTPHeader(mode=3))[:47], bytes(NTPHeader(mode=4)), bytes(NTPHeader(mode=6))):
        assert send(network, sntp.PORT, data) == []
    assert told == []


def test_another_server_takes_the_place_of_ours_also_after_a_move():
    class Late:
        def receive(self, _data, _client, _port, now):
            return str(now).encode()

    network, _ = make()
    network.listen_udp(123, Late())
    network.move(ip_bytes("192.168.76.1"))
    source, destination = ip_bytes("192.168.76.50"), ip_bytes("192.168.76.1")
    data = udp.build(source, 5000, destination, 123, b"when")
    packet = ipv4.build(source, destination, ipv4.UDP, data, 1)
    [frame] = network.receive(GATEWAY_MAC + MAC + b"\x08\0" + packet, 9)
    assert bytes(Ether(frame)[UDP].payload) == b"9"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-03-29", "2026-03-29T00:00:00"),
        ("2026-03-29 01:02", "2026-03-29T01:02:00"),
        ("2026-03-29T01:02:03+02:00", "2026-03-28T23:02:03"),
        (datetime(2026, 3, 29, 1, 2, 3, 4), "2026-03-29T01:02:03"),
        (datetime(2026, 3, 29).date(), "2026-03-29T00:00:00"),
    ],
)
def test_how_a_date_is_written(said, meant):
    assert Settings(date=said).date == meant


@pytest.mark.parametrize("said", ["yesterday", "29.3.2026", "1969-12-31", "2100-01-01", "2026-02-30", ""])
def test_how_no_date_is_written(said):
    with pytest.raises(ValueError, match=r"^date: .* is no date and time|^date: .* lies before 1970 or behind 2099$"):
        Settings(date=said)


# Names in .local


def test_a_host_that_asks_all_is_answered_where_all_hear_it():
    network, told = make(names=NAMES)
    [answer] = ask(network, asked("BROKER.local"), source_port=mdns.PORT)
    assert (answer.dst, answer.src) == ("01:00:5e:00:00:fb", "02:aa:bb:cc:dd:fe")
    assert (answer["IP"].src, answer["IP"].dst) == ("192.168.77.1", "224.0.0.251")
    assert (answer[UDP].sport, answer[UDP].dport) == (5353, 5353)
    message = answer[DNS]
    assert (message.id, message.qr, message.aa, message.rcode, len(message.qd), len(message.an)) == (0, 1, 1, 0, 0, 1)
    record = message.an[0]
    assert (record.rrname, record.type, record.rdata, record.ttl) == (b"BROKER.local.", 1, "192.168.77.1", 120)
    assert record.cacheflush == 1
    assert told == [events.NameAsked(0, "192.168.77.50", "BROKER.local", "A", "192.168.77.1")]


def test_a_resolver_of_another_port_and_one_that_wants_it_so_are_answered_alone():
    network, _ = make(names=NAMES)
    [simple] = ask(network, asked("broker.local"))
    assert (simple.dst, simple["IP"].dst, simple[UDP].sport, simple[UDP].dport) == (
        ":".join(f"{byte:02x}" for byte in MAC),
        "192.168.77.50",
        5353,
        5000,
    )
    message = simple[DNS]
    assert (message.id, message.qd[0].qname, message.an[0].ttl, message.an[0].cacheflush) == (
        7,
        b"broker.local.",
        10,
        0,
    )
    [wished] = ask(network, asked("broker.local", unicast=1), source_port=mdns.PORT)
    assert (wished["IP"].dst, wished[UDP].dport, wished[DNS].id) == ("192.168.77.50", 5353, 0)


@pytest.mark.parametrize(
    "question",
    [
        asked("desk.lan"),
        asked("other.local"),
        asked("broker.local", kind=28),
        asked("broker.local", qr=1),
        asked("broker.local", opcode=1),
        asked("broker.local", an=[DNSRR(rrname="broker.local", rdata="192.168.77.1", ttl=60)]),
    ],
)
def test_what_is_not_answered(question):
    network, told = make(names=NAMES)
    assert ask(network, question, source_port=mdns.PORT) == [] and told == []


def test_a_name_server_knows_no_names_in_local():
    """Neither one that it was given, nor that of a server of the host's."""
    network, _ = make(names=NAMES)
    placed = network.place("Printer.local")
    for name in ("broker.local", "printer.local", "PRINTER.local."):
        [answer] = send(network, 53, asked(name))
        assert (answer[DNS].rcode, answer[DNS].ancount) == (3, 0), name
    [answer] = send(network, 53, asked("desk.lan"))
    assert answer[DNS].an[0].rdata == "192.168.77.9"
    [answer] = ask(network, asked("printer.local"))
    assert ip_bytes(answer[DNS].an[0].rdata) == placed


@examples(50)
@given(st.binary(max_size=80), st.integers(0, 40), st.binary(max_size=4), st.sampled_from([mdns.PORT, 5000]))
def test_damaged_datagrams_are_dropped_or_answered(data, place, damage, port):
    network, _ = make(names=NAMES)
    whole = asked("broker.local", an=[DNSRR(rrname="x.local", rdata="192.168.77.7")])
    damaged = whole[:place] + damage + whole[place + len(damage) :]
    for one in (data, whole[:place], damaged, damaged + data):
        for answer in ask(network, one, source_port=port):
            assert answer[DNS].qr == 1
        for answer in send(network, sntp.PORT, one):
            assert len(answer[UDP].payload) == 48
