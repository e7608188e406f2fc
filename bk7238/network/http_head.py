"""What the head of an HTTP answer says of its body, read by h11: names of headers in any case, as in the standard."""

from __future__ import annotations

from dataclasses import dataclass

import h11

_LENGTH = b"content-length"


@dataclass(frozen=True)
class Head:
    """The head of one answer. `length` are the bytes that it announces, None where it does not; `written` is the name
    of that header as the server spells it. Texts are empty where the header is missing."""

    status: int
    content_type: str = ""
    length: int | None = None
    written: str = ""
    coding: str = ""
    location: str = ""

    def __str__(self) -> str:
        """The body in words, as announced: `text/html of 5,000 bytes`."""
        kind = self.content_type or "a body without Content-Type"
        if self.coding:
            return f"{kind} without Content-Length (Transfer-Encoding: {self.coding})"
        if self.length is None:
            return f"{kind} without Content-Length"
        odd = "" if self.written == "Content-Length" else f" (its header is spelt {self.written!r})"
        return f"{kind} of {self.length:,} bytes{odd}"


def of(response: h11.Response) -> Head:
    """What h11 has read."""
    texts = {name: value.decode("latin-1") for name, value in reversed(list(response.headers))}
    spelt = next((raw.decode("latin-1") for raw, _ in response.headers.raw_items() if raw.lower() == _LENGTH), "")
    length = texts.get(_LENGTH)
    return Head(
        response.status_code,
        texts.get(b"content-type", "").partition(";")[0].strip(),
        int(length) if length is not None else None,
        spelt,
        texts.get(b"transfer-encoding", ""),
        texts.get(b"location", ""),
    )


def read(head: bytes, status: int) -> Head:
    """Of the bytes of a head, up to and with its empty line. One that is no HTTP says nothing but its status."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method="GET", target="/", headers=[("Host", "-")]))
    try:
        reader.receive_data(head)
        event = reader.next_event()
    except h11.RemoteProtocolError:
        return Head(status)
    return of(event) if isinstance(event, h11.Response) else Head(status)
