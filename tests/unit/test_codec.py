"""How code lies in the flash: what is encoded decodes, wherever it stands, and other tools scramble alike."""

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import codec, crc_framing
from bk7238.formats.codec import CRC_FRAMES, ScrambledCrcFrames
from bk7238.formats.scrambling import mask, scramble
from bk7238.peripherals.flash import FlashController
from bk7238.peripherals.nor_flash import NorFlash
from bk7238.testing.block import BlockBench as Bench

words = st.integers(0, (1 << 32) - 1)
choices = words | st.integers(0, 0xFFFFFF) | st.integers(0xFF000000, 0xFFFFFFFF)  # the last two scramble nothing
coefficients = st.tuples(words, words, words, choices)
codecs = st.just(CRC_FRAMES) | coefficients.map(ScrambledCrcFrames)
frames = st.integers(0, 0x3FFFF)  # up to 8 MiB
BK7299 = (0x1F2E3D4C, 0x9A5BC3D7, 0x0F1E2D3C, 0x6E5D0B40)


@given(codecs, frames, st.binary(max_size=400))
def test_encoding_and_decoding_at_any_place(one, number, data):
    framed = one.encode(data, 32 * number)
    assert len(framed) == -(-len(data) // 32) * 34 and one.bad(framed) == [] == one.erased(framed)
    assert one.decode(framed, 34 * number) == data.ljust(len(framed) // 34 * 32, b"\xff")


@given(codecs, frames, st.binary(max_size=200), st.integers(1, 10), st.integers(0, 33))
def test_what_is_erased_reads_as_erased(one, number, data, count, rest):
    framed = one.encode(data, 32 * number) + b"\xff" * (34 * count + rest)
    plain = one.decode(framed, 34 * number)
    assert plain[-(-len(data) // 32) * 32 :] == b"\xff" * (32 * count + min(rest, 32))


@given(coefficients, st.integers(0, (1 << 26) - 1), st.binary(max_size=100))
def test_each_word_has_its_mask(chosen, word, data):
    """Those that are kept and looked up are those that are computed."""
    data = data[: len(data) // 4 * 4]
    expected = b"".join(
        (int.from_bytes(data[at : at + 4], "little") ^ mask(4 * word + at, chosen)).to_bytes(4, "little")
        for at in range(0, len(data), 4)
    )
    assert scramble(data, 4 * word, chosen) == expected


def test_a_whole_flash_and_its_parts_are_scrambled_alike():
    flash = bytes(range(256)) * 0x1000
    whole = scramble(flash, 0x20000, BK7299)
    assert scramble(whole, 0x20000, BK7299) == flash != whole
    for at, size in ((0, 32), (0x7FE0, 0x40), (0x12340, 0x20000)):
        assert scramble(flash[at : at + size], 0x20000 + at, BK7299) == whole[at : at + size]


@pytest.mark.parametrize(
    ("name", "given_coefficients", "said"),
    [
        ("plain", None, "no codec 'plain' is known; there is crc-frames, scrambled-crc-frames"),
        ("crc-frames", [1, 2, 3, 4], "the codec crc-frames has no coefficients"),
        ("scrambled-crc-frames", None, "four numbers of 32 bits"),
        ("scrambled-crc-frames", [1, 2, 3], "four numbers of 32 bits"),
        ("scrambled-crc-frames", [1, 2, 3, 1 << 32], "four numbers of 32 bits"),
        ("scrambled-crc-frames", "1234", "four numbers of 32 bits"),
    ],
)
def test_what_is_no_codec(name, given_coefficients, said):
    with pytest.raises(ValueError, match=said):
        codec.find(name, given_coefficients)


def test_codecs_by_their_names():
    assert codec.find("crc-frames") == CRC_FRAMES
    assert codec.find("scrambled-crc-frames", list(BK7299)) == ScrambledCrcFrames(BK7299)


# The flash controller's window

ops = st.lists(st.tuples(st.integers(0, 0x1FFF), st.binary(min_size=1, max_size=100)), max_size=4)


@given(codecs, ops)
def test_the_window_shows_what_was_programmed(one, programs):
    """Whatever is programmed raw, into the middle of frames as well: the window is the decoded chip."""
    bench = Bench()
    flash = bench.make(FlashController, "flash")
    flash.insert(NorFlash(0x4000, 0), one)
    for at, data in programs:
        flash.write(0x14, 1 << 30)
        flash.write(0x24, 1 << 31)
        for byte in data:
            flash.write(0x24, byte)
        flash.write(0x00, 1 << 29 | 12 << 24 | at)
    whole = 0x4000 // 34 * 34
    assert bench.bus.read(0, whole // 34 * 32) == one.decode(bytes(flash.chip.data[:whole]), 0)


# Against what others say


def needs(name):
    missing = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"needs the package {name} (scripts/venv oracles)")


@needs("ltchiptool")
@given(coefficients, words)
def test_ltchiptool_scrambles_alike(chosen, address):
    from ltchiptool.soc.bk72xx.util.crypto import BekenCrypto
    from ltchiptool.util.bitint import BitInt

    if chosen[3] >> 11 & 3 == 0:  # it divides by zero there
        chosen = (*chosen[:3], chosen[3] | 1 << 11)
    theirs = BekenCrypto([BitInt(word) for word in chosen]).encrypt_u32(address, 0)
    assert theirs % (1 << 32) == mask(address, chosen)


@needs("bk7231tools")
@given(coefficients, st.integers(0, 0x7FFFF), st.binary(min_size=64, max_size=64))
def test_bk7231tools_scrambles_alike(chosen, frame, data):
    from bk7231tools.crypto.code import BekenCodeCipher

    chosen = (*chosen[:3], chosen[3] | 2)  # without the second part, of which it lets a 17th bit carry
    assert bytes(BekenCodeCipher(chosen).encrypt(data, 32 * frame)) == scramble(data, 32 * frame, chosen)


@needs("ltchiptool")
def test_a_scrambled_and_framed_flash_is_as_ltchiptool_packs_it():
    from ltchiptool.soc.bk72xx.util.crypto import BekenCrypto
    from ltchiptool.util.bitint import BitInt

    theirs = BekenCrypto([BitInt(word) for word in BK7299])
    code, address = bytes(range(256)), 0x10000
    scrambled = b"".join(
        theirs.encrypt_u32(address + at, int.from_bytes(code[at : at + 4], "little")).to_bytes(4, "little")
        for at in range(0, len(code), 4)
    )
    assert ScrambledCrcFrames(BK7299).encode(code, address) == crc_framing.frame(scrambled)
