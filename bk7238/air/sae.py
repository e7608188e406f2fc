"""SAE at an access point: which stations have proved that they know the password, and the master keys that came of it.

The station commits, and is answered with a commit; it confirms, and is answered with a confirm once its own was right.
A frame that comes again gets the same answer. While many stations have committed and not confirmed, a
commit is answered with a token that has to come back with it, and nothing is calculated before. Master keys are kept
by station and name (PMKID) until the access point starts again: with one of them a station needs no SAE next time.
Source: IEEE 802.11-2020, 12.4.7 and 12.4.8; the numbers are hostapd's. Not simulated: other groups than 19, password
identifiers, repetitions by the access point (a station asks again).
"""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bk7238.air import management
from bk7238.air.bss import Bss
from bk7238.air.security import Authentication
from bk7238.formats import p256, sae
from bk7238.formats.ieee80211 import RSN_EXTENSION, element
from bk7238.formats.plain import Record
from bk7238.peripherals.core import Actor, State

STATIONS = 32  # whose exchanges and keys are remembered; the oldest go
_ABANDONED = 10_000_000  # microseconds without a confirm

SUCCESS, UNSPECIFIED, OUT_OF_SEQUENCE, CHALLENGE_FAILURE = 0, 1, 14, 15  # status codes (IEEE 802.11-2020, 9.4.1.9)
TOKEN_REQUIRED, UNSUPPORTED_GROUP, UNKNOWN_IDENTIFIER, BY_HASH = 76, 77, 123, 126
_NO_COMMIT = {sae.WrongGroup: UNSUPPORTED_GROUP, sae.UnknownIdentifier: UNKNOWN_IDENTIFIER}


@dataclass(frozen=True)
class SaeOptions:
    """`threshold` is how many stations may have committed and not confirmed before tokens are asked for. `by_hash` says
    whether a station may choose hash-to-element; hunting and pecking it always may."""

    threshold: int = 5
    by_hash: bool = True

    @property
    def element(self) -> bytes:
        """The RSN extension element, none where there is nothing to extend."""
        return element(RSN_EXTENSION, bytes((sae.HASH_TO_ELEMENT,))) if self.by_hash else b""


class SaeExchange(Record):
    """Where a station is: its commit as it came, the answer to that, and the keys, `confirmed` once it knows them."""

    def __init__(self, since: int, request: tuple[int, bytes], mine: sae.Secret, peer: sae.Commit) -> None:
        self.since, self.request, self.mine, self.peer = since, request, mine, peer
        self.keys = sae.keys(mine, peer)
        self.confirmed = False
        self.count = 0  # send-confirm


class Sae(Actor):
    """The SAE of one BSS. `wrong` is told the time and the station of a confirm that another password has made."""

    exchanges: dict[bytes, SaeExchange] = State(factory=dict)
    kept: dict[bytes, sae.SaeKeys] = State(factory=dict)
    _token_key: bytes = State()

    def __init__(self, bss: Bss, rng: random.Random, wrong: Callable[[int, bytes], None], options: SaeOptions) -> None:
        self._bss, self._rng, self._wrong, self._options = bss, rng, wrong, options
        self.forget()

    def forget(self) -> None:
        """Know nobody: the access point has started again, or has another password."""
        self.exchanges, self.kept = {}, {}
        self._token_key = self._rng.getrandbits(256).to_bytes(32, "little")

    def master_key(self, station: bytes, names: Sequence[bytes]) -> sae.SaeKeys | None:
        """What the station is to prove in the handshake: the key that it names, or that of its exchange."""
        kept, exchange = self.kept.get(station), self.exchanges.get(station)
        if kept is not None and kept.pmkid in names:
            return kept
        return exchange.keys if exchange is not None and exchange.confirmed else None

    def proved(self, station: bytes) -> None:
        """The handshake is over, and the exchange with it: the next one takes SAE again, or the key's name."""
        self.exchanges.pop(station, None)

    def authenticate(self, station: bytes, password: str, body: bytes, now: int) -> Authentication:
        """Answer an SAE authentication frame."""
        transaction, status = (int.from_bytes(body[i : i + 2], "little") for i in (2, 4))
        if transaction == sae.COMMIT and status in ((SUCCESS, BY_HASH) if self._options.by_hash else (SUCCESS,)):
            return self._commit(station, password.encode(), status, body[6:], now)
        if transaction == sae.CONFIRM and status == SUCCESS:
            return self._confirm(station, body[6:], now)
        if transaction == sae.COMMIT and status == BY_HASH:
            return _answer(transaction, UNSPECIFIED)
        if status:
            self.exchanges.pop(station, None)  # the station gives up
            return Authentication()
        return _answer(transaction, OUT_OF_SEQUENCE)

    def _commit(self, station: bytes, password: bytes, kind: int, body: bytes, now: int) -> Authentication:
        exchange = self.exchanges.get(station)
        if exchange is not None and exchange.request == (kind, body):
            return _answer(sae.COMMIT, kind, exchange.mine.commit.pack(kind == BY_HASH), over=False)
        by_hash = kind == BY_HASH
        try:
            peer = sae.parse_commit(body, by_hash)
            if sae.GROUP in sae.rejected_groups(peer):
                raise ValueError("the peer says that group 19 was rejected, which is no truth")
        except ValueError as error:
            return _answer(sae.COMMIT, _NO_COMMIT.get(type(error), UNSPECIFIED), body[:2])
        token = hmac.digest(self._token_key, station, "sha256")
        if self._crowded(station, now) and not hmac.compare_digest(token, peer.token):
            return _answer(sae.COMMIT, TOKEN_REQUIRED, sae.token_request(token, by_hash), over=False)
        try:
            mine = sae.secret(self._element(station, password, by_hash), self._number(), self._number())
            self._remember(self.exchanges, station, SaeExchange(now, (kind, body), mine, peer))
        except ValueError:
            return _answer(sae.COMMIT, UNSPECIFIED)
        return _answer(sae.COMMIT, kind, mine.commit.pack(by_hash), over=False)

    def _confirm(self, station: bytes, body: bytes, now: int) -> Authentication:
        exchange = self.exchanges.get(station)
        if exchange is None:
            return _answer(sae.CONFIRM, OUT_OF_SEQUENCE)
        keys, mine, peer = exchange.keys, exchange.mine.commit, exchange.peer
        if not sae.confirm_matches(body, keys.kck, peer, mine):
            del self.exchanges[station]
            self._wrong(now, station)
            return _answer(sae.CONFIRM, CHALLENGE_FAILURE)
        again, exchange.confirmed = exchange.confirmed, True
        exchange.count = min(exchange.count + 1, 0xFFFF)
        self._remember(self.kept, station, keys)
        return _answer(sae.CONFIRM, SUCCESS, sae.confirm(keys.kck, exchange.count, mine, peer), over=not again)

    def _crowded(self, station: bytes, now: int) -> bool:
        """Whether so many others have committed and not confirmed that a token is asked for."""
        for address, exchange in list(self.exchanges.items()):
            if not exchange.confirmed and now - exchange.since > _ABANDONED:
                del self.exchanges[address]
        others = [one for address, one in self.exchanges.items() if address != station and not one.confirmed]
        return len(others) >= self._options.threshold

    def _element(self, station: bytes, password: bytes, by_hash: bool) -> p256.Point:
        if by_hash:
            return sae.tie(sae.hash_to_element(self._bss.ssid, password), self._bss.bssid, station)
        return sae.hunt_and_peck(password, self._bss.bssid, station)

    def _number(self) -> int:
        return self._rng.randrange(2, p256.ORDER)

    @staticmethod
    def _remember(table: dict[bytes, Any], station: bytes, value: Any) -> None:
        table.pop(station, None)
        while len(table) >= STATIONS:
            del table[next(iter(table))]
        table[station] = value


def _answer(transaction: int, status: int, content: bytes = b"", *, over: bool = True) -> Authentication:
    body = management.authentication(transaction, status, management.SAE) + content
    return Authentication(body, status if over else None)
