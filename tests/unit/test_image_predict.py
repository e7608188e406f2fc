"""Foretelling without vendor images: hostile flashes end in a prediction or one line, in bounded memory."""

import tracemalloc
from dataclasses import replace

import pytest
from boot.cases import APP, BOOTLOADER, DOWNLOAD, NEW, Device, pack
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import rbl, rbl_body
from bk7238.image import beken_stream, predict
from bk7238.image.flash_image import ImageError
from bk7238.image.prediction import End, Prediction, Step

VENDOR = bytes(0x100) + b"BK7238\0\0_1.0.15\0".ljust(0x2000, b"\0") + b"rt_ota_upgrade\0\0"
REFERENCE = bytes(0x100) + b"BK7238_1.0.0 (reference)".ljust(0x2000, b"\0")
KEYS = {0x1F1C: b"0123456789ABCDEF", 0x1F2D: b"0123456789ABCDEF0123456789ABCDEF"}
SHIPPED = (DOWNLOAD, APP, BOOTLOADER)


def flash(package: bytes, table=SHIPPED, loader=VENDOR) -> bytes:
    data = bytearray(loader + b"".join(partition.pack() for partition in table))
    for at, text in KEYS.items():
        data[at : at + len(text)] = text
    return Device(package).flash(bytes(data))


@pytest.mark.parametrize("loader", [VENDOR, REFERENCE], ids=["vendor", "reference"])
def test_the_loader_is_known_by_what_stands_in_the_image(loader):
    told = predict.predict(flash(pack(), loader=loader))
    assert told.end is End.INSTALLED and told.loader.startswith("Beken" if loader is VENDOR else "reference")


def test_an_unknown_loader_is_named():
    with pytest.raises(ImageError, match="not known"):
        predict.predict(flash(pack(), loader=bytes(0x200)))


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


@given(st.sampled_from(["lzma", "gzip", "none"]), FIELDS, PLACES, PLACES, st.sampled_from([VENDOR, REFERENCE]))
def test_any_header_and_table_end_in_a_prediction(compression, fields, download, app, loader):
    package = SMALL[compression]
    package = replace(rbl.unpack(package), **fields).pack() + package[rbl.SIZE :]
    table = (replace(DOWNLOAD, **download), replace(APP, **app), BOOTLOADER)
    told = predict.predict(flash(package, table, loader))
    assert len(told.flash) == 0x200000 and told.steps and (told.cause or told.installs)
    assert all("\n" not in line for line in told.lines)


@given(st.lists(st.tuples(st.integers(0, 0x1FFFFF), st.binary(min_size=1, max_size=64)), max_size=12))
def test_any_flash_ends_in_a_prediction_or_one_line(changes):
    data = bytearray(flash(SMALL["gzip"]))
    for at, content in changes:
        data[at : at + len(content)] = content[: len(data) - at]
    try:
        assert predict.predict(bytes(data)).end in End
    except ImageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("compression", ["gzip", "lzma"])
def test_a_bomb_is_foretold_in_the_memory_of_a_few_flashes(compression, monkeypatch):
    assert beken_stream.MOST <= 8 << 20
    monkeypatch.setattr(beken_stream, "MOST", 1 << 19)  # a small flash, for a small bomb
    stream = rbl_body.encode(bytes(48 << 20), compression, "none")
    package = pack(compression=compression, stream=stream, raw_size=100_000)
    data = flash(package)
    tracemalloc.start()
    assert predict.predict(data).end is End.KEPT
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_what_a_comparison_finds():
    told = Prediction("x", (Step("a", True, "", ("one", "two *", "end")),), End.KEPT, "")
    assert told.differs(["BK7238_1.0.15", "", "one", "[I/OTA] OTA Write: [=>]", "two whatever", "end"]) == ""
    assert told.differs(["one", "three", "end"]) == "line 2: foretold 'two *', printed 'three'"
    assert told.differs(["one"]) == "not printed: 'two *'"
    assert told.differs(["one", "two *", "end", "more"]) == "not foretold: 'more'"
