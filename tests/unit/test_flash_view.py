"""A flash through the eyes of its chip: the same bytes by logical and by physical addresses."""

import dataclasses
import random

from boot.reference import APP_END, APP_START, DOWNLOAD
from hypothesis import given
from hypothesis import strategies as st
from images import built

from bk7238 import chip
from bk7238.chip import MARK
from bk7238.formats import crc_framing
from bk7238.formats.codec import CRC_FRAMES
from bk7238.formats.partitions import Partition
from bk7238.image import build, flash_image, split
from bk7238.image.flash_view import FlashView

CODE = bytes(range(200)) * 20
FLASH = FlashView(chip.usual(), crc_framing.frame(CODE) + b"\xff" * 68)


def test_the_reference_firmware():
    view = flash_image.parse(built("reference_1.0.0.bin"), "reference_1.0.0.bin").view
    assert view.app_start == APP_START and view.boot_loader.startswith(built("boot.bin"))
    assert (view.app.physical_start, view.app.physical_end) == (APP_START, APP_END)
    assert view.area("download").start == view.download.physical_start == DOWNLOAD
    assert view.area("rf") == view.flash.area("rf"), "the boot loader's table does not name it"
    assert len(view.footer(view.app)) == 96 and view.footer(view.app).startswith(b"RBL\0")
    assert view.header is None, "the file ends before the download partition"
    assert view.whole().header == b"\xff" * 96 and len(view.whole().data) == view.flash.size
    assert view.content(view.app) == view.logical(view.app.offset, view.app.offset + view.app.length)
    assert view.beyond_boot_loader.startswith(view.content(view.app))


@given(st.integers(0, len(CODE)), st.integers(0, 200))
def test_logical_bytes(start, count):
    assert FLASH.logical(start, min(start + count, len(CODE))) == CODE[start : start + count]


def test_beyond_the_end_is_erased():
    assert FLASH.logical(FLASH.logical_size - 1, FLASH.logical_size + 40) == b"\xff" * 41


@given(st.integers(0, len(CODE) - 1), st.binary(min_size=1, max_size=100))
def test_a_patch_changes_what_it_says_and_keeps_the_frames(start, data):
    data = data[: len(CODE) - start]
    at, framed = FLASH.patch(start, data)
    flash = FlashView(FLASH.chip, FLASH.data[:at] + framed + FLASH.data[at + len(framed) :])
    assert flash.logical(0, len(CODE)) == CODE[:start] + data + CODE[start + len(data) :]
    assert len(flash.data) == len(FLASH.data) and not flash.frames(0, len(flash.data)).bad


def test_frames_are_counted_by_their_addresses():
    data = bytearray(FLASH.data)
    data[34 * 3 + 5] ^= 1
    found = FlashView(FLASH.chip, bytes(data)).frames(34, len(data))
    assert (found.bad, found.erased) == ((34 * 3,), (len(data) - 68, len(data) - 34))
    assert found.good == len(data) // 34 - 4


KINDS = st.sampled_from((crc_framing.frame(bytes(range(32))), bytes(34), b"\xff" * 34))


@given(st.lists(st.tuples(KINDS, st.integers(1, 40)), max_size=6), st.integers(0, 33))
def test_there_are_frames_where_an_eighth_of_what_is_written_holds(runs, rest):
    flash = FlashView(FLASH.chip, b"".join(kind * count for kind, count in runs) + bytes(rest))
    found = flash.frames(0, len(flash.data))
    assert flash.has_frames(0, len(flash.data)) == (found.good > 0 and found.good * 8 >= found.good + len(found.bad))


def test_a_partition_without_crcs_is_read_as_it_is():
    raw = Partition("voice", "beken_onchip", 0x22, 0x88)
    assert FLASH.content(raw) == FLASH.raw(raw) == FLASH.data[0x22:0xAA]
    assert FLASH.footer(raw) == FLASH.data[0xAA - 96 : 0xAA]


# What is not scrambled where code is


def clear_chip():
    """A chip with scrambled code whose boot loader reads table and footers through the data port."""
    return dataclasses.replace(chip.load("bk7231n"), name="BK7299", names=("BK7299",))


def packed(one):
    """An image of it: boot loader with a mark and a table, app and footers."""
    table = list(one.usual_table(one.smallest.size).values())
    loader = bytearray(random.Random(1).randbytes(one.table_below - 0x800))
    loader[MARK.start : MARK.stop] = b"BK7299\0\0"
    loader[-64 * len(table) :] = b"".join(entry.pack() for entry in reversed(table))
    app = random.Random(2).randbytes(0x4000)
    footers = [build.footer(bytes(code), 0, "1", name) for code, name in ((loader, "bootloader"), (app, "app"))]
    size = build.smallest_size(bytes(loader), one)
    return build.Parts(one, bytes(loader), app, size, footers[0], footers[1])


def test_table_mark_and_footers_lie_clear_and_code_does_not():
    one = clear_chip()
    parts = packed(one)
    data = build.build(parts)
    raw = CRC_FRAMES.decode(data, 0)
    for clear in one.clear_in(parts.bootloader):
        assert raw[clear.start : clear.stop] == FlashView(one, data).logical(clear.start, clear.stop)
    assert raw[MARK.start : MARK.stop] == b"BK7299\0\0" and raw.count(b"01PE") == 3
    assert raw.count(parts.app_footer) == raw.count(parts.bootloader_footer) == 1
    assert raw[:0x100] != parts.bootloader[:0x100] and parts.app[:0x100] not in raw


def test_a_view_of_it_has_all_in_clear_and_split_gives_the_parts_back():
    one = clear_chip()
    parts = packed(one)
    view = FlashView(one, build.build(parts))
    assert view.boot_loader.startswith(parts.bootloader) and view.content(view.app).startswith(parts.app)
    assert view.footer(view.app) == parts.app_footer
    again = split.split(flash_image.parse(view.data, "packed.bin", force=True, chip=one))
    assert again == dataclasses.replace(parts, bootloader_footer_at=one.packager.boot_loader_footer)


def test_a_patched_table_lies_clear_as_well():
    one = clear_chip()
    view = FlashView(one, build.build(packed(one)))
    place, entry = next(found for found in view.table if found[1].name == "download")
    at, framed = view.patch(place, dataclasses.replace(entry, length=0x1000).pack())
    data = view.data[:at] + framed + view.data[at + len(framed) :]
    changed = FlashView(one, data)
    assert changed.partitions["download"].length == 0x1000
    assert changed.boot_loader[:place] == view.boot_loader[:place]


def test_code_where_others_have_the_mark_is_scrambled():
    one = clear_chip()
    parts = packed(one)
    loader = parts.bootloader[: MARK.start] + b"\x01\x1e\0\x91\xfb\xd2\x08\xbd" + parts.bootloader[MARK.stop :]
    view = FlashView(one, build.build(dataclasses.replace(parts, bootloader=loader)))
    assert view.boot_loader.startswith(loader)
    controller = one.codec.decode(view.data[: view.app_start], 0)  # what the CPU executes
    assert controller[MARK.start : MARK.stop] == loader[MARK.start : MARK.stop]
