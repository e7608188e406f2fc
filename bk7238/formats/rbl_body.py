"""The body of an update package: AES-256-CBC(PKCS#7(compressed app)). Facts: docs/hardware/bootloader.md.

The padding is added without encryption too, and a full block to what is aligned already. Nothing here grows beyond the
size a caller allows, whatever a stream says.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bk7238.formats import quicklz

BLOCK = 16
KEY = "0123456789ABCDEF0123456789ABCDEF"
IV = "0123456789ABCDEF"
DICTIONARY = 0x10000  # what the packer uses and the most for which the bootloader has memory


class BodyError(ValueError):
    """The body cannot be made or read; the message says why."""


def encode(raw: bytes, compression: str, encryption: str, key: bytes = KEY.encode(), iv: bytes = IV.encode()) -> bytes:
    """The body for an app. Raises BodyError for an algorithm that is not known."""
    return encrypt(pad(compress(raw, compression)), encryption, key, iv)


def compress(raw: bytes, compression: str) -> bytes:
    """Pack an app. Raises BodyError where nothing here packs so."""
    if compression == "none":
        return raw
    if compression == "gzip":
        packer = zlib.compressobj(9, zlib.DEFLATED, 31, 8)
        return packer.compress(raw) + packer.flush()
    if compression == "quicklz":
        return quicklz.compress(raw)
    if compression == "lzma":
        return lzma_alone(raw)
    raise BodyError(f"the compression `{compression}` is not known")


def lzma_alone(raw: bytes, dictionary: int = DICTIONARY) -> bytes:
    """A `.lzma` stream with the size in its header and an end mark, as the packer makes it."""
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 9, "dict_size": dictionary}]
    stream = lzma.compress(raw, lzma.FORMAT_ALONE, filters=filters)
    return stream[:5] + struct.pack("<Q", len(raw)) + stream[13:]


def pad(data: bytes) -> bytes:
    """PKCS#7 to 16 bytes."""
    count = BLOCK - len(data) % BLOCK
    return data + bytes((count,)) * count


def encrypt(data: bytes, encryption: str, key: bytes, iv: bytes) -> bytes:
    """Encrypt whole blocks of 16 bytes with AES-CBC. Raises BodyError for another encryption."""
    if encryption == "none":
        return data
    if encryption != "aes":
        raise BodyError(f"the encryption `{encryption}` is not known")
    worker = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return worker.update(data) + worker.finalize()


def decrypt(body: bytes, encryption: str, key: bytes, iv: bytes) -> bytes:
    """The padded stream; what follows the last whole block is left out."""
    if encryption == "none":
        return body
    if encryption != "aes":
        raise BodyError(f"the encryption `{encryption}` cannot be undone")
    worker = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return worker.update(body[: len(body) // BLOCK * BLOCK]) + worker.finalize()


def decompress(stream: bytes, compression: str, limit: int) -> bytes:
    """What a stream unpacks to, at most `limit` bytes; what follows its end (padding) is ignored, and one that ends
    too early gives what was there. Raises BodyError for a damaged stream."""
    return b"".join(steps(stream, compression, limit))


def steps(stream: bytes, compression: str, limit: int, step: int = 1 << 16) -> Iterator[bytes]:
    """The same in pieces of at most `step` bytes, so that what precedes a damage is seen."""
    if compression == "none":
        for at in range(0, min(len(stream), limit), step):
            yield stream[at : min(at + step, limit)]
    elif compression == "gzip":
        yield from _gunzip(stream, limit, step)
    elif compression == "quicklz":
        try:
            yield quicklz.decompress(stream, limit)
        except quicklz.QuickLzError as error:
            raise BodyError(f"quicklz: {error}") from None
    elif compression == "lzma":
        yield from _unlzma(stream, limit, step)
    else:
        raise BodyError(f"the compression `{compression}` cannot be undone")


def _gunzip(stream: bytes, limit: int, step: int) -> Iterator[bytes]:
    worker = zlib.decompressobj(31)
    count = 0
    while count < limit and not worker.eof:
        try:
            piece = worker.decompress(stream, min(step, limit - count))
        except zlib.error as error:
            raise BodyError(f"gzip: {str(error).rpartition(': ')[2]}") from None
        stream = worker.unconsumed_tail
        count += len(piece)
        if piece:
            yield piece
        elif not stream:
            break


def lzma_properties(stream: bytes) -> tuple[int, int, int]:
    """The first byte (lc, lp, pb), the dictionary's size, and the size (or -1) of a `.lzma` stream."""
    if len(stream) < 13:
        raise BodyError("lzma: the stream ends in its header")
    properties: tuple[int, int, int] = struct.unpack_from("<BIq", stream)
    return properties


def _unlzma(stream: bytes, limit: int, step: int) -> Iterator[bytes]:
    properties, dictionary, size = lzma_properties(stream)
    if properties >= 9 * 5 * 5:
        raise BodyError(f"lzma: properties {properties:#x} are invalid")
    rest, lc = divmod(properties, 9)
    pb, lp = divmod(rest, 5)
    limit = limit if size < 0 else min(limit, size)
    # A dictionary larger than the output is of no use; it would only take the memory that a hostile stream says.
    dictionary = max(4096, min(dictionary, limit))
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    try:
        worker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        count, more = 0, stream[13:]
        while count < limit and not worker.eof:
            piece = worker.decompress(more, min(step, limit - count))
            more = b""
            count += len(piece)
            if piece:
                yield piece
            elif worker.needs_input:
                break
    except (lzma.LZMAError, ValueError) as error:
        raise BodyError(f"lzma: {error}") from None
