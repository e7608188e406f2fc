"""Files of the host, as the processes of a user meet them: what is written, and that it is written whole."""

import os
import subprocess
import sys
import threading
from fnmatch import fnmatch

import forked
import pytest
from images import FULL, vendor
from test_image_build import SMALL

from bk7238 import cli, firmware, host_files, resources
from bk7238.cli import arguments, main
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
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return forked.run(words, **{"env": env, "capture_output": True, "timeout": 300, **more})


def pack(app, output, **more):
    return bk7238("image", "pack", "-f", app, *PACK, "-o", output, **more)


def pack_here(app, output):
    """As `pack`, in this process; the status."""
    return main(["image", "pack", "-f", str(app), *map(str, PACK), "-o", str(output)])


def packed(app):
    """The bytes of the package."""
    assert pack_here(app, app.with_name("plain.rbl")) == 0
    return app.with_name("plain.rbl").read_bytes()


@ROOT
def test_a_device_is_written_to_and_stays_one(app, tmp_path):
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device nodes can be made here")
    assert pack_here(app, null) == 0
    assert null.is_char_device()


def test_a_fifo_is_written_to_and_stays_one(app, tmp_path):
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    assert pack_here(app, fifo) == 0
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
        assert pack_here(app, link) == 0
        assert link.is_symlink()
        assert target.read_bytes() == packed(app)
        target.write_bytes(b"old")
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["target.rbl"]


def test_a_file_that_is_replaced_keeps_its_permissions(app, tmp_path):
    secret = tmp_path / "secret.rbl"
    secret.write_bytes(b"old")
    secret.chmod(0o600)
    assert pack_here(app, secret) == 0
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


# Exit status 4: the host failed


def one_line(done, *texts):
    """Whether the host is said to have failed, on a line."""
    said = done.stderr.decode()
    return done.returncode == 4 and said.count("\n") == 1 and all(text in said for text in ("bk7238: ", *texts))


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("line", [("firmware", "list"), ("--help",)])
def test_a_full_disk_behind_the_output_is_no_verdict(line, unbuffered):
    with open("/dev/full", "w") as full:
        env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = bk7238(*line, capture_output=False, stdout=full, stderr=subprocess.PIPE, env=env)
    assert one_line(done, "No space left on device"), done


def test_an_output_file_on_a_full_disk_is_no_usage_error(app, tmp_path):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    done = pack(app, full)
    assert one_line(done, f"{full}: No space left on device"), done


def test_an_output_file_that_grows_too_large_leaves_the_old_one(app, tmp_path):
    resource = pytest.importorskip("resource")
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "old.rbl"
    old.write_bytes(b"old")
    done = pack(app, old, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)))
    assert one_line(done, f"{old}: File too large"), done
    assert [path.read_bytes() for path in old.parent.iterdir()] == [b"old"]


def test_a_capture_that_grows_too_large_is_named(tmp_path):
    resource = pytest.importorskip("resource")
    words = boot(tmp_path, "--ssid", "Air", "--psk", "a passphrase", "--within", "3")
    done = bk7238(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)))
    assert one_line(done, f"{tmp_path / 'air.pcapng'}: File too large"), done


@pytest.mark.parametrize("line", [("firmware", "list"), ("--help",)])
def test_where_nobody_reads_the_output_all_is_quiet(line):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = bk7238(*line, capture_output=False, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (4, b"")


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_process_without_standard_streams_does_its_work(closed, app, tmp_path):
    def close():
        for handle in closed:
            os.close(handle)

    done = pack(app, tmp_path / "made.rbl", preexec_fn=close)
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert (tmp_path / "made.rbl").read_bytes() == packed(app)


@pytest.mark.full
def test_a_run_of_whose_lines_nobody_wants_more_ends_quietly():
    line = [sys.executable, "-m", "bk7238.cli", "run", vendor(FULL), "--within", "5"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 4


def test_a_host_without_room_for_a_machine_is_no_verdict():
    """Unicorn alone would end the process with status 1."""
    limited = ["bash", "-c", 'ulimit -v 614400; exec "$@"', "bash"]  # KiB of address space
    command = [sys.executable, "-m", "bk7238.cli", "run", "reference_1.0.0.bin", "--within", "1"]
    done = subprocess.run([*limited, *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "bk7238: Cannot allocate memory\n")


@pytest.mark.parametrize(
    ("error", "said"), [(MemoryError(), "bk7238: out of memory\n"), (RuntimeError("a bug"), "RuntimeError: a bug\n")]
)
def test_what_we_fail_at_is_no_verdict(error, said, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr(firmware, "manifest", fail)
    assert cli.main(["firmware", "list"]) == 4
    assert capsys.readouterr().err.endswith(said)


# A folder is one command's


def boot(folder, *more):
    return ["run", resources.reference() / "reference_1.0.0.bin", "--within", "0.01", "--artifacts", folder, *more]


def test_two_commands_do_not_mix_in_a_folder(tmp_path):
    handle = host_files.lock(tmp_path)
    (tmp_path / "uart1.log").write_bytes(b"the other's")
    done = bk7238(*boot(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        f"bk7238: {tmp_path}: another command writes there; name another folder for the artifacts\n"
    )
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the other's"]
    os.close(handle)
    assert bk7238(*boot(tmp_path)).returncode == 0


def test_what_an_earlier_run_left_is_cleared_and_nothing_else(tmp_path, capsys):
    left = ["crash.txt", "gateway.log", "80211_keys", "fetched-3.html", "flash.bin"]
    for name in [*left, "notes.txt", "sweep.json", "flash.bin.old"]:
        (tmp_path / name).write_bytes(b"old")
    for _ in range(2):  # the folder is free again after each
        assert cli.main([str(word) for word in boot(tmp_path, "--ssid", "Air", "--psk", "a passphrase")]) == 0
    capsys.readouterr()
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name for name, data in found.items() if data == b"old"} == {"notes.txt", "sweep.json", "flash.bin.old"}
    made = {name for name, data in found.items() if data != b"old"}
    kept = {"uart1.log", "uart2.log", "chip.log", "flash.bin", "air.pcapng", "80211_keys", "events.jsonl", "board.json"}
    assert made == {*kept, "result.json", "replay"}
    assert all(any(fnmatch(name, one) for one in arguments.OF_A_RUN) for name in made)
