"""A wire between a network and one host on it."""

from __future__ import annotations

from bk7238.network.host import Host
from bk7238.network.network import Network


def settle(network: Network, host: Host, now: int) -> None:
    """Carry what both have to send at this time (microseconds), and the answers, until there are none."""
    frames = [*network.poll(now)]
    for frame in host.poll(now):
        frames += network.receive(frame, now)
    while frames:
        answers = [answer for frame in frames for answer in host.receive(frame, now)]
        frames = [answer for frame in answers for answer in network.receive(frame, now)]
