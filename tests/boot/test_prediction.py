"""What `bk7238 image check` foretells is what the boot loader does: each line it prints, and every byte of the flash.

The table holds the cases of docs/hardware/bootloader.md ("Cost and variants", "Failures", partition tables) and what
was found beside them. To extend it, add a row: a name, the end state, a text of the cause, what makes the flash (few
runs of pytest want all of them). Each row runs on the real boot loader 1.0.15.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from dataclasses import replace

import pytest
from images import BOOTLOADER_UART1, BOOTLOADER_UART2, FULL, GZIP, LZMA, vendor

from bk7238 import chip
from bk7238.bench.settings import Settings
from bk7238.chip import Chip
from bk7238.formats import crc_framing, partitions, rbl_body
from bk7238.formats.codec import CRC_FRAMES
from bk7238.image import build, download, flash_image
from bk7238.image.loaders.boot import End
from bk7238.testing import Dut, NotSeen
from boot.cases import (
    APP,
    BOOTLOADER,
    DOWNLOAD,
    IV,
    KEY,
    NEW,
    OLD,
    Device,
    app,
    damaged,
    flipped,
    pack,
)
from boot.foretold import differs, differs_in_flash, foretold

INSTALLED, KEPT, REINSTALLS, HANGS, BRICKED, NO_APP = End

VOICE = partitions.Partition("voice", "beken_onchip", 0x1E0000, 0x10000)
LZ, GZ, ST = pack(), pack(compression="gzip"), pack(compression="none")
GZIPPED, LZMAD = rbl_body.compress(NEW, "gzip"), rbl_body.lzma_alone(NEW)
TABLE = 0xD2EC  # logical, in 1.0.15: download, app, bootloader
LARGEST = (bytes(range(256)) * 4352)[:0x20] + struct.pack("<I", 0x10100) + (bytes(range(256)) * 4352)[0x24:1114016]


def blocks(data: bytes) -> bytes:
    return data[: len(data) // 16 * 16]


def lzma_stream(**options: int) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 9, "dict_size": 0x10000, **options}]
    return rbl_body.pad(lzma.compress(NEW, lzma.FORMAT_ALONE, filters=filters))


def with_size(size: int) -> bytes:
    return rbl_body.pad(LZMAD[:5] + struct.pack("<Q", size) + LZMAD[13:])


def table(download=DOWNLOAD, app=APP, own=BOOTLOADER):
    return (download, app, own)


def moved(partition, **fields):
    return replace(partition, **fields)


CASES = [
    # Variants
    ("lzma", INSTALLED, "", lambda: Device(LZ)),
    ("gzip", INSTALLED, "", lambda: Device(GZ)),
    ("stored", INSTALLED, "", lambda: Device(ST)),
    ("stored, not a multiple of 16", INSTALLED, "", lambda: Device(pack(app(40001), "none"))),
    ("quicklz", KEPT, "compression is quicklz", lambda: Device(pack(compression="quicklz"))),
    ("lzma, not encrypted", KEPT, "not encrypted", lambda: Device(pack(encryption="none"))),
    ("gzip, not encrypted", KEPT, "not encrypted", lambda: Device(pack(compression="gzip", encryption="none"))),
    ("stored, not encrypted", KEPT, "not encrypted", lambda: Device(pack(compression="none", encryption="none"))),
    ("quicklz, not encrypted", KEPT, "not encrypted", lambda: Device(pack(compression="quicklz", encryption="none"))),
    ("largest app", INSTALLED, "", lambda: Device(pack(LARGEST, "gzip"))),
    ("one byte more", KEPT, "partition `app` has 1114112", lambda: Device(pack(LARGEST + b"+", "gzip"))),
    ("300,000 bytes, lzma", INSTALLED, "", lambda: Device(pack(app(300000, seed=5)))),
    ("a whole number of pieces", INSTALLED, "", lambda: Device(pack(app(8192)))),
    ("one byte more than pieces", INSTALLED, "", lambda: Device(pack(app(8193)))),
    ("lzma, a dictionary of 32 KiB", INSTALLED, "", lambda: Device(pack(stream=lzma_stream(dict_size=0x8000)))),
    (
        "lzma, a dictionary of 128 KiB",
        KEPT,
        "nothing could be unpacked",
        lambda: Device(pack(stream=lzma_stream(dict_size=0x20000))),
    ),
    (
        "lzma, a dictionary of 8 MiB",
        KEPT,
        "nothing could be unpacked",
        lambda: Device(pack(stream=lzma_stream(dict_size=0x800000))),
    ),
    ("lzma, size -1", INSTALLED, "", lambda: Device(pack(stream=lzma_stream()))),
    ("lzma, size too small in its header", INSTALLED, "", lambda: Device(pack(stream=with_size(30000)))),
    ("lzma, size too big in its header", INSTALLED, "", lambda: Device(pack(stream=with_size(50000)))),
    ("lzma, lc 0 lp 4 pb 4", INSTALLED, "", lambda: Device(pack(stream=lzma_stream(lc=0, lp=4, pb=4)))),
    (
        "zlib instead of gzip",
        KEPT,
        "nothing could",
        lambda: Device(pack(compression="gzip", stream=rbl_body.pad(zlib.compress(NEW)))),
    ),
    (
        "stored, zeros as padding",
        KEPT,
        "another hash",
        lambda: Device(pack(compression="none", stream=NEW + bytes(16))),
    ),
    (
        "gzip, zeros as padding",
        INSTALLED,
        "",
        lambda: Device(pack(compression="gzip", stream=GZIPPED + bytes(-len(GZIPPED) % 16))),
    ),
    ("stored, no padding", INSTALLED, "", lambda: Device(pack(compression="none", stream=NEW))),
    # Keys
    ("wrong key, lzma", KEPT, "key or IV differ", lambda: Device(pack(key=b"X" * 32))),
    ("wrong IV, lzma", KEPT, "key or IV differ", lambda: Device(pack(iv=b"Y" * 16))),
    ("wrong key, gzip", KEPT, "key or IV differ", lambda: Device(pack(compression="gzip", key=b"X" * 32))),
    ("wrong IV, gzip", KEPT, "key or IV differ", lambda: Device(pack(compression="gzip", iv=b"Y" * 16))),
    ("wrong key, stored", KEPT, "wrong key", lambda: Device(pack(compression="none", key=b"X" * 32))),
    ("wrong IV, stored", KEPT, "another hash", lambda: Device(pack(compression="none", iv=b"Y" * 16))),
    (
        "key and IV changed on both sides",
        INSTALLED,
        "",
        lambda: Device(pack(key=b"X" * 32, iv=b"Y" * 16), patches={0x1F1C: b"Y" * 16, 0x1F2D: b"X" * 32}),
    ),
    ("key changed in the boot loader only", KEPT, "key or IV differ", lambda: Device(LZ, patches={0x1F2D: b"X" * 32})),
    # Damage
    ("body byte flipped", KEPT, "is damaged", lambda: Device(damaged(LZ, 5000))),
    ("body CRC wrong", KEPT, "is damaged", lambda: Device(pack(body_crc=1))),
    ("body size 16 too big", KEPT, "is damaged", lambda: Device(pack(body_size=len(LZ) - 96 + 16))),
    ("body size 16 too small", KEPT, "is damaged", lambda: Device(pack(body_size=len(LZ) - 96 - 16))),
    ("truncated", KEPT, "is damaged", lambda: Device(LZ[:-100])),
    *[
        (f"lzma byte {at} flipped, CRCs right", KEPT, "", lambda at=at: Device(flipped(LZ, at)))
        for at in (200, 5000, 9000, 20000, len(LZ) - 40, len(LZ) - 60)
    ],
    *[
        (f"gzip byte {at} flipped, CRCs right", KEPT, "", lambda at=at: Device(flipped(GZ, at)))
        for at in (97, 5000, 8000, 15000, len(GZ) - 100, len(GZ) - 30)
    ],
    ("stored byte flipped, CRCs right", KEPT, "another hash", lambda: Device(flipped(ST, 5000))),
    (
        "gzip stream ends early",
        KEPT,
        "is damaged after",
        lambda: Device(pack(compression="gzip", stream=blocks(GZIPPED[:20000]))),
    ),
    ("lzma stream ends early", HANGS, "for ever", lambda: Device(pack(stream=blocks(LZMAD[:20000])))),
    ("hash wrong", KEPT, "another hash", lambda: Device(pack(raw_hash=1))),
    ("header CRC wrong", KEPT, "its CRC-32 does not match", lambda: Device(damaged(LZ, 95))),
    ("header byte wrong", KEPT, "its CRC-32 does not match", lambda: Device(damaged(LZ, 40))),
    ("header truncated", KEPT, "its CRC-32 does not match", lambda: Device(LZ[:90])),
    ("header of zeros", KEPT, "its CRC-32 does not match", lambda: Device(bytes(5000))),
    ("blank", KEPT, "is blank", lambda: Device()),
    ("package shifted by 32", KEPT, "is blank", lambda: Device(LZ, at=0x132060)),
    ("magic wrong, header CRC right", INSTALLED, "", lambda: Device(pack(magic=b"ABCD"))),
    # Sizes
    *[
        (f"raw size {by:+d}", REINSTALLS, "the app has 40000 bytes", lambda by=by: Device(pack(raw_size=40000 + by)))
        for by in (1, 100, 5000, -1, -100, -3000)
    ],
    *[
        (
            f"raw size {by:+d}, gzip",
            REINSTALLS,
            "the app has 40000 bytes",
            lambda by=by: Device(pack(compression="gzip", raw_size=40000 + by)),
        )
        for by in (1, 5000, -100, -4800)
    ],
    *[
        (
            f"raw size {by:+d}, stored",
            HANGS,
            "for ever",
            lambda by=by: Device(pack(compression="none", raw_size=40000 + by)),
        )
        for by in (1, 5000)
    ],
    (
        "raw size -100, stored",
        REINSTALLS,
        "the app has 40000 bytes",
        lambda: Device(pack(compression="none", raw_size=39900)),
    ),
    *[
        (f"raw size {size}", KEPT, "another hash", lambda size=size: Device(pack(raw_size=size)))
        for size in (36864, 32000, 4097, 0)
    ],
    *[
        (
            f"raw size {size}, gzip",
            KEPT,
            "another hash",
            lambda size=size: Device(pack(compression="gzip", raw_size=size)),
        )
        for size in (32000, 4097, 0)
    ],
    ("raw size over the partition", KEPT, "partition `app` has", lambda: Device(pack(raw_size=1114017))),
    ("package longer than download", KEPT, "712704", lambda: Device(pack(app(720000), "none"))),
    ("body of 0 bytes", HANGS, "never ends", lambda: Device(pack(body_size=0))),
    ("body of 31 bytes", HANGS, "never ends", lambda: Device(pack(body_size=31))),
    ("body of 32 bytes", KEPT, "is damaged", lambda: Device(pack(body_size=32))),
    ("body of 2 GiB", HANGS, "minutes", lambda: Device(pack(body_size=0x7FFFFFF0))),
    ("app of 127 bytes", HANGS, "fewer than 128", lambda: Device(pack(app(127)))),
    ("app of 128 bytes", INSTALLED, "", lambda: Device(pack(app(128)))),
    ("app of 300 bytes", INSTALLED, "", lambda: Device(pack(app(300)))),
    # Header fields
    ("for bootloader", KEPT, "does not replace", lambda: Device(pack(partition="bootloader"))),
    ("for foo", KEPT, "not in the table", lambda: Device(pack(partition="foo"))),
    ("for nothing", KEPT, "not in the table", lambda: Device(pack(partition=""))),
    ("for download", KEPT, "passes over", lambda: Device(pack(partition="download"))),
    ("same version", INSTALLED, "", lambda: Device(pack(version="1.0"))),
    ("older version", INSTALLED, "", lambda: Device(pack(version="0.1"))),
    ("other time stamp", INSTALLED, "", lambda: Device(pack(timestamp=1))),
    ("other serial", INSTALLED, "", lambda: Device(pack(serial="x"))),
    ("installed already", KEPT, "installed already", lambda: Device(build.footer(OLD, 3, "1.0") + b"x")),
    ("installed already, but the body is damaged", KEPT, "installed already", lambda: Device(LZ, footer=LZ[:96])),
    ("xor", KEPT, "nothing could", lambda: Device(pack(algorithm=0x401))),
    ("AES by its bit", INSTALLED, "", lambda: Device(pack(algorithm=0x403))),
    ("compression of another kind", KEPT, "nothing could", lambda: Device(pack(algorithm=0x102))),
    ("fastlz", KEPT, "fastlz", lambda: Device(pack(algorithm=0x302))),
    ("unknown compression", KEPT, "compression is unknown", lambda: Device(pack(algorithm=0x502))),
    ("CRC-framed image packed", KEPT, "has CRCs", lambda: Device(pack(crc_framing.frame(NEW)))),
    ("CRC-framed image packed, small", KEPT, "has CRCs", lambda: Device(pack(crc_framing.frame(app(300)), "gzip"))),
    ("linked elsewhere", KEPT, "linked elsewhere", lambda: Device(pack(app(reset=0x8000)))),
    ("linked to the end of the partition", INSTALLED, "", lambda: Device(pack(app(reset=0x120000)))),
    ("linked behind the partition", KEPT, "linked elsewhere", lambda: Device(pack(app(reset=0x120001)))),
    ("linked elsewhere, small", KEPT, "linked elsewhere", lambda: Device(pack(app(300, reset=0)))),
    # No package
    ("footer blank", KEPT, "is blank", lambda: Device(footer=b"")),
    ("app erased, footer blank", NO_APP, "is blank", lambda: Device(old=b"", footer=b"")),
    ("app erased, footer good", NO_APP, "is blank", lambda: Device(old=b"")),
    ("footer blank, package good", INSTALLED, "", lambda: Device(LZ, footer=b"")),
    ("footer blank, package damaged", KEPT, "is damaged", lambda: Device(damaged(LZ, 5000), footer=b"")),
    # Partition tables
    (
        "download at 0x133000",
        KEPT,
        "at 0x133000 is damaged",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, offset=0x133000))),
    ),
    ("download at 0x130000", KEPT, "is blank", lambda: Device(LZ, table=table(moved(DOWNLOAD, offset=0x130000)))),
    ("both moved", INSTALLED, "", lambda: Device(LZ, at=0x133000, table=table(moved(DOWNLOAD, offset=0x133000)))),
    (
        "download shorter than the package",
        KEPT,
        "20480",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, length=0x5000))),
    ),
    ("download exactly as long", INSTALLED, "", lambda: Device(LZ, table=table(moved(DOWNLOAD, length=len(LZ))))),
    (
        "download a byte shorter",
        KEPT,
        "the package has",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, length=len(LZ) - 1))),
    ),
    ("download of 95 bytes", KEPT, "95 bytes", lambda: Device(LZ, table=table(moved(DOWNLOAD, length=95)))),
    *[
        (f"CRC of entry {n} wrong", INSTALLED, "", lambda n=n: Device(LZ, patches={TABLE + 64 * n + 60: b"1234"}))
        for n in range(3)
    ],
    ("magic of download bad", KEPT, "no `download` entry", lambda: Device(LZ, patches={TABLE: b"XXXX"})),
    ("magic of app bad", KEPT, "no `download` entry", lambda: Device(LZ, patches={TABLE + 64: b"XXXX"})),
    ("magic of bootloader bad", INSTALLED, "", lambda: Device(LZ, patches={TABLE + 128: b"XXXX"})),
    (
        "all magics bad",
        KEPT,
        "no `download` entry",
        lambda: Device(LZ, patches={TABLE + 64 * n: b"XXXX" for n in range(3)}),
    ),
    ("no download", KEPT, "no `download` entry", lambda: Device(LZ, table=table(moved(DOWNLOAD, name="X")))),
    (
        "no download, footer blank",
        KEPT,
        "no `download` entry",
        lambda: Device(LZ, footer=b"", table=table(moved(DOWNLOAD, name="X"))),
    ),
    ("no app", KEPT, "not in the table", lambda: Device(LZ, table=table(app=moved(APP, name="X")))),
    ("no bootloader", INSTALLED, "", lambda: Device(LZ, table=table(own=moved(BOOTLOADER, name="X")))),
    ("another order", INSTALLED, "", lambda: Device(LZ, table=(APP, BOOTLOADER, DOWNLOAD))),
    ("table at 0xE001", INSTALLED, "", lambda: Device(LZ, patches={TABLE: b"\xff" * 192})),
    (
        "download on an unknown device",
        KEPT,
        "device `foo`",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, device="foo"))),
    ),
    ("app on an unknown device", HANGS, "device `foo`", lambda: Device(LZ, table=table(app=moved(APP, device="foo")))),
    (
        "bootloader on an unknown device",
        INSTALLED,
        "",
        lambda: Device(LZ, table=table(own=moved(BOOTLOADER, device="foo"))),
    ),
    (
        "download on the framed device",
        KEPT,
        "CRC-framed",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, device="beken_onchip_crc"))),
    ),
    (
        "download beyond the flash",
        KEPT,
        "beyond the flash",
        lambda: Device(LZ, table=table(moved(DOWNLOAD, offset=0x200000))),
    ),
    ("app too short", KEPT, "has 32768", lambda: Device(LZ, table=table(app=moved(APP, length=0x8000)))),
    ("app just long enough", INSTALLED, "", lambda: Device(LZ, table=table(app=moved(APP, length=40128)))),
    ("footer in the waste of the body", INSTALLED, "", lambda: Device(LZ, table=table(app=moved(APP, length=40096)))),
    ("app at 0x11000", KEPT, "linked elsewhere", lambda: Device(LZ, table=table(app=moved(APP, offset=0x11000)))),
    (
        "app at 0x20000 with a good footer",
        NO_APP,
        "linked elsewhere",
        lambda: Device(LZ, table=table(app=moved(APP, offset=0x20000, length=0x100000))),
    ),
    (
        "app overlaps download",
        BRICKED,
        "another hash",
        lambda: Device(LZ, table=table(app=moved(APP, length=0x112000))),
    ),
    (
        "app overlaps download, gzip",
        BRICKED,
        "erased together",
        lambda: Device(GZ, table=table(app=moved(APP, length=0x112000))),
    ),
    (
        "app overlaps download, stored",
        BRICKED,
        "another hash",
        lambda: Device(ST, table=table(app=moved(APP, length=0x112000))),
    ),
    (
        "app overlaps a part that is not used",
        INSTALLED,
        "",
        lambda: Device(LZ, table=table(app=moved(APP, length=0x120000))),
    ),
    (
        "app on the raw device",
        BRICKED,
        "another hash",
        lambda: Device(LZ, table=table(app=moved(APP, device="beken_onchip"))),
    ),
    (
        "for a partition of the user's",
        INSTALLED,
        "",
        lambda: Device(
            pack(partition="user"), table=table(own=moved(APP, name="user", offset=0x60000, length=0x20000))
        ),
    ),
    # For a partition on the part of the flash that has no CRCs
    ("raw, lzma", INSTALLED, "", lambda: Device(pack(partition="voice"), table=table(own=VOICE))),
    ("raw, gzip", INSTALLED, "", lambda: Device(pack(compression="gzip", partition="voice"), table=table(own=VOICE))),
    ("raw, stored", INSTALLED, "", lambda: Device(pack(OLD, "none", partition="voice"), table=table(own=VOICE))),
    ("raw, an odd size", INSTALLED, "", lambda: Device(pack(app(20011), partition="voice"), table=table(own=VOICE))),
    (
        "raw, a small one",
        HANGS,
        "fewer than 128",
        lambda: Device(pack(app(100), partition="voice"), table=table(own=VOICE)),
    ),
    (
        "raw, wrong hash",
        KEPT,
        "another hash",
        lambda: Device(pack(partition="voice", raw_hash=1), table=table(own=VOICE)),
    ),
    (
        "raw, size in the header too big",
        REINSTALLS,
        "`voice` have another hash",
        lambda: Device(pack(OLD, partition="voice", raw_size=20100), table=table(own=VOICE)),
    ),
    (
        "raw, no room",
        KEPT,
        "`voice` has 16384",
        lambda: Device(pack(partition="voice"), table=table(own=moved(VOICE, length=0x4000))),
    ),
    (
        "raw, begins inside a sector",
        INSTALLED,
        "",
        lambda: Device(pack(OLD, partition="voice"), table=table(own=moved(VOICE, offset=0x1E0800, length=0xF800))),
    ),
]


def boot(flash: bytes, seconds: float = 30.0, uart: int = 1, on: Chip | None = None) -> tuple[list[str], bytes, bool]:
    """The lines of a boot, the flash afterwards, and whether an app was started."""
    dut = Dut(flash_image.parse(flash, "made.bin", force=True, chip=on), None, Settings(profile="none"))
    try:
        last = [dut.expect([r"^go os_addr", r"^\[ARM ANOMALY"], within=seconds, console=uart).string]
    except NotSeen:
        last = []
    lines = [*dut.before, *last]
    return lines, bytes(dut.machine.flash.data), any(text.startswith("go os_addr") for text in lines)


def agrees(flash: bytes, end: End, cause: str, seconds: float = 30.0, uart: int = 1, on: Chip | None = None) -> None:
    told = foretold(flash, on=on)
    assert (told.end, cause in told.cause) == (end, True), (told.end, told.cause)
    if end is INSTALLED:
        assert told.cause == ""
    lines, after, started = boot(flash, (3.0 if "fewer than" in cause else 1.0) if end is HANGS else seconds, uart, on)
    assert differs(told, lines) == ""
    assert [hex(at) for at in differs_in_flash(told, after)[:4]] == []
    assert started == (end is not HANGS)


@pytest.mark.full
@pytest.mark.parametrize(
    ("end", "cause", "device"),
    [
        pytest.param(*case[1:], id=case[0], marks=[pytest.mark.nightly] * (place % 2))  # every other
        for place, case in enumerate(CASES)
    ],
)
def test_the_boot_loader_does_what_is_foretold(end, cause, device):
    device = device()
    loader = vendor(BOOTLOADER_UART1).read_bytes()
    if device.patches == {TABLE: b"\xff" * 192}:  # the whole table elsewhere
        loader = loader.ljust(0xE001, b"\xff") + loader[TABLE : TABLE + 192]
    agrees(device.flash(loader), end, cause)


@pytest.mark.full
@pytest.mark.parametrize("name", [GZIP, LZMA])
def test_a_vendor_package_on_a_vendor_image(name):
    package = vendor(name).read_bytes()
    flash = download.place(vendor(FULL).read_bytes().ljust(0x200000, b"\xff"), package, 0x132000)
    agrees(flash, INSTALLED, "")


@pytest.mark.full
def test_the_other_build_of_the_boot_loader():
    agrees(Device(GZ).flash(vendor(BOOTLOADER_UART2).read_bytes()), INSTALLED, "", uart=2)


def on_chip(one: Chip, flash: bytes) -> bytes:
    """A flash whose code is scrambled where this chip does that."""
    size = CRC_FRAMES.physical(APP.offset + APP.length)
    code = CRC_FRAMES.decode(flash[:size], 0)
    framed = bytearray(one.codec.encode(code, 0, one.clear_in(code[: APP.offset])))
    for at in CRC_FRAMES.erased(flash[:size]):
        framed[at : at + CRC_FRAMES.frame] = b"\xff" * CRC_FRAMES.frame
    return bytes(framed) + flash[size:]


SIBLING = ["bootloader_bk7231n_uart1_v1.0.15.bin", "bootloader_bk7231n_uart2_v1.0.15.bin"]
ON_SIBLINGS = [
    *("gzip", "stored", "one byte more", "wrong key, lzma", "body CRC wrong", "hash wrong", "raw size +100"),
    *("for download", "installed already", "linked elsewhere", "footer blank", "download at 0x133000"),
]


@pytest.mark.full
@pytest.mark.parametrize("name", ON_SIBLINGS)
@pytest.mark.parametrize("word", ["bk7231m", "bk7231n"])
def test_the_siblings_1_0_15_does_the_same_and_scrambles_nothing(word, name):
    _, end, cause, device = next(case for case in CASES if case[0] == name)
    one = chip.load(word)
    if one.codec != CRC_FRAMES and end in (INSTALLED, REINSTALLS):
        end, cause = BRICKED, "the chip descrambles what the CPU reads" if end is INSTALLED else "another hash"
    agrees(on_chip(one, device().flash(vendor(SIBLING[0]).read_bytes())), end, cause, on=one)


@pytest.mark.full
def test_the_siblings_other_build():
    one = chip.load("bk7231m")
    agrees(Device(GZ).flash(vendor(SIBLING[1]).read_bytes()), INSTALLED, "", uart=2, on=one)


@pytest.mark.full
def test_the_prediction_of_a_wrong_hash_does_not_fit_a_good_boot():
    """The comparison itself can fail: what is foretold of one package is not what another does."""
    loader = vendor(BOOTLOADER_UART1).read_bytes()
    lines, after, _ = boot(Device(LZ).flash(loader))
    told = foretold(Device(pack(raw_hash=1)).flash(loader))
    assert "foretold" in differs(told, lines)
    assert differs_in_flash(told, after) != []


@pytest.mark.full
def test_keys_are_those_of_the_table_above():
    loader = vendor(BOOTLOADER_UART1).read_bytes()
    assert (loader[0x1F2D:0x1F4D], loader[0x1F1C:0x1F2C]) == (KEY, IV)
