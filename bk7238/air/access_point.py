"""An access point: one BSS on one channel, and the bridge to the network behind it.

Frames in, frames out, time passed in; what is to be sent is collected by `poll`. Acknowledgments and air time are the
medium's matter. Not simulated: aggregation (block acknowledgments are declined), fragments, rate adaptation.
Source: IEEE 802.11-2020, clauses 9 and 11; what the station at hand needs is in docs/hardware/wifi.md.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass

from bk7238.air import management
from bk7238.air.events import StationAssociated, StationAuthenticated, StationLeft, StationRefused, StationUnknown
from bk7238.air.security import EAPOL, Open, Security
from bk7238.air.stations import Station, Stations
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header, element
from bk7238.network.addresses import mac_text
from bk7238.network.events import Event, Events, Listener
from bk7238.network.network import Network

TIME_UNIT = 1024  # microseconds
BSSID = bytes.fromhex("02aabbccdd01")
_SLOW = 6  # Mb/s: management and group frames
_RATES = (24, 18, 12, 9, 6)
_GROUP_FRAMES = 64  # kept for the next beacon


@dataclass(frozen=True)
class Outgoing:
    """A frame to send, and its rate in Mb/s."""

    frame: bytes
    rate: int


class AccessPoint:
    """An access point for `ssid`. `rssi` (dBm) is how loud the device hears it.

    `ht` turns on 802.11n and WMM: stations that ask for WMM are sent QoS data. `security` protects the network; without
    it, it is open. `counters` counts what was dropped, by cause.
    """

    def __init__(
        self,
        ssid: bytes,
        *,
        network: Network,
        rng: random.Random,
        bssid: bytes = BSSID,
        channel: int = 6,
        rssi: int = -50,
        beacon_interval: int = 100,
        ht: bool = False,
        hidden: bool = False,
        security: Security | None = None,
    ) -> None:
        if not 0 < len(ssid) <= 32:
            raise ValueError(f"an SSID has 1 to 32 bytes, not {len(ssid)}")
        self.ssid, self.bssid, self.channel, self.rssi = ssid, bssid, channel, rssi
        self.network = network
        self.ht, self.hidden = ht, hidden
        self.online = True
        self.events = Events()
        self.counters: Counter[str] = Counter()
        self.stations = Stations()
        self._security: Security = security or Open()
        self._interval = beacon_interval
        self._next_beacon = beacon_interval * TIME_UNIT
        self._sequence = rng.getrandbits(12)
        self._group: deque[bytes] = deque(maxlen=_GROUP_FRAMES)
        self._output: list[Outgoing] = []
        self._output_since = 0

    # The world's side

    def on_event(self, listener: Listener) -> None:
        """Call `listener` with each event."""
        self.events.subscribe(listener)

    def deauthenticate(self, station: bytes, reason: int, now: int) -> None:
        """Throw a station out. One that is not known is told too."""
        self._management(dot11.DEAUTHENTICATION, station, management.reason(reason), now)
        self._forget(station, reason, "access point", now)
        self.stations.remove(station)

    def disassociate(self, station: bytes, reason: int, now: int) -> None:
        """End a station's association; it stays authenticated."""
        self._management(dot11.DISASSOCIATION, station, management.reason(reason), now)
        self._forget(station, reason, "access point", now)

    def switch_off(self) -> None:
        """Fall silent, as in a power cut; `keeps` nothing is said to the stations."""
        self.online = False
        self._output.clear()
        self._group.clear()

    def switch_on(self, now: int, *, forget: bool = False) -> None:
        """Come back; with `forget` the stations are strangers, as after the access point's own restart."""
        self.online = True
        step = self._interval * TIME_UNIT
        self._next_beacon = (now // step + 1) * step
        if forget:
            for station in self.stations:
                self._forget(station.address, management.UNSPECIFIED_REASON, "access point", now)
            self.stations = Stations()

    # The medium's side

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do; None while switched off."""
        if not self.online:
            return None
        if self._output:
            return self._output_since
        deadline = self._security.deadline
        return self._next_beacon if deadline is None else min(self._next_beacon, deadline)

    def poll(self, now: int) -> list[Outgoing]:
        """What is to be sent at `now`, in order."""
        if not self.online:
            return []
        deadline = self._security.deadline
        if deadline is not None and deadline <= now:
            for address, packet in self._security.poll(now):
                self._send_eapol(address, [packet], now)
        if self._next_beacon <= now:
            self._beacon(now)
        output, self._output = self._output, []
        return output

    def receive(self, frame: bytes, now: int) -> None:
        """A frame from the air, whoever it is for."""
        if not self.online:
            return
        try:
            header, body = dot11.parse(frame)
        except ValueError:
            self.counters["malformed"] += 1
            return
        if header.addr1 != self.bssid and not dot11.is_group(header.addr1):
            return
        if dot11.is_group(header.addr2) or header.addr2 in (dot11.NOBODY, self.bssid):
            self.counters["transmitter"] += 1
        elif header.fragment or header.flags & dot11.MORE_FRAGMENTS:
            self.counters["fragment"] += 1
        elif header.kind == dot11.MANAGEMENT:
            self._receive_management(header, body, now)
        elif header.kind == dot11.DATA:
            self._receive_data(header, frame, now)
        elif header.subtype == dot11.PS_POLL:
            self._receive_poll(header, now)

    def send(self, ethernet: bytes, now: int) -> None:
        """An Ethernet frame from the network, for one of our stations or for all."""
        destination = ethernet[:6]
        if not dot11.is_group(destination):
            station = self.stations.member(destination)
            if station is not None:
                self._send_or_keep(station, ethernet, now)
        elif any(station.asleep for station in self.stations.members()):
            self._group.append(ethernet)
        elif self.stations.members():
            self._send_group(ethernet, now)

    # Beacons

    @property
    def capabilities(self) -> int:
        """Capability information."""
        return management.ESS | management.SHORT_SLOT | (management.PRIVACY if self._security.privacy else 0)

    def _advertisement(self, ssid: bytes, indication: bytes = b"") -> bytes:
        return (
            element(dot11.SSID, ssid)
            + element(dot11.RATES, management.RATES)
            + element(dot11.DS_PARAMETER, bytes((self.channel,)))
            + indication
            + element(dot11.ERP, b"\0")
            + element(dot11.EXTENDED_RATES, management.MORE_RATES)
            + self._security.elements
            + (management.high_throughput(self.channel) if self.ht else b"")
        )

    def _beacon(self, now: int) -> None:
        """A beacon, and behind it the group frames that waited for sleepers to wake up."""
        step = self._interval * TIME_UNIT
        waiting = (station.aid for station in self.stations.members() if station.waiting)
        indication = management.traffic_indication(waiting, bool(self._group))
        advertisement = self._advertisement(b"" if self.hidden else self.ssid, indication)
        body = management.beacon(now, self._interval, self.capabilities, advertisement)
        self._management(dot11.BEACON, dot11.BROADCAST, body, now)
        self._next_beacon = (now // step + 1) * step
        while self._group:
            self._send_group(self._group.popleft(), now, more=bool(self._group))

    # Management

    def _receive_management(self, header: Header, body: bytes, now: int) -> None:
        if header.subtype == dot11.PROBE_REQUEST:
            self._probe(header, body, now)
            return
        if header.addr1 != self.bssid or header.addr3 != self.bssid:
            return
        station = self.stations.find(header.addr2)
        order = header.sequence << 4
        if station is not None and station.repeats(-1, order, bool(header.flags & dot11.RETRY)):
            self.counters["repeated"] += 1
        elif header.subtype == dot11.AUTHENTICATION:
            self._authenticate(header.addr2, body, order, now)
        elif header.subtype == dot11.DEAUTHENTICATION:
            self._forget(header.addr2, int.from_bytes(body[:2], "little"), "station", now)
            self.stations.remove(header.addr2)
        elif station is None:
            self._reject(header.addr2, management.CLASS_2_NOT_AUTHENTICATED, now)
        elif header.subtype in (dot11.ASSOCIATION_REQUEST, dot11.REASSOCIATION_REQUEST):
            self._associate(station, header.subtype == dot11.REASSOCIATION_REQUEST, body, now)
        elif header.subtype == dot11.DISASSOCIATION:
            self._forget(station.address, int.from_bytes(body[:2], "little"), "station", now)
        elif header.subtype == dot11.ACTION and not station.associated:
            self._reject(station.address, management.CLASS_3_NOT_ASSOCIATED, now)
        elif header.subtype == dot11.ACTION and body[:2] == b"\x03\x00" and len(body) >= 9:
            self._management(dot11.ACTION, station.address, management.decline_block_ack(body), now)

    def answers(self, ssid: bytes) -> bool:
        """Whether a probe request for `ssid` is answered here; the empty one asks everybody."""
        return self.online and (ssid == self.ssid or (not ssid and not self.hidden))

    def _probe(self, header: Header, body: bytes, now: int) -> None:
        if header.addr3 not in (self.bssid, dot11.BROADCAST):
            return
        ssid = dot11.find_element(body, dot11.SSID)
        if ssid is not None and self.answers(ssid):
            advertisement = self._advertisement(self.ssid)
            response = management.beacon(now, self._interval, self.capabilities, advertisement)
            self._management(dot11.PROBE_RESPONSE, header.addr2, response, now)

    def _authenticate(self, address: bytes, body: bytes, order: int, now: int) -> None:
        if len(body) < 6:
            self.counters["malformed"] += 1
            return
        algorithm, sequence = body[0] | body[1] << 8, body[2] | body[3] << 8
        status = management.SUCCESS
        if algorithm:
            status = management.NO_ALGORITHM
        elif sequence != 1:
            status = management.OUT_OF_SEQUENCE
        else:
            self._forget(address, management.UNSPECIFIED_REASON, "authenticated again", now)
            station = self.stations.add(address)
            if station is None:
                status = management.TOO_MANY_STATIONS
            else:
                station.heard[-1] = order
        answer = management.authentication(sequence + 1 & 0xFFFF, status, algorithm)
        self._management(dot11.AUTHENTICATION, address, answer, now)
        names = mac_text(self.bssid), mac_text(address)
        self._tell(StationRefused(now, *names, status) if status else StationAuthenticated(now, *names))

    def _associate(self, station: Station, again: bool, body: bytes, now: int) -> None:
        fixed = 10 if again else 4  # capabilities, listen interval, and the current access point
        if len(body) < fixed:
            self.counters["malformed"] += 1
            return
        wanted = body[fixed:]
        rates = dot11.find_element(wanted, dot11.RATES) or b""
        rates += dot11.find_element(wanted, dot11.EXTENDED_RATES) or b""
        offered = {rate & ~management.BASIC for rate in rates}
        status = self._security.admit(station.address, wanted)
        if dot11.find_element(wanted, dot11.SSID) != self.ssid:
            status = management.UNSPECIFIED
        elif not management.basic_rates() <= offered:
            status = management.RATES_UNSUPPORTED
        self._end_association(station)
        if not status:
            station.aid = self.stations.free_aid()
            station.qos = self.ht and dot11.find_element(wanted, dot11.VENDOR, management.WMM) is not None
            station.rate = next((rate for rate in _RATES if rate * 2 in offered), _SLOW)
        elements = management.rates()
        if self.ht:
            elements += management.high_throughput(self.channel)
        answer = management.association(self.capabilities, status, station.aid, elements)
        kind = dot11.REASSOCIATION_RESPONSE if again else dot11.ASSOCIATION_RESPONSE
        self._management(kind, station.address, answer, now)
        names = mac_text(self.bssid), mac_text(station.address)
        if status:
            self._tell(StationRefused(now, *names, status))
            return
        self._tell(StationAssociated(now, *names, station.aid, again))
        self._send_eapol(station.address, self._security.joined(station.address, now), now)

    def _forget(self, address: bytes, reason: int, cause: str, now: int) -> None:
        """The station's association is over, if it had one."""
        station = self.stations.member(address)
        if station is not None:
            self._end_association(station)
            self._tell(StationLeft(now, mac_text(self.bssid), mac_text(address), reason, cause))

    def _end_association(self, station: Station) -> None:
        if station.associated:
            self._security.left(station.address)
        station.aid, station.asleep = 0, False
        station.waiting.clear()

    def _reject(self, address: bytes, reason: int, now: int) -> None:
        """A frame that the station may not send in its state (11.3.4): say so."""
        known = self.stations.find(address) is not None
        kind = dot11.DISASSOCIATION if known else dot11.DEAUTHENTICATION
        self._management(kind, address, management.reason(reason), now)
        self._tell(StationUnknown(now, mac_text(self.bssid), mac_text(address), reason))

    # Data

    def _receive_data(self, header: Header, frame: bytes, now: int) -> None:
        if header.addr1 != self.bssid or header.flags & (dot11.TO_DS | dot11.FROM_DS) != dot11.TO_DS:
            return
        station = self.stations.member(header.addr2)
        if station is None:
            self._reject(header.addr2, management.CLASS_3_NOT_ASSOCIATED, now)
            return
        tid = -1 if header.qos is None else header.qos & 15
        order = header.sequence << 4
        if not header.subtype & dot11.NULL_BIT and station.repeats(tid, order, bool(header.flags & dot11.RETRY)):
            self.counters["repeated"] += 1
            return
        self._set_sleep(station, bool(header.flags & dot11.POWER_MANAGEMENT), now)
        if not header.subtype & dot11.NULL_BIT:
            self._receive_payload(station, frame, now)

    def _receive_payload(self, station: Station, frame: bytes, now: int) -> None:
        clear = self._security.unprotect(station.address, frame)
        if clear is None:
            self.counters["not protected"] += 1
            return
        try:
            header, body = dot11.parse(clear)
            if header.qos is not None and header.qos & dot11.QOS_AMSDU:
                raise ValueError("aggregated data")
            ethernet = dot11.ethernet(header.addr3, station.address, body)
        except ValueError:
            self.counters["malformed"] += 1
            return
        if ethernet[12:14] == EAPOL:
            self._send_eapol(station.address, self._security.receive(station.address, ethernet[14:], now), now)
        elif self._security.authorised(station.address):
            self._forward(station, ethernet, now)
        else:
            self.counters["not authorised"] += 1

    def _forward(self, station: Station, ethernet: bytes, now: int) -> None:
        """To another station of ours, to the network, or to both."""
        destination = ethernet[:6]
        if self.stations.member(destination) is not None:
            self.send(ethernet, now)
            return
        if dot11.is_group(destination) and len(self.stations.members()) > 1:
            self.send(ethernet, now)
        for answer in self.network.receive(ethernet, now):
            self.send(answer, now)

    def _send_eapol(self, address: bytes, packets: list[bytes], now: int) -> None:
        for packet in packets:
            self.send(address + self.bssid + EAPOL + packet, now)

    def _send_group(self, ethernet: bytes, now: int, *, more: bool = False) -> None:
        flags = dot11.FROM_DS | (dot11.MORE_DATA if more else 0)
        header = Header(
            dot11.DATA, 0, flags, 0, ethernet[:6], self.bssid, ethernet[6:12], sequence=self._next_sequence()
        )
        frame = self._security.protect(ethernet[:6], header.pack() + dot11.msdu(ethernet))
        self._put(frame, _SLOW, now)

    def _send_to(self, station: Station, ethernet: bytes, now: int, *, more: bool = False) -> None:
        if not self._security.authorised(station.address) and ethernet[12:14] != EAPOL:
            self.counters["not authorised"] += 1
            return
        flags = dot11.FROM_DS | (dot11.MORE_DATA if more else 0)
        subtype, qos, sequence = 0, None, 0
        if station.qos:
            subtype, qos, sequence = dot11.QOS_BIT, 0, station.sequence
            station.sequence = sequence + 1 & 0xFFF
        else:
            sequence = self._next_sequence()
        header = Header(
            dot11.DATA, subtype, flags, 0, station.address, self.bssid, ethernet[6:12], sequence=sequence, qos=qos
        )
        frame = self._security.protect(station.address, header.pack() + dot11.msdu(ethernet))
        self._put(frame, station.rate, now)

    # Stations that sleep

    def _send_or_keep(self, station: Station, ethernet: bytes, now: int) -> None:
        if station.asleep:
            station.waiting.append(ethernet)
        else:
            self._send_to(station, ethernet, now)

    def _set_sleep(self, station: Station, asleep: bool, now: int) -> None:
        station.asleep = asleep
        while not asleep and station.waiting:
            self._send_to(station, station.waiting.popleft(), now)

    def _receive_poll(self, header: Header, now: int) -> None:
        """A PS-Poll: send one frame that waits, or a null frame to say that there is none."""
        if header.addr1 != self.bssid:
            return
        station = self.stations.member(header.addr2)
        if station is None:
            self._reject(header.addr2, management.CLASS_3_NOT_ASSOCIATED, now)
        elif station.waiting:
            ethernet = station.waiting.popleft()
            self._send_to(station, ethernet, now, more=bool(station.waiting))
        else:
            null = Header(
                dot11.DATA,
                dot11.NULL_BIT,
                dot11.FROM_DS,
                addr1=station.address,
                addr2=self.bssid,
                addr3=self.bssid,
                sequence=self._next_sequence(),
            )
            self._put(null.pack(), _SLOW, now)

    # Sending

    def _management(self, subtype: int, receiver: bytes, body: bytes, now: int) -> None:
        header = Header(
            dot11.MANAGEMENT,
            subtype,
            addr1=receiver,
            addr2=self.bssid,
            addr3=self.bssid,
            sequence=self._next_sequence(),
        )
        self._put(header.pack() + body, _SLOW, now)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFFF
        return self._sequence

    def _put(self, frame: bytes, rate: int, now: int) -> None:
        if not self._output:
            self._output_since = now
        if self.online:
            self._output.append(Outgoing(frame, rate))

    def _tell(self, event: Event) -> None:
        self.events.publish(event)
