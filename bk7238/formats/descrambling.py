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
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice, product
from operator import xor

from bk7238.formats import scrambling
from bk7238.formats.crc_framing import DATA
from bk7238.formats.scrambling import WORD, Coefficients, exclusive_or, scramble

BITS = range(2, 24)
"""The bits of logical addresses, of words, up to the largest flash."""
_PAIRS = 2048  # of frames that are compared for a bit of the address
_COMMON = 4  # words that may be zeros or fill
_FILL = 0xFFFFFFFF

Turns = tuple[int, ...]
"""The bits of the mask that each of BITS turns over."""


def turns(coefficients: Coefficients) -> Turns:
    """What these make of each bit of the address."""
    return scrambling.turns(coefficients)[1:][BITS.start : BITS.stop]


def candidates(code: bytes, sound: Sequence[int]) -> Iterator[Coefficients]:
    """Coefficients that this may have been scrambled with, the likeliest first: code as it lies in the flash from
    logical address 0 on, and the numbers of its frames that hold and are not erased, in their order."""
    if not sound:
        return
    votes = _votes(code, sound)
    choice = max(_choices(), key=lambda one: sum(map(Counter.get, votes, _choices()[one], (0,) * len(votes))))
    changed = scramble(code, 0, (0, 0, 0, choice))
    for word in _commonest(Counter(_words(_frames(changed, sound)))):
        for plain in (0, _FILL):
            yield (0, 0, word ^ plain, choice)


def _votes(code: bytes, sound: Sequence[int]) -> list[Counter[int]]:
    """For each of BITS how often two words whose addresses differ by it differ by what a choice makes of it."""
    there, first = set(sound), _words(_frames(code, sound[:_PAIRS]))
    votes = []
    for bit, possible in zip(BITS, map(set, zip(*_choices().values(), strict=True)), strict=True):
        if 1 << bit < DATA:
            differing = _neighbours(first, (1 << bit) // WORD)
        else:
            far = (1 << bit) // DATA
            near = list(islice((one for one in sound if not one & far and one | far in there), _PAIRS))
            others = _frames(code, [one | far for one in near])
            differing = iter(_words(exclusive_or(_frames(code, near), others)))
        votes.append(Counter(filter(possible.__contains__, differing)))
    return votes


def _neighbours(words: Sequence[int], apart: int) -> Iterator[int]:
    """By what the words of a frame differ that are so far apart."""
    count = DATA // WORD
    lower = (at for at in range(count) if not at & apart)
    return chain.from_iterable(map(xor, words[at::count], words[at | apart :: count]) for at in lower)


def _commonest(counts: Counter[int]) -> list[int]:
    """The words that come most often, as `most_common` has them, which takes longer where most come once."""
    least = sorted(counts.values())[-_COMMON:][0]
    often = {word: number for word, number in counts.items() if number >= least}
    return [word for word, _ in Counter(often).most_common(_COMMON)]


def _frames(code: bytes, numbers: Iterable[int]) -> bytes:
    return b"".join([code[number * DATA : (number + 1) * DATA] for number in numbers])


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // WORD}I", data)


@cache
def _choices() -> dict[int, Turns]:
    """What each choice of parts makes of the bits of the address, by the last coefficient: the exclusive or of what
    each part makes of them, which is nothing where its first value leaves it out. The constant part is always chosen:
    it is all that the others may add."""
    upper = (0x01, *(how << 5 for how in range(4)))
    lower = (0x02, *(shift << 8 for shift in range(4)))
    whole = (0x04 | 1 << 11, *(turn << 11 for turn in (1, 2, 3, 0)))
    parts, others = (upper, lower, whole), (0x06, 0x05, 0x03)
    alone = [
        {one: turns((0, 0, 0, 1 << 24 | one | out)) for one in part} for part, out in zip(parts, others, strict=True)
    ]
    return {
        1 << 24 | sum(chosen): tuple(map(xor, map(xor, alone[0][chosen[0]], alone[1][chosen[1]]), alone[2][chosen[2]]))
        for chosen in product(*parts)
    }
