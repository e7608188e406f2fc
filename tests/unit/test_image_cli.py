"""`bk7238 image` as its user types it: results, exit statuses, one line for what is wrong and nothing written."""

import json
import os

import pytest
from images import BOOTLOADER_UART1, FULL, GZIP, vendor

from bk7238 import cli
from bk7238.formats import rbl
from bk7238.image import build

PACK = ["-v", "1.0.1", "-p", "app"]


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(0x20) + (0x10100).to_bytes(4, "little") + bytes(range(256)) * 8)
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
    (["build", "{tmp}", "-o", "{tmp}/out"], "let `bk7238 image split` make"),
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
    from bk7238.formats import crc_framing

    theirs = crc_framing.strip(full)[0xEFA0:0xF000]
    assert build.footer(raw, rbl.unpack(theirs).timestamp, "2M.1220", "bootloader") == theirs
