"""A web server whose answers are not what a server should give, for tests: it directs the one of an update."""

from __future__ import annotations

from bk7238.network.http_server import Answer


class Answers:
    """Answers every request for a file with `answer(body)`: a head, and the body that follows it before it hangs up."""

    def __init__(self, update, answer):
        self._answer = answer
        self.given = 0
        update.network.http.director = self

    def answer(self, path, body):
        if body is None:
            return None
        self.given += 1
        head, sent = self._answer(body)
        return Answer(200, b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in (*head, b"")), sent)

    def limit(self, session, transfer):
        return len(transfer.body)

    def reached(self, session, transfer, acknowledged):
        pass

    def closed(self, session):
        pass


def hanging_up(share, name=b"Content-Length"):
    """The whole length is announced, and this share of the body comes."""
    return lambda body: ([b"%s: %d" % (name, len(body))], body[: int(len(body) * share)])
