"""What is known of boot loaders, without vendor images: hostile flashes are foretold, in bounded memory."""

import tracemalloc
from dataclasses import replace

import pytest
from boot.cases import APP, BOOTLOADER, DOWNLOAD, NEW, Device, pack
from boot.foretold import differs, foretold
from hypothesis import given
from hypothesis import strategies as st
from images import built

from bk7238 import chip
from bk7238.formats import rbl, rbl_body
from bk7238.image import loaders
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders import Says, beken_stream
from bk7238.image.loaders.boot import Boot, End, Step

VENDOR = bytes(0x100) + b"BK7238\0\0_1.0.15\0".ljust(0x2000, b"\0") + b"rt_ota_upgrade\0\0"
SIBLING = VENDOR.replace(b"BK7238\0\0", b"\x41\x1e\0\x91\xfb\xd2\x08\xbd")  # the BK7231U's has code there
KEYS = {0x1F1C: b"0123456789ABCDEF", 0x1F2D: b"0123456789ABCDEF0123456789ABCDEF"}
SHIPPED = (DOWNLOAD, APP, BOOTLOADER)


def flash(package: bytes, table=SHIPPED, loader=VENDOR) -> bytes:
    data = bytearray(loader + b"".join(partition.pack() for partition in table))
    for at, text in KEYS.items():
        data[at : at + len(text)] = text
    return Device(package).flash(bytes(data))


def view(data) -> FlashView:
    return FlashView(chip.usual(), bytes(data))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (VENDOR, "Beken boot loader 1.0.15"),
        (SIBLING, "Beken boot loader 1.0.15"),
        (built("boot.bin"), "reference boot loader 1.0.0"),
        (bytes(0x200), None),
    ],
    ids=["vendor", "sibling", "reference", "unknown"],
)
def test_the_loader_is_known_by_what_stands_in_the_image(code, name):
    loader = loaders.of_code(code)
    assert loader.recognises(code) == name
    assert (loader is loaders.LOADERS.get(loader.name)) == (name is not None)
    told = loader.predict(view(flash(pack(), loader=code[:0xE000])))
    assert (told.end if told else None) is (End.INSTALLED if loader.name == "beken" else None), "the others are run"


def test_keys_are_read_and_put_where_they_stand():
    keys = loaders.of_code(VENDOR).keys
    code = keys.put(VENDOR, b"k" * 32, b"i" * 16)
    assert keys.read(code) == (b"k" * 32, b"i" * 16) and len(code) == len(VENDOR)
    assert loaders.of_code(built("boot.bin")).keys.read(built("boot.bin")) == tuple(reversed(KEYS.values()))


NUMBERS = st.sampled_from([0, 1, 31, 32, 127, 128, 4096, 40000, 0x132000, 0x1FFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "raw_size": NUMBERS | st.integers(0, 0xFFFFFFFF),
        "body_size": NUMBERS | st.integers(0, 0xFFFFFFFF),
        "algorithm": st.sampled_from([0x002, 0x102, 0x402, 0x401, 0x202, 0x502]) | st.integers(0, 0xFFFFFFFF),
        "partition": st.sampled_from(["app", "download", "bootloader", "x"]),
        "magic": st.just(b"ABCD"),
    },
)
PLACES = st.fixed_dictionaries({}, optional={"offset": NUMBERS, "length": NUMBERS, "device": st.just("foo")})
SMALL = {c: pack(NEW[:3000], c) for c in ("lzma", "gzip", "none")}


@given(st.sampled_from(["lzma", "gzip", "none"]), FIELDS, PLACES, PLACES)
def test_any_header_and_table_end_in_a_prediction(compression, fields, download, app):
    package = SMALL[compression]
    package = replace(rbl.unpack(package), **fields).pack() + package[rbl.SIZE :]
    table = (replace(DOWNLOAD, **download), replace(APP, **app), BOOTLOADER)
    told = foretold(flash(package, table))
    assert len(told.flash) == 0x200000 and told.steps and (told.cause or told.end is End.INSTALLED)
    assert all("\n" not in line for line in told.lines)


@given(st.lists(st.tuples(st.integers(0, 0x1FFFFF), st.binary(min_size=1, max_size=64)), max_size=12))
def test_any_flash_is_seen_and_foretold(changes):
    data = bytearray(flash(SMALL["gzip"]))
    for at, content in changes:
        data[at : at + len(content)] = content[: len(data) - at]
    seen = loaders.Loader().sees(view(data), SMALL["gzip"])
    told = loaders.LOADERS["beken"].predict(view(data), SMALL["gzip"])
    assert seen and told.end in End and "\n" not in seen + told.cause


@pytest.mark.parametrize("compression", ["gzip", "lzma"])
def test_a_bomb_is_foretold_in_the_memory_of_a_few_flashes(compression, monkeypatch):
    assert beken_stream.MOST <= 8 << 20
    monkeypatch.setattr(beken_stream, "MOST", 1 << 19)  # a small flash, for a small bomb
    stream = rbl_body.encode(bytes(24 << 20), compression, "none")
    package = pack(compression=compression, stream=stream, raw_size=100_000)
    data = flash(package)
    tracemalloc.start()
    assert foretold(data).end is End.KEPT
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_what_a_comparison_finds():
    told = Boot("x", (Step("a", True, "", ("one", "two *", "end")),), End.KEPT, "")
    assert differs(told, ["BK7238_1.0.15", "", "one", "[I/OTA] OTA Write: [=>]", "two whatever", "end"]) == ""
    assert differs(told, ["one", "three", "end"]) == "line 2: foretold 'two *', printed 'three'"
    assert differs(told, ["one"]) == "not printed: 'two *'"
    assert differs(told, ["one", "two *", "end", "more"]) == "not foretold: 'more'"


FORCED = (
    "[E/OTA] (rt_ota_check_upgrade:438) Get 'app' partition firmware header failed! "
    "This partition will be forced to upgrade."
)
NO_DEVICE = (
    "[E/FAL] (fal_partition_read:396) Partition read error! Don't found flash device(nand) of the partition(app)."
)
UNSET = NO_DEVICE.replace("nand", "\ufffd\ufffd").replace("app", "\ufffd\ufffd")
FAILED = "[E/OTA] (ota_main:144) OTA upgrade failed!"
NO_APP = "[E/OTA] (ota_main:178) App verify failed! Need to recovery factory firmware."
DAMAGED = "[E/OTA] (ota_main) The header in the download partition is damaged: no update."


def test_remarks_are_no_complaints():
    beken = loaders.LOADERS["beken"]
    assert beken.complaints([FORCED, UNSET, FAILED, FAILED]) == [FAILED]
    assert beken.complaints([NO_DEVICE]) == [NO_DEVICE]
    assert loaders.Loader().complaints([FORCED, UNSET]) == [UNSET], "a name that was never set is only the vendor's"


def test_what_a_line_says_of_how_far_it_is():
    loader = loaders.Loader()
    lines = {
        "BK7238_1.0.15": Says.NAME,
        "[I/OTA] OTA firmware(app) upgrade(1->2) startup.": Says.STEP,
        "###[I/OTA] The partition 'app' erase success.": Says.STEP,
        "[I/OTA] OTA Write: [=>] 99%": Says.PROGRESS,
        "[I/OTA] OTA Write: [=>] 100%": Says.WRITTEN,
        "go os_addr(0x10000)..........": Says.APP_STARTS,
        "J 0x10000": Says.APP_STARTS,
        FAILED: None,
    }
    assert {line: loader.says(line) for line in lines} == lines


def test_why_nothing_was_installed_is_what_was_printed_or_what_it_sees():
    reference = loaders.LOADERS["reference"]
    blank = view(flash(b"", loader=built("boot.bin")[:0xE000]))
    sees = "its download partition at 0x132000 is blank"
    assert reference.why([FAILED], blank) == f"the bootloader printed: {FAILED}"
    assert reference.why([], blank) == f"the bootloader printed nothing about an update: {sees}"
    assert reference.why([DAMAGED], blank) == f"the bootloader printed: {DAMAGED.rstrip('.')}; {sees}"
    assert loaders.Loader().why([DAMAGED], blank) == f"the bootloader printed: {DAMAGED}", "only the reference one's"
    assert reference.why([NO_APP], blank) == f"the bootloader printed: {NO_APP.rstrip('.')}; {sees}", "of the app alone"
    assert reference.why([NO_APP, FAILED], blank) == f"the bootloader printed: {NO_APP} / {FAILED}"


@pytest.mark.parametrize(
    ("table", "fields", "seen"),
    [
        (
            (DOWNLOAD, replace(APP, name="X"), BOOTLOADER),
            {},
            "no `app` entry, only `download` at 0x132000, `X` at 0x11000",
        ),
        ((replace(DOWNLOAD, device="beken_onchip_crc"), APP, BOOTLOADER), {}, "is on the CRC-framed device"),
        ((replace(DOWNLOAD, offset=0x200000), APP, BOOTLOADER), {}, "0x200000; the package lies at 0x132000"),
        ((replace(DOWNLOAD, offset=0x133000), APP, BOOTLOADER), {}, "0x133000; the package lies at 0x132000"),
        (SHIPPED, {"partition": "download"}, "the bootloader passes over it"),
        (
            SHIPPED,
            {"partition": "voice"},
            "a sound header in its download partition at 0x132000, for partition `voice`",
        ),
    ],
)
def test_what_a_boot_loader_that_nobody_knows_sees(table, fields, seen):
    package = pack(NEW[:3000], **fields)
    assert seen in loaders.Loader().sees(view(flash(package, table)), package)


def test_the_reference_one_looks_at_more():
    reference, code = loaders.LOADERS["reference"], bytearray(built("boot.bin"))
    named = view(flash(pack(NEW[:3000], magic=b"ABCD"), loader=bytes(code[:0xE000])))
    assert reference.sees(named) == "the magic of the header in its download partition at 0x132000 is not RBL"
    data = bytearray(flash(pack(NEW[:3000])))
    at = view(data).table[0][0]
    start, framed = view(data).patch(at + 60, b"1234")
    data[start : start + len(framed)] = framed
    name = view(data).table[0][1].name
    assert f"entry for `{name}` is wrong: it is passed over" in reference.sees(view(data)) or name == "bootloader"
