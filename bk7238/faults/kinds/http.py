"""Faults of the web server: answers that are wrong."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from bk7238.faults.arguments import LARGEST, Argument, number, share, words
from bk7238.faults.kinds.radio import Lasting
from bk7238.faults.targets import Targets
from bk7238.network.http_path import shown
from bk7238.network.http_server import Answer, Extent, Offer

_PHRASES = {301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 404: "Not Found", 403: "Forbidden"}


def head(status: int, *headers: str) -> bytes:
    """The first lines of an answer."""
    phrase = "OK" if status == 200 else _PHRASES.get(status, "Internal Server Error" if status >= 500 else "Error")
    lines = [f"HTTP/1.1 {status} {phrase}", "Server: bk7238-sim", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


_BINARY = "Content-Type: application/octet-stream"


class OfAnswers(Lasting):
    """A fault of what the server answers to a request for a file that it has."""

    SECTION = "HTTP"
    ASKED = True

    def arm(self, targets: Targets) -> None:
        super().arm(targets)
        targets.server.tap.insert(partial(self._answer, targets))

    def _answer(self, targets: Targets, passing: Offer | Extent) -> Offer | Extent | Answer:
        if not isinstance(passing, Offer) or passing.body is None or not self.lasts(targets.machine.now):
            return passing
        answer, what = self.answer(passing.body)
        self.record("server", f"{shown(passing.path)}: {what}")
        return answer

    @abstractmethod
    def answer(self, body: bytes) -> tuple[Answer, str]:
        """What goes out instead of the file, and what was done to it."""


class HttpStatus(OfAnswers):
    """The server answers with an error."""

    NAME = "http-status"
    FIRES = "a request was answered so"
    SWEPT = ("404", "500")
    status = Argument(number, default=500, doc="such as 404, 500 or 503")

    def check(self) -> None:
        if not 400 <= self.status <= 599:
            self.refuse("status goes from 400 to 599")

    def answer(self, _body: bytes) -> tuple[Answer, str]:
        text = f"{self.status}\n".encode()
        return Answer(self.status, head(self.status, f"Content-Length: {len(text)}"), text), f"status {self.status}"


class HttpRedirect(OfAnswers):
    """The server says that the package has moved."""

    NAME = "http-redirect"
    FIRES = "a request was redirected"
    location = Argument(words, default="/elsewhere.rbl", doc="where to; nothing is there unless a server has it")
    status = Argument(number, default=302, doc="301, 302 or 307")

    def check(self) -> None:
        if not 300 <= self.status <= 399:
            self.refuse("status goes from 300 to 399")
        if not self.location or not all(" " < character <= "~" for character in self.location):
            self.refuse("location is printable ASCII without spaces, as in a URL")

    def answer(self, _body: bytes) -> tuple[Answer, str]:
        lines = head(self.status, f"Location: {self.location}", "Content-Length: 0")
        return Answer(self.status, lines, b""), f"status {self.status} to {self.location}"


class HttpLength(OfAnswers):
    """Content-Length is not the length of the body."""

    NAME = "http-length"
    FIRES = "an answer had a wrong length"
    SWEPT = ("1000", "-1000")
    by = Argument(number, default=1000, doc="how much too large; a negative number is too small")

    def check(self) -> None:
        if not self.by:
            self.refuse("a length that is wrong by 0 is right")

    def answer(self, body: bytes) -> tuple[Answer, str]:
        length = max(0, len(body) + self.by)
        return Answer(200, head(200, _BINARY, f"Content-Length: {length}"), body), f"{length} bytes, it says"


class HttpNoLength(OfAnswers):
    """There is no Content-Length: the body ends with the connection."""

    NAME = "http-no-length"
    FIRES = "an answer had no length"

    def answer(self, body: bytes) -> tuple[Answer, str]:
        return Answer(200, head(200, _BINARY), body), "no Content-Length"


class HttpTruncated(OfAnswers):
    """The file on the server is cut short, and Content-Length is that of what is left."""

    NAME = "http-truncated"
    FIRES = "an answer was short"
    keep = Argument(share, default=0.5, doc="how much of the file is there")

    def check(self) -> None:
        if self.keep == 1:
            self.refuse("a file of which all is there is not cut short")

    def answer(self, body: bytes) -> tuple[Answer, str]:
        short = body[: min(round(len(body) * self.keep), len(body) - 1)]
        lines = head(200, _BINARY, f"Content-Length: {len(short)}")
        return Answer(200, lines, short), f"{len(short)} of {len(body)} bytes"


class HttpChunked(OfAnswers):
    """The body comes in chunks, as from a server that does not know its length."""

    NAME = "http-chunked"
    FIRES = "an answer was chunked"
    size = Argument(number, default=4096, doc="bytes of a chunk")

    def check(self) -> None:
        if self.size < 1:
            self.refuse("a chunk has 1 byte or more")

    def answer(self, body: bytes) -> tuple[Answer, str]:
        chunks = [body[at : at + self.size] for at in range(0, len(body), self.size)]
        stream = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return Answer(200, head(200, _BINARY, "Transfer-Encoding: chunked"), stream), f"{len(chunks)} chunks"


class HttpWrongFile(OfAnswers):
    """The server sends something else under the package's name."""

    NAME = "http-wrong-file"
    FIRES = "another file was sent"
    text = Argument(words, default="<html><body>It works!</body></html>", doc="what it sends")
    size = Argument(number, default=0, doc="bytes, the text again and again; its own length where it is 0")

    def check(self) -> None:
        if not 0 <= self.size <= LARGEST:
            self.refuse(f"size goes from 0 to {LARGEST:#x}")

    def answer(self, _body: bytes) -> tuple[Answer, str]:
        text = self.text.encode() or b"\n"
        size = self.size or len(text)
        other = (text * (size // len(text) + 1))[:size]
        lines = head(200, "Content-Type: text/html", f"Content-Length: {len(other)}")
        return Answer(200, lines, other), f"{len(other)} bytes of something else"


KINDS = (HttpStatus, HttpRedirect, HttpLength, HttpNoLength, HttpTruncated, HttpChunked, HttpWrongFile)
