"""An access point: one BSS on one channel, and the bridge to the network behind it.

Frames in, frames out, time passed in; what is to be sent is collected by `poll`. Acknowledgments and air time are the
medium's matter. Not simulated: aggregation (block acknowledgments are declined), fragments, rate adaptation.
Source: IEEE 802.11-2020, clauses 9 and 11; what the firmware needs of it is in docs/hardware/wifi-mac.md.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection

from bk7238.air import management
from bk7238.air.bss import Bss
from bk7238.air.membership import Membership
from bk7238.air.misbehaviour import NONE, Misbehaviour
from bk7238.air.radio_mode import RadioMode
from bk7238.air.security import EAPOL, Open, Security
from bk7238.air.stations import Downlink, MacFilter, Outgoing, StationEntry, Stations
from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.network.events import Events
from bk7238.network.link import Link
from bk7238.peripherals.core import Actor, Signal, State

BSSID = bytes.fromhex("02aabbccdd01")


class AccessPoint(Actor):
    """An access point for `ssid`. `rssi` (dBm) is how loud the device hears it, `beacon_interval` is in time units.

    `ht`, `b_only`, `n_only`, `ht40`, `wmm`, `country` and `dtim` are `RadioMode`'s; with WMM, stations that ask for it
    get QoS data. `hidden` keeps the SSID out of beacons. `security` protects the network; without it, it is open.
    Of the MAC addresses, those in `deny` are refused, and where there is an `allow`, all that are not in it. `isolated`
    keeps stations from each other. `misbehaviour` is what goes wrong while a station joins.
    `counters` counts what was dropped, by cause. `on_change` is told when something was done to it that makes its
    deadline sooner. Raises ValueError for what cannot be.
    """

    rssi: int = State()
    online: bool = State(True)
    counters: Counter[str] = State(factory=Counter)
    _next_beacon: int = State()

    def __init__(
        self,
        ssid: bytes,
        *,
        network: Link,
        rng: random.Random,
        bssid: bytes = BSSID,
        channel: int = 6,
        rssi: int = -50,
        beacon_interval: int = 100,
        ht: bool = False,
        hidden: bool = False,
        b_only: bool = False,
        n_only: bool = False,
        ht40: bool = False,
        wmm: bool = False,
        country: str | None = None,
        dtim: int = 1,
        security: Security | None = None,
        allow: Collection[bytes] | None = None,
        deny: Collection[bytes] = (),
        isolated: bool = False,
        misbehaviour: Misbehaviour = NONE,
    ) -> None:
        self.network = network
        self.rssi = rssi
        self.on_change = Signal()
        self.events = Events()
        self.stations = Stations()
        self._isolated, self._rng = isolated, rng
        self._security: Security = security or Open()
        radio_mode = RadioMode(ht, b_only, n_only, ht40, wmm, country, dtim)
        self._bss = Bss(ssid, bssid, channel, beacon_interval, radio_mode, hidden, self._security)
        self._security.start(self._bss, self.events, misbehaviour)
        self._downlink = Downlink(self._bss, radio_mode.rates[-1], self.stations, self._security, rng, self.counters)
        self._membership = Membership(
            self._bss, self.stations, self._downlink, self.events, self.counters, MacFilter(allow, deny), misbehaviour
        )
        self._next_beacon = self._bss.next_beacon(0)
        slow, shortest = (
            airtime.Rate.of_megabits(radio_mode.rates[-1]),
            dot11.TIMESTAMP.start + self._bss.shortest + dot11.FCS,
        )
        self._lead = airtime.ACCESS + airtime.frame_time(slow, shortest)  # microseconds

    # The world's side

    @property
    def ssid(self) -> bytes:
        """1 to 32 bytes."""
        return self._bss.ssid

    @property
    def bssid(self) -> bytes:
        """The MAC address, 6 bytes."""
        return self._bss.bssid

    @property
    def channel(self) -> int:
        """1 to 14."""
        return self._bss.channel

    def check_channel(self, channel: int) -> None:
        """Raises ValueError for a channel that it cannot be on."""
        self._bss.radio_mode.check(channel)

    def tsf(self, now: int) -> int:
        """The timestamp of a beacon that begins at `now`, in microseconds."""
        return now - self._bss.since

    @property
    def security(self) -> Security:
        """What protects the network."""
        return self._security

    def deauthenticate(self, station: bytes, reason: int, now: int) -> None:
        """Throw a station out. One that is not known is told too."""
        self._throw_out(station, reason, now)
        self.on_change()

    def switch_off(self) -> None:
        """Fall silent, as in a power cut: the stations are told nothing."""
        self.online = False
        self._downlink.clear()
        self.on_change()

    def lose_power(self, now: int) -> None:
        """Fall silent and forget all stations."""
        self.switch_off()
        self.forget_all(now)

    def switch_on(self, now: int, *, forget: bool = False, channel: int | None = None) -> None:
        """Come back, on the same channel or on another; with `forget` the stations are strangers, and sequence numbers
        and group key other ones, as after the access point's own restart."""
        self.online = True
        self._bss.move(channel or self.channel)
        self._next_beacon = self._bss.next_beacon(now)
        if forget:
            self.forget_all(now)
            self._downlink.restart(self._rng)
            self._security.restart()
        self._poll_security(now)  # what fell due meanwhile is late, and no sooner
        self.on_change()

    def start_again(
        self, now: int, *, channel: int | None = None, bssid: bytes | None = None, refusing: int = 0
    ) -> None:
        """Come back as `switch_on` with `forget`, with a TSF that begins anew, maybe as another BSSID, and refuse the
        first association requests, so many."""
        self.forget_all(now)
        self._bss.since, self._bss.bssid = now, bssid or self.bssid
        self._membership.refusing = refusing
        self.switch_on(now, forget=True, channel=channel)

    def switch_channel(self, channel: int, beacons: int = 0) -> None:
        """Move to another channel: at once, or after so many beacons that announce it (IEEE 802.11-2020, 11.8.8)."""
        if beacons:
            self._bss.leaves_for = (channel, beacons)
        else:
            self._bss.move(channel)

    def forget_all(self, now: int) -> None:
        """All stations are strangers from now on, and are not told."""
        for station in self.stations:
            self.forget(station.address, management.UNSPECIFIED_REASON, now)

    def forget(self, station: bytes, reason: int, now: int) -> None:
        """A station is a stranger from now on, and is not told."""
        self._membership.forget(station, reason, "access point", now)
        self.stations.remove(station)

    # The medium's side

    def moved(self, station: bytes, now: int) -> None:
        """A station has joined another access point of this network."""
        self._membership.forget(station, management.LEAVING, "move", now)
        self.stations.remove(station)

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do; None while switched off."""
        return self._soonest(self._next_beacon) if self.online else None

    @property
    def audible(self) -> int | None:
        """When something of it may be heard, at the soonest: a beacon takes its time."""
        return self._soonest(self._next_beacon + self._lead) if self.online else None

    def _soonest(self, beacon: int) -> int:
        since, security, membership = self._downlink.since, self._security.deadline, self._membership.deadline
        soonest = beacon if since is None or since > beacon else since
        if security is not None and security < soonest:
            soonest = security
        return soonest if membership is None or membership > soonest else membership

    def poll(self, now: int) -> list[Outgoing]:
        """What is to be sent at `now`, in order."""
        if not self.online:
            return []
        self._poll_security(now)
        self._membership.poll(now)
        if self._next_beacon <= now:
            self._bss.count_down()
            left, dtim = self._bss.to_dtim(now), self._bss.radio_mode.dtim
            body = self._bss.beacon(now, self._downlink.indication(left, dtim, now))
            self._downlink.management(dot11.BEACON, dot11.BROADCAST, body, now)
            if not left:
                self._downlink.release_group(now)
            self._next_beacon = self._bss.next_beacon(now)
        return self._downlink.take()

    def _throw_out(self, station: bytes, reason: int, now: int) -> None:
        self._downlink.management(dot11.DEAUTHENTICATION, station, management.reason(reason), now)
        self.forget(station, reason, now)

    def _poll_security(self, now: int) -> None:
        deadline = self._security.deadline
        if deadline is None or deadline > now:
            return
        for address, what in self._security.poll(now):
            if isinstance(what, int):
                self._throw_out(address, what, now)
            else:
                self._downlink.eapol(address, [what], now)

    def answers(self, ssid: bytes) -> bool:
        """Whether a probe request for `ssid` is answered here; the empty one asks everybody."""
        return self.online and self._bss.answers(ssid)

    def send(self, ethernet: bytes, now: int) -> None:
        """An Ethernet frame from the network, for one of our stations or for all."""
        if self.online:
            self._downlink.ethernet(ethernet, now)

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
        elif header.kind == dot11.MANAGEMENT and header.subtype == dot11.PROBE_REQUEST:
            self._receive_probe(header, body, now)
        elif header.addr1 != self.bssid:
            pass  # nothing else is for everybody
        elif header.kind == dot11.MANAGEMENT and header.addr3 == self.bssid:
            self._receive_management(header, frame, now)
        elif header.kind == dot11.DATA and header.flags & (dot11.TO_DS | dot11.FROM_DS) == dot11.TO_DS:
            self._receive_data(header, frame, now)
        elif header.kind == dot11.CONTROL and header.subtype == dot11.PS_POLL:
            self._receive_poll(header, now)

    def _receive_probe(self, header: Header, body: bytes, now: int) -> None:
        ssid = dot11.find_element(body, dot11.SSID)
        if header.addr3 in (self.bssid, dot11.BROADCAST) and ssid is not None and self.answers(ssid):
            self._downlink.management(dot11.PROBE_RESPONSE, header.addr2, self._bss.probe_response(now), now)

    def _receive_management(self, header: Header, frame: bytes, now: int) -> None:
        clear: bytes | None = frame
        if dot11.is_robust(frame) or header.flags & dot11.PROTECTED:
            clear = self._security.unprotect(header.addr2, frame)
        if clear is None:
            self.counters["not protected"] += 1
            return
        self._membership.receive(*dot11.parse(clear), now)

    def _receive_poll(self, header: Header, now: int) -> None:
        station = self.stations.member(header.addr2)
        if station is None:
            self._membership.reject(header.addr2, management.CLASS_3_NOT_ASSOCIATED, now)
        else:
            self._downlink.release_one(station, now)

    def _receive_data(self, header: Header, frame: bytes, now: int) -> None:
        station = self.stations.member(header.addr2)
        if station is None:
            self._membership.reject(header.addr2, management.CLASS_3_NOT_ASSOCIATED, now)
            return
        asleep = bool(header.flags & dot11.POWER_MANAGEMENT)
        if header.subtype & dot11.NULL_BIT:
            self._downlink.set_sleep(station, asleep, now)
            return
        tid = 16 if header.qos is None else header.qos & 15  # 16: not one of them
        if station.repeats(tid, header.sequence << 4, bool(header.flags & dot11.RETRY)):
            self.counters["repeated"] += 1
            return
        self._downlink.set_sleep(station, asleep, now)
        self._receive_payload(station, frame, now)

    def _receive_payload(self, station: StationEntry, frame: bytes, now: int) -> None:
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
            answers = self._security.receive(station.address, ethernet[14:], now)
            self._downlink.eapol(station.address, answers, now)
        elif self._security.authorised(station.address):
            self._forward(ethernet, now)
        else:
            self.counters["not authorised"] += 1

    def _forward(self, ethernet: bytes, now: int) -> None:
        """To another station of ours, to the network, or to both."""
        destination = ethernet[:6]
        if self.stations.member(destination) is not None:
            if self._isolated:
                self.counters["isolated"] += 1
            else:
                self.send(ethernet, now)
            return
        if dot11.is_group(destination) and len(self.stations.members()) > 1 and not self._isolated:
            self.send(ethernet, now)
        for answer in self.network.receive(ethernet, now):
            self.send(answer, now)
