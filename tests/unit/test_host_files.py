"""Files of the host, as the processes of a user meet them: what is written, and that it is written whole."""

import os
import subprocess
import sys
import threading

import pytest
from test_image_build import SMALL

from bk7238 import host_files
from bk7238.image import split

PACK = ["-v", "1.0.1", "-p", "app", "--timestamp", "1"]
ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="makes a device node")


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(0x20) + (0x10100).to_bytes(4, "little") + bytes(range(256)) * 8)
    return path


def bk7238(*words, **more):
    """Run a command in a process of its own."""
    line = [sys.executable, "-m", "bk7238.cli", *map(str, words)]
    return subprocess.run(line, **{"capture_output": True, "check": False, "timeout": 300, **more})


def pack(app, output, **more):
    return bk7238("image", "pack", "-f", app, *PACK, "-o", output, **more)


def packed(app):
    """The bytes of the package."""
    assert pack(app, app.with_name("plain.rbl")).returncode == 0
    return app.with_name("plain.rbl").read_bytes()


@ROOT
def test_a_device_is_written_to_and_stays_one(app, tmp_path):
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device nodes can be made here")
    assert pack(app, null).returncode == 0
    assert null.is_char_device()


def test_a_fifo_is_written_to_and_stays_one(app, tmp_path):
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    assert pack(app, fifo).returncode == 0
    assert fifo.is_fifo()
    reader.join(60)
    assert read == [packed(app)]


def test_standard_output_is_an_output(app):
    assert pack(app, "/proc/self/fd/1").stdout.startswith(packed(app))


def test_a_link_that_the_user_names_stays_and_leads_to_the_new_file(app, tmp_path):
    (tmp_path / "deep").mkdir()
    target, link = tmp_path / "deep" / "target.rbl", tmp_path / "link.rbl"
    link.symlink_to("deep/target.rbl")
    for _ in ("there is no target yet", "there is one"):
        assert pack(app, link).returncode == 0
        assert link.is_symlink()
        assert target.read_bytes() == packed(app)
        target.write_bytes(b"old")
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["target.rbl"]


def test_a_file_that_is_replaced_keeps_its_permissions(app, tmp_path):
    secret = tmp_path / "secret.rbl"
    secret.write_bytes(b"old")
    secret.chmod(0o600)
    assert pack(app, secret).returncode == 0
    assert secret.stat().st_mode & 0o777 == 0o600


def test_no_link_in_a_folder_of_ours_is_followed(tmp_path):
    folder, mine = tmp_path / "parts", tmp_path / "mine"
    folder.mkdir()
    for name in ("image.json", "app.bin", "bootloader.bin"):
        (folder / name).symlink_to(mine)
    mine.write_bytes(b"precious")
    split.write(SMALL, folder)
    assert mine.read_bytes() == b"precious"
    assert (folder / "app.bin").read_bytes() == SMALL.app
    (folder / "air.pcapng").symlink_to(mine)
    with host_files.create_in(folder, "air.pcapng") as stream:
        stream.write(b"frames")
    assert mine.read_bytes() == b"precious"
    assert not any(path.is_symlink() for path in folder.iterdir())


@pytest.mark.parametrize("write", [lambda at: host_files.write(at, bytes(9999)), None])
def test_what_cannot_be_written_whole_leaves_what_was_there(write, tmp_path):
    """Of a file, and of one in a folder of ours."""
    resource = pytest.importorskip("resource")
    (tmp_path / "flash.bin").write_bytes(b"old")
    write = write or (lambda at: host_files.write_in(at.parent, at.name, bytes(9999)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.*flash\.bin"):
            write(tmp_path / "flash.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["flash.bin"]
    assert (tmp_path / "flash.bin").read_bytes() == b"old"
