"""The key RAM: encryption keys and the MAC addresses of the stations that they belong to; and the cipher engine, which
protects frames on their way out and in.

Facts: docs/hardware/wifi-mac.md. Entries 0 to 23 are group keys (4 * virtual interface + key id), 24 and up belong to
stations (24 + station index). An entry without a cipher still serves to find a station by its address. The MAC's soft
reset keeps the keys; keyStoRAMReset and a reset of the chip clear them. Software puts the packet number and key id into
a frame and leaves room for the MIC; of a received frame software sees the plain body behind the CCMP header. The MIC is
not handed on: the firmware accepts frames with and without it. Of TKIP the engine does the key mixing, RC4 and the
ICV; an entry holds the temporal key alone, and Michael is software's.

Not modelled: the configuration of the RAM (ENCR_RAM_CONFIG), the WPI integrity keys; WEP and WAPI in hardware;
A-MSDU protection (SPP). A frame that asks for them is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bk7238.formats import ccmp, tkip
from bk7238.formats.ieee80211 import PROTECTED
from bk7238.peripherals.core import RO, RW, SC, Register, State, on_write
from bk7238.peripherals.wifi.mac_part import MacPart

ENTRIES = 64
FIRST_STATION = 24
GROUP_KEYS_PER_INTERFACE = 4

NONE, WEP, TKIP, CCMP = range(4)
NAMES = {WEP: "WEP"}

# Decryption status in the receive header's status word
UNENCRYPTED = 0x00
ICV_FAILURE, CCMP_FAILURE = 0x04, 0x08
NULL_KEY = 0x10
TKIP_SUCCESS, CCMP_SUCCESS = 0x18, 0x1C
SUCCESSES = (TKIP_SUCCESS, CCMP_SUCCESS)


@dataclass(frozen=True)
class Key:
    """One entry. `key` is 16 bytes in the order of the standard, `mac` 6 bytes, `interface` the virtual interface."""

    key: bytes
    mac: bytes
    cipher: int
    interface: int
    spp: int
    use_default: int
    length: int


class KeyRam(MacPart):
    class ENCR_KEY(Register, at=0xAC, count=4):
        """ENCR_KEY_0 to ENCR_KEY_3, least significant byte first."""

        encrKeyRAMWord = RW(0, 31)

    class ENCR_MAC_ADDR_LOW(Register, at=0xBC):
        macAddrRAMLow = RW(0, 31, reset=0xFFFF_FFFF)

    class ENCR_MAC_ADDR_HIGH(Register, at=0xC0):
        macAddrRAMHigh = RW(0, 15, reset=0xFFFF)

    class ENCR_CNTRL(Register, at=0xC4):
        cLenRAM = RW(0)
        useDefKeyRAM = RW(1)
        sppRAM = RW(2, 3)
        vlanIDRAM = RW(4, 7)
        cTypeRAM = RW(8, 10, doc="0 none, 1 WEP, 2 TKIP, 3 CCMP")
        keyIndexRAM = RW(16, 25)
        searchError = RO(28)
        newSearch = SC(29)
        newWrite = SC(30)
        newRead = SC(31)

    entries: State[dict[int, Key]] = State(factory=dict)

    def station(self, mac: bytes) -> int | None:
        """The index of the entry with this address: stations first, then the others."""
        found = [index for index, key in self.entries.items() if key.mac == mac]
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda index: (index < FIRST_STATION, index))

    def group_key(self, interface: int, key_id: int) -> Key | None:
        """The key that a virtual interface uses for the group frames with this key id."""
        return self.entries.get(GROUP_KEYS_PER_INTERFACE * interface + key_id)

    @on_write(ENCR_CNTRL)
    def _command(self, word: int) -> None:
        control = KeyRam.ENCR_CNTRL
        if control.newWrite.of(word):
            self._store(self.ENCR_CNTRL.keyIndexRAM)
        if control.newRead.of(word):
            self._load(self.ENCR_CNTRL.keyIndexRAM)
        if control.newSearch.of(word):
            self._search()

    def _address(self) -> bytes:
        low, high = self.ENCR_MAC_ADDR_LOW.macAddrRAMLow, self.ENCR_MAC_ADDR_HIGH.macAddrRAMHigh
        return (high << 32 | low).to_bytes(6, "little")

    def _store(self, index: int) -> None:
        if index >= ENTRIES:
            self.log.warning(f"key RAM has {ENTRIES} entries; a write to entry {index} is lost")
            return
        control = self.ENCR_CNTRL
        self.entries[index] = Key(
            key=b"".join(word.encrKeyRAMWord.to_bytes(4, "little") for word in self.ENCR_KEY),
            mac=self._address(),
            cipher=control.cTypeRAM,
            interface=control.vlanIDRAM,
            spp=control.sppRAM,
            use_default=control.useDefKeyRAM,
            length=control.cLenRAM,
        )

    def _load(self, index: int) -> None:
        key = self.entries.get(index, Key(bytes(16), b"\xff" * 6, 0, 0, 0, 0, 0))
        for word, register in enumerate(self.ENCR_KEY):
            register.encrKeyRAMWord = int.from_bytes(key.key[4 * word : 4 * word + 4], "little")
        self.ENCR_MAC_ADDR_LOW.macAddrRAMLow = int.from_bytes(key.mac[:4], "little")
        self.ENCR_MAC_ADDR_HIGH.macAddrRAMHigh = int.from_bytes(key.mac[4:], "little")
        control = self.ENCR_CNTRL
        control.cTypeRAM, control.vlanIDRAM, control.sppRAM = key.cipher, key.interface, key.spp
        control.useDefKeyRAM, control.cLenRAM = key.use_default, key.length

    def _search(self) -> None:
        index = self.station(self._address())
        self.ENCR_CNTRL.searchError = index is None
        if index is not None:
            self.ENCR_CNTRL.keyIndexRAM = index


class CipherEngine(NamedTuple):
    """What the engine does for a cipher; `room` is what software leaves for it behind a frame, in bytes."""

    encrypt: Callable[[bytes, bytes], bytes]
    decrypt: Callable[[bytes, bytes], bytes]
    room: int
    success: int
    failure: int


_ENGINES = {
    TKIP: CipherEngine(tkip.encrypt, tkip.decrypt, tkip.ICV_SIZE, TKIP_SUCCESS, ICV_FAILURE),
    CCMP: CipherEngine(ccmp.encrypt, ccmp.decrypt, ccmp.MIC_SIZE, CCMP_SUCCESS, CCMP_FAILURE),
}


class UnusableKey(Exception):
    """The engine cannot do what the key says; the text says why."""


def _is_protected(frame: bytes) -> bool:
    return len(frame) > 1 and bool(frame[1] & PROTECTED)


def protect(frame: bytes, key: Key | None) -> bytes:
    """A frame from memory as it goes on the air: in place of the room that software left, with MIC or ICV."""
    if key is None or key.cipher == NONE or not _is_protected(frame):
        return frame
    engine = _engine(key)
    try:
        return engine.encrypt(key.key, frame[: -engine.room])
    except ValueError as error:
        raise UnusableKey(str(error)) from None


def unprotect(frame: bytes, key: Key | None) -> tuple[bytes, int]:
    """A protected frame from the air as software gets it, and its decryption status."""
    if key is None or key.cipher == NONE:
        return frame, NULL_KEY
    engine = _engine(key)
    try:
        return engine.decrypt(key.key, frame), engine.success
    except ValueError:
        return frame, engine.failure


def _engine(key: Key) -> CipherEngine:
    if key.cipher not in _ENGINES:
        name = NAMES.get(key.cipher, f"cipher {key.cipher}")
        raise UnusableKey(f"{name} is not modelled, CCMP and TKIP are; the key belongs to {key.mac.hex(':')}")
    return _ENGINES[key.cipher]
