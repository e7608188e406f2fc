"""The reference boot loader: what it installs, what it refuses in which words, and what it does not start."""

import dataclasses

import pytest
from images import FULL, GZIP, LZMA, built, vendor
from images import image as reference
from ota import expected

from bk7238.bench.settings import Settings
from bk7238.formats import crc_framing, partitions, rbl, rbl_body
from bk7238.testing import Dut
from boot.cases import pack
from boot.reference import APP_END, APP_START, DOWNLOAD, STARTED, STUCK, boot, bootloader, image, installed, repacked

PACKAGE = built("reference_1.0.1_gzip_aes.rbl")
APP = built("app-1.0.1.bin")
NEW_LINES = [
    "BK7238_1.0.0 (reference)",
    "ST:0x00000000",
    "[I/FAL] Fal(V0.4.0)success",
    "[I/OTA] OTA package(reference 1.0.0) initialize success.",
    "[I/OTA] OTA firmware(app) upgrade(1.0.0->1.0.1) startup.",
    f"[I/OTA] total_len(({len(APP)}) >= size_raw({len(APP)}), _STREAM_END",
    "[I/OTA] The partition 'app' is erasing.",
    "#" * (2 + -(-len(crc_framing.frame(APP)) // 0x1000)),
    "[I/OTA] The partition 'app' erase success.",
    "[I/OTA] OTA Write: [====================>] 100%",
    f"[I/OTA] total_len(({len(APP)}) >= size_raw({len(APP)}), _STREAM_END",
    "[E/OTA] (ota_erase_dl_rbl:24) ota_erase_dl_rbl",
    "[E/OTA] (ota_erase_dl_rbl:32) ota_erase_dl_rbl erase:132000",
    "go os_addr(0x10000)..........",
]


@pytest.fixture(scope="module")
def device():
    return Dut(reference(), None, Settings(profile="none"))


@pytest.fixture
def start(device):
    """Starts a flash: the end to which it comes, all that was printed, and the flash then."""

    def start(flash):
        ended, lines = boot(device, flash)
        return ended, "\n".join(lines), bytes(device.machine.flash.data)

    return start


@pytest.mark.parametrize("kind", ["none", "gzip", "lzma"])
def test_it_installs_its_own_packages(device, start, kind):
    before = image(built(f"reference_1.0.1_{kind}_aes.rbl"))
    ended, _, after = start(before)
    assert ended == STARTED
    assert after == installed(before)
    assert device.machine.flash.status == 0x7C, "all of the chip is protected when the app starts"


def test_its_log_is_the_documented_one(start):
    lines = start(image(PACKAGE))[1].splitlines()
    progress = [line for line in lines if "OTA Write" in line and not line.endswith("100%")]
    assert [line for line in lines if line not in progress] == NEW_LINES


@pytest.mark.full
@pytest.mark.parametrize("name", [GZIP, LZMA])
def test_it_installs_packages_of_the_vendors_format(start, name):
    package = vendor(name).read_bytes()
    full = vendor(FULL).read_bytes()
    before = image(package, built("reference_1.0.0.bin")[:APP_START] + full[APP_START:])
    ended, printed, after = start(before)
    assert "upgrade(2M.1220->2.0.0) startup." in printed and ended == STARTED
    assert expected.differences(after, expected.after_update(bytes(before), package)) == []


def test_a_start_without_a_package_changes_nothing(device, start):
    before = image()
    ended, printed, after = start(before)
    assert ended == STARTED and "upgrade" not in printed
    assert after == before and device.operations == []


def test_the_installed_package_is_not_installed_again(start):
    before = bytearray(installed(image(PACKAGE)))
    before[DOWNLOAD : DOWNLOAD + len(PACKAGE)] = PACKAGE
    ended, printed, after = start(before)
    assert ended == STARTED and "upgrade" not in printed
    assert after == before


def test_the_installed_package_is_installed_again_over_a_damaged_app(start):
    right = image(PACKAGE)
    before = bytearray(installed(right))
    before[DOWNLOAD : DOWNLOAD + len(PACKAGE)] = PACKAGE
    before[APP_START + 0x1234] ^= 4
    ended, _, after = start(before)
    assert ended == STARTED and after == installed(right)


def test_a_damaged_app_is_not_started(start):
    before = image()
    before[APP_START + 0x2010] ^= 1
    ended, printed, after = start(before)
    assert "App verify failed! Need to recovery factory firmware." in printed
    assert ended == STUCK and after == before


def test_an_app_without_a_footer_is_not_started(start):
    before = image()
    before[APP_END - 0x2000 : APP_END] = b"\xff" * 0x2000
    assert start(before)[0] == STUCK


def test_without_a_footer_the_update_is_forced(start):
    before = image(PACKAGE)
    before[APP_END - 0x2000 : APP_END] = b"\xff" * 0x2000
    ended, printed, after = start(before)
    assert "Get 'app' partition firmware header failed! This partition will be forced to upgrade." in printed
    assert ended == STARTED and after == installed(before)


def framed_by_mistake():
    return pack(crc_framing.frame(APP), "none")


def linked_elsewhere():
    return pack(APP[:0x20] + (0x200000).to_bytes(4, "little") + APP[0x24:], "none")


def dictionary_too_large():
    body = rbl_body.encrypt(
        rbl_body.pad(rbl_body.lzma_alone(APP, 1 << 20)), "aes", rbl_body.KEY.encode(), rbl_body.IV.encode()
    )
    header = rbl.header(APP, body, algorithm=0x402, timestamp=0)
    return header.pack() + body


REFUSED = {
    "body damaged": (lambda: PACKAGE[:500] + b"\0" + PACKAGE[501:], "Verify firmware CRC32(calc.crc: "),
    "header damaged": (lambda: PACKAGE[:30] + b"?" + PACKAGE[31:], "The header in the download partition is damaged"),
    "magic": (lambda: repacked(PACKAGE, magic=b"RBX\0"), "The header in the download partition is damaged"),
    "for the boot loader": (
        lambda: repacked(PACKAGE, partition="bootloader"),
        "(ota_main:111) Can not upgrade bootloader partition!",
    ),
    "for nobody": (
        lambda: repacked(PACKAGE, partition="foo"),
        "(rt_ota_check_upgrade:432) The partition foo was not found",
    ),
    "for itself": (lambda: repacked(PACKAGE, partition="download"), "only app is installed"),
    "not encrypted": (lambda: repacked(PACKAGE, algorithm=0x100), "(ota_main:125) none encryption Not allow!"),
    "xor": (lambda: repacked(PACKAGE, algorithm=0x101), "ota algorithm no support: 257!"),
    "quicklz": (lambda: repacked(PACKAGE, algorithm=0x202), "ota algorithm no support: 514!"),
    "no body": (lambda: repacked(PACKAGE, body_size=0), "The package's body cannot have 0 bytes"),
    "endless body": (
        lambda: repacked(PACKAGE, body_size=0xFFFFFFF0),
        "The package's body cannot have 4294967280 bytes",
    ),
    "no space": (
        lambda: repacked(PACKAGE, raw_size=1114017),
        "(rt_ota_upgrade:957) The partition (beken_onchip_crc) has no space (unless 1114113) for upgrade.",
    ),
    "raw size too big": (
        lambda: repacked(PACKAGE, raw_size=len(APP) + 1),
        "(copy_fw_from_dl_part:720) Verify downloaded",
    ),
    "raw size too small": (
        lambda: repacked(PACKAGE, raw_size=len(APP) - 1),
        "(copy_fw_from_dl_part:720) Verify downloaded",
    ),
    "wrong hash": (lambda: repacked(PACKAGE, raw_hash=1), "(copy_fw_from_dl_part:720) Verify downloaded firmware hash"),
    "not gzip": (lambda: repacked(pack(APP, "lzma"), algorithm=0x102), "decompress error: incorrect header check"),
    "not lzma": (lambda: repacked(PACKAGE, algorithm=0x402), "(ota_main:144) OTA upgrade failed!"),
    "framed": (framed_by_mistake, "Please use none crc image to build rbl file!"),
    "linked elsewhere": (linked_elsewhere, "The application must link to the flash 64KB location!"),
    "dictionary": (dictionary_too_large, "decompress error: lzma properties are not supported"),
    "tiny": (lambda: pack(APP[:100], "none"), "An application cannot have 100 bytes."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_package_that_is_refused(start, case):
    make, words = REFUSED[case]
    before = image(make())
    ended, printed, after = start(before)
    assert words in printed
    assert ended == STARTED and after == before, "the old app is kept and started"


@pytest.mark.full
@pytest.mark.parametrize("size", [128, 4095, 4096, 4097, 65535, 65536, 65537, 200_000])
def test_sizes_around_pieces_and_windows(start, size):
    """Whatever an app consists of: it is installed byte for byte."""
    raw = bytearray((APP * 8)[:size].ljust(size, b"\xa5"))
    raw[0x20:0x24] = (0x10100).to_bytes(4, "little")
    for kind in ("none", "gzip", "lzma"):
        before = image(pack(bytes(raw), kind))
        ended, _, after = start(before)
        assert ended == STARTED, kind
        logical = crc_framing.strip(after[APP_START:APP_END])
        assert logical[:size] == raw, kind


@pytest.mark.full
def test_the_largest_app(start):
    raw = bytearray(bytes(range(256)) * 4352)[: 0x110000 - 96]
    raw[0x20:0x24] = (0x10100).to_bytes(4, "little")
    before = image(pack(bytes(raw), "gzip"))
    ended, _, after = start(before)
    assert ended == STARTED
    assert crc_framing.strip(after[APP_START:APP_END])[: len(raw)] == raw


# The partition table


def table():
    return {partition.name: (at, partition) for at, partition in partitions.find(built("boot.bin"))}


def with_entry(name, **changes):
    at, entry = table()[name]
    return image(PACKAGE, bootloader({at: dataclasses.replace(entry, **changes).pack()}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "download", "length": 0x100000}, "The partition 'download' must lie unframed"),
        ({"name": "download", "offset": 0x100000}, "overlap"),
    ],
)
def test_a_table_with_which_an_update_would_destroy_something(start, changes, words):
    before = with_entry(**changes)
    place = changes.get("offset", DOWNLOAD)
    before[place : place + len(PACKAGE)] = PACKAGE
    ended, printed, after = start(before)
    assert words in printed
    assert ended == STARTED and after == before


def test_an_app_partition_that_reaches_into_the_download(start):
    """What the vendor's boot loader bricks the device with. Here the footer is not where it was: nothing is started."""
    before = with_entry("app", length=0x120000)
    ended, printed, after = start(before)
    assert "overlap" in printed
    assert ended == STUCK and after == before


def test_an_entry_with_a_wrong_checksum_does_not_count(start):
    at, entry = table()["download"]
    damaged = bytearray(entry.pack())
    damaged[52] ^= 1
    before = image(PACKAGE, bootloader({at: bytes(damaged)}))
    ended, printed, after = start(before)
    assert "A partition entry has a wrong CRC-32" in printed
    assert "The download partition(download) not found." in printed
    assert ended == STARTED and after == before


def test_the_table_may_lie_elsewhere(start):
    """The highest one counts, at any alignment; here download was moved as well, and the package with it."""
    entries = [entry for _, entry in partitions.find(built("boot.bin"))][::-1]
    moved = [
        dataclasses.replace(entry, offset=0x133000, length=0xAD000) if entry.name == "download" else entry
        for entry in entries
    ]
    logical = built("boot.bin").ljust(0xE001, b"\xff") + b"".join(entry.pack() for entry in moved)
    whole = built("reference_1.0.0.bin")
    before = image(b"", crc_framing.frame(logical).ljust(APP_START, b"\xff") + whole[APP_START:])
    before[0x133000 : 0x133000 + len(PACKAGE)] = PACKAGE
    ended, printed, after = start(before)
    assert "erase:133000" in printed and ended == STARTED
    assert crc_framing.strip(after[APP_START:APP_END])[: len(APP)] == APP
