"""ESPHome's update protocol, the client's side of one connection: a greeting, perhaps a password, the update in pieces.

Each answer is a byte. Version 2 of the protocol acknowledges each 8 KiB, and the next piece waits for that. A password
is not sent: the device gives a nonce, and takes the hash of password, nonce and a nonce of the client's, with MD5 or
SHA-256 as it asks. Source: ESPHome, components/esphome/ota and espota2.py.
"""

from __future__ import annotations

import hashlib

from bk7238.network.addresses import ip_bytes
from bk7238.network.exchange import Exchange

PORT = 8892  # of LibreTiny's chips; other chips have others
MAGIC = bytes.fromhex("6c26f75c45")
_FEATURES = b"\x02"  # SHA-256 is known, and nothing is compressed: chips that install the package cannot take it so
_PIECE = 8192
_UNKNOWN = 1 << 62  # where the package begins in what is sent, until it is sent
_HASHES = {0x01: "md5", 0x02: "sha256"}
_HEADER_OK, _AUTH_OK, _PREPARE_OK, _MD5_OK, _RECEIVE_OK, _END_OK, _CHUNK_OK = (0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x47)
_REFUSALS = {
    0x80: "it does not know the greeting",
    0x81: "it could not prepare its flash for the update",
    0x82: "the password is wrong",
    0x83: "it could not write the update to its flash",
    0x84: "it could not finish the update",
    0x85: "it wants a reset by hand first",
    0x88: "it has not enough room",
    0x89: "it has not enough room",
    0x8A: "it has no partition for updates",
    0x8B: "the MD5 of what arrived is another",
}
_REFUSED = 0x80  # answers from here on
_NOTHING = "nothing"  # is to be answered any more


class EsphomeOta(Exchange):
    """The update of a device at an address, which may ask for a password."""

    def __init__(self, address: str, port: int, package: bytes, password: str = "") -> None:
        super().__init__(f"{address}:{port}", ip_bytes(address), port, MAGIC, package, _UNKNOWN)
        self._password = password
        self._answers = b""
        self._step = "version"
        self._hash = ""  # that the device wants of the password
        self._version = 0

    def receive(self, data: bytes) -> None:
        """Take what the device answers."""
        self._answers += data
        while not self.done and self._goes_on():
            pass
        if not data and self._step == _NOTHING:
            self.complete = True
        elif not data and not self.done:
            self.failure = f"closed by the device, which was to answer the {self._step}"

    def delivered(self, count: int) -> None:
        """Note what has arrived."""
        super().delivered(count)
        self.complete = self.complete or (self._step == _NOTHING and count >= len(self.outgoing))

    def _goes_on(self) -> bool:
        """Take one answer where it is there."""
        size = {"version": 2, "nonce": 2 * self._digest(b"").digest_size}.get(self._step, 1)
        answer = self._answers[:size]
        if not answer or (len(answer) < size and not self._is_refused(answer)) or self._step == _NOTHING:
            return False
        self._answers = self._answers[size:]
        if self._is_refused(answer):
            self.failure = f"the device refused the {self._step}: {_REFUSALS.get(answer[0], f'code {answer[0]:#x}')}"
        elif self._step == "nonce":
            self._prove(answer)
        else:
            self._answered(answer)
        return True

    def _is_refused(self, answer: bytes) -> bool:
        return self._step != "nonce" and answer[0] >= _REFUSED

    def _digest(self, data: bytes) -> hashlib._Hash:
        return hashlib.new(self._hash or "md5", data, usedforsecurity=False)

    def _answered(self, answer: bytes) -> None:
        step, code = self._step, answer[0]
        if step == "version" and code == 0 and answer[1] in (1, 2):
            self._version = answer[1]
            self._say("features", _FEATURES)
        elif step == "features" and code == _HEADER_OK:
            self._step = "login"
        elif step == "login" and code in _HASHES:
            self._hash, self._step = _HASHES[code], "nonce"
            if not self._password:
                self.failure = "the device asks for a password: give it with --ota-password"
        elif step in ("login", "password") and code == _AUTH_OK:
            self._say("size", len(self.package).to_bytes(4, "big"))
        elif step == "size" and code == _PREPARE_OK:
            self._say("MD5", hashlib.md5(self.package, usedforsecurity=False).hexdigest().encode())
        elif step == "MD5" and code == _MD5_OK:
            self.start = len(self.outgoing)
            self._send()
        elif step == "update" and code == _CHUNK_OK:
            self._send()
        elif step == "update" and code == _RECEIVE_OK:
            self._step = "end of the update"
        elif step == "end of the update" and code == _END_OK:
            self._say(_NOTHING, b"\0")
        else:
            self.failure = f"the device answered the {step} with {answer.hex()}"

    def _say(self, step: str, data: bytes) -> None:
        """Send what the device is to answer next."""
        self._step = step
        self.outgoing += data

    def _send(self) -> None:
        """The next piece of the package, or all where nothing acknowledges pieces."""
        sent = len(self.outgoing) - self.start
        self._say("update", self.package[sent : sent + _PIECE] if self._version > 1 else self.package)

    def _prove(self, nonce: bytes) -> None:
        """Answer the device's nonce with one of ours and the hash that shows the password."""
        own = self._digest(nonce).hexdigest().encode()
        proof = self._digest(self._password.encode() + nonce + own).hexdigest().encode()
        self._say("password", own + proof)
