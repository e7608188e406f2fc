"""The router that a device finds: the access point and the network behind it, in one box with a life of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bk7238.air.access_point import AccessPoint
from bk7238.network.network import Network

KEPT, FORGOTTEN, TAKEN = "kept", "forgotten", "taken"


@dataclass(frozen=True)
class AfterRestart:
    """How a router is once it has started again: on which channel (None: as before), whether under another BSSID, and
    in another subnet. `associations` are forgotten, or kept where it was the radio alone that went away; `leases` are
    kept, forgotten, or taken by others. `dhcp` is how long after the first beacons DHCP answers, in microseconds, and
    `refused` how many association requests it refuses at first (status 17)."""

    channel: int | None = None
    bssid: bool = False
    subnet: bool = False
    associations: str = FORGOTTEN
    leases: str = KEPT
    dhcp: int = 0
    refused: int = 0


class Router:
    """An access point and its network. `another` makes a further access point for them, as for `AccessPoint`."""

    def __init__(self, access_point: AccessPoint, network: Network, another: Callable[..., AccessPoint]) -> None:
        self.access_point, self.network, self._another = access_point, network, another

    def off(self) -> None:
        """Fall silent, as in a power cut."""
        self.access_point.switch_off()

    def on(self, now: int, after: AfterRestart = AfterRestart()) -> None:
        """Start again after `off`: beacons at once."""
        access_point, dhcp = self.access_point, self.network.dhcp
        if after.subnet:
            self.move()
        if after.leases == FORGOTTEN:
            dhcp.leases.clear()
        elif after.leases == TAKEN:
            dhcp.give_away(now)
        dhcp.silent_until = now + after.dhcp
        if after.associations == KEPT:
            access_point.switch_on(now, channel=after.channel)
        else:
            bssid = other_bssid(access_point.bssid) if after.bssid else None
            access_point.start_again(now, channel=after.channel, bssid=bssid, refusing=after.refused)

    def move(self) -> None:
        """Take another subnet, whose leases nobody has yet."""
        first, second, third, host = self.network.address
        self.network.move(bytes((first, second, third ^ 1, host)))

    def twin(self, channel: int, rssi: int) -> AccessPoint:
        """A second access point of the same network, which is silent yet. To be made before the power-on."""
        made = self._another(channel=channel, rssi=rssi, bssid=other_bssid(self.access_point.bssid))
        made.switch_off()
        return made


def other_bssid(bssid: bytes) -> bytes:
    """The BSSID of the same maker's next device."""
    return bssid[:5] + bytes((bssid[5] ^ 0x10,))
