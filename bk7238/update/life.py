"""A device that has joined, its router with a life of its own, and the question after each outage: is it back, and how
soon after it could have been?

It is back when DHCP has confirmed its lease and it has answered a ping at that address. It could have been with the
first beacon of its network that it could hear, and the time of one scan.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bk7238.air.stations import StationEntry
from bk7238.formats import ieee80211 as dot11
from bk7238.network.addresses import ip_bytes, ip_text, mac_bytes, mac_text
from bk7238.network.dhcp import Lease
from bk7238.network.events import Event, LeaseGranted, LeaseRefused, PingAnswered
from bk7238.peripherals.core import Actor, Alarm, ResetKind, Signal, State, on_alarm
from bk7238.update import evidence
from bk7238.update.alone import Alone
from bk7238.update.verdict import LATE, Verdict

GLANCE = 1_000_000  # virtual microseconds between two looks, and two pings of one who is awaited
SETTLED = 100_000  # microseconds from a lease to the first ping
QUIET = 60  # looks between two pings of one who is there
MISSED = 3  # such pings without an answer: it has gone by itself
PATIENCE = 300_000_000
LONG = 5_000_000  # microseconds without a frame that are worth a word

_WORST = (Verdict.BACK, Verdict.TIME_LIMIT, Verdict.BACK_LATE, Verdict.REBOOTS, Verdict.GONE)


@dataclass
class Outage:
    """What happened to the network, and the device's way back. Times are virtual microseconds: when it `began` and was
    `over`, the first `beacon` from then on, when the device `could` have been back, and when it was `back`; None for
    what has not come. `air` counts what the radio and the network saw since it was over, `sent` the device's frames,
    `said` is what the firmware printed last where it did not come back in time."""

    faults: list[str]
    began: int
    over: int | None
    beacon: int | None = None
    could: int | None = None
    back: int | None = None
    verdict: Verdict | None = None
    reason: str = ""
    resets: int = 0
    sent: int = 0
    air: Counter[str] = field(default_factory=Counter)
    said: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.verdict is Verdict.BACK

    @property
    def delay(self) -> float | None:
        """Virtual seconds from when it could have been back to when it was."""
        return None if self.back is None or self.could is None else max(0, self.back - self.could) / 1e6

    def as_json(self) -> dict[str, Any]:
        """Plain data; times in virtual seconds."""
        times = {name: getattr(self, name) for name in ("began", "over", "beacon", "could", "back")}
        return {
            **vars(self),
            **{name: None if time is None else time / 1e6 for name, time in times.items()},
            "delay": self.delay,
            "verdict": None if self.verdict is None else self.verdict.value,
        }


class Life(Actor):
    """Follows a device from now on. After an outage it is late from `late` microseconds on, and gone where it is not
    back after `patience`. `on_judged` is told each outage whose end is known."""

    outages: list[Outage] = State(factory=list)
    glance, settled = Alarm(), Alarm()
    _away: bool = State(False)  # it is gone, and known to be
    _noted: set[int] = State(factory=set)  # the faults whose strike is known, by their places
    _lease: tuple[str, str] = State(("", ""))  # the device's MAC and IPv4 address
    _sent: int = State(0)  # frames of the device before the outage was over
    _heard: int = State(0)  # when the device sent its last frame since then,
    _silence: int = State(0)  # and the longest time in which it has sent none, since it could have been back
    _looks: int = State(0)
    _unanswered: int = State(0)

    def __init__(self, device: Alone, late: int = LATE, patience: int = PATIENCE) -> None:
        self._device, self.late, self.patience = device, late, patience
        self._machine, self.clock = device.machine, device.machine.clock
        self.on_judged = Signal()
        leases = [lease for lease in device.network.dhcp.leases.values() if lease.bound]
        for lease in sorted(leases, key=lambda one: one.expires):
            self._lease = mac_text(lease.mac), ip_text(lease.ip)
        device.air.on_event.connect(self._event)
        device.air.frames.insert(self._hear)
        device.machine.engine.on_reset.connect(self._reset)
        device.machine.actors["life"] = self
        self.glance.start(GLANCE)

    @property
    def awaited(self) -> Outage | None:
        """The outage whose end is not known."""
        return self.outages[-1] if self.outages and self.outages[-1].verdict is None else None

    def expect(self, *faults: str, began: int | None = None, over: int | None = None) -> Outage:
        """Something has begun that the device may not survive; it is over at that time, None where nobody knows."""
        now = self._machine.now
        began, outage = now if began is None else began, self.awaited
        if outage is not None and (outage.over is None or now < outage.over or began <= outage.began):
            outage.faults += faults
            outage.over = None if over is None or outage.over is None else max(outage.over, over)
            return outage
        self._close("until the next outage")
        outage = Outage(list(faults), began, over)
        self.outages.append(outage)
        self._sent = self._device.air.sent
        self._device.forget()
        return outage

    def back(self, within: int) -> Outage:
        """Run until the device is back from what has happened to it until now, or was not for so many microseconds
        after it could have been."""
        machine, outage = self._machine, self.awaited or self.expect()
        outage.over = machine.now if outage.over is None else outage.over
        self.late = self.patience = within
        end = outage.over + within + self._device.one_scan + GLANCE

        def stop(_judged: Outage) -> None:
            machine.stop()

        self.on_judged.connect(stop)
        while outage.verdict is None and machine.now < end:
            machine.run(until=end)
        self.on_judged.disconnect(stop)
        self._close(f"within {within / 1e6:g} s of when it could have been")
        return outage

    def close(self) -> tuple[Verdict, str]:
        """The life is over: its verdict is that of the worst outage, and the reason too."""
        self._close(f"until the end, at {self._machine.now / 1e6:.3f} s")
        if not self.outages:
            return Verdict.BACK, "nothing happened to its network, and it answered to the end"
        worst = max(self.outages, key=lambda one: _WORST.index(one.verdict or Verdict.TIME_LIMIT))
        tally = Counter((one.verdict or Verdict.TIME_LIMIT).value for one in self.outages)
        counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(tally.items()))
        more = f" ({len(self.outages)} outages: {counted})" if len(self.outages) > 1 else ""
        return worst.verdict or Verdict.TIME_LIMIT, worst.reason + more

    # What is seen

    @on_alarm(glance)
    def _look(self) -> None:
        """Once a virtual second: what has struck, and is the device there?"""
        now = self._machine.now
        for place, fault in enumerate(self._device.faults.all):
            if fault.struck_at is not None and place not in self._noted:
                self._noted.add(place)
                over = fault.struck_at if fault.ends is None else fault.ends  # it is to live with what has no end
                self.expect(str(fault.spec), began=fault.struck_at, over=over)
        outage = self.awaited
        self._looks += 1
        if outage is None:
            if self._looks % QUIET == 0:
                self._ask_quietly(now)
        elif outage.over is not None and now >= outage.over:
            self._ping(now)
            if outage.could is not None and now - outage.could >= self.patience:
                self._close(f"{self.patience / 1e6:g} s after it could have been")
        self.glance.start(GLANCE)

    @on_alarm(settled)
    def _greet(self) -> None:
        """The device has had its lease for a moment."""
        self._ping(self._machine.now)

    def _ask_quietly(self, now: int) -> None:
        self._unanswered += 1
        if self._unanswered > MISSED and not self._away:
            self._unanswered = 0
            self.expect(over=now)
        self._ping(now)

    def _ping(self, now: int) -> None:
        lease = self._confirmed()
        address = self._lease[1] if lease is None else ip_text(lease.ip)
        if address:
            self._device.network.ping(ip_bytes(address), now)

    def _confirmed(self) -> Lease | None:
        """The lease of the device, as the server has it."""
        lease = self._device.network.dhcp.leases.get(mac_bytes(self._lease[0])) if self._lease[0] else None
        return lease if lease is not None and lease.bound else None

    def _event(self, event: Event) -> None:
        if isinstance(event, LeaseGranted):
            self._lease = event.mac, event.ip
        outage = self.awaited
        if isinstance(event, PingAnswered):
            self._unanswered, self._away = 0, False
        if outage is None or outage.over is None or event.time <= outage.over:  # what the router does then is no answer
            return
        outage.air[type(event).__name__] += 1
        if isinstance(event, LeaseRefused):
            self._device.failure = f"the DHCP server gave no lease: {event.reason}"
        lease = self._confirmed()
        if isinstance(event, LeaseGranted):
            self.settled.start(SETTLED)
        elif isinstance(event, PingAnswered) and lease is not None and event.client == ip_text(lease.ip):
            self._returned(outage, event.time)

    def _hear(self, frame: bytes, now: int, _channel: int, from_device: bool) -> bytes:
        outage = self.awaited
        if outage is None or outage.over is None or now < outage.over:
            return frame
        if from_device:
            if outage.could is not None and now > outage.could:
                self._silence = max(self._silence, now - max(self._heard, outage.could))
            self._heard = now
        elif outage.beacon is None and frame[0] == dot11.BEACON << 4 and frame[16:22] in self._bssids():
            outage.beacon, outage.could = now, now + self._device.one_scan
            self._sent = self._device.air.sent
            self._silence = 0
            self._device.forget()
        return frame

    def _members(self) -> list[StationEntry]:
        """What the access points know of the device."""
        points = [point for point in self._device.air.access_points if point.online]
        return [member for point in points for member in point.stations.members()]

    def _bssids(self) -> list[bytes]:
        told = self._device.settings.ssid
        return [point.bssid for point in self._device.air.access_points if point.ssid == told]

    def _reset(self, kind: ResetKind) -> None:
        if kind is not ResetKind.WATCHDOG:
            return
        outage = self.awaited or self.expect(over=self._machine.now)
        outage.resets += 1

    # How it ends

    def _returned(self, outage: Outage, now: int) -> None:
        outage.back = now
        outage.could = now if outage.could is None else outage.could  # it was there before the next beacon
        delay = outage.delay or 0.0
        waited = f"{delay:.1f} s after it could have been" if delay else "as soon as it could be"
        if outage.resets:
            self._judge(outage, Verdict.REBOOTS, f"reset {outage.resets} times, and back {waited}")
        elif now - outage.could > self.late:
            self._judge(outage, Verdict.BACK_LATE, f"back {waited}{self._after()}")
        else:
            self._judge(outage, Verdict.BACK, f"back {waited}")

    def _close(self, when: str) -> None:
        """Who is not back by now is gone, if there was time."""
        outage = self.awaited
        if outage is None:
            return
        if outage.could is None or self._machine.now - outage.could < self.late:
            why = "there was no beacon to hear" if outage.beacon is None else "it was not late yet"
            why = "it was not over" if outage.over is None or self._machine.now < outage.over else why
            self._judge(outage, Verdict.TIME_LIMIT, f"not back {when}: {why}")
        else:
            self._judge(outage, Verdict.GONE, f"not back {when}: {self._cause(outage)}")

    def _judge(self, outage: Outage, verdict: Verdict, reason: str) -> None:
        told = ", ".join(outage.faults) or "nothing was done to it"
        outage.verdict, outage.reason = verdict, f"{told}: {reason}"
        outage.sent = self._device.air.sent - self._sent
        if verdict is not Verdict.BACK:
            machine = self._machine
            outage.said = {"uart1": evidence.last_lines(machine.uart1), "uart2": evidence.last_lines(machine.uart2)}
        self._unanswered, self._away = 0, verdict is Verdict.GONE
        self.on_judged(outage)

    def _after(self) -> str:
        if self._device.failure:
            return f"; before, {self._device.failure}"
        silence = self._silence / 1e6
        return f"; before, it had sent nothing for {silence:.1f} s" if self._silence >= LONG else ""

    def _cause(self, outage: Outage) -> str:
        """Why it is not back, by what was seen since the outage was over."""
        for why in (self._machine.dead_end.why, self._machine.dead_end.asleep):
            if why:
                return why
        if outage.resets:
            return f"it was reset {outage.resets} times"
        if self._device.failure:
            return self._device.failure
        kept = sum(len(station.waiting) for station in self._members() if station.asleep)
        if kept:
            return f"it has said that it sleeps, and does not come for the {kept} frames that wait for it"
        seen, sent = outage.air, self._device.air.sent - self._sent
        if seen["PingAnswered"]:
            return f"it answers at {self._lease[1]}, an address that the DHCP server has not leased to it"
        if not sent:
            why = "" if self._members() else ", and the access point, which has forgotten it, does not reach it"
            return f"it has sent nothing since: it has not noticed{why}"
        if seen["StationAssociated"]:
            return (
                "it has joined and has no lease" if self._confirmed() is None else "it has joined and does not answer"
            )
        if seen["ProbeSeen"]:
            return "it finds the network and does not try to join it"
        if seen["ProbeUnanswered"]:
            return "it looks for its network, on other channels or under another name"
        return f"it sends ({sent} frames) and does not look for its network"


def outages(every: int, what: str, until: int) -> list[str]:
    """The fault `what`, which has no moment, every so often up to `until`, microseconds both: each has as long to be
    survived."""
    return [f"{what}@{time / 1e6:.6f}".rstrip("0").rstrip(".") + "s" for time in range(every, until - every + 1, every)]


def why_not(device: Alone) -> str:
    """Why a device has not joined."""
    why = device.machine.dead_end.why or device.failure
    return f"the device did not join: {why or 'it did not get as far as its network'}"
