"""Real firmware that joins a network, without an update: for the tests of what access points can be."""

from __future__ import annotations

import random

from images import FULL, vendor

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium, Reception
from bk7238.families.family import Instructions
from bk7238.families.known import FAMILIES
from bk7238.image import flash_image
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from bk7238.network.events import Event, LeaseGranted
from bk7238.network.network import Network

DEVICE = bytes.fromhex("c8478c428848")
"""The MAC address of the device."""


class Device:
    """A device that was told `ssid` and `psk`. Add access points with `access_point`, then `run`."""

    def __init__(self, *, ssid: bytes = b"Bench", psk: str = "", seed: int = 0) -> None:
        full = flash_image.read(vendor(FULL))
        self.ssid, self.seed = ssid, seed
        self.machine = Machine(full.data, seed=seed)
        told = Instructions(ssid, psk, None)
        for address, data in (
            FAMILIES["openbeken"].configure(FlashView(self.machine.chip, bytes(self.machine.flash.data)), told).items()
        ):
            self.machine.flash.load(data, address)
        self.network = Network(random.Random(f"{seed}:network"))
        self.air = Medium()
        self.events: list[Event] = []
        self.air.on_event(self.events.append)
        self.machine.connect_air(self.air)

    def access_point(self, ssid: bytes | None = None, **options) -> AccessPoint:
        rng = random.Random(f"{self.seed}:access point {len(self.air.access_points)}")
        access_point = AccessPoint(ssid or self.ssid, network=self.network, rng=rng, **options)
        self.air.add(access_point)
        return access_point

    def join(self, within: float = 20.0) -> bool:
        """Run until the device has an address; whether it has got one within that many virtual seconds."""
        self.air.on_event(lambda event: self.machine.stop() if isinstance(event, LeaseGranted) else None)
        self.machine.run(until=self.machine.now + round(within * 1e6))
        return bool(self.heard(LeaseGranted))

    def run(self, seconds: float) -> None:
        self.machine.run(until=self.machine.now + round(seconds * 1e6))

    def heard(self, kind: type) -> list:
        """The events of that kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def answers_arp(self, within: float = 0.5) -> bool:
        """Whether the device answers an ARP request that is sent to everybody."""
        lease = self.heard(LeaseGranted)[-1]
        sender = bytes.fromhex("02aabbccdd99")
        ip = bytes(map(int, lease.ip.split(".")))
        query = bytes.fromhex("0001080006040001") + sender + bytes((192, 168, 77, 99)) + bytes(6) + ip
        answers = []
        real = self.network.receive

        def receive(ethernet: bytes, now: int) -> list[bytes]:
            if ethernet[:6] == sender and ethernet[12:14] == b"\x08\x06":
                answers.append(ethernet)
            return real(ethernet, now)

        self.network.receive = receive  # type: ignore[method-assign]
        for access_point in self.air.access_points:
            access_point.send(b"\xff" * 6 + sender + b"\x08\x06" + query, self.machine.now)
        self.run(within)
        self.network.receive = real  # type: ignore[method-assign]
        return bool(answers)


class Ears:
    """The device's air as a scripted station (`station`, `supplicant`) beside it hears it: while the device runs."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._heard: list[Reception] = []
        device.air.on_frame(self._observe)

    @property
    def now(self) -> int:
        return self._device.machine.now

    def transmit(self, frame: bytes, channel: int, now: int) -> bool:
        return self._device.air.transmit(frame, channel, self.now)

    def poll(self, now: int) -> list[Reception]:
        # The machine looks at the air when its own radio is due, at the next beacon at the latest.
        self._device.machine.run(until=max(now, self.now + 110_000))
        heard, self._heard = self._heard, []
        return heard

    def _observe(self, now: int, frame: bytes, channel: int, from_device: bool) -> None:
        if not from_device:
            self._heard.append(Reception(now, 0, frame, channel, -50, 6))
