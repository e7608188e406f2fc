"""`bk7238 image` as its user types it: results, exit statuses, one line for what is wrong and nothing written."""

import gzip
import json
import os

import pytest
from images import BOOTLOADER_UART1, FULL, GZIP, vendor
from test_cli import tiny_image
from test_image_build import SMALL

from bk7238 import cli, resources
from bk7238.formats import crc_framing, rbl, tlv
from bk7238.image import build, flash_image

PACK = ["-v", "1.0.1", "-p", "app"]


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(0x20) + (0x10100).to_bytes(4, "little") + bytes(range(256)) * 8)
    os.utime(path, (1700000000, 1700000000))
    return path


@pytest.fixture
def loader(tmp_path):
    """The raw code of a boot loader, whose app partition ends at 0x18000."""
    path = tmp_path / "loader.bin"
    path.write_bytes(SMALL.bootloader)
    os.utime(path, (1700000000, 1700000000))
    return path


def run(capsys, *line):
    status = cli.main(["image", *map(str, line)])
    out, err = capsys.readouterr()
    return status, out, err


def test_pack_takes_the_time_stamp_of_its_input_and_names_the_package_after_it(app, capsys):
    status, out, err = run(capsys, "pack", "-f", app, *PACK, "-c", "lzma", "-s", "aes")
    assert (status, err) == (0, "")
    header = rbl.unpack(app.with_suffix(".rbl").read_bytes())
    assert (header.timestamp, header.version, header.algorithm) == (1700000000, "1.0.1", 0x402)
    assert f"{app.with_suffix('.rbl')}: " in out


def test_pack_warns(app, capsys):
    status, out, err = run(capsys, "pack", "-f", app, *PACK, "--json")
    assert status == 0 and "none encryption Not allow" in err
    assert json.loads(out)["warnings"] == [err.strip().removeprefix("bk7238: warning: app.bin: ")]


BAD = [
    (["pack", "-f", "{tmp}/none.bin", *PACK], "No such file"),
    (["pack", "-f", "{tmp}/empty.bin", *PACK], "the input is empty"),
    (["pack", "-f", "{app}", *PACK, "-s", "aes", "-k", "short"], "a key has 32 characters, this one 5"),
    (["pack", "-f", "{app}", *PACK, "-c", "zip"], "invalid choice"),
    (["pack", "-f", "{app}", *PACK, "-o", "{app}"], "would replace its input"),
    (["pack", "-f", "{app}", *PACK, "-o", "{tmp}/no/folder.rbl"], "name another file"),
    (["unpack", "{app}", "-o", "{tmp}/out"], "the magic at 0x0"),
    (["unpack", "{tmp}/none.rbl"], "No such file"),
    (["build", "-o", "{tmp}/out"], "name a FOLDER"),
    (["build", "{tmp}", "-o", "{tmp}/out"], "; `bk7238 image split IMAGE -o"),
    (["build", "{tmp}", "--app", "{app}", "-o", "{tmp}/out"], "--app and a FOLDER do not go together"),
    (["build", "--bootloader", "{app}", "-o", "{tmp}/out"], "no partition table"),
    (["split", "{app}", "-o", "{tmp}/out"], "CRC-16"),
    (["info", "{app}"], "CRC-16"),
    (["partitions", "{app}"], "no partition table"),
    (["check", "{app}"], "CRC-16"),
]


@pytest.mark.parametrize(("line", "text"), BAD, ids=[" ".join(line[:2]) + f" {n}" for n, (line, _) in enumerate(BAD)])
def test_bad_input_is_one_line_and_nothing_is_written(line, text, app, tmp_path, capsys):
    (tmp_path / "empty.bin").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    status, out, err = run(capsys, *(word.format(tmp=tmp_path, app=app) for word in line))
    assert status == 2 and out == "" and err.count("\n") == 1
    assert text in err
    assert sorted(tmp_path.iterdir()) == before


ELF, HEX = b"\x7fELF" + bytes(100), b":020000040000FA\r\n:10000000" + b"0" * 34 + b"\r\n"
NOT_RAW = {  # what is given as the app, as it is made of the app, and what is said of it
    "framed, behind erased flash": (
        lambda app: b"\xff" * 340 + crc_framing.frame(app),
        "at 0x154 are followed by",
    ),
    "framed, with a bad frame": (lambda app: b"?" + crc_framing.frame(app)[1:], "at 0x22 are followed by their CRC-16"),
    "framed twice": (lambda app: crc_framing.frame(crc_framing.frame(app)), "are followed by their CRC-16"),
    "full image": (lambda _app: tiny_image(), "`bk7238 image split` takes a full image apart"),
    "package": (
        lambda app: rbl.header(app, app, algorithm=0, timestamp=0).pack() + app,
        "`bk7238 image unpack PACKAGE -o app.bin` gives",
    ),
    "ELF": (lambda _app: ELF, "objcopy -O binary"),
    "Intel HEX": (lambda _app: HEX, "objcopy -I ihex"),
    "S-record": (lambda _app: b"S0030000FC\r\n", "objcopy -I srec"),
    "UF2": (lambda _app: b"UF2\n" + bytes(508), "a UF2 file"),
    "gzip": (lambda app: gzip.compress(app), "unpack it first"),
}


@pytest.mark.parametrize("kind", NOT_RAW)
def test_what_is_no_raw_app_is_refused(kind, app, loader, tmp_path, capsys):
    make, text = NOT_RAW[kind]
    (tmp_path / "other.bin").write_bytes(make(app.read_bytes()))
    before = sorted(tmp_path.iterdir())
    for line in (["pack", "-f", tmp_path / "other.bin", *PACK], ["build", "--bootloader", loader, "--app"]):
        more = [tmp_path / "other.bin", "-o", tmp_path / "full.bin"] if line[0] == "build" else []
        status, out, err = run(capsys, *line, *more)
        assert (status, out, err.count("\n")) == (2, "", 1) and err.startswith("bk7238: other.bin: ") and text in err
    assert sorted(tmp_path.iterdir()) == before


def test_an_app_partition_is_an_app(app, loader, tmp_path, capsys):
    """As it was read out, with its CRCs, its footer and what is erased between them; without these, too."""
    raw, dump = app.read_bytes(), tmp_path / "dump.bin"
    assert run(capsys, "pack", "-f", app, *PACK)[0] == 0
    assert run(capsys, "build", "--bootloader", loader, "--app", app, "-o", tmp_path / "full.bin")[0] == 0
    image = flash_image.read(tmp_path / "full.bin")
    for data in (crc_framing.frame(raw), image.view.raw(image.app)):
        dump.write_bytes(data)
        os.utime(dump, (app.stat().st_mtime, app.stat().st_mtime))
        assert run(capsys, "build", "--bootloader", loader, "--app", dump, "-o", tmp_path / "again.bin")[0] == 0
        assert (tmp_path / "again.bin").read_bytes() == image.data
        assert run(capsys, "pack", "-f", dump, *PACK)[0] == 0
        assert (tmp_path / "dump.rbl").read_bytes() == app.with_suffix(".rbl").read_bytes()


def test_a_framed_app_is_packed_by_force(app, capsys):
    app.write_bytes(crc_framing.frame(app.read_bytes()))
    status, _, err = run(capsys, "pack", "-f", app, *PACK, "-s", "aes", "--force")
    assert status == 0 and "app.bin: the app has a CRC after every 32 bytes already" in err
    assert rbl.unpack(app.with_suffix(".rbl").read_bytes()).raw_size == len(app.read_bytes())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (crc_framing.frame, "a full flash image or a boot loader"),
        (lambda loader: ELF + loader, "objcopy -O binary"),
        (lambda _loader: HEX, "objcopy -I ihex"),
        (lambda loader: b"RBL\0" + loader, "an update package"),
    ],
)
def test_what_is_no_boot_loader_is_refused(make, text, app, loader, tmp_path, capsys):
    loader.write_bytes(make(loader.read_bytes()))
    status, out, err = run(capsys, "build", "--bootloader", loader, "--app", app, "-o", tmp_path / "full.bin")
    assert (status, out, err.count("\n")) == (2, "", 1) and err.startswith("bk7238: loader.bin: ") and text in err
    assert not (tmp_path / "full.bin").exists()


def test_raw_code_is_not_taken_for_framed():
    built = resources.reference()
    for name in ("app-1.0.0.bin", "app-1.0.1.bin", "boot.bin"):
        code = (built / name).read_bytes()
        assert not crc_framing.is_framed(code) and crc_framing.is_framed(crc_framing.frame(code))
    for empty in (b"", b"\xff" * 3400, bytes(33), bytes(3400)):
        assert not crc_framing.is_framed(empty)


def test_a_good_app_is_built_without_a_word(app, loader, tmp_path, capsys):
    full, again = tmp_path / "full.bin", tmp_path / "again.bin"
    for source, made in ((loader, full), (full, again)):
        status, _, err = run(capsys, "build", "--bootloader", source, "--app", app, "--timestamp", "1", "-o", made)
        assert (status, err) == (0, "")
    assert full.read_bytes() == again.read_bytes()


def test_a_download_that_does_not_fit_the_flash_is_refused(app, loader, tmp_path, capsys):
    run(capsys, "pack", "-f", app, *PACK, "-s", "aes", "-o", tmp_path / "p.rbl")
    line = [
        "build",
        "--bootloader",
        loader,
        "--app",
        app,
        "-o",
        tmp_path / "full.bin",
        "--download",
        tmp_path / "p.rbl",
    ]
    for at in ("0x1FFFFF", "0x1ff800", "0xFFFFFFFFFF", "-1"):
        status, out, err = run(capsys, *line, "--download-at", at)
        assert (status, out, err.count("\n")) == (2, "", 1) and "beyond the" in err
    assert not (tmp_path / "full.bin").exists()


def test_build_warns_as_pack_does(app, loader, tmp_path, capsys):
    """Of the app, also in a folder of `split`, and of a package that is put into the download partition."""
    app.write_bytes(app.read_bytes()[:0x20] + bytes(60))
    _, _, packed = run(capsys, "pack", "-f", app, *PACK, "-s", "aes", "-o", tmp_path / "p.rbl")
    assert "the word at 0x20 is 0x0, not between 0x10000 and " in packed and "fewer than 128 bytes" in packed
    line = ["build", "--bootloader", loader, "--app", app, "-o", tmp_path / "full.bin"]
    status, _, built = run(capsys, *line)
    assert status == 0 and built.splitlines()[1:] == packed.splitlines()[1:]
    assert "the word at 0x20 is 0x0, not between 0x10000 and 0x18000" in built, "the boot loader's own table counts"
    _, _, built = run(capsys, "build", "--bootloader", loader, "--package", tmp_path / "p.rbl", *line[-2:])
    assert "p.rbl: the word at 0x20" in built
    run(capsys, "split", tmp_path / "full.bin", "-o", tmp_path / "parts")
    (tmp_path / "parts" / "app.bin").write_bytes(crc_framing.frame(app.read_bytes()))
    _, _, built = run(capsys, "build", tmp_path / "parts", "-o", tmp_path / "again.bin")
    assert "parts: the app has a CRC after every 32 bytes already" in built
    _, info, _ = run(capsys, "info", tmp_path / "again.bin")
    assert "WARNING: the app has a CRC after every 32 bytes already" in info
    run(capsys, "pack", "-f", app, *PACK, "-c", "quicklz", "-o", tmp_path / "q.rbl")
    _, _, built = run(capsys, *line, "--download", tmp_path / "q.rbl")
    assert "q.rbl: not encrypted" in built and "q.rbl: the shipped boot loaders cannot unpack quicklz" in built


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--timestamp", "-1"], "time stamps go from 0 to 4294967295"),
        (["--timestamp", "0x100000000"], "time stamps go from 0 to 4294967295"),
        (["--version", "v" * 25], "has 25 bytes, the header's field 24"),
        (["--version", "\u00fc" * 13], "has 26 bytes, the header's field 24"),
    ],
)
def test_what_does_not_fit_the_header_is_refused(options, text, app, loader, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    for line in (
        ["pack", "-f", app, *PACK],
        ["build", "--bootloader", loader, "--app", app, "-o", tmp_path / "full.bin"],
    ):
        status, out, err = run(capsys, *line, *options)
        assert (status, out, err.count("\n")) == (2, "", 1) and text in err
    status, _, err = run(capsys, "pack", "-f", app, *PACK, "-p", "p" * 17)
    assert status == 2 and "has 17 bytes, the header's field 16" in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("modified", [-5, 1 << 32])
def test_nor_a_file_of_such_a_time(modified, app, loader, tmp_path, capsys):
    os.utime(app, (modified, modified))
    build_line = ["build", "--bootloader", loader, "--app", app, "-o", tmp_path / "full.bin"]
    for line in (["pack", "-f", app, *PACK], build_line):
        status, out, err = run(capsys, *line)
        assert (status, out, err.count("\n")) == (2, "", 1) and "--timestamp is from 0 to 4294967295" in err
        assert run(capsys, *line, "--timestamp", "0xFFFFFFFF")[0] == 0


def test_a_version_is_the_same_bytes_in_packages_and_images(app, loader, tmp_path, capsys):
    run(capsys, "pack", "-f", app, "-p", "app", "-v", "\u00fc", "-o", tmp_path / "p.rbl")
    run(capsys, "build", "--bootloader", loader, "--app", app, "--version", "\u00fc", "-o", tmp_path / "f.bin")
    packed, footer = (tmp_path / "p.rbl").read_bytes(), (tmp_path / "parts")
    run(capsys, "split", tmp_path / "f.bin", "-o", footer)
    manifest = json.loads((footer / "image.json").read_text())
    assert packed[28:52] == bytes.fromhex(manifest["app_footer"])[28:52] == b"\xc3\xbc".ljust(24, b"\0")


AREAS = {"2M": (0x1E0000, 0x1E1000), "4M": (0x3E0000, 0x3E1000)}


@pytest.mark.parametrize("size", AREAS)
def test_the_areas_are_those_of_the_flash_that_is_built(size, app, loader, tmp_path, capsys):
    rf, network = AREAS[size]
    image, area = tmp_path / "new.bin", tmp_path / "area.bin"
    area.write_bytes(tlv.pack([(tlv.NET_SSID_KEY, b"Home")]))
    line = ["build", "--bootloader", loader, "--app", app, "-o", image, "--flash-size", size, "--net", area]
    assert run(capsys, *line, "--mac", "c8:47:8c:00:00:02")[0] == 0
    data = image.read_bytes()
    assert data[rf : rf + 4] == data[network : network + 4] == b"TLV\0"
    assert data[rf:].count(bytes.fromhex("c8478c000002")) == 1 and data[network:].rstrip(b"\xff") == area.read_bytes()
    assert not data[0x1A000:rf].strip(b"\xff"), "nothing lies anywhere else"
    status, out, _ = run(capsys, "info", image, "--json")
    found = json.loads(out)["settings"]
    assert status == 0 and found[0].startswith(f"RF area at {rf:#x}: ") and "c8:47:8c:00:00:02" in found[0]
    assert found[1].startswith(f"network area at {network:#x}: ")


def test_without_a_flash_size_the_parts_say_it(app, loader, tmp_path, capsys):
    image, table = tmp_path / "new.bin", tmp_path / "table.json"
    entry = {"name": "app", "flash_name": "beken_onchip_crc", "offset": "64K", "len": 0x250000}
    table.write_text(json.dumps({"part_table": [entry]}))
    line = ["build", "--bootloader", loader, "--app", app, "-o", image, "--mac", "c8:47:8c:00:00:02"]
    assert run(capsys, *line)[0] == 0 and image.read_bytes().find(b"TLV\0") == 0x1E0000
    assert run(capsys, *line, "--partitions", table)[0] == 0 and image.read_bytes().find(b"TLV\0") == 0x3E0000


@pytest.mark.full
def test_split_build_check_and_unpack_of_vendor_files(tmp_path, capsys):
    full, package = vendor(FULL), vendor(GZIP)
    assert run(capsys, "split", full, "-o", tmp_path / "parts")[0] == 0
    assert run(capsys, "build", tmp_path / "parts", "-o", tmp_path / "again.bin")[0] == 0
    assert (tmp_path / "again.bin").read_bytes() == full.read_bytes()
    status, out, _ = run(capsys, "check", full, package, "--json", "--flash", tmp_path / "after.bin")
    assert status == 0 and json.loads(out)["end"] == "installed"
    status, out, _ = run(capsys, "check", tmp_path / "after.bin", "--json")
    assert status == 1 and json.loads(out)["cause"].endswith("is blank")
    assert run(capsys, "unpack", package, "-o", tmp_path / "app.bin")[0] == 0
    line = ["build", "--bootloader", vendor(BOOTLOADER_UART1), "--package", package, "-o", tmp_path / "new.bin"]
    assert run(capsys, *line, "--flash-size", "2M", "--mac", "c8:47:8c:00:00:02")[0] == 0
    status, out, _ = run(capsys, "info", tmp_path / "new.bin", "--json")
    found = json.loads(out)
    assert status == 0 and found["footers"]["app"]["version"] == "2.0.0" and found["app_matches_footer"]
    assert found["settings"] == ["RF area at 0x1e0000: identity and calibration, MAC address c8:47:8c:00:00:02"]
    status, out, _ = run(capsys, "check", tmp_path / "new.bin", package)
    assert status == 1 and "installed already" in out


@pytest.mark.full
def test_a_moved_partition_is_a_disagreement(tmp_path, capsys):
    moved = tmp_path / "moved.bin"
    status, out, _ = run(capsys, "partitions", vendor(FULL), "--move", "download=0x133000+0xAD000", "-o", moved)
    assert status == 1 and "DISAGREEMENT: `ota` begins at 0x132000" in out
    status, out, _ = run(capsys, "check", moved, vendor(GZIP))
    assert status == 1 and "app and bootloader disagree" in out
    status, out, _ = run(capsys, "check", moved, vendor(GZIP), "--at", "0x133000")
    assert status == 0 and "end: installed" in out


@pytest.mark.full
def test_a_dump_of_a_device_is_taken_as_it_is(tmp_path, capsys):
    dump, full = tmp_path / "dump.bin", vendor(FULL)
    run(capsys, "split", full, "-o", tmp_path / "parts")
    assert run(capsys, "build", tmp_path / "parts", "--download", vendor(GZIP), "-o", dump)[0] == 0
    data = bytearray(dump.read_bytes())
    data[0x132000 + 70000] ^= 1
    dump.write_bytes(data)
    status, out, _ = run(capsys, "check", dump, vendor(GZIP))
    assert status == 1 and "it is taken as it is" in out and "it differs from the package from 0x11170 on" in out


@pytest.mark.full
def test_footers_made_here_are_those_of_the_vendors_packager():
    full = vendor(FULL).read_bytes()
    raw = vendor(BOOTLOADER_UART1).read_bytes()

    theirs = crc_framing.strip(full)[0xEFA0:0xF000]
    assert build.footer(raw, rbl.unpack(theirs).timestamp, "2M.1220", "bootloader") == theirs
