"""CCMP against the standard's test vector (IEEE 802.11-2012, M.6.4), and its nonce and AAD written out by hand."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import ccmp

DATA_KEY = bytes.fromhex("c97c1f67ce371185514a8a19f2bdd52f")
DATA_HEADER = bytes.fromhex("0848c32c0fd2e128a57c5030f1844408abaea5b8fcba8033")
DATA_CCMP = bytes.fromhex("0ce70020769703b5")
DATA_PLAIN = bytes.fromhex("f8ba1a55d02f85ae967bb62fb6cda8eb7e78a050")
DATA_SEALED = bytes.fromhex("f3d0a2fe9a3dbf2342a643e43246e80c3c04d0197845ce0b16f97623")

MANAGEMENT_HEADER = bytes.fromhex("c04000000200000001000200000000000200000000006000")


def test_the_data_frame_of_the_standard():
    frame = DATA_HEADER + DATA_CCMP
    assert ccmp.encrypt(DATA_KEY, frame + DATA_PLAIN) == frame + DATA_SEALED
    assert ccmp.decrypt(DATA_KEY, frame + DATA_SEALED) == frame + DATA_PLAIN


def test_the_ccmp_header():
    assert ccmp.ccmp_header(0xB5039776E70C, 0) == DATA_CCMP
    assert ccmp.packet_number(DATA_CCMP) == 0xB5039776E70C and ccmp.key_id(DATA_CCMP) == 0
    assert ccmp.key_id(ccmp.ccmp_header(1, 2)) == 2


QOS_FROM_AP = bytes.fromhex("8842000002000000010002000000000002000000000090000500")
FOUR_ADDRESSES = bytes.fromhex("8843000002000000010002000000000002000000000090000200000000090700")


@pytest.mark.parametrize(
    ("header", "priority", "aad"),
    [
        (MANAGEMENT_HEADER, "10", "c0400200000001000200000000000200000000000000"),
        (QOS_FROM_AP, "05", "884202000000010002000000000002000000000000000500"),
        (FOUR_ADDRESSES, "07", "884302000000010002000000000002000000000000000200000000090700"),
    ],
)
def test_nonce_and_additional_data(header, priority, aad):
    nonce = bytes.fromhex(priority + "020000000000" + "b5039776e70c")
    sealed = AESCCM(DATA_KEY, 8).encrypt(nonce, b"body", bytes.fromhex(aad))
    assert ccmp.encrypt(DATA_KEY, header + DATA_CCMP + b"body") == header + DATA_CCMP + sealed


@pytest.mark.parametrize("header", [DATA_HEADER, MANAGEMENT_HEADER, QOS_FROM_AP, FOUR_ADDRESSES])
@given(body=st.binary(max_size=64), number=st.integers(0, (1 << 48) - 1))
def test_there_and_back(header, body, number):
    frame = header + ccmp.ccmp_header(number, 1) + body
    sealed = ccmp.encrypt(DATA_KEY, frame)
    assert len(sealed) == len(frame) + ccmp.MIC_SIZE and sealed[: len(header) + 8] == frame[: len(header) + 8]
    assert ccmp.decrypt(DATA_KEY, sealed) == frame


def test_what_may_change_on_the_way_and_what_may_not():
    """Retry, power management and more data, the duration and the sequence number are not protected."""
    sealed = ccmp.encrypt(DATA_KEY, DATA_HEADER + DATA_CCMP + DATA_PLAIN)
    changed = bytearray(sealed)
    changed[1] ^= 0x38
    changed[2:4] = b"\0\0"
    changed[22] ^= 0xF0
    changed[23] ^= 0xFF
    assert ccmp.decrypt(DATA_KEY, bytes(changed))[32:] == DATA_PLAIN
    for place in (0, 1, 4, 10, 16, 22, 24, 28, 32, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1 if place not in (0, 1) else 0x80 if place == 0 else 0x04
        with pytest.raises(ValueError, match=r"the MIC does not match|has no room for CCMP"):
            ccmp.decrypt(DATA_KEY, bytes(changed))


def test_a_frame_without_room():
    with pytest.raises(ValueError, match="no room"):
        ccmp.encrypt(DATA_KEY, DATA_HEADER + bytes(7))
    with pytest.raises(ValueError, match="no room"):
        ccmp.decrypt(DATA_KEY, DATA_HEADER + bytes(15))
