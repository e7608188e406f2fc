"""The bodies of the management frames that an access point sends (IEEE 802.11-2020, 9.3.3 and 9.4)."""

from __future__ import annotations

import struct
from functools import lru_cache

from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import element

# Capability information
ESS, PRIVACY, SHORT_SLOT = 0x0001, 0x0010, 0x0400

# Status codes
SUCCESS, UNSPECIFIED, NO_ALGORITHM, OUT_OF_SEQUENCE = 0, 1, 13, 14
TOO_MANY_STATIONS, RATES_UNSUPPORTED, HT_UNSUPPORTED, REFUSED_TEMPORARILY, DECLINED = 17, 18, 27, 30, 37

# Reason codes
UNSPECIFIED_REASON, LEAVING = 1, 3
CLASS_2_NOT_AUTHENTICATED, CLASS_3_NOT_ASSOCIATED = 6, 7

OPEN_SYSTEM, SAE = 0, 3  # authentication algorithms

BASIC = 0x80
RATES = bytes((0x82, 0x84, 0x8B, 0x96, 0x0C, 0x12, 0x18, 0x24))  # 1, 2, 5.5, 11 basic; 6, 9, 12, 18 (500 kb/s)
B_RATES = RATES[:4]
MORE_RATES = bytes((0x30, 0x48, 0x60, 0x6C))  # 24, 36, 48, 54
_HT_REQUIRED = bytes((0x80 | 127,))  # among the rates: a BSS membership selector

WMM = bytes.fromhex("0050f202")  # Microsoft's OUI and the type of the WMM elements
_WMM_PARAMETERS = WMM + bytes.fromhex("0101000003a4000027a4000042435e0062322f00")  # the usual EDCA values

_HT_SHORT_GI_20, _HT_NO_SM_POWER_SAVE = 0x0020, 0x000C
_HT_40, _HT_SHORT_GI_40, _HT_DSSS_IN_40 = 0x0002, 0x0040, 0x1000
_ANY_WIDTH, _SECONDARY_ABOVE, _SECONDARY_BELOW = 0x04, 1, 3
_HIGHEST_BELOW = 7  # up to here the secondary channel is above
_MCS_0_TO_7 = b"\xff" + bytes(15)

_AMERICA, _JAPAN = ("CA", "CO", "MX", "PA", "PR", "TW", "US"), "JP"
_AMERICAN, _USUAL_COUNTRY = (11, 30), (13, 20)  # channels, dBm

_BEACON = struct.Struct("<QHH")
_AUTHENTICATION = struct.Struct("<HHH")
_ASSOCIATION = struct.Struct("<HHH")
_AID_BITS = 0xC000

_COMEBACK = 3  # type of a timeout interval
SA_QUERY, _QUERY, _ANSWER = 8, 0, 1

_BLOCK_ACK, _ADDBA_REQUEST, _ADDBA_RESPONSE = 3, 0, 1


def rates() -> bytes:
    """Supported rates and extended rates."""
    return element(dot11.RATES, RATES) + extended_rates()


def extended_rates(ht_required: bool = False) -> bytes:
    """The rates of 802.11g that the first element has no room for, and whether stations must have 802.11n."""
    return element(dot11.EXTENDED_RATES, MORE_RATES + (_HT_REQUIRED if ht_required else b""))


def country(code: str) -> bytes:
    """The country element: which channels there are, and with how many dBm they may be used."""
    channels, power = _AMERICAN if code in _AMERICA else _USUAL_COUNTRY
    content = code.encode() + b" " + bytes((1, channels, power))
    if code == _JAPAN:
        content += bytes((14, 1, power))
    return element(dot11.COUNTRY, content + bytes(len(content) % 2))


def basic_rates() -> frozenset[int]:
    """The rates, in 500 kb/s, that a station must have."""
    return frozenset(rate & ~BASIC for rate in RATES if rate & BASIC)


def high_throughput(channel: int, wide: bool = False) -> bytes:
    """HT capabilities and operation of one stream, `wide` with 40 MHz."""
    can, width = _HT_SHORT_GI_20 | _HT_NO_SM_POWER_SAVE, 0
    if wide:
        can |= _HT_40 | _HT_SHORT_GI_40 | _HT_DSSS_IN_40
        width = _ANY_WIDTH | (_SECONDARY_ABOVE if channel <= _HIGHEST_BELOW else _SECONDARY_BELOW)
    capabilities = struct.pack("<HB", can, 0) + _MCS_0_TO_7 + bytes(7)
    operation = bytes((channel, width)) + bytes(20)
    return element(dot11.HT_CAPABILITIES, capabilities) + element(dot11.HT_OPERATION, operation)


def wmm() -> bytes:
    """The WMM parameter element."""
    return element(dot11.VENDOR, _WMM_PARAMETERS)


@lru_cache
def traffic_indication(aids: tuple[int, ...], group: bool, left: int = 0, dtim: int = 1) -> bytes:
    """The TIM: which stations, and in a DTIM whether the group, have frames waiting; `left` beacons come before the
    next DTIM, and every `dtim` beacons there is one. Source: IEEE 802.11-2020, 9.4.2.5."""
    bitmap = 0
    for aid in aids:
        bitmap |= 1 << aid
    octets = bitmap.to_bytes(max(1, (bitmap.bit_length() + 7) // 8), "little")
    first = 0
    while first + 2 < len(octets) and not octets[first] and not octets[first + 1]:
        first += 2
    return element(dot11.TIM, bytes((left, dtim, first | (group and not left))) + octets[first:])


def beacon(timestamp: int, interval: int, capabilities: int, elements: bytes) -> bytes:
    """A beacon's or a probe response's body: TSF in microseconds, interval in TU of 1,024 microseconds."""
    return _BEACON.pack(timestamp, interval, capabilities) + elements


def authentication(sequence: int, status: int, algorithm: int = OPEN_SYSTEM) -> bytes:
    """The body of an authentication frame."""
    return _AUTHENTICATION.pack(algorithm, sequence, status)


def association(capabilities: int, status: int, aid: int, elements: bytes) -> bytes:
    """An association response's body; on a refusal the AID is 0."""
    return _ASSOCIATION.pack(capabilities, status, aid | _AID_BITS if aid else 0) + elements


def reason(code: int) -> bytes:
    """The body of a deauthentication or a disassociation."""
    return code.to_bytes(2, "little")


def comeback(time_units: int) -> bytes:
    """The element of a refusal that says when to try again."""
    return element(dot11.TIMEOUT_INTERVAL, struct.pack("<BI", _COMEBACK, time_units))


def sa_query(identifier: bytes, *, answer: bool = False) -> bytes:
    """The body of an SA Query request or of the answer to it; the identifier has 2 bytes."""
    return bytes((SA_QUERY, _ANSWER if answer else _QUERY)) + identifier


def sa_query_of(body: bytes) -> tuple[bytes, bool] | None:
    """The identifier in an action frame's body, and whether it is an answer; None where it is no SA Query."""
    if len(body) < 4 or body[0] != SA_QUERY or body[1] > _ANSWER:
        return None
    return body[2:4], body[1] == _ANSWER


def asks_for_block_ack(body: bytes) -> bool:
    """Whether an action frame's body is an ADDBA request."""
    return len(body) >= 9 and body[0] == _BLOCK_ACK and body[1] == _ADDBA_REQUEST


def decline_block_ack(request: bytes) -> bytes:
    """The answer to an ADDBA request: no aggregation here."""
    return bytes((_BLOCK_ACK, _ADDBA_RESPONSE, request[2])) + struct.pack("<H", DECLINED) + request[3:7]
