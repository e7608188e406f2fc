"""What logical bytes say of themselves, however much of them is erased: that they are code, and names."""

import random
import re
import struct

from hypothesis import example, given
from hypothesis import strategies as st

from bk7238.image import machine_code
from bk7238.image.machine_code import is_code, names

PUSH, POP = b"\x00\xb5", b"\x00\xbd"
BACK = struct.pack("<HH", 0xF7FF, 0xFFFC)  # bl to four bytes before itself
CALLS = (PUSH + b"\x00\x20" + BACK + POP) * 30
NAMES = (b"\0BK7238_1.0.15", b"OpenBK7231N_1.17.0\0", b"-BK7231_1.0", b"BK7BK7238\0\0\0\0_2.0", b"BK7", b"238_1.0.0")


def test_short_code_is_not_judged_by_its_shape():
    garbage = random.Random(3).randbytes(0x2000)
    assert is_code(garbage[:0xFFF]) is None and is_code(garbage) is False


def test_thumb_calls_are_seen():
    assert is_code((PUSH + b"\x00\x20" + BACK + POP) * 1000)
    assert not is_code((b"\x00\xb1" + b"\x00\x20" + BACK + POP) * 1000)


PIECES = st.one_of(
    st.sampled_from((CALLS, *NAMES)),
    st.integers(1, 0x2100).map(bytes),
    st.integers(1, 0x2100).map(lambda size: b"\xff" * size),
    st.integers(0, 0x1800).map(lambda size: random.Random(size).randbytes(size)),
)


@given(st.lists(PIECES, max_size=9).map(b"".join))
@example(b"BK72" + bytes(0xFFC) + b"\xff" * 0x1000 + b"38_1.0")
def test_what_is_erased_is_not_looked_at_and_changes_nothing(code):
    found = re.finditer(rb"(BK7\d{3}[A-Z]{0,2})\0{0,4}_(\d+(?:\.\d+)+)", code)
    own = [one for one in found if re.search(rb"(?:^|[^\x20-\x7e])[A-Za-z]{0,8}\Z", code[: one.start()][-9:])]
    assert [str(name) for name in names(code)] == [f"{one[1].decode()}_{one[2].decode()}" for one in own]
    written = len(code) - 32 * (code.count(b"\xff" * 32) + code.count(bytes(32)))
    enough = len(list(machine_code._calls(code))) >= written // 0x1000
    assert is_code(code) is (None if written < 0x1000 else enough)
