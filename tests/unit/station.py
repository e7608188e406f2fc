"""A station for the tests of the air: the frames that the firmware sends, and what it hears."""

from __future__ import annotations

import random
import struct

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header, element
from bk7238.network.network import Network

MAC = bytes.fromhex("c8478c000001")
OTHER = bytes.fromhex("c8478c000002")
BSSID = bytes.fromhex("02aabbccdd01")
RATES = element(1, bytes((0x82, 0x84, 0x8B, 0x96, 0x0C, 0x12, 0x18, 0x24))) + element(
    50, bytes((0x30, 0x48, 0x60, 0x6C))
)
WMM = element(221, bytes.fromhex("0050f202000100"))
GATEWAY_IP = bytes((192, 168, 77, 1))


def make_air(*, seed: int = 1, files=None, names=None, **options) -> tuple[Medium, AccessPoint, Network]:
    network = Network(random.Random(seed), files=files, names=names)
    access_point = AccessPoint(b"Bench", network=network, rng=random.Random(seed + 1), **options)
    return Medium([access_point]), access_point, network


class Station:
    def __init__(self, medium: Medium, mac: bytes = MAC, *, channel: int = 6, bssid: bytes = BSSID, qos: bool = False):
        self.medium, self.mac, self.channel, self.bssid, self.qos = medium, mac, channel, bssid, qos
        self.now = 1_000_000
        self.sequence = 0
        self.heard = []  # (reception, header, body), beacons left out
        self.beacons = []

    # Sending

    def transmit(self, frame: bytes) -> bool:
        return self.medium.transmit(frame, self.channel, self.now)

    def management(self, subtype: int, body: bytes, *, to: bytes | None = None, flags: int = 0) -> bool:
        self.sequence += 1
        to = self.bssid if to is None else to
        header = Header(0, subtype, flags, 0, to, self.mac, to, self.sequence & 0xFFF)
        return self.transmit(header.pack() + body)

    def probe(self, ssid: bytes) -> bool:
        return self.management(dot11.PROBE_REQUEST, element(0, ssid) + RATES, to=dot11.BROADCAST)

    def authenticate(self, algorithm: int = 0, sequence: int = 1) -> bool:
        return self.management(dot11.AUTHENTICATION, struct.pack("<HHH", algorithm, sequence, 0))

    def associate(self, ssid: bytes = b"Bench", elements: bytes | None = None) -> bool:
        rates = RATES if elements is None else elements
        wmm = WMM if self.qos else b""
        return self.management(
            dot11.ASSOCIATION_REQUEST, struct.pack("<HH", 0x401, 10) + element(0, ssid) + rates + wmm
        )

    def data(self, ethernet: bytes, *, flags: int = 0, repeat: bool = False) -> bool:
        self.sequence += not repeat
        subtype, qos = (8, 0) if self.qos else (0, None)
        header = Header(
            2, subtype, flags | dot11.TO_DS, 0, self.bssid, self.mac, ethernet[:6], self.sequence & 0xFFF, qos=qos
        )
        return self.transmit(header.pack() + dot11.msdu(ethernet))

    def null(self, *, asleep: bool) -> bool:
        self.sequence += 1
        flags = dot11.TO_DS | (dot11.POWER_MANAGEMENT if asleep else 0)
        return self.transmit(Header(2, 4, flags, 0, self.bssid, self.mac, self.bssid, self.sequence & 0xFFF).pack())

    def ps_poll(self, aid: int = 1) -> bool:
        return self.transmit(Header(1, dot11.PS_POLL, 0, aid | 0xC000, self.bssid, self.mac).pack())

    # Hearing

    def listen(self, microseconds: int = 50_000) -> list:
        """What is heard in that time, beacons apart: headers and bodies."""
        self.now += microseconds
        new = []
        for reception in self.medium.poll(self.now):
            header, body = dot11.parse(reception.frame)
            if (header.kind, header.subtype) == (0, dot11.BEACON):
                self.beacons.append((reception, header, body))
            else:
                new.append((reception, header, body))
        self.heard += new
        return [(header, body) for _, header, body in new]

    def ethernet(self, microseconds: int = 50_000) -> list[bytes]:
        """The Ethernet frames in the data frames that are heard in that time."""
        found = []
        for header, body in self.listen(microseconds):
            if header.kind == 2 and not header.subtype & 4:
                found.append(dot11.ethernet(header.addr1, header.addr3, body))
        return found

    def join(self) -> None:
        self.authenticate()
        self.listen()
        self.associate()
        answers = {(header.kind, header.subtype): body for header, body in self.listen()}  # among others' for all
        assert answers[dot11.MANAGEMENT, dot11.ASSOCIATION_RESPONSE][2:4] == b"\0\0"


def dhcp_message(kind: int, mac: bytes = MAC, *, options: bytes = b"", client_ip=bytes(4), flags: int = 0, xid=0x1234):
    fixed = struct.pack(
        "!BBBBIHH4s4s4s4s16s64s128s", 1, 1, 6, 0, xid, 0, flags, client_ip, b"", b"", b"", mac, b"", b""
    )
    return fixed + bytes.fromhex("63825363") + bytes((53, 1, kind)) + options + b"\xff"
