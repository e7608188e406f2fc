"""How the vendor's boot loader unpacks a package: in pieces, with the ends that it knows.

It decrypts 4,096 bytes of the body at a time, cuts PKCS#7 padding off the last ones, and hands on whole pieces of 4,096
unpacked bytes; an incomplete one only from the last input. After each input it stops when it has handed on at least
the raw size. A stored or lzma body that ends before makes it wait for ever; gzip calls that an error. The size in an
lzma header means nothing to it.
"""

from __future__ import annotations

import lzma
import zlib
from dataclasses import dataclass

from bk7238.formats import rbl_body

PIECE = 4096
GZIP_BUFFER = 2 * PIECE
STORED, GZIP, LZMA = 0x000, 0x100, 0x400
KNOWN = (STORED, GZIP, LZMA)
LZMA_HEADER = 13
MOST = 1 << 23  # bytes that are unpacked here: the flash has half of it


@dataclass(frozen=True)
class Stream:
    """What was handed on, whether that is at least the raw size, a line about an error, whether it waits for ever."""

    data: bytes
    enough: bool = False
    error: str = ""
    hangs: bool = False


def unpack(body: bytes, compression: int, raw_size: int) -> Stream:
    """Unpack a decrypted body. Not much more than the raw size comes out of it, whatever it says."""
    body = without_padding(body)
    if compression == GZIP:
        return _gzip(body, raw_size)
    if compression == LZMA:
        return _lzma(body, raw_size)
    return _stored(body, raw_size)


def without_padding(body: bytes) -> bytes:
    """PKCS#7 padding is cut off where it is one, of whatever length."""
    count = body[-1] if body else 0
    return body[:-count] if count and body.endswith(bytes((count,)) * count) else body


def _stored(body: bytes, raw_size: int) -> Stream:
    data = body[: max(PIECE, -(-raw_size // PIECE) * PIECE)]
    return Stream(data, True) if len(data) >= raw_size else Stream(data, hangs=True)


def _gzip(body: bytes, raw_size: int) -> Stream:
    worker = zlib.decompressobj(31)
    data, buffer = bytearray(), bytearray()
    for at in range(0, len(body), PIECE):
        tail, last = body[at : at + PIECE], at + PIECE >= len(body)
        while not worker.eof:
            try:
                piece = worker.decompress(tail, GZIP_BUFFER - len(buffer))
            except zlib.error as error:
                number, _, text = str(error).removeprefix("Error ").partition(" while decompressing data: ")
                whole = bytes(data + buffer) if last else bytes(data)
                return Stream(whole, len(whole) >= raw_size, f"decompress error: {text} {number}")
            buffer += piece
            tail = worker.unconsumed_tail
            full = len(buffer) == GZIP_BUFFER
            ready = len(buffer) if worker.eof else len(buffer) // PIECE * PIECE
            data += buffer[:ready]
            del buffer[:ready]
            if not full:
                break
        if len(data) >= raw_size or worker.eof or len(data) > MOST:
            return Stream(bytes(data), len(data) >= raw_size)
    data += buffer
    if len(data) >= raw_size:
        return Stream(bytes(data), True)
    return Stream(bytes(data), error="decompress error: * -5")


def _lzma(body: bytes, raw_size: int) -> Stream:
    if len(body) <= LZMA_HEADER:
        return Stream(b"", hangs=True)
    properties, dictionary, _ = rbl_body.lzma_properties(body)
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    if pb > 4 or lc + lp > 4 or dictionary > rbl_body.DICTIONARY:
        return Stream(b"")  # refused, or no memory: it says nothing and goes on with what it has
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(4096, dictionary), "lc": lc, "lp": lp, "pb": pb}]
    worker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    data = bytearray()
    try:
        for at in range(0, len(body), PIECE):
            _feed(worker, body[max(at, LZMA_HEADER) : at + PIECE], data)
            if worker.eof or len(data) > MOST:
                break
            if len(data) // PIECE * PIECE >= max(1, raw_size):
                del data[len(data) // PIECE * PIECE :]
                break
    except lzma.LZMAError:
        data = _until_damage(body, filters)
        return Stream(bytes(data), len(data) >= raw_size)
    enough = len(data) >= raw_size
    return Stream(bytes(data), enough, hangs=not enough and not worker.eof)


def _feed(worker: lzma.LZMADecompressor, data: bytes, out: bytearray) -> None:
    """Unpack one input, but no more than is of use."""
    while not worker.eof and len(out) <= MOST:
        out += worker.decompress(data, 1 << 16)
        data = b""
        if worker.needs_input:
            break


def _until_damage(body: bytes, filters: list[dict[str, int]]) -> bytearray:
    """What a damaged stream unpacks to before the damage is noticed: pieces, and the rest where it is in the last
    input. Byte for byte, as a call that fails gives nothing."""
    worker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    data, at = bytearray(), LZMA_HEADER
    try:
        for at in range(LZMA_HEADER, len(body)):
            data += worker.decompress(body[at : at + 1])
    except lzma.LZMAError:
        if at // PIECE < (len(body) - 1) // PIECE:
            del data[len(data) // PIECE * PIECE :]
    return data
