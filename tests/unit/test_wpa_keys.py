"""The keys of WPA2 and their packets, against published vectors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import eapol, rsn, wpa_keys
from bk7238.formats.ieee80211 import element


@pytest.mark.parametrize(  # IEEE 802.11-2020, J.4.2
    ("passphrase", "ssid", "key"),
    [
        ("password", b"IEEE", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
        ("ThisIsAPassword", b"ThisIsASSID", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
        ("a" * 32, b"Z" * 32, "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62"),
    ],
)
def test_passphrases_of_the_standard(passphrase, ssid, key):
    assert wpa_keys.pmk(passphrase, ssid).hex() == key


@pytest.mark.parametrize("passphrase", ["1234567", "x" * 64, "tabs\tare not", "größer als"])
def test_impossible_passphrases(passphrase):
    with pytest.raises(ValueError, match="8 to 63 printable ASCII"):
        wpa_keys.pmk(passphrase, b"Bench")


@pytest.mark.parametrize(  # IEEE 802.11-2020, J.3: the PRF's test vectors
    ("key", "label", "data", "output"),
    [
        (
            b"\x0b" * 20,
            "prefix",
            b"Hi There",
            "bcd4c650b30b9684951829e0d75f9d54b862175ed9f00606e17d8da35402ffee"
            "75df78c3d31e0f889f012120c0862beb67753e7439ae242edb8373698356cf5a",
        ),
        (
            b"Jefe",
            "prefix",
            b"what do ya want for nothing?",
            "51f4de5b33f249adf81aeb713a3c20f4fe631446fabdfa58244759ae58ef9009"
            "a99abf4eac2ca5fa87e692c440eb40023e7babb206d61de7b92f41529092b8fc",
        ),
        (
            b"\xaa" * 20,
            "prefix",
            b"\xdd" * 50,
            "e1ac546ec4cb636f9976487be5c86be17a0252ca5d8d8df12cfb0473525249ce"
            "9dd8d177ead710bc9b590547239107aef7b4abd43d87f0a68f1cbd9e2b6f7607",
        ),
    ],
)
def test_pseudo_random_function_of_the_standard(key, label, data, output):
    assert wpa_keys.prf(key, label, data, 64).hex() == output


def test_pairwise_keys_of_the_standard():
    """IEEE 802.11-2020, J.7: the parts of the PTK for CCMP."""
    keys = wpa_keys.pairwise(
        bytes.fromhex("0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"),
        bytes.fromhex("a0a1a1a3a4a5"),
        bytes.fromhex("b0b1b2b3b4b5"),
        bytes.fromhex("e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405"),
        bytes.fromhex("c0c1c2c3c4c5c6c7c8c9d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5"),
    )
    assert keys.kck.hex() == "379f9852d0199236b94e407ce4c00ec8"
    assert keys.kek.hex() == "47c9edc01c2c6e5b4910caddfb3e51a7"
    assert keys.tk.hex() == "b2360c79e9710fdd58bea93deaf06599"


def test_key_wrap_of_rfc_3394():
    """RFC 3394, 4.1: 128 bits of key data with a 128-bit key."""
    key = bytes(range(16))
    data = bytes.fromhex("00112233445566778899aabbccddeeff")
    wrapped = bytes.fromhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
    assert wpa_keys.wrap(key, data) == wrapped
    assert wpa_keys.unwrap(key, wrapped) == data
    with pytest.raises(ValueError, match="unwrapped"):
        wpa_keys.unwrap(key, wrapped[:-1] + b"!")


@given(st.binary(min_size=1, max_size=100).filter(lambda data: data[-1] not in (0, 0xDD)))
def test_key_data_of_any_length_is_wrapped(data):
    unwrapped = wpa_keys.unwrap(bytes(16), wpa_keys.wrap(bytes(16), data))
    filling = unwrapped.removeprefix(data)
    assert len(unwrapped) == len(data) + len(filling) and filling in (b"", b"\xdd".ljust(len(filling), b"\0"))


def test_a_group_key_is_found_in_key_data():
    data = element(48, b"rsn") + element(221, b"\0\x50\xf2\x01") + wpa_keys.group_key_data(2, b"k" * 16) + b"\xdd\0"
    assert wpa_keys.find_group_key(data) == (2, b"k" * 16)
    assert wpa_keys.find_group_key(data[:30]) is None


FIRMWARE = bytes.fromhex("0100000fac040100000fac040100000fac028000")


def test_the_rsn_element():
    asked = rsn.parse(FIRMWARE)
    assert asked == rsn.Rsn(1, rsn.CCMP, (rsn.CCMP,), (rsn.PSK,), 0x80) and asked.pack() == FIRMWARE
    assert rsn.parse(b"\1\0") == rsn.Rsn()
    more = FIRMWARE + b"\1\0" + b"sixteen bytes of" + rsn.BIP_CMAC
    assert rsn.parse(more) == replace(asked, pmkids=(b"sixteen bytes of",), group_management=rsn.BIP_CMAC)
    assert rsn.parse(more).pack() == more


@pytest.mark.parametrize("length", [*range(2), *range(3, 6), 7, *range(9, 12), 13, *range(15, 18), 19])
def test_an_rsn_element_that_breaks_off(length):
    with pytest.raises(ValueError, match="RSN element"):
        rsn.parse(FIRMWARE[:length])


def test_an_rsn_element_with_an_empty_list():
    with pytest.raises(ValueError, match="empty"):
        rsn.parse(FIRMWARE[:6] + bytes(2))


KCK = bytes(range(16))


def test_a_key_frame_there_and_back():
    frame = eapol.KeyFrame(0x13CA, 0x0102030405060708, bytes(range(32)), 16, 0xA1B2C3, b"wrapped data")
    packet = frame.pack(KCK)
    assert packet[:7].hex() == "0203006b0213ca" and len(packet) == 99 + 12
    assert packet[9:17].hex() == "0102030405060708"  # big-endian
    assert packet[65:73].hex() == "c3b2a10000000000"  # little-endian
    assert eapol.parse(packet) == frame
    assert eapol.mic_matches(packet, KCK) and not eapol.mic_matches(packet, bytes(16))
    behind = packet + b"padding of the 802.11 payload"
    assert eapol.parse(behind) == frame and eapol.mic_matches(behind, KCK)


@given(st.integers(0, 110), st.integers(1, 255))
def test_the_mic_covers_every_byte(at, change):
    packet = bytearray(eapol.KeyFrame(0x010A, 1, data=b"twelve bytes").pack(KCK))
    packet[at] ^= change
    try:
        assert not eapol.mic_matches(bytes(packet), KCK)
    except ValueError:
        assert at in (1, 2, 3)  # type and length


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [(1, 0, "type 0"), (3, 94, "length 94"), (2, 1, "length 351"), (4, 1, "descriptor 1,"), (6, 3, "version 3")],
)
def test_packets_that_are_no_key_frames(at, value, message):
    packet = bytearray(eapol.KeyFrame(0x0002, 1).pack())
    packet[at] = value
    with pytest.raises(ValueError, match=message):
        eapol.parse(bytes(packet))
    with pytest.raises(ValueError, match="break off"):
        eapol.parse(eapol.KeyFrame(0x0002, 1).pack()[:-1] + b"\1")


@given(st.binary(max_size=200))
def test_any_bytes(data):
    for read in (eapol.parse, rsn.parse, lambda packet: eapol.mic_matches(packet, KCK)):
        try:
            read(data)
        except ValueError as error:
            assert str(error), "it says why"
    found = wpa_keys.find_group_key(data)
    assert found is None or (found[0] in range(4) and found[1] in data)


def test_a_key_in_hexadecimal_is_one():
    key = wpa_keys.pmk("password", b"IEEE")
    assert wpa_keys.pmk(key.hex(), b"another") == key == wpa_keys.pmk(key.hex().upper(), b"")
    for text in (key.hex()[1:], key.hex()[:-1] + "g"):
        assert not wpa_keys.is_key(text)
