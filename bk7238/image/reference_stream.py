"""How the reference boot loader unpacks a package: up to the raw size, handed on in pieces of 4 KiB."""

from __future__ import annotations

import lzma
import zlib
from dataclasses import dataclass

from bk7238.formats import rbl_body

PIECE = 4096
NONE, GZIP, LZMA = 0, 1, 4


@dataclass(frozen=True)
class Output:
    """What came out, and what was wrong with the stream. `vague` says that not all of it is foretold."""

    data: bytes
    wrong: str
    raw_size: int
    vague: bool = False

    @property
    def handed_on(self) -> bytes:
        """The last piece is handed on if it is whole or the last one announced."""
        whole = len(self.data) == self.raw_size
        return self.data if whole else self.data[: len(self.data) // PIECE * PIECE]


def unpack(body: bytes, compression: int, raw_size: int, key: bytes, iv: bytes) -> Output:
    """Decrypt and unpack a body."""
    stream = rbl_body.decrypt(body, "aes", key, iv)
    if compression == GZIP:
        return _gzip(stream, raw_size)
    if compression == LZMA:
        return _lzma(stream, raw_size)
    data = stream[:raw_size]
    return Output(data, "" if len(data) == raw_size else "unexpected end of data", raw_size)


def _gzip(stream: bytes, raw_size: int) -> Output:
    if stream[:3] != b"\x1f\x8b\x08":
        return Output(b"", "incorrect header check", raw_size)
    plain = stream[3:4] == b"\0"  # no fields of variable length; then the trailer is left alone, as there
    worker = zlib.decompressobj(-15 if plain else 31)
    stream = stream[10:] if plain else stream
    data = bytearray()
    while not worker.eof and len(data) <= raw_size:
        try:
            piece = worker.decompress(stream, min(PIECE, raw_size + 1 - len(data)))
        except zlib.error as error:
            text = str(error).rpartition(": ")[2]
            return Output(bytes(data), text, raw_size, vague=True)
        stream = worker.unconsumed_tail
        data += piece
        if not piece and not stream:
            return Output(bytes(data), "*", raw_size, vague=True)
    if len(data) > raw_size:
        return Output(bytes(data[:raw_size]), "*", raw_size, vague=True)
    return Output(bytes(data), "", raw_size)


def _lzma(stream: bytes, raw_size: int) -> Output:
    try:
        properties, dictionary, _ = rbl_body.lzma_properties(stream)
    except rbl_body.BodyError:
        return Output(b"", "*", raw_size, vague=True)
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    if pb > 4 or lc + lp > 4 or dictionary > rbl_body.DICTIONARY:
        return Output(b"", "lzma properties are not supported", raw_size)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": rbl_body.DICTIONARY, "lc": lc, "lp": lp, "pb": pb}]
    worker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    try:
        data = worker.decompress(stream[13:], raw_size + 1)
    except lzma.LZMAError:
        return Output(b"", "*", raw_size, vague=True)
    if len(data) > raw_size:  # a match that goes beyond the announced size is an error, the end of one before it is not
        return Output(data[:raw_size], "*", raw_size, vague=True)
    short = len(data) < raw_size and not worker.eof
    return Output(data, "unexpected end of data" if short else "", raw_size, vague=short)
