"""Who may join and who belongs: authentication, association and their ends (IEEE 802.11-2020, 11.3)."""

from __future__ import annotations

import struct
from collections import Counter

from bk7238.air import management
from bk7238.air.bss import TIME_UNIT, Bss
from bk7238.air.events import (
    StationAssociated,
    StationAuthenticated,
    StationLeft,
    StationRefused,
    StationUnknown,
    StepDeauthenticated,
    StepIgnored,
)
from bk7238.air.misbehaviour import ASSOCIATION, AUTHENTICATION, Misbehaviour
from bk7238.air.security import Authentication, answered
from bk7238.air.stations import KEPT, Downlink, MacFilter, StationEntry, Stations
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header
from bk7238.formats.plain import Record
from bk7238.network.addresses import mac_text
from bk7238.network.events import Events
from bk7238.peripherals.core import Actor, State

_AUTHENTICATION = struct.Struct("<HH")
_QUERY_AGAIN, _QUERY_LASTS = 201 * TIME_UNIT, 1000 * TIME_UNIT  # microseconds, as hostapd has them
_MANAGEMENT_TID = -1  # stands for management frames where repetitions are told apart


class Query(Record):
    """Whether a station is still there: SA Query asks, from `since` on, next at `due`, None once it is given up."""

    def __init__(self, now: int) -> None:
        self.since, self.number = now, 0
        self.due: int | None = now


class Membership(Actor):
    """The state machine of every station of one BSS.

    Where management frames are protected, one that seems to join again is told to come back later, and asked whether it
    is still there (SA Query, IEEE 802.11-2020, 11.13): somebody else may have sent the request.
    """

    refusing: int = State(0)  # association requests that are refused next
    _queries: dict[bytes, Query] = State(factory=dict)

    def __init__(
        self,
        bss: Bss,
        stations: Stations,
        downlink: Downlink,
        events: Events,
        counters: Counter[str],
        mac_filter: MacFilter,
        misbehaviour: Misbehaviour,
    ) -> None:
        self._filter, self._misbehaviour = mac_filter, misbehaviour
        self._bss, self._stations, self._downlink = bss, stations, downlink
        self._events, self._counters = events, counters

    def receive(self, header: Header, body: bytes, now: int) -> None:
        """A management frame addressed to this BSS, other than a probe request."""
        station = self._stations.find(header.addr2)
        order = header.sequence << 4
        if station is not None and station.repeats(_MANAGEMENT_TID, order, bool(header.flags & dot11.RETRY)):
            self._counters["repeated"] += 1
        elif header.subtype == dot11.AUTHENTICATION:
            self._authenticate(header.addr2, body, order, now)
        elif header.subtype == dot11.DEAUTHENTICATION:
            self.forget(header.addr2, int.from_bytes(body[:2], "little"), "station", now)
            self._stations.remove(header.addr2)
        elif station is None:
            self.reject(header.addr2, management.CLASS_2_NOT_AUTHENTICATED, now)
        elif header.subtype in (dot11.ASSOCIATION_REQUEST, dot11.REASSOCIATION_REQUEST):
            self._associate(station, header.subtype == dot11.REASSOCIATION_REQUEST, body, now)
        elif header.subtype == dot11.DISASSOCIATION:
            self.forget(station.address, int.from_bytes(body[:2], "little"), "station", now)
        elif header.subtype == dot11.ACTION:
            self._act(station, body, now)

    def forget(self, address: bytes, reason: int, cause: str, now: int) -> None:
        """The station's association is over, if it had one."""
        station = self._stations.member(address)
        if station is not None:
            self._end_association(station)
            self._events.publish(StationLeft(now, *self._names(address), reason, cause))

    def reject(self, address: bytes, reason: int, now: int) -> None:
        """A frame that the station may not send in its state: say so."""
        known = self._stations.find(address) is not None
        kind = dot11.DISASSOCIATION if known else dot11.DEAUTHENTICATION
        self._downlink.management(kind, address, management.reason(reason), now)
        self._events.publish(StationUnknown(now, *self._names(address), reason))

    def _authenticate(self, address: bytes, body: bytes, order: int, now: int) -> None:
        if len(body) < 6:
            self._counters["malformed"] += 1
            return
        if self._refrains(AUTHENTICATION, address, now):
            return
        answer, status = self._judge_authentication(address, body, now)
        if status == management.SUCCESS:
            status = self._admit(address, order)
            if status:
                answer, _ = answered(body, status)
        if answer:
            self._downlink.management(dot11.AUTHENTICATION, address, answer, now)
        if status:
            self._events.publish(StationRefused(now, *self._names(address), status, AUTHENTICATION))
        elif status is not None:
            self._events.publish(StationAuthenticated(now, *self._names(address)))

    def _judge_authentication(self, address: bytes, body: bytes, now: int) -> Authentication:
        algorithm, sequence = _AUTHENTICATION.unpack_from(body)
        if not self._filter.lets_in(address):
            return answered(body, management.UNSPECIFIED)
        if algorithm != management.OPEN_SYSTEM:
            return self._bss.security.authenticate(address, body, now)
        return answered(body, management.SUCCESS if sequence == 1 else management.OUT_OF_SEQUENCE)

    def _admit(self, address: bytes, order: int) -> int:
        """Remember a station as authenticated and nothing more; the status code."""
        known = self._stations.member(address)
        if known is not None and self._bss.security.protects_management(address):
            known.heard[_MANAGEMENT_TID] = order
            return management.SUCCESS  # whether it has restarted shows when it associates
        if known is not None:
            self._end_association(known)  # it has restarted
        station = self._stations.add(address)
        if station is None:
            return management.TOO_MANY_STATIONS
        station.heard[_MANAGEMENT_TID] = order
        return management.SUCCESS

    def _associate(self, station: StationEntry, again: bool, body: bytes, now: int) -> None:
        fixed = 10 if again else 4  # capabilities, listen interval, and where it comes from
        if len(body) < fixed:
            self._counters["malformed"] += 1
            return
        if self._refrains(ASSOCIATION, station.address, now):
            return
        kind = dot11.REASSOCIATION_RESPONSE if again else dot11.ASSOCIATION_RESPONSE
        left = self._may_be_there(station, now)
        if left:
            refused = management.REFUSED_TEMPORARILY
            answer = self._bss.association_response(refused, 0, management.comeback(left))
            self._downlink.management(kind, station.address, answer, now)
            self._events.publish(StationRefused(now, *self._names(station.address), refused))
            return
        listens = int.from_bytes(body[2:4], "little") * self._bss.interval * TIME_UNIT
        station.kept_for = max(KEPT, 2 * listens)
        wanted = body[fixed:]
        known = dot11.find_element(wanted, dot11.RATES) or b""
        known += dot11.find_element(wanted, dot11.EXTENDED_RATES) or b""
        offered = {rate & ~management.BASIC for rate in known}
        self._end_association(station)
        status = self._judge(station, wanted, offered)
        if not status:
            mode = self._bss.radio_mode
            station.aid = self._stations.free_aid()
            station.qos = mode.has_wmm and dot11.find_element(wanted, dot11.VENDOR, management.WMM) is not None
            station.rate = next((rate for rate in mode.rates if rate * 2 in offered), mode.rates[-1])
        answer = self._bss.association_response(status, station.aid)
        self._downlink.management(kind, station.address, answer, now)
        names = self._names(station.address)
        if status:
            self._events.publish(StationRefused(now, *names, status))
            return
        self._events.publish(StationAssociated(now, *names, station.aid, again))
        self._downlink.eapol(station.address, self._bss.security.joined(station.address, now), now)

    def _judge(self, station: StationEntry, wanted: bytes, offered: set[int]) -> int:
        """The status code for the elements of an association request and the rates it offers."""
        if self._misbehaviour.refuse:
            return self._misbehaviour.refuse
        if self.refusing:
            self.refusing -= 1
            return management.TOO_MANY_STATIONS
        if dot11.find_element(wanted, dot11.SSID) != self._bss.ssid:
            return management.UNSPECIFIED
        if not management.basic_rates() <= offered:
            return management.RATES_UNSUPPORTED
        if self._bss.radio_mode.n_only and dot11.find_element(wanted, dot11.HT_CAPABILITIES) is None:
            return management.HT_UNSUPPORTED
        return self._bss.security.admit(station.address, wanted)

    def _act(self, station: StationEntry, body: bytes, now: int) -> None:
        """An action frame. Those that are answered ask for block acknowledgments, and whether we are there."""
        query = management.sa_query_of(body)
        if not station.associated:
            self.reject(station.address, management.CLASS_3_NOT_ASSOCIATED, now)
        elif query is not None and self._bss.security.protects_management(station.address):
            identifier, is_answer = query
            if is_answer:
                self._queries.pop(station.address, None)
            else:
                body = management.sa_query(identifier, answer=True)
                self._downlink.management(dot11.ACTION, station.address, body, now)
        elif management.asks_for_block_ack(body):
            self._downlink.management(dot11.ACTION, station.address, management.decline_block_ack(body), now)

    # Stations that may be there still

    @property
    def deadline(self) -> int | None:
        """When a station is to be asked again whether it is there."""
        if not self._queries:
            return None
        return min((query.due for query in self._queries.values() if query.due is not None), default=None)

    def poll(self, now: int) -> None:
        """Ask those again that have not answered, and give up one that has not for long."""
        for address, query in self._queries.items():
            if query.due is None or query.due > now:
                continue
            if now - query.since >= _QUERY_LASTS:
                query.due = None
                continue
            query.number, query.due = query.number + 1, now + _QUERY_AGAIN
            body = management.sa_query(query.number.to_bytes(2, "little"))
            self._downlink.management(dot11.ACTION, address, body, now)

    def _may_be_there(self, station: StationEntry, now: int) -> int:
        """In how many time units to come back: a station with this address is here, and has not been asked for long."""
        if not station.associated or not self._bss.security.protects_management(station.address):
            return 0
        query = self._queries.setdefault(station.address, Query(now))
        if query.due is None:
            return 0
        return max(1, -(-(query.since + _QUERY_LASTS - now) // TIME_UNIT))

    def _refrains(self, step: str, address: bytes, now: int) -> bool:
        """Whether the access point does not do this step of joining."""
        wrong, names = self._misbehaviour, self._names(address)
        if wrong.silent_at == step:
            self._events.publish(StepIgnored(now, *names, step))
            return True
        if wrong.deauthenticate_at == step:
            self._events.publish(StepDeauthenticated(now, *names, step, wrong.reason))
            self._downlink.management(dot11.DEAUTHENTICATION, address, management.reason(wrong.reason), now)
            self.forget(address, wrong.reason, "access point", now)
            self._stations.remove(address)
            return True
        return False

    def _end_association(self, station: StationEntry) -> None:
        self._queries.pop(station.address, None)
        if station.associated:
            self._bss.security.left(station.address)
        station.aid, station.asleep = 0, False
        station.waiting.clear()

    def _names(self, address: bytes) -> tuple[str, str]:
        return mac_text(self._bss.bssid), mac_text(address)
