"""The command line: bad input gives one clear line and status 2, and nothing is written."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.cli import main
from bk7238.formats import crc_framing, partitions, rbl


def table():
    entries = [
        partitions.Partition("app", "beken_onchip_crc", 0x10000, 0x1000),
        partitions.Partition("download", "beken_onchip", 0x13000, 0x1000),
    ]
    return b"".join(entry.pack() for entry in entries)


def tiny_image():
    """A framed image with a partition table and nothing that runs."""
    logical = bytes(0xD000) + table()
    return crc_framing.frame(logical.ljust(0x11000, b"\0"))


@pytest.fixture
def files(tmp_path):
    def write(name, data):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    header = rbl.HEADER.pack(rbl.MAGIC, 0x102, 0, b"app", b"2", b"0", 0, 0, 0, 0, 0)
    write("image.bin", tiny_image())
    write("package.rbl", header)
    write.folder = tmp_path
    return write


def run(capsys, folder, *arguments):
    """Run a command line; returns its status, stdout and stderr. Nothing but the inputs may lie in `folder` after."""
    before = sorted(folder.rglob("*"))
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert sorted(folder.rglob("*")) == before
    return status, out, err


def refused(capsys, folder, *arguments):
    status, out, err = run(capsys, folder, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("bk7238: ") and err.count("\n") == 1 and "Traceback" not in err
    return err


BAD_IMAGES = {
    "empty": (lambda _image: b"", "the file is empty"),
    "raw": (lambda image: crc_framing.strip(image), "not followed by their CRC-16"),
    "short": (lambda image: image[:20], "not followed by their CRC-16"),
    "erased": (lambda _image: b"\xff" * 0x20000, "every byte is 0xff"),
    "truncated": (lambda image: image[:-34], "truncated at 0x12"),
    "no table": (lambda _image: crc_framing.frame(bytes(0x10000)), "no partition table"),
    "too large": (lambda image: image.ljust(0x400001, b"\xff"), "more than the largest flash"),
    "a package": (lambda _image: rbl.MAGIC + bytes(200), "is an update package"),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
@pytest.mark.parametrize("command", ["ota", "run"])
def test_bad_images(files, capsys, kind, command):
    make, message = BAD_IMAGES[kind]
    name = files("bad.bin", make(tiny_image()))
    rest = [files.folder / "package.rbl"] if command == "ota" else []
    err = refused(capsys, files.folder, command, name, *rest, "--artifacts", files.folder / "out")
    assert "bad.bin" in err and message in err


@pytest.mark.parametrize("command", ["ota", "run"])
def test_missing_images(files, capsys, command):
    rest = [files.folder / "package.rbl"] if command == "ota" else []
    assert "No such file" in refused(capsys, files.folder, command, files.folder / "none.bin", *rest)
    assert "directory" in refused(capsys, files.folder, command, files.folder, *rest)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "0 bytes are fewer"), (b"RBL\0" + bytes(91), "95 bytes are fewer"), (b"ABCD" + bytes(92), "41424344")],
)
def test_bad_packages(files, capsys, data, message):
    name = files("bad.rbl", data)
    err = refused(capsys, files.folder, "ota", files.folder / "image.bin", name)
    assert "bad.rbl" in err and message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ssid", ""], "1 to 32 bytes"),
        (["--ssid", "x" * 33], "this one has 33"),
        (["--ssid", "\u00fc" * 17], "this one has 34"),
        (["--channel", "0"], "1 to 14"),
        (["--channel", "15"], "1 to 14"),
        (["--channel", "six"], "1 to 14"),
        (
            ["--profile", "nonesuch"],
            "profile 'nonesuch' is unknown; there is auto, beken-sdk, esphome, openbeken, and none",
        ),
        (["--profile", "none"], "profile 'none' asks for no update: use it with --delivered, or name one of beken-sdk"),
        (["--engine", "qemu"], "'qemu' is no engine; there is unicorn, renode"),
        (["--within", "-1"], "seconds"),
        (["--within", "nan"], "seconds"),
        (["--seed", "x"], "whole number"),
        (["--flash-size", "3M"], "no flash of 0x300000 bytes is known of the BK7238; it has 2M or 4M"),
        (["--chip", "bk9999"], "no chip 'bk9999' is known; there is bk7238"),
        (["--request", "x" * 2000], "start-up command"),
        (["--nonsense"], "unrecognized"),
        (["--fault", "network-stal@50%"], "is it network-stall"),
        (["--fault", "ap-gone:1h"], "duration is a time such as"),
        (["--scenario", "none.toml"], "No such file"),
    ],
)
def test_bad_options(files, capsys, options, message):
    image, package = files.folder / "image.bin", files.folder / "package.rbl"
    profile = [] if "--profile" in options else ["--profile", "openbeken"]
    assert message in refused(capsys, files.folder, "ota", image, package, *profile, *options)


def test_an_app_of_no_known_family(files, capsys):
    err = refused(capsys, files.folder, "ota", files.folder / "image.bin", files.folder / "package.rbl")
    assert "image.bin: the app is of no family that is known here (" in err
    assert "--profile (beken-sdk, esphome, openbeken), or use --delivered" in err


def test_a_sweep_in_renode_is_refused(files, capsys, monkeypatch):
    built = resources.reference()
    command = ("sweep", built / "reference_1.0.0.bin", built / "reference_1.0.1_none_aes.rbl")
    assert "the engine renode runs no sweeps" in refused(capsys, files.folder, *command, "--engine", "renode")
    monkeypatch.setattr("bk7238.engine.renode_host._renode", object())
    assert "this process holds a Renode" in refused(capsys, files.folder, *command)


@pytest.mark.parametrize("folder", ["/dev/null/artifacts", "/proc/artifacts"])
def test_artifacts_that_cannot_be_written(files, capsys, folder):
    image, package = files.folder / "image.bin", files.folder / "package.rbl"
    options = ["--profile", "openbeken", "--artifacts", folder]
    assert "another folder" in refused(capsys, files.folder, "ota", image, package, *options)


def test_no_command(capsys, tmp_path):
    assert "COMMAND" in refused(capsys, tmp_path)


def test_firmware_list(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("BK7238_FIRMWARE", str(tmp_path))
    status, out, _ = run(capsys, tmp_path, "firmware", "list", "--json")
    assert status == 0 and FULL in [image["file"] for image in json.loads(out)["images"]]
    (tmp_path / FULL).write_bytes(b"not it")
    status, out, _ = run(capsys, tmp_path, "firmware", "list")
    assert status == 0 and f"altered: {tmp_path / FULL}" in out
    assert "are in no folder" in refused(capsys, tmp_path, "firmware", "where", "nothing.bin")


@pytest.mark.full
def test_run_until_a_line(capsys, tmp_path):
    image = vendor(FULL)
    status, out, _ = run(capsys, tmp_path, "run", image, "--until", "go os_addr", "--within", "1")
    assert status == 0 and "uart1 BK7238_1.0.15" in out and "OpenBK7238, version" not in out
    status, out, err = run(capsys, tmp_path, "run", image, "--until", "never", "--within", "0.05", "--json")
    assert status == 3 and json.loads(out)["seen"] is None and "'never' was not printed" in err


@pytest.mark.full
def test_run_types_on_the_console(capsys, tmp_path):
    """OpenBeken's console is off unless configured, so what is typed changes nothing but the run goes on."""
    arguments = ["run", vendor(FULL), "--send", "help", "--after", "2", "--within", "3", "--json"]
    status, out, _ = run(capsys, tmp_path, *arguments)
    assert status == 0 and json.loads(out)["resets"] == 0


@pytest.mark.full
def test_artifacts_of_an_update(capsys, tmp_path):
    folder = tmp_path / "deep" / "artifacts"
    status = main(["ota", str(vendor(FULL)), str(vendor(GZIP)), "--within", "0.8", "--artifacts", str(folder)])
    capsys.readouterr()
    assert status == 3
    names = {path.name for path in folder.iterdir()}
    assert names >= {"uart1.log", "uart2.log", "chip.log", "flash.bin", "result.json"}
    assert (folder / "flash.bin").stat().st_size == 0x200000
    result = json.loads((folder / "result.json").read_text())
    assert result["verdict"] == "time-limit" and result["from_version"] == "1.18.300"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.binary(max_size=200))
def test_any_files_are_one_line_and_status_2(files, capsys, image, package):
    names = files("any.bin", image), files("any.rbl", package)
    refused(capsys, files.folder, "ota", *names)
