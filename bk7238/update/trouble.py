"""What keeps a device on the network from its package: what the network saw, in words for the verdict."""

from __future__ import annotations

from urllib.parse import urlsplit

from bk7238.network import dns, events
from bk7238.network.http_head import Head
from bk7238.peripherals.core import Actor, State
from bk7238.update.failures import Failure, Stage

_HTTP_PORTS = (80, 443)  # where a device asks that does not heed the port it was told
_CODES = {
    "host unreachable": "no host has it",
    "net unreachable": "it is in another network, and this one has no uplink",
}


class Trouble(Actor):
    """Follows one device that was told to fetch `url`, or nothing that is known."""

    answer: Head | None = State()  # the newest with a body
    _addresses: set[str] = State()
    _asked: events.HttpRequested | None = State()  # the request for it, until it has failed
    _silent: set[int] = State(factory=set)  # the device's ports of connections without a request

    def __init__(self, url: str | None) -> None:
        parts = urlsplit(url or "")
        self._host, self._port = (parts.hostname or "").lower(), parts.port or 80
        self._addresses = {self._host}

    def forget(self) -> None:
        """The device has not asked for anything."""
        self.answer = self._asked = None
        self._addresses = {self._host}
        self._silent.clear()

    def failure(self, event: events.Event) -> Failure | None:
        """The failure that an event is, None for all others."""
        if isinstance(event, events.NameAsked):
            return self._name(event)
        if isinstance(event, events.Refused):
            return self._refused(event)
        if isinstance(event, events.HttpRequested):
            return self._requested(event)
        if isinstance(event, (events.ConnectionOpened, events.ConnectionClosed)):
            return self._connection(event)
        if isinstance(event, events.PushFailed):
            return _not_taken(event)
        return self._lease(event) or self._broken(event)

    def _name(self, event: events.NameAsked) -> Failure | None:
        wanted = event.name.lower() == self._host
        if event.answer and wanted:
            self._addresses.add(event.answer)
        if event.answer or event.kind not in ("A", "ANY"):
            return None
        text = f"the name server knows no {event.name}"
        if dns.is_local(event.name):
            text += ": names in .local are those of multicast DNS; give the server's address or another name"
        return Failure(text, text, Stage.CONNECTING, repeats=True, counts=wanted)

    def _refused(self, event: events.Refused) -> Failure | None:
        place = event.destination if event.port is None else f"{event.destination}:{event.port}"
        wanted = event.destination in self._addresses
        if event.protocol == "arp":
            text = f"the device asks who has {place}, and nobody answers: no host has this address"
        elif event.protocol == "tcp" and event.answer == "reset":
            wanted = wanted and event.port in (self._port, *_HTTP_PORTS)
            text = f"the device's connection to {place} was refused: nothing listens on that port"
        elif event.protocol == "tcp":
            wanted = wanted and event.port in (self._port, *_HTTP_PORTS)
            text = f"the device cannot reach {place} ({event.answer}): {_CODES.get(event.answer, 'no such service')}"
        elif event.protocol == "udp" and event.port == dns.PORT:
            wanted = bool(self._host)
            text = f"the device asks {event.destination} for names, which is no name server here ({event.answer})"
        else:
            wanted = False
            text = f"the device asked for {event.protocol} at {place} ({event.answer})"
        attempt = event.client_port if event.protocol == "tcp" else None
        return Failure(text, text, Stage.CONNECTING, attempt, repeats=True, counts=wanted)

    def _requested(self, event: events.HttpRequested) -> Failure | None:
        self._silent.discard(event.client_port)
        before, self._asked = self._asked, None
        if event.method == "HEAD":
            self._asked = before
            return None
        if event.status == 200 and event.method == "GET":
            self._asked, self.answer = event, event.head
            if before is None or before.path != event.path:
                return None
            text = f"the device asked for {event.path} again; {_answered(before)}"
            return Failure("asked again", text, Stage.LOADING, before.client_port, usual=True)
        onwards = f" ({event.head.location})" if event.head is not None and event.head.location else ""
        asked = f"request for {event.path}" if event.path else "request, which could not be read"
        answered = f"answered {event.status}{onwards}" if event.status else "gave no HTTP answer"
        text = f"the server {answered} to the device's {asked} at {event.server}"
        counts = event.method in ("GET", "")
        return Failure(f"status {event.status}", text, Stage.LOADING, event.client_port, counts=counts)

    def _connection(self, event: events.ConnectionOpened | events.ConnectionClosed) -> Failure | None:
        if isinstance(event, events.ConnectionOpened):
            self._silent.add(event.client_port)
        elif event.client_port in self._silent:
            self._silent.discard(event.client_port)
            text = f"the device connected to port {event.port} and sent no HTTP request"
            return Failure(text, text, Stage.LOADING, counts=False)
        return None

    def _broken(self, event: events.Event) -> Failure | None:
        if isinstance(event, events.HttpBodyAborted):
            of = f" of {event.total:,}" if event.total else ""
            text = f"the download from {event.server} broke off at {event.acknowledged:,}{of} bytes: {event.reason}"
            asked, self._asked = self._asked, None
            if asked is not None and event.reason.endswith("the device"):
                text += f"; {_answered(asked)}"
            return Failure(f"broke off, {event.reason}", text, Stage.LOADING, event.client_port)
        if isinstance(event, events.ConnectionBroken):
            text = f"the connection to {event.server} broke: {event.reason}"
            return Failure(f"broke, {event.reason}", text, Stage.LOADING, event.client_port)
        if isinstance(event, events.HostUnreachable) and event.protocol == "tcp":
            text = f"the device asked {event.asked}, which leads to {event.server} of this machine: {event.reason}"
            return Failure(event.reason, f"{text}; is the server running?", Stage.LOADING, event.client_port)
        if isinstance(event, events.HostSilent):
            text = f"the device asked {event.asked}, which leads to {event.server} of this machine: no answer came for "
            return Failure("no answer", f"{text}{event.seconds:g} seconds", Stage.LOADING, event.client_port)
        return None

    @staticmethod
    def _lease(event: events.Event) -> Failure | None:
        if isinstance(event, events.LeaseRefused):
            asked = f" to the request for {event.ip}" if event.ip else ""
            text = f"the DHCP server gave no lease{asked}: {event.reason}"
        elif isinstance(event, events.LeaseReleased):
            why = "declined it: another host seems to have it" if event.declined else "gave it back"
            text = f"the device had the address {event.ip} and {why}"
        else:
            return None
        counts = not isinstance(event, events.LeaseReleased) or event.declined
        return Failure(text, text, Stage.JOINING, repeats=True, counts=counts)


def _not_taken(event: events.PushFailed) -> Failure:
    if not event.total:
        text = f"the device did not do what {event.target} asks for: {event.reason}"
    elif not event.acknowledged:
        text = f"the package could not be brought to {event.target}: {event.reason}"
    elif event.acknowledged < event.total:
        arrived = f"{event.acknowledged:,} of {event.total:,} bytes"
        text = f"the package on its way to {event.target} broke off at {arrived}: {event.reason}"
    else:
        text = f"the device did not take the package at {event.target}: {event.reason}"
    return Failure(f"push, {event.reason}", text, Stage.LOADING)


def _answered(request: events.HttpRequested) -> str:
    return f"the server {request.server} had answered {request.status}, {request.head or 'without a head'}"
