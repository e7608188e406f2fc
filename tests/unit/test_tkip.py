"""TKIP against the vectors of the standard (IEEE 802.11-2012, M.5 and M.6.3), and there and back."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import ccmp, tkip

COUNTING = bytes(range(16))
OTHER = bytes.fromhex("63893b250840b8ae0bd0fa7e61d2783e")

MIXED = [  # temporal key, transmitter, counter, phase 1, RC4 key
    (COUNTING, "102233445566", 0, "3DD2016E76F48697B2E8", "00200033EA8D2F60CA6D1374234A660B"),
    (COUNTING, "102233445566", 1, "3DD2016E76F48697B2E8", "00200190FFDC314389A9D9D074FD20AA"),
    (OTHER, "64F2EAEDDC25", 0x20DCFD43FFFF, "7C6749D79724B5E9B4F1", "FF7FFF93810FC6E58F5DD326251544CE"),
    (OTHER, "64F2EAEDDC25", 0x20DCFD440000, "5A5D73A8A8592EC1DC8B", "002000498CA471FCFBFAA16E3610F005"),
]
CODES = [  # Michael, each one's key the code before it
    (b"", "82925c1ca1d130b8"),
    (b"M", "434721ca40639b3f"),
    (b"Mi", "e8f9becae97e5d29"),
    (b"Mic", "90038fc6cf13c1db"),
    (b"Mich", "d55e100510128986"),
    (b"Michael", "0a942b124ecaa546"),
]


@pytest.mark.parametrize(("key", "transmitter", "counter", "mixed", "stream"), MIXED)
def test_the_mixed_keys_of_the_standard(key, transmitter, counter, mixed, stream):
    words = tkip.phase_1(key, bytes.fromhex(transmitter), counter >> 16)
    assert "".join(f"{word:04X}" for word in words) == mixed
    assert tkip.phase_2(words, key, counter & 0xFFFF).hex().upper() == stream


def test_michael_of_the_standard():
    key = bytes(8)
    for data, code in CODES:
        key = tkip.michael(key, data)
        assert key.hex() == code


def test_the_tkip_header():
    header = tkip.tkip_header(0x0605_0403_0201, 2)
    assert header.hex() == "022201a003040506"
    assert tkip.sequence_counter(header) == 0x0605_0403_0201 and ccmp.key_id(header) == 2


KEY = bytes(range(32))
SWAPPED = KEY[:16] + KEY[24:] + KEY[16:24]  # as the other side has it
TO_AP = bytes.fromhex("080100000200000001010200000000020200000000031000")
QOS_TO_AP = bytes.fromhex("8801000002000000010102000000000202000000000310000500")


@pytest.mark.parametrize("header", [TO_AP, QOS_TO_AP])
@given(body=st.binary(max_size=64), number=st.integers(0, (1 << 48) - 2))
def test_there_and_back(header, body, number):
    sending = tkip.TkipSendingKey(SWAPPED, 1)
    sending.packet_number = number
    sealed = sending.protect(header + body)
    assert len(sealed) == len(header) + 8 + len(body) + 8 + 4
    receiving = tkip.TkipReceivingKey(KEY)
    assert receiving.unprotect(sealed) == header + body
    with pytest.raises(ccmp.Replayed):
        receiving.unprotect(sealed)


@given(place=st.integers(0, 100), change=st.integers(1, 255))
def test_a_changed_frame_is_not_accepted(place, change):
    sealed = bytearray(tkip.TkipSendingKey(SWAPPED).protect(QOS_TO_AP + b"what it carries"))
    place = (26 + 8) + place % (len(sealed) - 34)
    sealed[place] ^= change
    with pytest.raises(tkip.IcvError):
        tkip.TkipReceivingKey(KEY).unprotect(bytes(sealed))


def test_michael_covers_addresses_and_priority():
    """Whoever knows the temporal key alone can change them, and no more."""
    sealed = tkip.TkipSendingKey(SWAPPED).protect(QOS_TO_AP + b"what it carries")
    for place in (16, 24):  # the destination, the priority
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(ccmp.MicError, match="the MIC"):
            tkip.TkipReceivingKey(KEY).unprotect(bytes(changed))


@given(st.binary(max_size=60))
def test_any_bytes(data):
    for what in (tkip.encrypt, tkip.decrypt):
        with suppress(ValueError):
            what(KEY, data)
