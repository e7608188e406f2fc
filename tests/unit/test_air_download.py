"""From the first probe to the last byte: a station joins, asks for an address, and downloads over the air."""

import copy
import hashlib
import os
import random
import subprocess
import sys

from station import GATEWAY_IP, MAC, Station, dhcp_message, make_air
from tcp_client import TcpClient

from bk7238.air import events as air_events
from bk7238.formats import ieee80211 as dot11
from bk7238.machine.snapshot import set_states, states
from bk7238.network import events, ipv4, tcp_segment, udp
from bk7238.network.addresses import ip_bytes

BODY = random.Random(9).randbytes(60_000)
GATEWAY_MAC = bytes.fromhex("02aabbccddfe")
DEVICE_IP = ip_bytes("192.168.77.50")


class Device(Station):
    """A station with just enough of a network stack."""

    def __init__(self, medium, **options):
        super().__init__(medium, **options)
        self.tcp = TcpClient()

    def packet(self, protocol, payload, source=DEVICE_IP, destination=GATEWAY_IP):
        to = dot11.BROADCAST if destination == b"\xff" * 4 else GATEWAY_MAC
        return self.data(to + MAC + b"\x08\0" + ipv4.build(source, destination, protocol, payload, 1))

    def ask_for_an_address(self):
        everyone, nobody = b"\xff" * 4, bytes(4)
        for message in (dhcp_message(1), dhcp_message(3, options=bytes((50, 4)) + DEVICE_IP)):
            self.packet(ipv4.UDP, udp.build(nobody, 68, everyone, 67, message), nobody, everyone)
            [answer] = self.ethernet()
            assert answer[:6] == MAC

    def fetch(self, path, milliseconds):
        self.tcp.connect(self.now)
        self.tcp.send(f"GET {path} HTTP/1.1\r\nHost: 192.168.77.1\r\n\r\n".encode(), self.now)
        self.go_on(milliseconds)

    def go_on(self, milliseconds):
        for _ in range(milliseconds):
            self.tcp.poll(self.now)
            for segment in self.tcp.take():
                self.packet(ipv4.TCP, tcp_segment.build(segment, DEVICE_IP, GATEWAY_IP))
            for frame in self.ethernet(1_000):
                packet = ipv4.parse(frame[14:])
                if packet.protocol == ipv4.TCP:
                    self.tcp.receive(tcp_segment.parse(packet.payload, packet.source, packet.destination), self.now)

    @property
    def body(self):
        return bytes(self.tcp.received).partition(b"\r\n\r\n")[2]


def joined(**options):
    medium, _, _ = make_air(files={"/fw.rbl": BODY}, **options)
    device = Device(medium)
    device.join()
    device.ask_for_an_address()
    return device


def test_a_whole_update_in_order():
    medium, _, _ = make_air(files={"/fw.rbl": BODY})
    told = []
    medium.on_event.connect(told.append)
    device = Device(medium)
    device.probe(b"Bench")
    device.listen()
    device.join()
    device.ask_for_an_address()
    device.fetch("/fw.rbl", 1_000)
    assert device.body == BODY
    kinds = [type(event) for event in told if not isinstance(event, events.HttpBodyProgress)]
    assert kinds == [
        air_events.ProbeSeen,
        air_events.StationAuthenticated,
        air_events.StationAssociated,
        events.LeaseOffered,
        events.LeaseGranted,
        events.ConnectionOpened,
        events.HttpRequested,
        events.HttpBodyDelivered,
    ]
    assert [event.time for event in told] == sorted(event.time for event in told)


def test_over_an_access_point_with_ht():
    medium, _, _ = make_air(files={"/fw.rbl": BODY}, ht=True)
    device = Device(medium, qos=True)
    device.join()
    device.ask_for_an_address()
    device.fetch("/fw.rbl", 1_000)
    assert device.body == BODY


def test_frames_lost_in_the_air_are_made_up_for():
    device = joined()
    chance = random.Random(4)
    lost = []

    def lose(frame, now, _channel, _from_device):
        if frame[0] & 0x0C == 0x08 and chance.random() < 0.05:
            lost.append(now)
            return None
        return frame

    device.medium.frames.insert(lose)
    device.fetch("/fw.rbl", 20_000)
    assert device.body == BODY
    assert len(lost) > 3


def test_the_access_point_is_away_for_15_seconds():
    device = joined()
    device.fetch("/fw.rbl", 20)
    assert 0 < len(device.body) < len(BODY)
    [access_point] = device.medium.access_points
    access_point.switch_off()
    device.go_on(15_000)
    before = len(device.body)
    access_point.switch_on(device.now)
    device.go_on(20_000)
    assert before < len(device.body) and device.body == BODY


def test_a_download_goes_on_from_where_it_was():
    device = joined()
    device.fetch("/fw.rbl", 20)
    twin, saved = copy.deepcopy(device, {id(device.medium): device.medium}), states(device.medium)
    for each in (device, twin):
        set_states(each.medium, saved)
        each.heard.clear()
        each.go_on(1_000)
        assert each.body == BODY
    assert [reception for reception, *_ in device.heard] == [reception for reception, *_ in twin.heard]


def digest():
    """What a download is known by: its frames and events."""
    device, seen = joined(ht=True), hashlib.sha256()
    device.medium.on_frame.connect(lambda *frame: seen.update(repr(frame).encode()))
    device.medium.on_event.connect(lambda event: seen.update(repr(event).encode()))
    device.fetch("/fw.rbl", 200)
    return seen.hexdigest()


def test_hash_seeds_change_nothing():
    """Of another process, and of this one, where nobody has chosen it."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-c", "import test_air_download; print(test_air_download.digest())"]
    run = subprocess.run(program, env=environment, capture_output=True, check=True, text=True)
    assert run.stdout.split() == [digest()]
