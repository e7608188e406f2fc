"""The gateway as a host on its network sees it: ARP, ping, DHCP, DNS, and what it refuses. Compared with scapy."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import checksum as scapy_checksum
from station import MAC, dhcp_message

from bk7238.network import arp, checksum, dhcp, events, icmp, ipv4, tcp_segment, udp
from bk7238.network.addresses import ip_bytes, ip_text, mac_bytes
from bk7238.network.network import Network

GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
GATEWAY, DEVICE = ip_bytes("192.168.77.1"), ip_bytes("192.168.77.50")
EVERYONE = b"\xff" * 6


def make(**options):
    network = Network(random.Random(7), **options)
    told = []
    network.events.on_event.connect(told.append)
    return network, told


def packet(protocol, payload, *, source=DEVICE, destination=GATEWAY):
    return GATEWAY_MAC + MAC + b"\x08\0" + ipv4.build(source, destination, protocol, payload, 1)


def datagram(port, payload, *, source=DEVICE, destination=GATEWAY, source_port=5000):
    data = udp.build(source, source_port, destination, port, payload)
    return packet(ipv4.UDP, data, source=source, destination=destination)


def dhcp_exchange(network, kind, *, now=0, mac=MAC, **fields):
    """The type, the address and the scapy view of the answer, or None."""
    message = dhcp_message(kind, mac, **fields)
    frame = datagram(67, message, source=bytes(4), destination=b"\xff" * 4, source_port=68)
    answers = network.receive(EVERYONE + mac + frame[12:], now)
    if not answers:
        return None
    [answer] = [Ether(frame) for frame in answers]
    options = {option[0]: option[1] for option in answer[DHCP].options if isinstance(option, tuple)}
    return options["message-type"], answer[BOOTP].yiaddr, answer, options


def is_correct(frame):
    """Whether scapy computes the same checksums and lengths."""
    theirs = Ether(frame)
    again = theirs.copy()
    for layer in (IP, UDP, TCP, ICMP):
        if layer in again:
            for field in ("chksum", "len"):
                if field in again[layer].fields:
                    delattr(again[layer], field)
    return bytes(again) == frame


# Builders and parsers


@given(st.binary(max_size=200))
def test_the_checksum_is_scapys(data):
    assert checksum.checksum(data) == scapy_checksum(data)


def test_the_checksum_of_published_examples():
    assert checksum.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2  # RFC 1071, section 3
    assert checksum.checksum(b"\xff\xff") == 0 and checksum.checksum(b"\0\0") == 0xFFFF


@given(st.binary(max_size=64), st.integers(0, 0xFFFF), st.integers(0, 255))
def test_ipv4_is_scapys(payload, identification, protocol):
    ours = ipv4.build(GATEWAY, DEVICE, protocol, payload, identification)
    theirs = IP(src="192.168.77.1", dst="192.168.77.50", proto=protocol, id=identification, ttl=64, flags="DF") / Raw(
        payload
    )
    assert ours == bytes(theirs)
    parsed = ipv4.parse(ours + b"padding")
    assert (parsed.source, parsed.destination, parsed.protocol, parsed.payload) == (GATEWAY, DEVICE, protocol, payload)


@given(st.binary(max_size=64), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_udp_is_scapys(payload, source, destination):
    ours = udp.build(GATEWAY, source, DEVICE, destination, payload)
    theirs = IP(src="192.168.77.1", dst="192.168.77.50") / UDP(sport=source, dport=destination) / payload
    assert ours == bytes(IP(bytes(theirs))[UDP])
    assert udp.parse(ours + b"padding", GATEWAY, DEVICE) == udp.Datagram(source, destination, payload)


@given(st.binary(max_size=64), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF), st.integers(0, 0x3F), st.booleans())
def test_tcp_is_scapys(payload, number, window, flags, option):
    ours = tcp_segment.build(
        tcp_segment.Segment(80, 5000, number, 7, flags, window, payload, 1460 if option else None), GATEWAY, DEVICE
    )
    theirs = IP(src="192.168.77.1", dst="192.168.77.50") / TCP(
        sport=80, dport=5000, seq=number, ack=7, flags=flags, window=window, options=[("MSS", 1460)] if option else []
    )
    theirs = theirs / payload
    assert ours == bytes(IP(bytes(theirs))[TCP])
    parsed = tcp_segment.parse(ours, GATEWAY, DEVICE)
    assert (parsed.sequence, parsed.window, parsed.payload) == (number, window, payload)
    assert parsed.mss == (1460 if option else None)


def test_mss_behind_other_options():
    theirs = IP(src="192.168.77.50", dst="192.168.77.1") / TCP(
        flags="S", options=[("NOP", None), ("WScale", 3), ("SAckOK", b""), ("MSS", 1200)]
    )
    assert tcp_segment.parse(bytes(theirs)[20:], DEVICE, GATEWAY).mss == 1200


def test_damage_is_noticed():
    good = ipv4.build(GATEWAY, DEVICE, 17, udp.build(GATEWAY, 1, DEVICE, 2, b"payload"), 1)
    for at in range(20):
        with pytest.raises(ValueError, match=r"an IPv4 header (with a wrong checksum|whose lengths do not agree)"):
            ipv4.parse(good[:at] + bytes((good[at] ^ 0x10,)) + good[at + 1 :])
    with pytest.raises(ValueError, match="a UDP datagram with a wrong checksum"):
        udp.parse(good[20:-1] + b"?", GATEWAY, DEVICE)


def test_addresses():
    assert ip_text(ip_bytes("10.0.255.1")) == "10.0.255.1"
    assert mac_bytes("02:aa:bb:cc:dd:fe") == GATEWAY_MAC
    for text in ("1.2.3", "1.2.3.256", "1.2.3.x", ""):
        with pytest.raises(ValueError, match=f"^'{text}' is not an IPv4 address$"):
            ip_bytes(text)


# ARP and ping


def test_arp():
    network, told = make()
    question = Ether(src=MAC.hex(":"), dst="ff:ff:ff:ff:ff:ff") / ARP(
        op="who-has", hwsrc=MAC.hex(":"), psrc="192.168.77.50", pdst="192.168.77.1"
    )
    [frame] = network.receive(bytes(question), 5)
    answer = Ether(frame)[ARP]
    assert (answer.op, answer.hwsrc, answer.psrc) == (2, GATEWAY_MAC.hex(":"), "192.168.77.1")
    assert (answer.hwdst, answer.pdst, Ether(frame).dst) == (MAC.hex(":"), "192.168.77.50", MAC.hex(":"))
    question[ARP].pdst = "192.168.77.99"
    assert network.receive(bytes(question), 6) == []
    question[ARP].pdst = "192.168.77.50"  # an announcement
    assert network.receive(bytes(question), 7) == []
    assert told == [events.Refused(6, "192.168.77.50", "192.168.77.99", "arp", None, "nothing")]


def test_ping():
    network, told = make()
    echo = IP(src="192.168.77.50", dst="192.168.77.1") / ICMP(id=3, seq=9) / b"abcdefgh"
    [frame] = network.receive(GATEWAY_MAC + MAC + b"\x08\0" + bytes(echo) + b"trailing FCS", 5)
    answer = Ether(frame)
    assert (answer[ICMP].type, answer[ICMP].id, answer[ICMP].seq) == (0, 3, 9)
    assert bytes(answer[ICMP].payload) == b"abcdefgh"
    assert is_correct(frame)
    assert told == [events.Pinged(5, "192.168.77.50")]


# DHCP


def test_a_lease_is_asked_for_granted_and_renewed():
    network, told = make()
    kind, offered, offer, options = dhcp_exchange(network, dhcp.DISCOVER, now=1)
    assert (kind, offered) == (dhcp.OFFER, "192.168.77.50")
    assert options["router"] == options["server_id"] == options["name_server"] == "192.168.77.1"
    assert options["subnet_mask"] == "255.255.255.0" and options["lease_time"] == 86_400
    assert options["renewal_time"] == 43_200 and options["rebinding_time"] == 75_600
    assert (offer.dst, offer[IP].dst, offer[UDP].dport) == (MAC.hex(":"), "192.168.77.50", 68)
    assert offer[BOOTP].xid == 0x1234 and is_correct(bytes(offer))
    choice = bytes((50, 4)) + DEVICE + bytes((54, 4)) + GATEWAY
    kind, granted, _, _ = dhcp_exchange(network, dhcp.REQUEST, now=2, options=choice)
    assert (kind, granted) == (dhcp.ACK, "192.168.77.50")
    kind, granted, answer, _ = dhcp_exchange(network, dhcp.REQUEST, now=3, client_ip=DEVICE)
    assert (kind, granted, answer[IP].dst) == (dhcp.ACK, "192.168.77.50", "192.168.77.50")
    mac, ip = MAC.hex(":"), "192.168.77.50"
    assert told == [
        events.LeaseOffered(1, mac, ip),
        events.LeaseGranted(2, mac, ip, False),
        events.LeaseGranted(3, mac, ip, True),
    ]


def test_the_broadcast_flag_is_honoured():
    network, _ = make()
    *_, answer, _ = dhcp_exchange(network, dhcp.DISCOVER, flags=0x8000)
    assert (answer.dst, answer[IP].dst) == ("ff:ff:ff:ff:ff:ff", "255.255.255.255")


def test_a_device_that_restarts_gets_its_address_again():
    network, told = make()
    wanted = bytes((50, 4)) + ip_bytes("192.168.77.77")
    assert dhcp_exchange(network, dhcp.REQUEST, options=wanted)[:2] == (dhcp.ACK, "192.168.77.77")
    assert dhcp_exchange(network, dhcp.DISCOVER)[1] == "192.168.77.77"
    assert dhcp_exchange(network, dhcp.REQUEST, options=wanted)[0] == dhcp.ACK
    assert [event.renewal for event in told if isinstance(event, events.LeaseGranted)] == [False, False]
    other = bytes.fromhex("c8478c000099")
    assert dhcp_exchange(network, dhcp.DISCOVER, mac=other)[1] == "192.168.77.50"


@pytest.mark.parametrize("wanted", ["192.168.1.20", "192.168.77.1", "192.168.77.5", "192.168.77.51"])
def test_an_address_that_is_not_the_devices_is_refused(wanted):
    network, told = make()
    dhcp_exchange(network, dhcp.DISCOVER)
    kind, ip, answer, options = dhcp_exchange(network, dhcp.REQUEST, options=bytes((50, 4)) + ip_bytes(wanted))
    assert (kind, ip, answer.dst) == (dhcp.NAK, "0.0.0.0", "ff:ff:ff:ff:ff:ff")
    assert "lease_time" not in options
    assert told[-1] == events.LeaseRefused(0, MAC.hex(":"), wanted, "not this device's address")


def test_another_servers_offer_is_left_alone():
    network, told = make()
    dhcp_exchange(network, dhcp.DISCOVER)
    choice = bytes((50, 4)) + DEVICE + bytes((54, 4)) + ip_bytes("192.168.77.2")
    assert dhcp_exchange(network, dhcp.REQUEST, options=choice) is None
    assert not network.dhcp.leases and len(told) == 1


def test_release_decline_and_inform():
    network, told = make()
    wanted = bytes((50, 4)) + DEVICE
    dhcp_exchange(network, dhcp.REQUEST, options=wanted)
    assert dhcp_exchange(network, dhcp.RELEASE, client_ip=DEVICE) is None
    dhcp_exchange(network, dhcp.REQUEST, options=wanted)
    assert dhcp_exchange(network, dhcp.DECLINE, options=wanted) is None
    assert [event.declined for event in told if isinstance(event, events.LeaseReleased)] == [False, True]
    assert dhcp_exchange(network, dhcp.DISCOVER)[1] == "192.168.77.51"
    kind, ip, _, options = dhcp_exchange(network, dhcp.INFORM, client_ip=DEVICE)
    assert (kind, ip) == (dhcp.ACK, "0.0.0.0") and "lease_time" not in options


def test_addresses_run_out_and_come_back():
    network, told = make(first_lease=50, last_lease=51, lease_seconds=100)
    macs = [bytes((2, 0, 0, 0, 0, n)) for n in range(3)]
    for mac in macs[:2]:
        offer = dhcp_exchange(network, dhcp.DISCOVER, mac=mac)
        choice = bytes((50, 4)) + ip_bytes(offer[1])
        assert dhcp_exchange(network, dhcp.REQUEST, mac=mac, options=choice)[0] == dhcp.ACK
    assert dhcp_exchange(network, dhcp.DISCOVER, mac=macs[2]) is None
    assert told[-1].reason == "no address left"
    assert dhcp_exchange(network, dhcp.DISCOVER, mac=macs[2], now=100_000_001)[1] == "192.168.77.50"
    assert len(network.dhcp.leases) == 2


# DNS


def ask(network, name, kind="A", now=0, **fields):
    question = DNS(id=77, rd=1, qd=DNSQR(qname=name, qtype=kind), **fields)
    answers = network.receive(datagram(53, bytes(question)), now)
    if not answers:
        return None
    [frame] = answers
    assert is_correct(frame)
    return Ether(frame)[DNS]


def test_every_name_is_the_gateways():
    network, told = make()
    answer = ask(network, "Update.example.com", now=4)
    assert (answer.id, answer.qr, answer.rcode, answer.ancount) == (77, 1, 0, 1)
    record = answer.an[0]
    assert (record.rrname, record.rdata, record.ttl) == (b"Update.example.com.", "192.168.77.1", 60)
    assert told == [events.NameAsked(4, "192.168.77.50", "Update.example.com", "A", "192.168.77.1")]


def test_names_from_a_table():
    network, told = make(names={"update.example.com": "192.168.77.1", "time.example.com": "10.1.2.3"})
    assert ask(network, "TIME.example.com").an[0].rdata == "10.1.2.3"
    assert ask(network, "elsewhere.example.com").rcode == 3
    assert told[-1].answer == ""


@pytest.mark.parametrize("name", ["box.local", "Box.LOCAL", "a.b.local", "local"])
def test_names_of_multicast_dns_are_not_known_here(name):
    network, told = make()
    assert ask(network, name).rcode == 3
    assert told == [events.NameAsked(told[0].time, "192.168.77.50", name, "A", "")]
    assert ask(network, f"{name}.example").rcode == 0, "another name"
    network, _ = make(names={name: "10.1.2.3"})
    assert ask(network, name).rcode == 3, "another host has this one, and says so itself"


def test_other_questions_have_no_answer():
    network, _ = make()
    empty = ask(network, "example.com", "AAAA")
    assert (empty.rcode, empty.ancount, empty.qdcount) == (0, 0, 1)
    assert ask(network, "1.77.168.192.in-addr.arpa", "PTR").rcode == 3
    assert ask(network, "example.com", opcode=2).rcode == 4
    assert ask(network, "example.com", qr=1) is None
    [frame] = network.receive(datagram(53, bytes.fromhex("0001010000010000000000003f61")), 0)
    assert Ether(frame)[DNS].rcode == 1


# What is refused


def test_a_closed_udp_port():
    network, told = make()
    frame = datagram(124, b"what time is it?")
    [answer] = network.receive(frame, 3)
    error = Ether(answer)[ICMP]
    assert (error.type, error.code) == (3, 3)
    assert bytes(error.payload)[:28] == frame[14:42]
    assert is_correct(answer)
    assert told == [events.Refused(3, "192.168.77.50", "192.168.77.1", "udp", 124, "port unreachable")]


def test_a_closed_tcp_port():
    network, told = make()
    syn = tcp_segment.build(tcp_segment.Segment(5000, 443, 99, 0, tcp_segment.SYN, 4380, mss=1460), DEVICE, GATEWAY)
    [answer] = network.receive(packet(ipv4.TCP, syn), 3)
    reset = Ether(answer)[TCP]
    assert (str(reset.flags), reset.ack, reset.sport, reset.dport) == ("RA", 100, 443, 5000)
    assert is_correct(answer)
    assert told == [events.Refused(3, "192.168.77.50", "192.168.77.1", "tcp", 443, "reset")]


@pytest.mark.parametrize(
    ("destination", "answer", "code"), [("8.8.8.8", "net unreachable", 0), ("192.168.77.9", "host unreachable", 1)]
)
def test_other_hosts_are_unreachable(destination, answer, code):
    network, told = make()
    [frame] = network.receive(datagram(53, b"x" * 12, destination=ip_bytes(destination)), 3)
    assert (Ether(frame)[ICMP].type, Ether(frame)[ICMP].code) == (3, code)
    assert told == [events.Refused(3, "192.168.77.50", destination, "udp", 53, answer)]


def test_an_unknown_protocol():
    network, told = make()
    [frame] = network.receive(packet(47, b"tunnel"), 3)
    assert Ether(frame)[ICMP].code == 2
    assert told[0].protocol == "47"


def test_errors_are_not_answered_with_errors():
    network, told = make()
    inner = ipv4.parse(ipv4.build(GATEWAY, DEVICE, 17, bytes(8), 1))
    assert network.receive(packet(ipv4.ICMP, icmp.unreachable(inner, 3)), 0) == []
    assert network.receive(packet(ipv4.ICMP, icmp.unreachable(inner, 3), destination=ip_bytes("9.9.9.9")), 0) == []
    assert told == []


def test_fragments_multicast_and_other_protocols_are_counted():
    network, told = make()
    fragment = bytes(IP(src="192.168.77.50", dst="192.168.77.1", flags="MF", proto=17) / b"12345678")
    network.receive(GATEWAY_MAC + MAC + b"\x08\0" + fragment, 0)
    network.receive(datagram(1900, b"ssdp", destination=ip_bytes("239.255.255.250")), 0)
    network.receive(GATEWAY_MAC + MAC + b"\x86\xdd" + bytes(40), 0)
    network.receive(datagram(1, b"", source=ip_bytes("10.0.0.1")), 0)
    assert dict(network.counters) == {
        "ip fragment": 1,
        "not for the gateway": 1,
        "ethertype": 1,
        "source address": 1,
    }
    assert told == []


def test_an_unknown_neighbour_is_asked_for():
    network, _ = make()
    network._send(DEVICE, ipv4.ICMP, b"")
    question = Ether(network.poll(0)[0])
    assert question.dst == "ff:ff:ff:ff:ff:ff" and question[ARP].pdst == "192.168.77.50"


# Anything at all


def valid_frames():
    question = DNS(rd=1, qd=DNSQR(qname="a.example.com"))
    syn = tcp_segment.build(tcp_segment.Segment(5000, 80, 99, 0, tcp_segment.SYN, 4380, mss=1460), DEVICE, GATEWAY)
    request = arp.Arp(arp.REQUEST, MAC, DEVICE, bytes(6), GATEWAY).pack()
    echo = bytes(ICMP(id=1) / b"abc")
    to_all = {"source": bytes(4), "destination": b"\xff" * 4}
    return [
        EVERYONE + MAC + b"\x08\x06" + request,
        packet(ipv4.ICMP, echo),
        packet(ipv4.TCP, syn),
        datagram(53, bytes(question)),
        datagram(9999, b"anybody?"),
        *(
            datagram(67, dhcp_message(kind, options=bytes((50, 4)) + DEVICE), source_port=68, **to_all)
            for kind in range(1, 9)
        ),
    ]


VALID = valid_frames()


def with_correct_checksums(frame):
    """So that damage reaches the inner parsers."""
    if frame[12:14] != b"\x08\0" or len(frame) < 34 or frame[14] != 0x45:
        return frame
    head = bytearray(frame[14:34])
    head[2:4] = (len(frame) - 14).to_bytes(2, "big")
    head[6:8] = head[10:12] = b"\0\0"
    head[10:12] = checksum.checksum(bytes(head)).to_bytes(2, "big")
    payload = bytearray(frame[34:])
    pseudo = checksum.pseudo_header(bytes(head[12:16]), bytes(head[16:20]), head[9], len(payload))
    at = {ipv4.UDP: 6, ipv4.TCP: 16, ipv4.ICMP: 2}.get(head[9], 1 << 16)
    if len(payload) >= at + 2:
        payload[at : at + 2] = b"\0\0"
        if head[9] == ipv4.UDP:
            payload[4:6] = len(payload).to_bytes(2, "big")
        total = checksum.checksum((b"" if head[9] == ipv4.ICMP else pseudo) + bytes(payload))
        payload[at : at + 2] = total.to_bytes(2, "big")
    return frame[:14] + bytes(head) + bytes(payload)


@st.composite
def hostile_frames(draw):
    """Valid frames with bytes changed, cut or added, checksums repaired or not, and nothing but chance."""
    frame = bytearray(draw(st.sampled_from(VALID)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)):
        frame[at % len(frame)] = value
    frame = bytes(frame)[: draw(st.one_of(st.just(len(frame)), st.integers(0, len(frame))))] + draw(
        st.binary(max_size=8)
    )
    frame = with_correct_checksums(frame) if draw(st.booleans()) else frame
    return draw(st.one_of(st.just(frame), st.binary(max_size=80)))


@examples(100)
@given(st.lists(st.tuples(hostile_frames(), st.integers(0, 5_000_000)), max_size=30))
def test_hostile_frames_do_no_harm(frames):
    network, _ = make(files={"/fw.rbl": bytes(5_000)})
    now = 0
    for frame, pause in frames:
        now += pause
        while (deadline := network.deadline) is not None and deadline <= now:
            network.poll(deadline)
            assert network.deadline is None or network.deadline > deadline
        for answer in network.receive(frame, now):
            assert 14 < len(answer) <= 1514
    assert len(network.tcp.connections) <= 64
    assert len(network.dhcp.leases) <= 205
    assert network.receive(VALID[1], now)


def test_a_flood_of_connections_is_bounded():
    network, _ = make()
    network.receive(VALID[0], 0)
    for port in range(1000, 1500):
        syn = tcp_segment.Segment(port, 80, 99, 0, tcp_segment.SYN, 4380)
        assert network.receive(packet(ipv4.TCP, tcp_segment.build(syn, DEVICE, GATEWAY)), port)
    assert len(network.tcp.connections) == 64


def test_the_same_seed_gives_the_same_bytes():
    runs = [[network.receive(frame, now) for now, frame in enumerate(VALID)] for network in (make()[0], make()[0])]
    assert runs[0] == runs[1]


def test_what_a_service_outside_sends_goes_out_once(monkeypatch):
    class Outside:
        port, deadline = 81, 5

        def poll(self, _now):
            sent.append((b"\xc0\xa8\x4d\x32", b"a segment"))

    network, sent = Network(random.Random(1)), []
    network.attach(Outside())
    monkeypatch.setattr(network.tcp, "push", lambda _now: [sent.pop()])
    assert len(network.poll(5)) == 1 and not sent


def test_who_sends_between_two_segments_announces_it():
    network, told = Network(random.Random(1)), []
    network.on_change.connect(lambda: told.append(network.deadline))
    network.http.on_output(70)
    assert told == [70] and network.poll(70) == [] and network.deadline is None
