"""Full images: put together, taken apart bit for bit, described; partition tables changed."""

import json
import random
import re
import struct
from dataclasses import replace

import pytest
from boot.foretold import foretold
from hypothesis import given
from hypothesis import strategies as st
from images import BOOTLOADER_UART1, FULL, LZMA, vendor
from long_run import examples

from bk7238 import chip
from bk7238.families import recognise
from bk7238.formats import crc_framing, partitions, tlv
from bk7238.image import app_table, bootloader, build, flash_image, info, loaders, partition_json, split
from bk7238.image.flash_image import ImageError
from bk7238.image.flash_view import FlashView

TABLE = [
    partitions.Partition("bootloader", "beken_onchip_crc", 0, 0x10000),
    partitions.Partition("app", "beken_onchip_crc", 0x10000, 0x8000),
    partitions.Partition("download", "beken_onchip", 0x1A000, 0x6000),
]
LOADER = bytes(range(1, 200)) * 5 + b"".join(partition.pack() for partition in reversed(TABLE))
SMALL = build.Parts(
    chip=chip.usual(),
    bootloader=LOADER + bytes(-len(LOADER) % 4),
    app=b"app!" * 300,
    size=0x1A000,
    bootloader_footer=build.footer(LOADER, 1, "1", "bootloader"),
    app_footer=build.footer(b"app!" * 300, 2, "1.0"),
)


@pytest.mark.full
def test_the_vendor_image_comes_back_bit_for_bit(tmp_path):
    image = flash_image.read(vendor(FULL))
    parts = split.split(image)
    assert parts.areas == () and parts.bootloader == vendor(BOOTLOADER_UART1).read_bytes()
    split.write(parts, tmp_path / "parts")
    assert build.build(split.read(tmp_path / "parts", chip.usual())) == image.data


@given(
    st.lists(st.tuples(st.integers(0x11000, 0x19FFF), st.binary(min_size=1, max_size=80)), max_size=5),
    st.integers(0, 0x5000),
)
def test_any_image_comes_back_bit_for_bit(changes, longer):
    data = bytearray(build.build(SMALL) + bytes(longer))
    for at, content in changes:
        data[at : at + len(content)] = content[: len(data) - at]
    image = flash_image.parse(bytes(data), "image.bin")
    assert build.build(split.split(image)) == bytes(data)


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(min_size=1, max_size=0x1100)), max_size=6))
def test_areas_are_as_those_of_the_whole_image(changes):
    """Not only of what differs sector by sector: those that are closer than 64 bytes are one."""
    built, data = random.Random(1).randbytes(0x4100), bytearray(random.Random(1).randbytes(0x4100))
    for at, content in changes:
        data[at : at + len(content)] = content[: len(data) - at]
    differ = bytes(a ^ b for a, b in zip(built, data, strict=True))
    whole = [area.span() for area in re.finditer(rb"[^\0]++(?:\0{1,63}+[^\0]++)*+", differ)]
    assert split._differences(built, bytes(data)) == [(start, bytes(data[start:end])) for start, end in whole]


@examples(50)
@given(st.binary(max_size=2000), st.integers(0, 0x1A000))
def test_a_hostile_image_gives_a_result_or_one_line(content, at):
    data = bytearray(build.build(SMALL))
    data[at : at + len(content)] = content
    try:
        image = flash_image.parse(bytes(data), "hostile.bin")
        parts = split.split(image)
        assert build.build(parts) == bytes(data)
        assert info.describe(image, parts).as_json()
    except ValueError as error:
        assert str(error) and "\n" not in str(error)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda v: (
            st.lists(v)
            | st.dictionaries(st.sampled_from(["size", "app", "bootloader", "areas", "at", "file", "app_footer"]), v)
        ),
        max_leaves=20,
    )
)
def test_a_hostile_manifest_gives_one_line(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("parts")
    (folder / "image.json").write_text(json.dumps(content))
    with pytest.raises(ImageError):
        split.read(folder, chip.usual())


def test_a_manifest_names_no_file_elsewhere(tmp_path):
    (tmp_path / "image.json").write_text(json.dumps({"size": 1, "bootloader": "../x", "app": "app.bin"}))
    with pytest.raises(ImageError, match="no name of a file beside it"):
        split.read(tmp_path, chip.usual())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"app": bytes(0x8000)}, "room|partition"),
        ({"size": 0x19000}, "beyond the image"),
        ({"size": 0x400001}, "largest flash"),
        ({"bootloader": b"nothing"}, "no partition table"),
        ({"app_footer": b"short"}, "footer of 5 bytes"),
        ({"areas": ((0x19FFF, b"ab"),)}, "beyond the image"),
    ],
)
def test_parts_that_do_not_fit(change, text):
    with pytest.raises(ImageError, match=text):
        build.build(replace(SMALL, **change))


@pytest.mark.full
def test_the_map_of_the_vendor_image():
    image = flash_image.read(vendor(FULL))
    found = info.describe(image, split.split(image))
    assert found.loader == "Beken boot loader 1.0.15" and recognise.of_image(image).title == "OpenBeken"
    assert [p.name for _, p in found.table] == ["bootloader", "app", "download"]
    assert [(p.name, p.start) for p in found.app_table][1:3] == [("Application", 0x11000), ("ota", 0x132000)]
    assert found.app_writes_to == 0x132000 and found.disagreements == ()
    assert found.app_matches_footer and all(frames.bad == () for frames in found.frames)
    assert sum(f.good + len(f.erased) for f in found.frames) == 36864


@pytest.mark.full
def test_a_bad_frame_is_on_the_map():
    data = bytearray(vendor(FULL).read_bytes())
    data[0x20005] ^= 1
    image = flash_image.parse(bytes(data), "x.bin")
    found = info.describe(image, split.split(image))
    assert found.app_matches_footer is False
    assert found.frames[1].bad == ((0x20005 - 0x11000) // 34 * 34 + 0x11000,)


@pytest.mark.full
def test_the_two_tables_are_compared():
    loader = bootloader.read(vendor(FULL))
    table = [p for _, p in loader.table]
    moved = [partitions.Partition(p.name, p.device, 0x133000, p.length) if p.name == "download" else p for p in table]
    changed = loader.with_table(moved)
    own = app_table.of_flash(FlashView(chip.usual(), changed.file()))
    assert app_table.differences(own, loader.partitions) == []
    assert app_table.differences(own, changed.partitions) == [
        "`ota` begins at 0x132000 for the app, `download` at 0x133000 for the boot loader"
    ]
    told = foretold(changed.file(), vendor(LZMA).read_bytes())
    assert "the package lies at 0x132000: app and bootloader disagree" in told.cause


@pytest.mark.full
def test_a_table_of_another_length_is_put_in_place():
    loader = bootloader.read(vendor(BOOTLOADER_UART1))
    table = [p for _, p in loader.table]
    for new in (table[:2], [*table, partitions.Partition("user", "beken_onchip", 0x1E2000, 0x1000)]):
        changed = loader.with_table(new)
        assert [p for _, p in changed.table] == new
        assert len(changed.data) >= len(loader.data) - 64


@pytest.mark.full
def test_key_and_iv_are_put_in_place():
    loader = bootloader.read(vendor(BOOTLOADER_UART1)).with_keys(b"k" * 32, b"i" * 16)
    assert loaders.of_code(loader.data).keys.read(loader.data) == (b"k" * 32, b"i" * 16)


VENDOR_JSON = """{"part_table": [
  {"name": "bootloader", "flash_name": "beken_onchip_crc", "offset": "0x00000000", "len": "64K"},
  {"name": "app", "flash_name": "beken_onchip_crc", "offset": "0x00010000", "len": "1083136"},
  {"name": "download", "flash_name": "beken_onchip", "offset": "0x00132000", "len": 679936}]}"""


def test_the_vendors_json():
    table = partition_json.parse(VENDOR_JSON, "x.json")
    assert [(p.name, p.offset, p.length) for p in table] == [
        ("bootloader", 0, 0x10000),
        ("app", 0x10000, 1083136),
        ("download", 0x132000, 664 << 10),
    ]
    assert partition_json.parse(partition_json.dump(table), "y.json") == table


@given(st.text(max_size=200))
def test_any_json_is_a_table_or_one_line(text):
    try:
        table = partition_json.parse(text, "x.json")
    except ImageError as error:
        assert "x.json" in str(error) and "\n" not in str(error)
    else:
        assert partition_json.parse(partition_json.dump(table), "y.json") == table


@pytest.mark.parametrize("value", ["-1", "1T", "0x", "", None, True, 1 << 32, "9" * 99, 1.5])
def test_no_sizes(value):
    with pytest.raises(ImageError, match="is no size"):
        partition_json.size(value, "x")


# TLV areas


def test_an_rf_area_with_a_mac_address():
    area = tlv.rf_area(tlv.mac_address("c8:47:8c:11:22:34"))
    items = tlv.unpack(area)
    assert area[:4] == b"TLV\0" and [item.type for item in items] == [tlv.RF_ID, tlv.RF_MAC]
    assert items[1].value == bytes.fromhex("c8478c112234")
    assert (len(area) - 8,) == struct.unpack_from("<I", area, 4)


@pytest.mark.parametrize("text", ["c8:47", "zz:47:8c:11:22:34", "c9:47:8c:11:22:34", ""])
def test_no_mac_addresses(text):
    with pytest.raises(ValueError, match=r"is no MAC address; write it as|is a group address"):
        tlv.mac_address(text)


@given(st.binary(max_size=200), st.booleans())
def test_any_area_is_read(data, headed):
    area = struct.pack("<II", tlv.HEADER, len(data)) + data if headed else data
    items = tlv.unpack(area)
    assert items is None or all(item.offset < len(area) for item in items)


@given(st.lists(st.tuples(st.integers(1, 0xFF), st.binary(max_size=40)), max_size=8))
def test_areas_round_trip(items):
    assert [(item.type, item.value) for item in tlv.unpack(tlv.pack(items))] == items


def test_framed_and_raw_boot_loaders_are_the_same():
    raw = bootloader.parse(LOADER, "a")
    framed = bootloader.parse(crc_framing.frame(LOADER), "b")
    assert framed.table == raw.table
