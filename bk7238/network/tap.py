"""A Linux TAP behind the access point, in the place of the simulated network: the device is on the user's own network.

Its file descriptor is polled every millisecond of virtual time and never blocks the simulation for longer than virtual
time is ahead of wall time: whoever is out there lives in real time. What the kernel does not take (an interface that is
down, a full queue) is dropped and counted, as on a wire. A run with a TAP is not deterministic.
Source: the kernel's Documentation/networking/tuntap.rst.
"""

from __future__ import annotations

import errno
import os
import select
import struct
import time
from collections import Counter
from collections.abc import Callable

from bk7238.network.events import Events
from bk7238.network.overheard import Overheard
from bk7238.network.pace import CADENCE, OfTheHost, Pace
from bk7238.peripherals.core import Signal

_DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x4004_54CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_REQUEST = struct.Struct("16sH22x")
_LONGEST_NAME = 15
_FRAME = 2048
_BURST = 64  # frames taken at once


class TapInterface(OfTheHost):
    """The TAP interface `name`, made where the user may. Raises ValueError where it cannot be had."""

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.events, self.on_change = Events(), Signal()
        self.counters: Counter[str] = Counter()
        self._next = 0
        self._pace = Pace(clock)
        self._overheard = Overheard(self.events)
        self._fd = _open(name)

    def close(self) -> None:
        """Let go of the interface."""
        os.close(self._fd)

    @property
    def deadline(self) -> int:
        """When `poll` looks again."""
        return self._next

    def receive(self, frame: bytes, now: int) -> list[bytes]:
        """A frame from the access point goes out."""
        self._overheard.sent(frame, now)
        try:
            os.write(self._fd, frame)
        except OSError as error:
            self.counters[f"out: {error.strerror}"] += 1
        return []

    def poll(self, now: int) -> list[bytes]:
        """The frames that have come in; first lets the wall clock catch up."""
        self._next = now + CADENCE
        self._wait(now)
        frames: list[bytes] = []
        while len(frames) < _BURST:
            try:
                frames.append(os.read(self._fd, _FRAME))
            except BlockingIOError:
                break
            except OSError as error:  # the interface was taken down or away
                self.counters[f"in: {error.strerror}"] += 1
                break
        for frame in frames:
            self._overheard.received(frame, now)
        return frames

    def _wait(self, now: int) -> None:
        ahead = self._pace.ahead(now)
        if ahead:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            poll.poll(ahead * 1000)


def _open(name: str) -> int:
    encoded = name.encode("utf-8", "replace")
    if not 1 <= len(encoded) <= _LONGEST_NAME or "/" in name or not name.isprintable() or " " in name or "%" in name:
        raise ValueError(f"an interface name has 1 to {_LONGEST_NAME} characters, without / and blanks, not {name!r}")
    try:
        import fcntl

        fd = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except ImportError:
        raise ValueError("TAP interfaces are Linux's; use --gateway here") from None
    except OSError as error:
        raise ValueError(f"{_DEVICE}: {error.strerror}; TAP interfaces need it and the right to open it") from None
    try:
        fcntl.ioctl(fd, _TUNSETIFF, _REQUEST.pack(encoded, _IFF_TAP | _IFF_NO_PI))
    except OSError as error:
        os.close(fd)
        raise ValueError(f"{name}: {_reason(name, error)}") from None
    return fd


def _reason(name: str, error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return f"no right to it; an administrator gives it with: ip tuntap add dev {name} mode tap user $USER"
    if error.errno == errno.EBUSY:
        return "another program uses it"
    if error.errno == errno.EINVAL:
        return "there is an interface of that name, and it is no TAP"
    return error.strerror or str(error)
