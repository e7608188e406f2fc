"""`bk7238 image check` where the boot loader is not foretold: it is run, and what becomes of the device is seen."""

import json
from dataclasses import replace

import pytest
from images import BOOTLOADER_UART1, built, vendor

from bk7238.cli import main
from bk7238.formats import crc_framing, partitions
from bk7238.image import flash_image
from bk7238.image.loaders.boot import End
from bk7238.update import trial
from boot.cases import Device, pack
from boot.foretold import differs_in_flash, foretold
from boot.reference import APP_START, DOWNLOAD, image, installed, repacked
from boot.test_prediction import CASES, TABLE

PACKAGE = built("reference_1.0.1_gzip_aes.rbl")
LOADER = built("boot.bin")
NAME = b"BK7238_1.0.0 (reference)"
TOO_SLOW = {"largest app", "300,000 bytes, lzma"}
# Of the cases that the vendor's boot loader installs, those that the stricter reference one does not, and the reverse.
STRICTER = {
    *("magic wrong, header CRC right", "AES by its bit", "CRC of entry 0 wrong", "CRC of entry 1 wrong"),
    *("app just long enough", "footer in the waste of the body", "app overlaps a part that is not used"),
    *("for a partition of the user's", "raw, lzma", "raw, gzip", "raw, stored", "raw, an odd size"),
    "raw, begins inside a sector",
}
MILDER = {"stored, zeros as padding", "installed already, but the body is damaged", "download on an unknown device"}


def run(data, package=b""):
    made = flash_image.parse(bytes(data), "device.bin", force=True)
    return trial.run(made, made.view.whole(), package)


def check(capsys, *line):
    status = main(["image", "check", *map(str, line)])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def files(tmp_path):
    """Puts bytes into a file."""

    def write(name, data):
        (tmp_path / name).write_bytes(bytes(data))
        return tmp_path / name

    return write


def somebodys(data):
    """The same flash with the reference boot loader under a name that nobody knows."""
    code = crc_framing.strip(bytes(data[:APP_START]))
    assert NAME in code
    return crc_framing.frame(code.replace(NAME, b"BK7238_9.0.0 (somebodys)")) + bytes(data[APP_START:])


def test_what_was_run_is_said(files, capsys):
    full, package = files("full.bin", built("reference_1.0.0.bin")), files("new.rbl", PACKAGE)
    status, out, err = check(capsys, full, package, "--flash", full.with_name("after.bin"))
    assert (status, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "the package is put at 0x132000 (the SDK's table for 2 MiB, as the app has none)"
    assert lines[1] == "reference boot loader 1.0.0"
    assert lines[2].startswith("run: it is not foretold but was run, for 0.") and lines[2].endswith("virtual seconds")
    assert "prints [I/OTA] OTA firmware(app) upgrade(1.0.0->1.0.1) startup." in lines
    assert lines[-3] == "prints go os_addr(0x10000).........."
    assert lines[-2:] == [
        "ok   end of the run: the app at 0x10000 is started",
        "end: installed: the new app is in place and is started",
    ]
    assert full.with_name("after.bin").read_bytes() == installed(image(PACKAGE))
    status, out, _ = check(capsys, full, "--json")
    found = json.loads(out)
    assert (status, found["end"]) == (1, "kept") and 0 < found["virtual_seconds"] < 1
    assert found["cause"].endswith("its download partition at 0x132000 is blank")


def test_one_that_nobody_knows_is_run_too(files, capsys):
    """With what its lines have in common with others, and without its words where it looks like none of them."""
    full, package = files("full.bin", somebodys(built("reference_1.0.0.bin"))), files("new.rbl", PACKAGE)
    status, out, _ = check(capsys, full, package)
    assert status == 0 and "unknown (unknown)" not in out and "unknown (BK7238_9.0.0)" in out
    assert "prints BK7238_9.0.0 (somebodys)" in out and "end: installed" in out
    damaged = files("damaged.rbl", PACKAGE[:5000] + b"?" + PACKAGE[5001:])
    status, out, _ = check(capsys, full, damaged)
    assert status == 1 and "cause: the bootloader printed: [E/OTA] (rt_ota_part_fw_verify) Verify firmware CRC32" in out
    code = crc_framing.strip(full.read_bytes()[:APP_START])
    mute = crc_framing.frame(code.replace(b"go os_addr(0x%x)", b"GO GO GO(0x%x)  ")) + full.read_bytes()[APP_START:]
    status, out, _ = check(capsys, files("mute.bin", mute), package)
    assert status == 0 and "the app at 0x10000 is started" in out, "it is seen where the app begins, not in a line"


@pytest.mark.full
def test_a_boot_loader_that_crashes_or_waits_is_an_end():
    device = bytearray(image(PACKAGE))
    device[APP_START + 0x2010] ^= 1  # another app than its footer says; a package that cannot be installed over it
    device[DOWNLOAD + 5000] ^= 1
    told = run(device)
    assert told.end is End.HANGS and "nothing happens any more for 30 virtual seconds, at 0x" in told.cause
    assert "App verify failed!" in told.cause and told.flash == device
    code = b"\xfe\xff\xff\xea".ljust(32, b"\xff") + LOADER[32:]  # a branch to itself
    told = run(crc_framing.frame(code).ljust(APP_START, b"\xff") + device[APP_START:])
    assert told.end is End.HANGS and told.lines == () and "at 0x0" in told.cause
    code = b"\xf0\x00\xf0\xe7" * 8 + LOADER[32:]  # undefined instructions
    told = run(crc_framing.frame(code).ljust(APP_START, b"\xff") + device[APP_START:])
    assert told.end is End.HANGS and "crashes over and over" in told.cause


def test_what_cannot_be_is_one_line(files, capsys):
    full, package = files("full.bin", built("reference_1.0.0.bin")), files("new.rbl", PACKAGE)
    status, out, err = check(capsys, full, package, "--at", "0x200000")
    assert (status, out, err.count("\n")) == (2, "", 1) and "beyond the flash of 0x200000 bytes" in err


@pytest.mark.full
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case[0], marks=[pytest.mark.full] * (place % 5 > 0))  # a fifth is always run
        for place, case in enumerate(CASES)
        if case[0] not in TOO_SLOW
    ],
)
def test_the_reference_boot_loader_installs_or_leaves_the_flash_alone(case):
    """The table of the vendor's boot loader on the stricter one, which bricks nothing, and always says why."""
    name, vendors, _, make = case
    device = make()
    loader, start = LOADER, min(at for at, _ in partitions.find(LOADER))
    patches = {at - TABLE + start if at >= TABLE else at: data for at, data in device.patches.items()}
    if len(patches.get(start, b"")) == 192:
        loader = loader.ljust(0xE001, b"\xff") + loader[start : start + 192]
    before = replace(device, patches=patches).flash(loader)
    told = run(before, device.package)
    assert told.loader == "reference boot loader 1.0.0" and told.lines[0] == NAME.decode()
    if name in MILDER or (vendors is End.INSTALLED and name not in STRICTER):
        assert (told.end, told.cause) == (End.INSTALLED, "")
        assert told.flash != before
    else:
        assert told.end in (End.KEPT, End.HANGS, End.NO_APP) and told.cause
        assert told.flash == before


@pytest.mark.full
@pytest.mark.parametrize("name", ["gzip", "blank", "app erased, footer good", "raw size -100, gzip", "raw, stored"])
def test_a_run_ends_where_it_is_foretold_to_end(name):
    """The vendor's boot loader, which is foretold, run all the same."""
    device = next(case[3] for case in CASES if case[0] == name)()
    before = device.flash(vendor(BOOTLOADER_UART1).read_bytes())
    told, ran = foretold(before), run(before)
    assert (ran.end, ran.destination) == (told.end, told.destination)
    assert differs_in_flash(told, ran.flash) == []


@pytest.mark.nightly
def test_a_brick_is_one_in_a_run_too():
    device = next(case[3] for case in CASES if case[0] == "app overlaps download, gzip")()
    before = device.flash(vendor(BOOTLOADER_UART1).read_bytes())
    assert (foretold(before).end, run(before).end) == (End.BRICKED, End.BRICKED)


def test_the_package_that_was_meant_is_compared_with_what_is_there():
    damaged = repacked(PACKAGE)
    before = image(damaged[:40] + b"?" + damaged[41:])
    assert run(before, PACKAGE).cause.endswith("does not match (it differs from the package from 0x28 on)")
    assert run(Device(pack(), at=0x140000).flash(LOADER), pack()).cause.endswith(
        "disagree; build the app for the bootloader's layout, or take a bootloader of the app's"
    )
