"""What an access point asks of whoever protects its network, and the answer of an open one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bk7238.air import management
from bk7238.air.misbehaviour import Misbehaviour
from bk7238.network.events import Events

if TYPE_CHECKING:
    from bk7238.air.bss import Bss

EAPOL = b"\x88\x8e"  # the EtherType of the key handshake (IEEE 802.1X)


class Authentication(NamedTuple):
    """What becomes of an authentication frame: the body of the answer, where there is one, and the status, None while
    the station has neither authenticated nor been refused."""

    answer: bytes = b""
    status: int | None = None


def answered(body: bytes, status: int) -> Authentication:
    """The answer with that status to an authentication frame's body (6 bytes or more)."""
    algorithm, sequence = (int.from_bytes(body[i : i + 2], "little") for i in (0, 2))
    if algorithm != management.SAE:
        sequence = sequence + 1 & 0xFFFF  # both sides of SAE send the same numbers
    return Authentication(management.authentication(sequence, status, algorithm), status)


class Security(Protocol):
    """The keys of one BSS. Stations are MAC addresses, time is microseconds, EAPOL is an 802.1X packet."""

    privacy: bool
    elements: bytes
    """What beacons, probe responses and the handshake advertise: the RSN element, and its extension."""

    @property
    def pmks(self) -> Sequence[bytes]:
        """The pairwise master keys so far; none of an open network."""

    @property
    def group_keys(self) -> Sequence[bytes]:
        """The group keys so far; none of an open network."""

    @property
    def keys(self) -> Sequence[bytes]:
        """The keys that data frames are protected with now: group keys, and those of the stations."""

    def start(self, bss: Bss, events: Events, misbehaviour: Misbehaviour) -> None:
        """The access point that this protects is made: called once, before anything else."""

    def restart(self) -> None:
        """The access point has started again and knows no station: take new keys."""

    def authenticate(self, station: bytes, body: bytes, now: int) -> Authentication:
        """An authentication frame of another algorithm than open system; its body has 6 bytes or more."""

    def admit(self, station: bytes, elements: bytes) -> int:
        """An association request's elements: the status code to answer with, 0 to let it in."""

    def joined(self, station: bytes, now: int) -> list[bytes]:
        """The station is associated: the EAPOL packets to send it."""

    def left(self, station: bytes) -> None:
        """The station is gone: forget its keys."""

    def receive(self, station: bytes, packet: bytes, now: int) -> list[bytes]:
        """An EAPOL packet from the station: the EAPOL packets to send it."""

    def authorised(self, station: bytes) -> bool:
        """Whether the station's data may pass."""

    def protects_management(self, station: bytes) -> bool:
        """Whether robust management frames are protected between the station and this access point by now (802.11w)."""

    def protect(self, receiver: bytes, frame: bytes) -> bytes:
        """A data or robust management frame to `receiver` (a station or a group) as it goes on the air."""

    def unprotect(self, station: bytes, frame: bytes) -> bytes | None:
        """A data or robust management frame as it came from the air, in the clear; None where it is not to be
        accepted."""

    @property
    def deadline(self) -> int | None:
        """When `poll` has something to do."""

    def poll(self, now: int) -> list[tuple[bytes, bytes | int]]:
        """Stations and the EAPOL packets to send them: handshake messages once more, new group keys. In place of a
        packet a reason code: the station is to be deauthenticated with it."""


class Open:
    """No protection: everyone who is associated may send."""

    privacy = False
    elements = b""
    deadline = None
    pmks: Sequence[bytes] = ()
    group_keys: Sequence[bytes] = ()
    keys: Sequence[bytes] = ()

    def start(self, bss: Bss, events: Events, misbehaviour: Misbehaviour) -> None:
        """Nothing to prepare."""

    def restart(self) -> None:
        """There are no keys to take."""

    def authenticate(self, station: bytes, body: bytes, now: int) -> Authentication:
        """No other algorithm is known."""
        return answered(body, management.NO_ALGORITHM)

    def admit(self, station: bytes, elements: bytes) -> int:
        """0: everyone is let in."""
        return 0

    def joined(self, station: bytes, now: int) -> list[bytes]:
        """There is no handshake."""
        return []

    def left(self, station: bytes) -> None:
        """There are no keys to forget."""

    def receive(self, station: bytes, packet: bytes, now: int) -> list[bytes]:
        """EAPOL packets are not answered."""
        return []

    def authorised(self, station: bytes) -> bool:
        """Whoever is associated may send."""
        return True

    def protects_management(self, station: bytes) -> bool:
        """Nothing is protected."""
        return False

    def protect(self, receiver: bytes, frame: bytes) -> bytes:
        """The frame as it is."""
        return frame

    def unprotect(self, station: bytes, frame: bytes) -> bytes | None:
        """The frame as it is, unless it has the Protected flag."""
        return None if frame[1] & 0x40 else frame

    def poll(self, now: int) -> list[tuple[bytes, bytes | int]]:
        """There is nothing to repeat."""
        return []
