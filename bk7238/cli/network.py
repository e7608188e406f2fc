"""The network that a device finds, and what it is told of it: options of every command that updates one."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bk7238.cli import arguments as given

if TYPE_CHECKING:
    from bk7238.update.session import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        default="auto",
        help="firmware family: auto, openbeken, beken-sdk, none (with --delivered); default: auto",
    )
    parser.add_argument("--ssid", type=given.ssid, default=b"Bench", help="network the device is told (default: Bench)")
    parser.add_argument("--ap-ssid", type=given.ssid, metavar="SSID", help="the access point's, where it differs")
    parser.add_argument(
        "--psk", type=given.passphrase, metavar="P", help="the passphrase the device is told (default: an open network)"
    )
    parser.add_argument(
        "--ap-psk", type=given.ap_passphrase, metavar="P", help="the access point's, where it differs; '' is open"
    )
    parser.add_argument("--hidden", action="store_true", help="the access point keeps its SSID out of its beacons")
    parser.add_argument("--channel", type=given.channel, default=6, metavar="N", help="1 to 13 (default: 6)")
    parser.add_argument("--ht", action="store_true", help="the access point offers 802.11n and WMM")
    parser.add_argument(
        "--request",
        type=given.request,
        metavar="PATH",
        help="what the device asks for, where it is not PACKAGE's name; or a whole http:// URL",
    )


def settings(arguments: argparse.Namespace, **more: Any) -> Settings:
    """The settings of an update: the options that are called like them, and `more`."""
    from bk7238.update.session import Settings  # the machine is heavy: not for what fails before it

    names = {field.name for field in fields(Settings)}
    return Settings(**{**{name: value for name, value in vars(arguments).items() if name in names}, **more})
