"""OpenBeken (OpenBK7231T_App): configured through the block in flash that its web page writes.

The block is 3,584 bytes where the chip has it: "CFG", a CRC over what follows it, version 5, SSID at 0x14, password at
0x54, start-up command at 0x5E0. Without an SSID the app opens an access point of its own. Facts:
docs/firmware-families.md; names are those of the app's `mainConfig_t`.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from bk7238.air import events as air
from bk7238.families.delivery import HttpPull, WebUpload
from bk7238.families.family import Family, Kind
from bk7238.network.events import Event, HttpRequested, LeaseGranted
from bk7238.peripherals.core import Actor, ResetKind, State

if TYPE_CHECKING:
    from bk7238.air.medium import Medium
    from bk7238.families.family import Instructions
    from bk7238.image.flash_view import FlashView
    from bk7238.machine import Machine

CONFIG_SIZE = 3584
_MAGIC = b"CFG"
_VERSION = 5
_SSID = (0x14, 64)
_PASSWORD = (0x54, 64)
_START_COMMAND = (0x5E0, 1568)


def _signed(byte: int) -> int:
    return byte - 256 if byte & 0x80 else byte


def config_crc(block: bytes | bytearray) -> int:
    """The CRC in byte 3 of the block. The app shifts signed characters, which copies their top bit."""
    crc = 0
    for byte in block[4:CONFIG_SIZE]:
        value = _signed(byte)
        for _ in range(8):
            differs = (crc ^ value) & 1
            crc >>= 1
            if differs:
                crc = _signed((crc ^ 0x8C) & 0xFF)
            value >>= 1
    return crc & 0xFF


def _put(block: bytearray, field: tuple[int, int], value: bytes, name: str) -> None:
    at, size = field
    if len(value) >= size:
        raise ValueError(f"{name} is {len(value)} bytes long; OpenBeken keeps at most {size - 1}")
    block[at : at + size] = value.ljust(size, b"\0")


def start_command(told: Instructions) -> str:
    """The start-up command that fetches the update; empty where there is none to fetch."""
    return f"addEventHandler WiFiState 4 ota_http {told.url}" if told.url else ""


class OpenBeken(Family):
    """OpenBK7231T_App. Its texts were read in apps, and in its sources."""

    name, title = "openbeken", "OpenBeken"
    evidence = (
        Kind("product name", (b"OpenBK7",)),
        Kind("project", (b"openshwprojects", b"openbekeniot", b"OpenBeken")),
        Kind(
            "console commands",
            (b"AddEventHandler", b"StartupCommand", b"SetPinRole", b"SetChannelType", b"backlog"),
            least=3,
        ),
        Kind("web pages", (b"cfg_startup", b"startup_command", b"cfg_webapp", b"cfg_mqtt", b"cfg_pins"), least=3),
    )
    banner = re.compile(r"OpenBK7\w+, version (?P<version>[0-9A-Za-z._-]+)")
    deliveries = (HttpPull(), WebUpload("/api/ota", then=("/index?restart=1",)))

    def settings(self, flash: FlashView) -> list[str]:
        """The SSID in the configuration block."""
        at = self.configuration(flash.chip, len(flash.data)).start
        block = flash.data[at : at + CONFIG_SIZE]
        if block[:3] != _MAGIC:
            return []
        start, size = _SSID
        ssid = block[start : start + size].split(b"\0")[0].decode("utf-8", "replace")
        return [f"OpenBeken's configuration at {at:#x}, SSID {ssid!r}"]

    def configure(self, flash: FlashView, told: Instructions) -> dict[int, bytes]:
        """The configuration block. One that is there already keeps its other settings."""
        address = self.configuration(flash.chip, len(flash.data)).start
        block = bytearray(flash.data[address : address + CONFIG_SIZE])
        if block[:3] != _MAGIC or block[3] != config_crc(block):
            block = bytearray(CONFIG_SIZE)
            block[:3] = _MAGIC
            struct.pack_into("<I", block, 4, _VERSION)
        _put(block, _SSID, told.ssid, "the SSID")
        _put(block, _PASSWORD, told.passphrase.encode(), "the passphrase")
        _put(block, _START_COMMAND, start_command(told).encode(), "the start-up command")
        block[3] = config_crc(block)
        return {address: bytes(block)}

    def attach(self, machine: Machine, air: Medium, told: Instructions) -> Configured:
        """Its configuration says all."""
        return Configured(machine, air, told, self.configuration(machine.chip, machine.flash.size).start)

    def forgotten(self, flash: FlashView) -> str:
        """A block that does not hold is replaced by defaults, which name no network."""
        address = self.configuration(flash.chip, len(flash.data)).start
        block = flash.data[address : address + CONFIG_SIZE]
        if block[:3] != _MAGIC:
            lost = "it does not begin with CFG"
        elif int.from_bytes(block[4:8], "little") != _VERSION:
            return ""  # of another version's block nothing is known here
        elif block[3] != config_crc(block):
            lost = "its CRC does not match"
        elif not block[_SSID[0]]:
            lost = "it holds the defaults"
        else:
            return ""
        return f"the app's configuration at {address:#x} is lost ({lost}): it opens an access point of its own"


class Configured(Actor):
    """A device that was configured before its start: what it has done of that since."""

    _looked: bool = State(False)
    _joined: bool = State(False)
    _requested: bool = State(False)

    def __init__(self, machine: Machine, air: Medium, told: Instructions, address: int) -> None:
        self._told, self._address = told, address
        machine.engine.on_reset.connect(self._reset)
        air.on_event.connect(self._event)

    def missing(self) -> str:
        """The network that it was to look for, or the request that it was to make."""
        if not self._looked:
            ssid = self._told.ssid.decode("utf-8", "replace")
            return f'it did not look for "{ssid}", which its configuration at {self._address:#x} names'
        if self._joined and self._told.url and not self._requested:
            return f"its start-up command `{start_command(self._told)}` led to no request"
        return ""

    def _reset(self, _kind: ResetKind) -> None:
        self._looked = self._joined = self._requested = False

    def _event(self, event: Event) -> None:
        if isinstance(event, air.ProbeSeen):
            self._looked = self._looked or event.ssid == self._told.ssid
        elif isinstance(event, (air.StationAuthenticated, air.StationRefused, air.StationAssociated, air.StepIgnored)):
            self._looked = True
        elif isinstance(event, LeaseGranted):
            self._looked = self._joined = True
        elif isinstance(event, HttpRequested):
            self._requested = True
