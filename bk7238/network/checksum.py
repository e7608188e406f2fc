"""The Internet checksum (RFC 1071)."""

from __future__ import annotations


def checksum(data: bytes) -> int:
    """The ones' complement of the ones' complement sum of `data` as big-endian 16-bit words, padded with a zero.

    2**16 is 1 modulo 0xFFFF, so the sum of the words is the whole as one large number modulo 0xFFFF. Over data that
    includes a correct checksum the result is 0.
    """
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    folded = number % 0xFFFF
    if not folded and number:
        folded = 0xFFFF  # folding carries never turns a sum that is not zero into zero
    return folded ^ 0xFFFF


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What UDP (RFC 768) and TCP (RFC 9293, section 3.1) put in front of a segment to compute its checksum."""
    return source + destination + bytes((0, protocol)) + length.to_bytes(2, "big")
