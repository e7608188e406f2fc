"""A scripted station: joins the device's own access point as a telephone would, and fetches pages from it.

Frames in, frames out, time passed in; what is to be sent is collected by `poll`. It scans channel by channel, joins the
first open network that it hears (or the one that it was told), and starts over when a step is not answered or it is
thrown out. Not simulated: encryption, WMM, 802.11n, power save, roaming, fragments.
Source: IEEE 802.11-2020, clauses 9 and 11.
"""

from __future__ import annotations

import random
import struct
from collections import Counter, deque
from collections.abc import Callable
from functools import partial

from bk7238.air import management
from bk7238.air.events import NetworkFound, NetworkJoined, NetworkLost
from bk7238.air.stations import Outgoing
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header, element
from bk7238.network.addresses import mac_text
from bk7238.network.events import Events
from bk7238.network.host import Host
from bk7238.peripherals.core import Actor, State

ADDRESS = bytes.fromhex("02aabbccee01")
CHANNELS = range(1, 14)
SLOW, FAST = 1, 11  # Mb/s of management frames and of data
_DWELL = 120_000  # microseconds on a channel: longer than the usual beacon interval
_ANSWER = 100_000  # within which a step is answered
_TRIES = 4
_LISTEN_INTERVAL = 10

SCAN, AUTHENTICATE, ASSOCIATE, JOINED = "scan", "authenticate", "associate", "joined"


class Station(Actor):
    """A station that the device hears at `rssi` dBm. `ssid` is the network it looks for, None any open one.

    `ip` is its static address; without one it asks for a lease. What it fetches is in `host`, which is made of
    the class of that name.
    """

    counters: Counter[str] = State(factory=Counter)
    online: bool = State(True)
    state: str = State(SCAN)
    channel: int = State(CHANNELS[-1])
    found: bytes = State(b"")  # the SSID of the network it joins or has joined
    bssid: bytes = State(dot11.BROADCAST)
    _since: int | None = State()  # when the oldest frame of the queue came
    _queue: list[Outgoing] = State(factory=list)
    _sequence: int = State()
    _heard: deque[tuple[int, int]] = State(factory=partial(deque, maxlen=16))  # sequence control, to tell repetitions
    _timer: int = State()
    _tries: int = State(0)

    def __init__(
        self,
        rng: random.Random,
        *,
        ssid: bytes | None = None,
        address: bytes = ADDRESS,
        ip: bytes = b"",
        rssi: int = -40,
        start: int = 0,
        host: Callable[..., Host] = Host,
    ) -> None:
        self.address, self.ssid, self.rssi = address, ssid, rssi
        self.events = Events()
        self.host = host(address, rng, self.events, address=ip)
        self._sequence = rng.getrandbits(12)
        self._timer = start

    # The medium's side

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""
        if not self.online:
            return None
        times = [self._since, self.host.deadline if self.state == JOINED else self._timer]
        return min((time for time in times if time is not None), default=None)

    def poll(self, now: int) -> list[Outgoing]:
        """What is to be sent at `now`, in order."""
        if self.state != JOINED and self._timer <= now:
            self._step(now)
        elif self.state == JOINED:
            self._data(self.host.poll(now), now)
        queue, self._queue, self._since = self._queue, [], None
        return queue

    def receive(self, frame: bytes, now: int) -> None:
        """A frame from the air, on the station's channel, whoever it is for."""
        try:
            header, body = dot11.parse(frame)
        except ValueError:
            self.counters["malformed"] += 1
            return
        if header.addr1 != self.address and not dot11.is_group(header.addr1):
            return
        if header.kind == dot11.MANAGEMENT:
            self._receive_management(header, body, now)
        elif header.kind == dot11.DATA and self.state == JOINED and header.addr2 == self.bssid:
            self._receive_data(header, body, now)

    def switch_off(self, now: int) -> None:
        """Fall silent, and hear nothing."""
        self.online, self._since = False, None
        self._queue.clear()
        self.host.link_down(now)

    def switch_on(self, now: int) -> None:
        """Look for the network from the beginning, whatever was before."""
        self.switch_off(now)
        self.online, self.state, self._timer = True, SCAN, now

    # Joining

    def _step(self, now: int) -> None:
        """The channel has been listened to long enough, or nobody has answered."""
        self._tries += 1
        if self.state == SCAN or self._tries > _TRIES:
            self._scan(now)
        elif self.state == AUTHENTICATE:
            self._send(dot11.AUTHENTICATION, management.authentication(1, management.SUCCESS), now)
        else:
            fixed = struct.pack("<HH", management.ESS | management.SHORT_SLOT, _LISTEN_INTERVAL)
            body = fixed + element(dot11.SSID, self.found) + management.rates()
            self._send(dot11.ASSOCIATION_REQUEST, body, now)

    def _scan(self, now: int) -> None:
        """The next channel, with a question."""
        self.state, self.bssid = SCAN, dot11.BROADCAST
        self.channel = CHANNELS[self.channel % len(CHANNELS)]
        body = element(dot11.SSID, self.ssid or b"") + management.rates()
        self._send(dot11.PROBE_REQUEST, body, now)
        self._timer = now + _DWELL

    def _go(self, state: str, now: int) -> None:
        self.state, self._tries, self._timer = state, 0, now
        if self._since is None:
            self._since = now  # so that the first step is taken at once

    def _receive_management(self, header: Header, body: bytes, now: int) -> None:
        if self.state == SCAN and header.subtype in (dot11.BEACON, dot11.PROBE_RESPONSE):
            self._consider(header, body, now)
        elif header.addr2 != self.bssid or header.addr1 != self.address:
            if header.subtype == dot11.DEAUTHENTICATION and header.addr2 == self.bssid and self.state != SCAN:
                self._lose(body, now)
        elif self.state == AUTHENTICATE and header.subtype == dot11.AUTHENTICATION and len(body) >= 6:
            _, step, status = struct.unpack_from("<HHH", body)
            if step == 2:
                self._go(SCAN if status else ASSOCIATE, now)
        elif self.state == ASSOCIATE and header.subtype == dot11.ASSOCIATION_RESPONSE and len(body) >= 6:
            _, status, aid = struct.unpack_from("<HHH", body)
            self._go(SCAN if status else JOINED, now)
            if not status:
                self.events.publish(NetworkJoined(now, *self._names(), self.found, self.channel, aid & 0x3FFF))
                self.host.link_up(now)
        elif header.subtype in (dot11.DEAUTHENTICATION, dot11.DISASSOCIATION) and self.state != SCAN:
            self._lose(body, now)

    def _consider(self, header: Header, body: bytes, now: int) -> None:
        """A network: is it the one?"""
        if len(body) < 12:
            return
        capabilities = int.from_bytes(body[10:12], "little")
        ssid = dot11.find_element(body[12:], dot11.SSID) or b""
        channel = dot11.find_element(body[12:], dot11.DS_PARAMETER) or bytes((self.channel,))
        wanted = ssid == self.ssid if self.ssid is not None else bool(ssid.strip(b"\0"))
        if not wanted or capabilities & management.PRIVACY or channel != bytes((self.channel,)):
            return
        self.found, self.bssid = ssid, header.addr2
        self.events.publish(NetworkFound(now, *self._names(), ssid, self.channel))
        self._go(AUTHENTICATE, now)

    def _lose(self, body: bytes, now: int) -> None:
        reason = int.from_bytes(body[:2], "little")
        self.events.publish(NetworkLost(now, *self._names(), reason))
        self.host.link_down(now)
        self._go(SCAN, now)

    # Data

    def _receive_data(self, header: Header, body: bytes, now: int) -> None:
        order = (header.addr1[0] & 1, header.sequence << 4 | header.fragment)
        if header.flags & dot11.RETRY and order in self._heard:
            return
        self._heard.append(order)
        if header.flags & dot11.PROTECTED or header.subtype & dot11.NULL_BIT or header.addr3 == self.address:
            return
        try:
            ethernet = dot11.ethernet(header.addr1, header.addr3, body)
        except ValueError:
            self.counters["malformed"] += 1
            return
        self._data(self.host.receive(ethernet, now), now)

    def _data(self, frames: list[bytes], now: int) -> None:
        for ethernet in frames:
            header = Header(
                dot11.DATA, 0, dot11.TO_DS, 0, self.bssid, self.address, ethernet[:6], self._next_sequence()
            )
            self._put(header.pack() + dot11.msdu(ethernet), FAST, now)

    def _send(self, subtype: int, body: bytes, now: int) -> None:
        """A management frame, and some time for its answer."""
        header = Header(dot11.MANAGEMENT, subtype, 0, 0, self.bssid, self.address, self.bssid, self._next_sequence())
        self._put(header.pack() + body, SLOW, now)
        self._timer = now + _ANSWER

    def _put(self, frame: bytes, rate: int, now: int) -> None:
        if self._since is None:
            self._since = now
        self._queue.append(Outgoing(frame, rate))

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFFF
        return self._sequence

    def _names(self) -> tuple[str, str]:
        return mac_text(self.address), mac_text(self.bssid)
