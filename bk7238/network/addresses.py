"""Addresses: bytes inside, text in events. MAC addresses have 6 bytes, IPv4 addresses 4."""

from __future__ import annotations

BROADCAST_MAC = b"\xff" * 6
BROADCAST_IP = b"\xff" * 4
NO_IP = bytes(4)


def mac_text(mac: bytes) -> str:
    """`02:aa:bb:cc:dd:01`."""
    return mac.hex(":")


def mac_bytes(text: str) -> bytes:
    """The bytes of `02:aa:bb:cc:dd:01`. Raises ValueError for anything else."""
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != 6:
        raise ValueError(f"{text!r} is not a MAC address")
    return mac


def ip_text(ip: bytes) -> str:
    """`192.168.77.1`."""
    return ".".join(map(str, ip))


def ip_bytes(text: str) -> bytes:
    """The bytes of `192.168.77.1`. Raises ValueError for anything else."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        raise ValueError(f"{text!r} is not an IPv4 address")
    return bytes(map(int, parts))


def is_multicast(ip: bytes) -> bool:
    """224.0.0.0/4 (RFC 5771)."""
    return ip[0] >> 4 == 14
