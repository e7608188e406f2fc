"""SAE, the password authentication of WPA3-Personal, with group 19 (P-256): the password element, the keys, and what
authentication frames carry behind algorithm, transaction and status.

Source: IEEE 802.11-2020, 12.4 and 9.3.3.11; RFC 9380, 6.6.2 (simplified SWU); RFC 5869 (HKDF). Proved by the vectors
of annex J.10. Not here: other groups, password identifiers.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from bk7238.formats import p256
from bk7238.formats.ieee80211 import EXTENSION, element, elements
from bk7238.formats.p256 import ORDER, SIZE, Point
from bk7238.formats.wpa_keys import kdf

GROUP = 19
COMMIT, CONFIRM = 1, 2  # transaction sequence numbers
HASH_TO_ELEMENT = 0x20  # in the RSN extension element

_REJECTED_GROUPS, _PASSWORD_IDENTIFIER, _TOKEN = 92, 33, 93  # element ID extensions
_COUNTERS = range(1, 256)
_Z = -10  # of the map to P-256


class WrongGroup(ValueError):
    """A commit of another group than 19."""


class UnknownIdentifier(ValueError):
    """A commit that names a password identifier: there are none here."""


@lru_cache(maxsize=64)
def hunt_and_peck(password: bytes, one: bytes, other: bytes) -> Point:
    """The password element by hunting and pecking, of the two MAC addresses in any order."""
    addresses = _both(one, other)
    for counter in _COUNTERS:
        seed = hmac.digest(addresses, password + bytes((counter,)), "sha256")
        x = int.from_bytes(kdf(seed, "SAE Hunting and Pecking", p256.P.to_bytes(SIZE, "big"), SIZE), "big")
        y = p256.square_root(p256.right_side(x)) if x < p256.P else None
        if y is not None:
            return (x, y) if y & 1 == seed[-1] & 1 else p256.negative((x, y))
    raise AssertionError("no x in 255 is one of a point: that has a probability of 2^-255")


@lru_cache(maxsize=64)
def hash_to_element(ssid: bytes, password: bytes, identifier: bytes = b"") -> Point:
    """The secret element PT, which does not depend on who authenticates; `tie` makes the password element of it."""
    seed = hmac.digest(ssid, password + identifier, "sha256")
    expands = (HKDFExpand(SHA256(), SIZE + SIZE // 2, f"SAE Hash to Element u{i} P{i}".encode()) for i in (1, 2))
    one, other = (map_to_curve(expand.derive(seed)) for expand in expands)
    return p256.add(one, other)


def tie(secret: Point, one: bytes, other: bytes) -> Point:
    """The password element of `hash_to_element`'s for two MAC addresses."""
    value = hmac.digest(bytes(SIZE), _both(one, other), "sha256")
    return p256.multiply(int.from_bytes(value, "big") % (ORDER - 1) + 1, secret)


def map_to_curve(data: bytes) -> Point:
    """The point that a big-endian number leads to, by the simplified SWU method."""
    u = int.from_bytes(data, "big") % p256.P
    zu2 = _Z * u * u % p256.P
    m = (zu2 * zu2 + zu2) % p256.P
    inverse_a = pow(p256.A, -1, p256.P)
    if m:
        x = -p256.B * inverse_a * (1 + pow(m, -1, p256.P)) % p256.P
    else:
        x = p256.B * inverse_a * pow(_Z, -1, p256.P) % p256.P
    y = p256.square_root(p256.right_side(x))
    if y is None:
        x = zu2 * x % p256.P
        y = p256.square_root(p256.right_side(x))
        assert y is not None  # one of the two always has one
    return (x, y) if u & 1 == y & 1 else p256.negative((x, y))


def _both(one: bytes, other: bytes) -> bytes:
    """Two MAC addresses in the order in which both sides have them."""
    return max(one, other) + min(one, other)


# Commit and confirm


@dataclass(frozen=True)
class Commit:
    """What a commit says: a scalar, an element, the token that was asked for, and the groups that the peer had
    rejected before, 2 bytes each."""

    scalar: int
    element: tuple[int, int]
    token: bytes = b""
    rejected: bytes = b""

    @property
    def proof(self) -> bytes:
        """Scalar and element, as they travel and as a confirm confirms them."""
        x, y = self.element
        return b"".join(number.to_bytes(SIZE, "big") for number in (self.scalar, x, y))

    def pack(self, by_hash: bool) -> bytes:
        """The frame's body behind the status code; hash-to-element has the token in an element at the end."""
        group = GROUP.to_bytes(2, "little")
        if not by_hash:
            return group + self.token + self.proof
        more = _extension(_REJECTED_GROUPS, self.rejected) if self.rejected else b""
        return group + self.proof + more + (_extension(_TOKEN, self.token) if self.token else b"")


def parse_commit(body: bytes, by_hash: bool) -> Commit:
    """Raises WrongGroup, UnknownIdentifier, and ValueError for what is no commit, or not of a point of the curve."""
    if len(body) < 2:
        raise ValueError(f"an SAE commit of {len(body)} bytes")
    group = int.from_bytes(body[:2], "little")
    if group != GROUP:
        raise WrongGroup(f"an SAE commit of group {group}")
    rest, proof = body[2:], 3 * SIZE
    if len(rest) < proof:
        raise ValueError(f"an SAE commit of {len(body)} bytes")
    token = rejected = b""
    if by_hash:
        rest, more = rest[:proof], list(elements(rest[proof:]))
        named = {content[0]: content[1:] for number, content in more if number == EXTENSION and content}
        if _PASSWORD_IDENTIFIER in named:
            raise UnknownIdentifier("an SAE commit with a password identifier")
        token, rejected = named.get(_TOKEN, b""), named.get(_REJECTED_GROUPS, b"")
    else:
        token, rest = rest[:-proof], rest[-proof:]
    scalar, x, y = (int.from_bytes(rest[i : i + SIZE], "big") for i in range(0, proof, SIZE))
    if not 1 < scalar < ORDER or not p256.is_on_curve(x, y):
        raise ValueError("an SAE commit whose scalar or element is none of the group's")
    return Commit(scalar, (x, y), token, rejected)


def rejected_groups(commit: Commit) -> Sequence[int]:
    """The numbers of the groups that a commit's sender says were rejected."""
    return [int.from_bytes(commit.rejected[i : i + 2], "little") for i in range(0, len(commit.rejected), 2)]


def token_request(token: bytes, by_hash: bool) -> bytes:
    """The body, behind the status code, of the answer that asks for a token."""
    return GROUP.to_bytes(2, "little") + (_extension(_TOKEN, token) if by_hash else token)


def asked_token(body: bytes, by_hash: bool) -> bytes:
    """The token that `token_request` asks for. Raises ValueError where there is none."""
    if not by_hash:
        return body[2:]
    for number, content in elements(body[2:]):
        if number == EXTENSION and content[:1] == bytes((_TOKEN,)):
            return content[1:]
    raise ValueError("a request for a token without one")


class SaeKeys(NamedTuple):
    """What both sides know in the end: the key that confirms, the pairwise master key (32 bytes each) and its name."""

    kck: bytes
    pmk: bytes
    pmkid: bytes


class Secret(NamedTuple):
    """One side's two random numbers, and the commit that follows from them and the password element."""

    random: int
    commit: Commit
    password: Point


def secret(password: Point, random: int, mask: int) -> Secret:
    """Of the password element and two numbers from 2 to `ORDER` - 1. Raises ValueError for two that make no commit."""
    scalar, point = (random + mask) % ORDER, p256.negative(p256.multiply(mask, password))
    if scalar < 2 or point is None:
        raise ValueError("two random numbers that make no commit")
    return Secret(random, Commit(scalar, point), password)


def keys(mine: Secret, peer: Commit) -> SaeKeys:
    """The keys of both commits. Raises ValueError for a peer's that leads to the neutral element."""
    shared = p256.add(p256.multiply(peer.scalar, mine.password), peer.element)
    point = p256.multiply(mine.random, shared)
    if point is None:
        raise ValueError("an SAE commit that leads to no key")
    seed = hmac.digest((mine.commit.rejected + peer.rejected) or bytes(SIZE), point[0].to_bytes(SIZE, "big"), "sha256")
    context = ((mine.commit.scalar + peer.scalar) % ORDER).to_bytes(SIZE, "big")
    both = kdf(seed, "SAE KCK and PMK", context, 2 * SIZE)
    return SaeKeys(both[:SIZE], both[SIZE:], context[:16])


def confirm(kck: bytes, count: int, sender: Commit, receiver: Commit) -> bytes:
    """The body of a confirm behind the status code; `count` is send-confirm, 0 to 65535."""
    counter = count.to_bytes(2, "little")
    return counter + hmac.digest(kck, counter + sender.proof + receiver.proof, "sha256")


def confirm_matches(body: bytes, kck: bytes, sender: Commit, receiver: Commit) -> bool:
    """Whether a confirm was made with this key of these two commits."""
    return hmac.compare_digest(body, confirm(kck, int.from_bytes(body[:2], "little"), sender, receiver))


def _extension(number: int, data: bytes) -> bytes:
    return element(EXTENSION, bytes((number,)) + data)
