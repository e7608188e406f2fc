"""Everything that a user can choose for a run: each field's name, reader, text, option and help, said here alone.

The options of the command line and of pytest, the settings of markers, the commands that replay a run, and the tables
in the docs are made of these declarations (command.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from bk7238.air.misbehaviour import NONE, Misbehaviour
from bk7238.air.radio_mode import RadioMode
from bk7238.air.routers import OPEN, ROUTERS, USUAL
from bk7238.bench import values
from bk7238.chip import Chip, ChipError
from bk7238.engine.engine import NAMES
from bk7238.formats import scrambling
from bk7238.formats.passphrase import is_key
from bk7238.formats.scrambling import Coefficients
from bk7238.network import host_server, power_on_date
from bk7238.network.host_server import Forward, GatewayServer


@dataclass(frozen=True)
class Option:
    """How a field is written. `read` gives its value of what a user writes, and of a value; `write` the text of a value
    that is not None. Without a `metavar` it is a switch. Where there are `many`, the option is given once for each,
    `read` takes all of them, and `write` gives a list of texts. `page` of the docs has more."""

    read: Callable[[Any], Any]
    help: str
    metavar: str = ""
    write: Callable[[Any], Any] = str
    name: str = ""
    many: bool = False
    page: str = ""


def _option(usual: Any, read: Callable[[Any], Any], help: str, metavar: str = "", **more: Any) -> Any:
    default: Any = {"default_factory": dict} if usual == {} else {"default": usual}
    return field(**default, metadata={"option": Option(read, help, metavar, **more)})


def _ssid_text(ssid: bytes) -> str:
    return ssid.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Settings:
    """What the user chose. Each value may be given as it is written elsewhere, such as within="20 s", and None stands
    for what is usual. Raises ValueError, with one line that names the field, for what cannot be."""

    profile: str = _option(
        "auto",
        values.text,
        "firmware family: auto (recognised from the image), openbeken, beken-sdk, esphome, or, where the package is "
        "delivered already, none",
        "NAME",
        page="firmware-families.md",
    )
    ssid: bytes = _option(
        b"Bench", values.ssid, "the network that the device is told, 1 to 32 bytes", "SSID", write=_ssid_text
    )
    ap_ssid: bytes | None = _option(
        None, values.ssid, "the access point's own SSID, where it is to differ", "SSID", write=_ssid_text
    )
    psk: str | None = _option(
        None,
        values.passphrase,
        "the passphrase that the device is told, 8 to 63 characters, or the key, 64 hexadecimal digits; without it an "
        "open network",
        "P",
        page="networks.md",
    )
    ap_psk: str | None = _option(
        None,
        values.ap_passphrase,
        "the access point's own passphrase, where it is to differ; '' for an open network",
        "P",
    )
    router: str | None = _option(
        None,
        values.router,
        "what the router's menu calls the protection of its network: wpa is TKIP alone, mixed WPA or WPA2 with CCMP or "
        "TKIP, wpa3 SAE alone, wpa3-transition SAE or PSK; "
        "without it wpa2 where there is a passphrase, and open where there is none",
        "|".join(ROUTERS),
        page="networks.md",
    )
    hidden: bool = _option(False, values.switch, "the access point keeps its SSID out of its beacons")
    channel: int = _option(6, values.channel, "the access point's, 1 to 14, of which 14 is for 802.11b alone", "N")
    ht: bool = _option(False, values.switch, "the access point offers 802.11n and WMM")
    ht40: bool = _option(False, values.switch, "the access point offers 802.11n and announces channels of 40 MHz")
    n_only: bool = _option(False, values.switch, "the access point offers 802.11n and refuses stations without it")
    b_only: bool = _option(False, values.switch, "the access point offers the rates of 802.11b and no others")
    wmm: bool = _option(False, values.switch, "the access point offers WMM, without 802.11n, too")
    country: str | None = _option(
        None, values.country, "the access point says that it is in this country, a code of two letters", "CC"
    )
    dtim: int = _option(
        1,
        values.dtim,
        "every how many beacons the access point sends what waits for all while somebody sleeps, 1 to 255",
        "N",
        page="networks.md",
    )
    misbehaviour: Misbehaviour = _option(  # noqa: RUF009  # it is a field
        NONE,
        values.misbehaviour,
        "the access point does not do its part while a station joins: silent-at=STEP, deauthenticate-at=STEP, "
        "reason=N, refuse=STATUS, with commas between them",
        "HOW",
        write=values.misbehaviour_text,
        page="networks.md",
    )
    request: str | None = _option(
        None,
        values.request,
        "what the device asks for, where it is to differ from the package's name: the name of a file that is offered, "
        "a path with or without a query, or a whole http:// URL; what cannot stand in a URL is percent-encoded",
        "PATH",
    )
    update_by: str | None = _option(
        None,
        values.text,
        "how the update reaches the device: http, it fetches it; web, it is uploaded to the device's web server; push, "
        "it is sent to a TCP port of the device; without it as the firmware family usually does",
        "http|web|push",
        page="firmware-families.md",
    )
    ota_password: str | None = _option(
        None,
        values.text,
        "the password that the device wants to be shown before it takes an update by push, as ESPHome's `ota:` has it",
        "P",
        page="firmware-families.md",
    )
    date: str = _option(
        power_on_date.USUAL,
        values.date,
        "the date and the time (UTC) of the power-on, for who asks the time server of the device's network",
        "DATE",
        page="networks.md",
    )
    serve: Mapping[str, bytes] = _option(
        {},
        values.served,
        "offer FILE on the device's network as well (repeatable)",
        "FILE",
        write=values.served_texts,
        many=True,
        page="gateway.md",
    )
    gateway: Sequence[GatewayServer] = _option(
        (),
        values.gateway,
        "let the device reach this server of your machine, and nothing else (repeatable); at a name, as in "
        "broker.lan:1883=127.0.0.1:18830, or at the gateway's own address",
        "[[NAME][:PORT]=]HOST:PORT[/udp]",
        write=lambda servers: [str(server) for server in servers],
        many=True,
        page="gateway.md",
    )
    gateway_anywhere: bool = _option(
        False, values.switch, "HOST may be another machine's numeric address", page="gateway.md"
    )
    forward: Sequence[Forward] = _option(
        (),
        values.forwards,
        "let a port of your machine lead to a port of the device, as in 8080:80 (repeatable); on 127.0.0.1, unless "
        "another address is named",
        "[ADDRESS:]PORT:PORT[/udp]",
        write=lambda several: [str(one) for one in several],
        many=True,
        page="gateway.md",
    )
    tap: str | None = _option(
        None, values.text, "bridge the device's network to this Linux TAP interface", "NAME", page="gateway.md"
    )
    chip: Chip | None = _option(  # noqa: RUF009  # it is a field
        None,
        values.chip,
        "the image's: a name, or a folder with chip.toml and board.repl; without it the one that is recognised",
        "NAME",
        write=lambda chip: chip.word,
        page="images.md",
    )
    flash_key: Coefficients | None = _option(  # noqa: RUF009  # it is a field
        None,
        values.flash_key,
        "the coefficients that the code in the flash is scrambled with, as 32 hexadecimal digits, for the eFuse of the "
        "board; without it the chip's",
        "KEY",
        write=scrambling.text,
        page="images.md",
    )
    flash_size: int | None = _option(
        None,
        values.flash_size,
        "one that the chip may have, such as 4M; without it the smallest that holds the image",
        "SIZE",
        write=values.size_text,
    )
    devices: Sequence[str] = _option(
        (),
        values.descriptions,
        "what hangs on pins and buses: a platform description (.repl), or things (.toml) (repeatable)",
        "FILE",
        write=values.paths,
        name="device",
        many=True,
        page="devices.md",
    )
    engine: str = _option("unicorn", values.engine, "who executes", "|".join(NAMES), page="renode.md")
    seed: int = _option(
        0, values.whole, "of everything random: sequence numbers, nonces, the chip's random numbers", "N"
    )
    within: float = _option(
        180.0,
        values.within,
        "virtual seconds, or a time such as 250ms or 2min, until the run is ended",
        "TIME",
        write=values.time_text,
    )
    faults: Sequence[Any] = _option(
        (),
        values.faults,
        "what goes wrong, KIND[:ARGUMENTS][@WHEN] such as network-stall@50% (repeatable)",
        "SPEC",
        write=values.fault_texts,
        name="fault",
        many=True,
        page="faults.md",
    )
    delivered: bool = _option(
        False,
        values.switch,
        "the package lies in the download partition at power-on: no download, the boot loader alone; the app may be of "
        "any family",
    )
    as_is: bool = _option(
        False,
        values.switch,
        "the flash is that of a device that was in use: nothing is configured in it, and a package that is delivered "
        "lies there already",
        page="sweeps.md",
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, _read(one, getattr(self, one.name)))
        outside = [name for name in ("gateway", "tap", "serve") if getattr(self, name) not in (None, (), {})]
        if len(outside) > 1:
            raise ValueError(f"--{outside[0]} and --{outside[1]} do not go together: the device has one network")
        if self.router not in (None, OPEN) and not self.passphrase:
            raise ValueError(f"--router {self.router} needs a passphrase: --psk P, or --ap-psk P")
        if self.router == OPEN and self.ap_psk:
            raise ValueError("--router open and --ap-psk do not go together: an open network has no passphrase")
        offer = ROUTERS[self.router or USUAL]
        if is_key(self.passphrase or "") and offer is not None and offer.has_sae:
            raise ValueError(f"--router {self.router} needs a passphrase: SAE makes nothing of a key in hexadecimal")
        self.radio_mode.check(self.channel)
        if self.forward and self.tap is not None:
            raise ValueError(
                "--forward and --tap do not go together: with a TAP this machine reaches the device itself"
            )
        if self.gateway_anywhere and not self.gateway:
            raise ValueError("--gateway-anywhere needs --gateway HOST:PORT")
        try:
            for server in self.gateway:
                host_server.gateway_server(str(server), anywhere=self.gateway_anywhere)
        except ValueError as error:
            raise ValueError(f"gateway: {error}") from None

    @property
    def radio_mode(self) -> RadioMode:
        """What the access point says of its radio."""
        return RadioMode(**{one.name: getattr(self, one.name) for one in fields(RadioMode)})

    @property
    def passphrase(self) -> str | None:
        """The access point's own; None or empty where there is none."""
        return self.psk if self.ap_psk is None else self.ap_psk

    @property
    def reaches_host(self) -> bool:
        """Whether the run depends on the host: it can be neither repeated nor copied."""
        return bool(self.gateway or self.forward or self.tap is not None)

    def chip_or(self, chip: Chip) -> Chip:
        """The chip that they name, this one where they name none, with the key that they name."""
        return (self.chip or chip).keyed(self.flash_key)

    def check_chip(self, chip: Chip) -> None:
        """Raises ValueError where they name another chip or key than an image's, or a flash that it cannot have."""
        if self.chip_or(chip) != chip:
            raise ValueError(f"chip: the image was read as a {chip.name}'s, the settings name another one")
        try:
            if self.flash_size is not None:
                chip.flash(self.flash_size)
        except ChipError as error:
            raise ValueError(f"flash_size: {error}") from None


OPTIONS: Mapping[str, Option] = {one.name: one.metadata["option"] for one in fields(Settings)}
"""How each field is written, by its name."""


def read_value(name: str, value: Any) -> Any:
    """The value of one field as a user writes it; None stands for what is usual. Raises ValueError that names the
    field."""
    return _read(next(one for one in fields(Settings) if one.name == name), value)


def _read(one: Field[Any], value: Any) -> Any:
    if value is None:
        value = one.default if one.default_factory is MISSING else one.default_factory()
        if value is None:
            return None
    try:
        return one.metadata["option"].read(value)
    except (TypeError, AttributeError):
        raise ValueError(f"{one.name} cannot be {value!r}") from None
    except ValueError as error:
        raise ValueError(f"{one.name}: {error}") from None
