"""What a simulated host does over one TCP connection that it opens: it sends, takes the answer, and is done."""

from __future__ import annotations

from bk7238.formats.plain import Record
from bk7238.network.addresses import ip_bytes
from bk7238.network.events import Event, Pushed, PushFailed


class Exchange(Record):
    """`outgoing` is sent to `port` of `address`, and what comes back is handed to `receive`, until it is `done`.

    From `start` on `outgoing` has `package`, of which the host tells how much has arrived. `target` names the other end
    for people, `sent` is how much of `outgoing` the connection has, and `failure` says why it broke.
    """

    def __init__(
        self, target: str, address: bytes, port: int, outgoing: bytes, package: bytes = b"", start: int = 0
    ) -> None:
        self.target, self.address, self.port = target, address, port
        self.outgoing, self.package, self.start = outgoing, package, start
        self.began = False  # a package's connection is established
        self.sent = 0
        self.arrived = 0  # bytes of the package
        self.failure = ""
        self.complete = False

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.complete or bool(self.failure)

    def receive(self, data: bytes) -> None:
        """Take what the other end sent next; nothing when it has ended."""

    def delivered(self, count: int) -> None:
        """Note that the other end's TCP has acknowledged so many bytes of `outgoing`."""
        self.arrived = min(max(0, count - self.start), len(self.package))

    def redirection(self) -> Exchange | None:
        """The exchange that the answer asks for instead, if it does. Raises ValueError where it leads nowhere."""
        return None

    def outcome(self, now: int) -> Event:
        """What is told of its end."""
        if self.failure:
            return PushFailed(now, self.target, self.arrived, len(self.package), self.failure)
        return Pushed(now, self.target)


class Push(Exchange):
    """Plain bytes: `preamble` and `package` go to a port. It is complete when `answer` has come or, where none is
    expected, when all has arrived."""

    def __init__(self, address: str, port: int, preamble: bytes, package: bytes, answer: bytes = b"") -> None:
        outgoing, start = preamble + package, len(preamble)
        super().__init__(f"{address}:{port}", ip_bytes(address), port, outgoing, package, start)
        self._answer, self._said = answer, b""

    def receive(self, data: bytes) -> None:
        """Take what the device answers."""
        self._said += data
        if self._answer and self._answer in self._said:
            self.complete = True
        elif not data:
            said = f"answered {self._said[:64]!r}" if self._said else "no answer"
            self.failure = f"closed by the device, {said}"

    def delivered(self, count: int) -> None:
        """Note what has arrived."""
        super().delivered(count)
        self.complete = self.complete or (not self._answer and count >= len(self.outgoing))
