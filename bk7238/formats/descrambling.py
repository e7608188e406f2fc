"""What scrambled code says of the coefficients that it was scrambled with, where plain text is known.

Firmware has many words that are the same as others: zeros between tables, fill behind its end. Where two of them
stand, the flash differs by what their masks differ by, and that follows from which parts of the mask are chosen, of
which there are few. Without that, the commonest word is the mask of address 0.

Of the four coefficients no more can be known than what they make: 32 bits of mask at address 0, and the choice. So what
is found scrambles alike, and need not be what the chip has in its eFuse.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice, product
from operator import xor

from bk7238.formats.crc_framing import DATA
from bk7238.formats.scrambling import WORD, Coefficients, mask, scramble

BITS = range(2, 24)
"""The bits of logical addresses, of words, up to the largest flash."""
_PAIRS = 2048  # of frames that are compared for a bit of the address
_COMMON = 4  # words that may be zeros or fill
_FILL = 0xFFFFFFFF

Turns = tuple[int, ...]
"""The bits of the mask that each of BITS turns over."""


def turns(coefficients: Coefficients) -> Turns:
    """What these make of each bit of the address."""
    return tuple(mask(1 << bit, coefficients) ^ mask(0, coefficients) for bit in BITS)


def candidates(frames: Mapping[int, bytes]) -> Iterator[Coefficients]:
    """Coefficients that these may have been scrambled with, the likeliest first: frames of code as they lie in the
    flash, by their logical address over 32, none of them erased."""
    if not frames:
        return
    votes = [_votes(frames, bit) for bit in BITS]
    choice = max(_choices(), key=lambda one: sum(map(Counter.get, votes, _choices()[one], (0,) * len(votes))))
    whole = bytearray((max(frames) + 1) * DATA)  # as one, which is faster than frame by frame
    for number, data in frames.items():
        whole[number * DATA : (number + 1) * DATA] = data
    changed = scramble(bytes(whole), 0, (0, 0, 0, choice))
    without = b"".join(changed[number * DATA : (number + 1) * DATA] for number in frames)
    for word, _ in Counter(_words(without)).most_common(_COMMON):
        for plain in (0, _FILL):
            yield (0, 0, word ^ plain, choice)


def _votes(frames: Mapping[int, bytes], bit: int) -> Counter[int]:
    """How often two words differ by what, whose addresses differ by this bit."""
    if 1 << bit < DATA:
        words = _words(b"".join(islice(frames.values(), _PAIRS)))
        low = (1 << bit) // WORD
        lower = [at for at in range(len(words)) if not at & low]
        return Counter(words[at] ^ words[at | low] for at in lower)
    far = (1 << bit) // DATA
    pairs = list(
        islice(((number, number ^ far) for number in frames if not number & far and number ^ far in frames), _PAIRS)
    )
    return Counter(map(xor, *(_words(b"".join(frames[pair[side]] for pair in pairs)) for side in (0, 1))))


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // WORD}I", data)


@cache
def _choices() -> dict[int, Turns]:
    """What each choice of parts makes of the bits of the address, by the last coefficient. The constant part is always
    chosen: it is all that the others may add."""
    upper = (0x01, *(how << 5 for how in range(4)))
    lower = (0x02, *(shift << 8 for shift in range(4)))
    whole = (0x04 | 1 << 11, *(turn << 11 for turn in (1, 2, 3, 0)))
    chosen = (1 << 24 | sum(parts) for parts in product(upper, lower, whole))
    return {choice: turns((0, 0, 0, choice)) for choice in chosen}
