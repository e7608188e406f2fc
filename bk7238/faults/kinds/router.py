"""Faults of the router as a whole: it restarts, moves, forgets, and others send beside it."""

from __future__ import annotations

from typing import Any

from bk7238.air.bss import TIME_UNIT
from bk7238.bench.router import FORGOTTEN, KEPT, TAKEN, AfterRestart
from bk7238.bench.values import channel
from bk7238.faults.arguments import Argument, count, flag, number, one_of, seconds, share
from bk7238.faults.fault import Fault
from bk7238.faults.kinds.radio import Lasting
from bk7238.faults.targets import Targets
from bk7238.network.dhcp import TURNED_DOWN
from bk7238.network.events import LeaseRefused
from bk7238.peripherals.core import Alarm, State, on_alarm

_BEACON = 100 * TIME_UNIT  # microseconds from one to the next


def a_channel(text: str) -> int:
    """a channel, 1 to 14"""
    return channel(text)


def times(text: str) -> int:
    """a whole number, 0 or more"""
    value = number(text)
    if value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


class RouterRestart(Fault):
    """The router is switched off, and comes back: its beacons at once, DHCP maybe later. Without more, it has forgotten
    who had joined, and knows the leases that it gave."""

    NAME, SECTION = "router-restart", "Router"
    FIRES = "the router fell silent, and again when it came back"
    off = Argument(seconds, default=30_000_000, doc="how long it is off")
    channel = Argument(a_channel, default=None, doc="the channel it comes back on; the same where it is left out")
    bssid = Argument(one_of("same", "other"), default="same", doc="the BSSID it comes back with")
    subnet = Argument(one_of("same", "other"), default="same", doc="the subnet of its network from then on")
    associations = Argument(
        one_of(FORGOTTEN, KEPT), default=FORGOTTEN, doc="kept where its radio alone was away, and not its power"
    )
    leases = Argument(one_of(KEPT, FORGOTTEN, TAKEN), default=KEPT, doc="those of DHCP; taken: others have them now")
    dhcp = Argument(seconds, default=0, doc="how long after the first beacons DHCP answers")
    refused = Argument(times, default=0, doc="how many association requests it refuses at first, with status 17")
    back = Alarm()

    def check(self) -> None:
        if self.associations == KEPT and (self.bssid != "same" or self.refused):
            self.refuse("a router that has kept the associations has its BSSID, and refuses nobody")

    @property
    def ends(self) -> int | None:
        return None if self.struck_at is None else self.struck_at + self.off

    @property
    def after(self) -> AfterRestart:
        """How the router comes back."""
        other = self.bssid == "other", self.subnet == "other"
        return AfterRestart(self.channel, *other, self.associations, self.leases, self.dhcp, self.refused)

    def strike(self, targets: Targets) -> None:
        targets.router.off()
        self.record("router", "switched off")
        self.back.start(self.off)

    @on_alarm(back)
    def come_back(self) -> None:
        """The router is switched on."""
        assert self.targets is not None
        self.targets.router.on(self.clock.now, self.after)
        self.record("router", f"switched on, on channel {self.targets.access_point.channel}")


class ChannelSwitch(Fault):
    """The access point moves to another channel, and its stations stay what they are. It says so in its beacons
    (channel switch announcement), unless it does not."""

    NAME, SECTION = "channel-switch", "Router"
    FIRES = "the access point was on the other channel"
    channel = Argument(a_channel, default=11, doc="where it goes")
    announced = Argument(flag, default=True, doc="whether its beacons say so before")
    beacons = Argument(count, default=5, doc="how many of them")
    moved = Alarm()

    def check(self) -> None:
        if self.beacons > 255:
            self.refuse("beacons goes to 255")

    @property
    def ends(self) -> int | None:
        ahead = (self.beacons + 1) * _BEACON if self.announced else 0
        return None if self.struck_at is None else self.struck_at + ahead

    def strike(self, targets: Targets) -> None:
        targets.access_point.switch_channel(self.channel, self.beacons if self.announced else 0)
        self._look()

    @on_alarm(moved)
    def _look(self) -> None:
        """See whether it is there."""
        assert self.targets is not None
        if self.targets.access_point.channel == self.channel:
            how = f"announced in {self.beacons} beacons" if self.announced else "unannounced"
            self.record("access point", f"moved to channel {self.channel}, {how}")
        elif self.count == 0:
            self.moved.start(10_000)


class DhcpOtherSubnet(Fault):
    """The network becomes another subnet: gateway, name server and leases. Who had an address there keeps it until it
    asks anew."""

    NAME, SECTION = "dhcp-other-subnet", "Router"
    FIRES = "the network had other addresses"

    def strike(self, targets: Targets) -> None:
        targets.router.move()
        self.record("router", f"is {targets.router.network.gateway_ip} now")


class LeaseRefusedByServer(Fault):
    """The DHCP server refuses the next requests for a lease (NAK)."""

    NAME, SECTION = "lease-refused", "Router"
    PASSING = True
    FIRES = "a request was refused"
    times = Argument(count, default=1, doc="how many")

    def arm(self, targets: Targets) -> None:
        targets.air.on_event.connect(self._event)
        super().arm(targets)

    def strike(self, targets: Targets) -> None:
        targets.router.network.dhcp.refusing += self.times

    def _event(self, event: Any) -> None:
        if isinstance(event, LeaseRefused) and event.reason == TURNED_DOWN and self.struck_at is not None:
            self.record("DHCP server", f"refused {event.ip}")


class Roam(Fault):
    """The device is carried from the access point to another one of the same network: the first grows fainter and is
    out of reach at the end, the second grows louder."""

    NAME, SECTION = "roam", "Router"
    FIRES = "the device was one step further"
    over = Argument(seconds, default=20_000_000, doc="how long the way takes")
    channel = Argument(a_channel, default=1, doc="that of the second access point")
    near = Argument(number, default=-45, doc="level in dBm beside an access point")
    far = Argument(number, default=-90, doc="level in dBm at the other one")
    step = Alarm()
    _steps: int = State(0)

    def check(self) -> None:
        if not -127 <= self.far < self.near <= 0:
            self.refuse("levels go from -127 to 0, and near is more than far")

    def arm(self, targets: Targets) -> None:
        self._second = targets.router.twin(self.channel, self.far)
        super().arm(targets)

    @property
    def ends(self) -> int | None:
        return None if self.struck_at is None else self.struck_at + self.over

    def strike(self, targets: Targets) -> None:
        self._second.switch_on(targets.machine.now)
        self._walk()

    @on_alarm(step)
    def _walk(self) -> None:
        """One tenth of the way."""
        assert self.targets is not None
        first, gone = self.targets.access_point, self._steps * (self.near - self.far) // 10
        first.rssi, self._second.rssi = self.near - gone, self.far + gone
        self.record("device", f"hears {first.rssi} dBm of the first, {self._second.rssi} dBm of the second")
        if self._steps == 10:
            first.switch_off()
            return
        self._steps += 1
        self.step.start(self.over // 10)


class Interference(Lasting):
    """Something else sends on the access point's channel: for bursts of time nobody else may, and frames are lost in
    them or to them, by the seed."""

    NAME, SECTION = "interference", "Router"
    FIRES = "a frame was lost"
    airtime = Argument(share, default=0.3, doc="of the time that the channel is taken")
    loss = Argument(share, default=0.2, doc="of all frames, both ways")
    burst = Argument(seconds, default=3_000, doc="how long it sends at a time")
    next = Alarm()

    def check(self) -> None:
        if not 0 <= self.airtime < 1 or not self.burst:
            self.refuse("airtime is less than 100%, and a burst has a length")

    def arm(self, targets: Targets) -> None:
        targets.machine.begins_anew(self.rng)
        self.rng.begin(targets.machine.resets)
        targets.air.frames.insert(self._filter)
        super().arm(targets)

    def strike(self, _targets: Targets) -> None:
        if self.airtime:
            self._send()

    @on_alarm(next)
    def _send(self) -> None:
        """A burst, and a pause whose mean leaves the others their share."""
        assert self.targets is not None
        if not self.lasts(self.clock.now):
            return
        self.targets.air.occupy(self.targets.access_point.channel, self.burst, self.clock.now)
        mean = self.burst * (1 - self.airtime) / self.airtime
        self.next.start(self.burst + round(2 * mean * self.rng.random()))

    def _filter(self, frame: bytes, now: int, channel: int, _from_device: bool) -> bytes | None:
        assert self.targets is not None
        here = channel == self.targets.access_point.channel
        if not here or not self.lasts(now) or self.rng.random() >= self.loss:
            return frame
        self.record("air", f"{len(frame)} bytes lost on channel {channel}")
        return None


class ApForgetsStation(Fault):
    """The access point forgets its stations and does not tell them: a frame of theirs is answered with a
    deauthentication, reason 7 (class 3 frame of a station that is not associated)."""

    NAME, SECTION = "ap-forgets-station", "Router"
    FIRES = "a station was forgotten"

    def strike(self, targets: Targets) -> None:
        for station in targets.access_point.stations:
            self.record("access point", f"forgot {station.address.hex(':')}")
        targets.access_point.forget_all(targets.machine.now)


KINDS = (
    RouterRestart,
    ChannelSwitch,
    DhcpOtherSubnet,
    LeaseRefusedByServer,
    Roam,
    Interference,
    ApForgetsStation,
)
