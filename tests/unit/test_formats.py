"""CRC framing, partition tables and RBL headers: against published check values, and round trips."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import crc_framing, partitions, rbl


def test_crc16_check_value():
    # CRC-16/CMS of the catalogue of parametrised CRC algorithms: the same polynomial, start and direction.
    assert crc_framing.crc16(b"123456789") == 0xAEE7


def test_an_erased_frame_is_no_valid_frame_but_not_a_bad_one():
    assert crc_framing.crc16(b"\xff" * 32) == 0x000C
    assert crc_framing.bad_frames(b"\xff" * 68) == []


@pytest.mark.parametrize(
    ("logical", "physical"), [(0, 0), (31, 31), (32, 34), (0x10000, 0x11000), (0x11FFA0, 0x131F9A)]
)
def test_addresses(logical, physical):
    assert crc_framing.physical(logical) == physical
    assert crc_framing.logical(physical) == logical


@given(st.binary(max_size=400))
def test_framing_round_trip(data):
    framed = crc_framing.frame(data)
    assert len(framed) == -(-len(data) // 32) * 34
    assert crc_framing.bad_frames(framed) == []
    assert crc_framing.strip(framed)[: len(data)] == data
    assert set(crc_framing.strip(framed)[len(data) :]) <= {0xFF}


@given(st.binary(min_size=32, max_size=200), st.data())
def test_a_flipped_bit_is_a_bad_frame(data, draw):
    framed = bytearray(crc_framing.frame(data))
    at = draw.draw(st.integers(0, len(framed) - 1))
    framed[at] ^= 1 << draw.draw(st.integers(0, 7))
    assert crc_framing.bad_frames(bytes(framed)) == [at // 34 * 34]


FRAMES = st.sampled_from((crc_framing.frame(bytes(range(32))), b"\xff" * 34, b"\xfe" + b"\xff" * 33, bytes(34)))


@given(st.lists(st.tuples(FRAMES, st.integers(1, 200)), max_size=6), st.integers(0, 33))
def test_a_flash_is_what_its_frames_are_one_by_one(runs, rest):
    """Runs of frames that hold, are erased, are no erased ones but end as these do, or do not hold; and part of one."""
    flash = b"".join(one * count for one, count in runs) + b"\xff" * rest
    frames = {at: flash[at : at + 34] for at in range(0, len(flash) - rest, 34)}
    erased = [at for at, one in frames.items() if one == b"\xff" * 34]
    wrong = [at for at, one in frames.items() if crc_framing.crc16(one[:32]) != int.from_bytes(one[32:], "big")]
    bad = [at for at in wrong if at not in erased]
    assert (crc_framing.bad_frames(flash), crc_framing.erased_frames(flash)) == (bad, erased)
    assert crc_framing.counts(flash) == (len(frames) - len(wrong), len(bad))
    assert [at for run in crc_framing.written_runs(flash) for at in run[::34]] == [
        at for at in frames if at not in erased
    ]
    assert crc_framing.strip(flash) == b"".join(flash[at : at + 32] for at in range(0, len(flash), 34))


DOWNLOAD = partitions.Partition("download", "beken_onchip", 0x132000, 0xAE000)
APP = partitions.Partition("app", "beken_onchip_crc", 0x10000, 0x110000)


def test_partition_entry_is_the_shipped_one():
    assert DOWNLOAD.pack()[-4:] == (0xE93B1B55).to_bytes(4, "little")
    assert APP.pack()[-4:] == (0xE48592C9).to_bytes(4, "little")


def test_partition_addresses():
    assert (APP.physical_start, APP.physical_end) == (0x11000, 0x132000)
    assert (DOWNLOAD.physical_start, DOWNLOAD.physical_end) == (0x132000, 0x1E0000)


def test_the_table_is_found_from_above_and_goes_down():
    image = bytearray(b"\xff" * 0x10000)
    image[0x75A8:0x75AC] = partitions.MAGIC  # the string also stands in the loader's code
    image[0xE001:0xE041] = APP.pack()
    image[0xE041:0xE081] = DOWNLOAD.pack()
    assert partitions.find(bytes(image)) == [(0xE041, DOWNLOAD), (0xE001, APP)]


def test_a_wrong_entry_crc_is_noticed():
    entry = bytearray(APP.pack())
    entry[52] ^= 1
    assert not partitions.unpack(bytes(entry)).crc_ok


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_none(data):
    assert isinstance(partitions.find(data), list)


def test_fnv1a_check_values():
    assert rbl.fnv1a(b"") == 0x811C9DC5
    assert rbl.fnv1a(b"foobar") == 0xBF9CF968


def test_rbl_header_fields():
    head = rbl.HEADER.pack(rbl.MAGIC, 0x402, 5, b"app", b"2.0.0", b"0" * 23, 1, 2, 3, 16, 0)[:-4]
    header = rbl.unpack(head + zlib.crc32(head).to_bytes(4, "little") + b"body")
    assert (header.partition, header.version, header.encryption, header.compression) == ("app", "2.0.0", "aes", "lzma")
    assert header.crc_ok and (header.raw_size, header.body_size) == (3, 16)
    assert not rbl.unpack(b"RBL\0" + head[5:] + bytes(5)).crc_ok


@given(st.binary(max_size=120))
def test_any_bytes_are_a_header_or_a_value_error(data):
    if len(data) < 96:
        with pytest.raises(ValueError, match="96 bytes"):
            rbl.unpack(data)
    else:
        assert rbl.unpack(data).magic == data[:4]
