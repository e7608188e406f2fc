"""Packages: byte for byte the vendor's where that is possible, readable back, and refused where they are hostile."""

import importlib.util
import io
import struct
import tracemalloc
import zlib
from dataclasses import replace

import effort
import pytest
from boot.cases import APP as APP_PARTITION
from boot.cases import BOOTLOADER, DOWNLOAD
from hypothesis import given
from hypothesis import strategies as st
from images import GZIP, LZMA, vendor

from bk7238 import chip
from bk7238.formats import crc_framing, quicklz, rbl, rbl_body
from bk7238.image import build, pack, package, unpack
from bk7238.image.flash_image import ImageError
from bk7238.image.package import PackageError

RAW = bytes(range(256)) * 40
APP = RAW[:0x20] + struct.pack("<I", 0x10100) + RAW[0x24:]
ALGORITHMS = [(c, e) for c in pack.COMPRESSIONS for e in pack.ENCRYPTIONS]


def packed(raw=APP, compression="gzip", encryption="aes", **options):
    return pack.pack(
        raw, version="1.0.1", timestamp=1700000000, compression=compression, encryption=encryption, **options
    )


@pytest.mark.full
@pytest.mark.parametrize(("compression", "encryption"), ALGORITHMS)
def test_what_the_vendor_packs(compression, encryption):
    raw = vendor("packager/input.bin").read_bytes()
    theirs = vendor(f"packager/{compression}_{encryption}.rbl").read_bytes()
    ours = packed(raw, compression, encryption)
    if compression in ("none", "gzip"):
        assert ours == theirs
    for data in (ours, theirs):
        result = unpack.unpack(package.parse(data, "x.rbl"))
        assert result.app == raw and result.wrong == []


@pytest.mark.parametrize(("compression", "encryption"), ALGORITHMS)
@given(raw=st.binary(min_size=1, max_size=6000))
def test_round_trip(compression, encryption, raw):
    result = unpack.unpack(package.parse(packed(raw, compression, encryption), "x.rbl"))
    assert result.app == raw and result.wrong == []


@pytest.mark.parametrize("size", [15, 16, 17, 4096, 5000])
def test_the_body_is_whole_blocks_and_longer_than_its_content(size):
    data = packed(bytes(size), "none", "none")
    assert (len(data) - rbl.SIZE) % 16 == 0 and len(data) - rbl.SIZE > size


def test_texts_too_long_are_cut_without_nul():
    data = pack.pack(APP, version="v" * 30, timestamp=0, partition="p" * 20)
    assert data[12:28] == b"p" * 16 and data[28:52] == b"v" * 24 and rbl.unpack(data).crc_ok


@pytest.mark.parametrize(("key", "iv", "text"), [(b"k" * 31, b"i" * 16, "31"), (b"k" * 32, b"i" * 15, "15")])
def test_keys_of_another_length_are_refused(key, iv, text):
    with pytest.raises(ImageError, match=text):
        packed(key=key, iv=iv)


def test_an_empty_app_is_refused():
    with pytest.raises(PackageError, match="empty"):
        packed(b"")


WARNINGS = [
    (APP, "gzip", "none", "not encrypted"),
    (APP, "quicklz", "aes", "cannot unpack quicklz"),
    (crc_framing.frame(APP), "gzip", "aes", "CRC after every 32 bytes"),
    (RAW, "gzip", "aes", "0x20"),
    (APP + bytes(1114016), "gzip", "aes", "do not fit"),
    (APP + zlib.compress(RAW) * 4000, "none", "aes", "download partition 712704"),
    (APP[:100], "gzip", "aes", "fewer than 128"),
]


@pytest.mark.parametrize(("raw", "compression", "encryption", "text"), WARNINGS, ids=[w[3] for w in WARNINGS])
def test_warnings(raw, compression, encryption, text):
    found = pack.warnings(raw, packed(raw, compression, encryption), chip.usual())
    assert [warning for warning in found if text in warning]


def test_a_good_package_has_no_warnings():
    assert pack.warnings(APP, packed(), chip.usual()) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"magic": b"ABCD"}, "magic"),
        ({"body_crc": 1}, "body CRC-32"),
        ({"raw_hash": 1}, "raw hash"),
        ({"raw_size": 5}, "raw size"),
        ({"raw_size": len(APP) + 1}, "raw size"),
        ({"body_size": 16}, "body size"),
    ],
)
def test_each_field_is_verified(change, name):
    data = packed(compression="none")
    data = replace(rbl.unpack(data), **change).pack() + data[rbl.SIZE :]
    result = unpack.unpack(package.Package("x.rbl", data, rbl.unpack(data), ()))
    wrong = [field.name for field in result.wrong]
    assert name in wrong or (name == "raw size" and "raw hash" in wrong)


def test_a_wrong_key_is_named():
    with pytest.raises(PackageError, match="right key and IV"):
        unpack.unpack(package.parse(packed(), "x.rbl"), key=b"k" * 32)


@pytest.mark.full
@pytest.mark.parametrize("name", [GZIP, LZMA])
def test_vendor_packages(name):
    result = unpack.unpack(package.read(vendor(name)))
    assert b"2.00.777" in result.app and result.wrong == []


# Hostile packages


def bomb(compression):
    raw = bytes(16 << 20)
    if compression == "gzip":
        stream = zlib.compress(raw, 9, 31)
    else:
        worker = rbl_body.lzma_alone(bytes(1 << 20))
        stream = worker[:5] + b"\xff" * 8 + worker[13:]
    body = rbl_body.encrypt(rbl_body.pad(stream), "aes", rbl_body.KEY.encode(), rbl_body.IV.encode())
    header = rbl.header(b"", body, algorithm=rbl.algorithm(compression, "aes"), timestamp=0, version="")
    return replace(header, raw_size=0xFFFFFFFF).pack() + body


@pytest.mark.parametrize("compression", ["gzip", "lzma"])
def test_a_bomb_takes_no_more_than_a_flash(compression, monkeypatch):
    assert unpack.MOST <= 16 << 20
    monkeypatch.setattr(unpack, "MOST", 1 << 17)  # a small flash, for a small bomb
    data = package.parse(bomb(compression), "bomb.rbl")
    tracemalloc.start()
    result = unpack.unpack(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(result.app) <= unpack.MOST and result.wrong
    assert peak < 4 * unpack.MOST


def test_an_lzma_dictionary_of_four_gigabytes_is_not_allocated():
    stream = rbl_body.lzma_alone(APP)
    stream = stream[:1] + b"\xff" * 4 + stream[5:]
    tracemalloc.start()
    assert rbl_body.decompress(stream, "lzma", len(APP)) == APP
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


@given(
    st.sampled_from(pack.COMPRESSIONS),
    st.sampled_from(pack.ENCRYPTIONS),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    st.booleans(),
)
def test_a_hostile_package_gives_a_result_or_one_line(compression, encryption, changes, resealed):
    data = bytearray(packed(APP[:700], compression, encryption))
    for at, byte in changes:
        data[at % len(data)] = byte
    header = rbl.unpack(bytes(data))
    if resealed:
        data[: rbl.SIZE] = replace(header, magic=rbl.MAGIC, body_crc=zlib.crc32(data[rbl.SIZE :])).pack()
    try:
        result = unpack.unpack(package.parse(bytes(data), "hostile.rbl"))
    except ValueError as error:
        assert "\n" not in str(error) and str(error)
    else:
        assert len(result.app) <= unpack.MOST


@given(st.binary(max_size=300))
def test_any_quicklz_stream_ends(stream):
    try:
        assert len(quicklz.decompress(stream, 10000)) <= 10000
    except quicklz.QuickLzError as error:
        assert "\n" not in str(error)


# Against the tools of others


def needs(package):
    lacking = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(lacking, reason=f"needs the package {package} (scripts/venv oracles)")


LTCHIPTOOL, BK7231TOOLS = needs("ltchiptool"), needs("bk7231tools")


@LTCHIPTOOL
@pytest.mark.parametrize(("compression", "encryption"), [("none", "none"), ("gzip", "none"), ("gzip", "aes")])
def test_ltchiptool_reads_what_is_packed(compression, encryption):
    from ltchiptool.soc.bk72xx.util.rbl import RBL

    data = packed(APP, compression, encryption)
    header = RBL.deserialize(data[: rbl.SIZE])
    assert (header.name, header.version, header.data_crc, header.data_hash, header.raw_size) == (
        "app",
        "1.0.1",
        zlib.crc32(data[rbl.SIZE :]),
        rbl.fnv1a(APP),
        len(APP),
    )


@LTCHIPTOOL
def test_ltchiptool_makes_the_same_header():
    from ltchiptool.soc.bk72xx.util.models import OTACompression, OTAEncryption
    from ltchiptool.soc.bk72xx.util.rbl import RBL

    data = packed(APP, "gzip", "aes")
    theirs = RBL(
        encryption=OTAEncryption.AES256,
        compression=OTACompression.GZIP,
        timestamp=1700000000,
        version="1.0.1",
        raw_size=len(APP),
        data_crc=zlib.crc32(data[rbl.SIZE :]),
    )
    theirs.data_hash, theirs.data_size = rbl.fnv1a(APP), len(data) - rbl.SIZE
    assert theirs.serialize() == data[: rbl.SIZE]


@LTCHIPTOOL
def test_ltchiptool_frames_and_hashes_alike():
    from ltchiptool.soc.bk72xx.util.binary import BekenBinary
    from ltchiptool.soc.bk72xx.util.rbl import RBL

    framed = b"".join(BekenBinary().crc(APP))
    assert framed == crc_framing.frame(APP)
    assert b"".join(BekenBinary().uncrc(framed)) == APP
    theirs = RBL(raw_size=len(APP))
    theirs.update(APP)
    assert (theirs.data_hash, theirs.data_crc) == (rbl.fnv1a(APP), zlib.crc32(APP))


@BK7231TOOLS
def test_bk7231tools_reads_what_is_packed():
    from bk7231tools.analysis.rbl import Container

    container = Container.from_bytestream(io.BytesIO(packed(APP, "none", "none")))
    assert container.payload is not None and container.header.size_raw == len(APP)


@BK7231TOOLS
def test_bk7231tools_finds_the_app_in_a_flash():
    """The footer at the end of the app's partition, both in CRC frames, and the app by what the footer says of it."""
    from bk7231tools.analysis.flash import FlashLayout, FlashPartition
    from bk7231tools.analysis.rbl import Container, find_rbl_containers_indices

    loader = bytes(0x100) + b"".join(partition.pack() for partition in (DOWNLOAD, APP_PARTITION, BOOTLOADER))
    parts = build.Parts(chip.usual(), loader, APP, 0x200000, app_footer=packed(APP, "none", "none")[: rbl.SIZE])
    flash = io.BytesIO(build.build(parts))
    (footer,) = find_rbl_containers_indices(flash)
    start, size = crc_framing.physical(APP_PARTITION.offset), crc_framing.physical(APP_PARTITION.length)
    app = FlashPartition("app", size, start, APP_PARTITION.offset)
    flash.seek(footer)
    container = Container.from_bytestream(flash, FlashLayout("bk7238", [app], with_crc=True))
    assert container.header.version == "1.0.1" and container.payload.startswith(APP)


def test_two_mebibytes_are_framed_and_checked_column_by_column():
    data = RAW * 193  # 61,760 frames
    framed = crc_framing.frame(data)
    assert crc_framing.bad_frames(framed) == [] and crc_framing.strip(framed) == data
    assert effort.lines(lambda: crc_framing.bad_frames(crc_framing.frame(data))) < 2_000  # not for each frame
