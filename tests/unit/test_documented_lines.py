"""Each command line of the documents is carried out as it is written, page by page, on the reference firmware: what a
page calls full.bin and app.rbl is its image and package. Tutorials and adding.md are carried out by other tests.
"""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from functools import partial

import forked
import pytest
from images import FULL, GZIP
from test_documented_options import ROOT
from test_documents import typed

from bk7238 import resources
from bk7238.exit_status import ExitStatus

ELSEWHERE = {
    "monitor": "in Renode: tests/renode",
    "--tap": "an interface of the host: test_tap.py",
    "--scheduler": "the workers of a cluster: tests/faults/test_sweep_dask.py",
    "--flash-key": "the flash of a device whose key it is: test_descrambling.py",
}
"""What is not carried out here, by a word of it, and what does it with what it needs."""

OF_OTHERS = {
    "pip": "installs: scripts/first-minutes",
    "pytest": "test_kit.py, test_wheel.py",
    "scripts/demo": "the demo, which is carried out as `bk7238 demo`",
    "scripts/test": "these tests",
    "gdb-multiarch": "tests/debug",
    "python3": "the server, which is there",
    "curl": "test_forward.py asks as it does",
    "tshark": "tests/ota/test_capture.py",
    "wireshark": "a desk's tshark",
    "dask": "tests/faults/test_sweep_dask.py begins them",
    "sudo": "an interface of the host: test_tap.py",
    "robot": "test_robot.py",
    "mkdir": "Renode's download: it is examples/renode.yml's, held together by test_renode.py",
    "export": "likewise",
}
"""Programs of others whose command lines stand in documents, and what tries these."""

READY = {
    "gdb": r"^listening; in GDB: ",
    "view": r"http://127\.0\.0\.1:\d+/",
    "--forward": r"^bk7238: 127\.0\.0\.1:\d+ is port 80 of the device",
}
"""What waits for somebody outside, by a word of it, and what it says when it does: there Ctrl-C ends it."""

STANDS_FOR = {
    "reference_1.0.0.bin": (
        *("full.bin", "IMAGE", "old.bin", "other.bin", "dump.bin", "vendor.bin"),
        "OpenBK7238_QIO_1.18.300.bin",
    ),
    "reference_1.0.1_gzip_aes.rbl": ("app.rbl", "PACKAGE", "vendor.rbl"),
    "boot.bin": ("FILE", "bootloader.bin"),
    "app-1.0.0.elf": ("app.elf",),
    "app-1.0.1.bin": ("app.bin",),
}
"""What the pages call a file, by the reference firmware's that is put there."""
VALUES = {"KEY": "0123456789abcdef" * 2, "IV": "0123456789abcdef"}
OTHER_TESTS = ("adding.md", "why-the-old-version-boots.md")
DOCUMENTS = [ROOT / "README.md", *(path for top in ("docs", "examples") for path in sorted((ROOT / top).rglob("*.md")))]


def pages():
    """The lines that are carried out, by page; what several pages say on the first of them alone."""
    found, seen = {}, set()
    for page in DOCUMENTS:
        if page.name in OTHER_TESTS or page.parent.name == "tutorials":
            continue
        for words in typed(page.read_text()):
            line = [{"IMAGE": "full.bin", "PACKAGE": "app.rbl", **VALUES}.get(word, word) for word in words]
            if line and line[0].isalpha() and not set(line) & set(ELSEWHERE) and tuple(line) not in seen:
                seen.add(tuple(line))
                found.setdefault(str(page.relative_to(ROOT)), []).append(line)
    return found


PAGES = pages()


@pytest.fixture
def files(tmp_path, monkeypatch, page):
    """A folder with all files that the pages name, and firmware/ with the same."""
    built = resources.reference()
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    for name, names in STANDS_FOR.items():
        for called in names:
            shutil.copy(built / name, tmp_path / called)
    table = forked.run(["image", "partitions", tmp_path / "boot.bin", "--dump"], capture_output=True).stdout
    (tmp_path / "partition.json").write_bytes(table)
    shutil.copytree(tmp_path, tmp_path / "firmware")
    shutil.copytree(tmp_path / "firmware", tmp_path / "build")
    shutil.copytree(tmp_path / "firmware", tmp_path / "build" / "updates")
    shutil.copytree(ROOT / "examples" / "devices", tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "examples" / "scenarios", tmp_path / "examples" / "scenarios")
    if any("brown-out.toml" in line for line in PAGES[page]):
        shutil.copy(ROOT / "examples" / "ota-tests" / "brown-out.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(files):
    """Where a real server has the files of build/."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=files / "build")) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def waiting(words, pattern):
    """What a command line that waits has said once it is ready, and its status after Ctrl-C. It listens at any port."""
    line = [word.replace("8080:", f"{free_port()}:") for word in words]
    line += ["--port", "0"] if words[0] in ("gdb", "view") else []
    with forked.popen(
        line, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said = ""
        for one in process.stdout:
            said += one
            if re.search(pattern, one):
                break
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
    return process.returncode, said


def carried_out(words, folder):
    """The lines that one stands for: each part of a sweep for the first part, a point that there is for one of many, a
    vendor's image where the reference app has nothing to cut, as it keeps no configuration."""
    if "1/4" in words:
        parts = [(f"{part}/4", f"part{part}") for part in range(1, 5)]
        return [[word.replace("1/4", part).replace("part1", name) for word in words] for part, name in parts]
    if "join" in words:
        vendors = {"full.bin": resources.find_image(FULL), "app.rbl": resources.find_image(GZIP)}
        return [[str(vendors.get(word, word)) for word in words]] if all(vendors.values()) else []
    if words[0] == "export":
        points = [one["id"] for one in json.loads((folder / words[1] / "sweep.json").read_text())["outcomes"]]
        point = next(one for one in points if one.endswith(":torn"))
        return [[point if ":" in word else word for word in words]]
    return [words]


def answering(words):
    """What a command line ends with that is asked on a terminal, and told yes."""
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"y\n")
        return forked.run(words, stdin=theirs, capture_output=True, text=True)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.nightly
@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_a_page_do_what_they_say(page, files, server):
    """Each ends with a verdict or with what it was asked for, none in a mistake of who typed it."""
    for words in PAGES[page]:
        waits = next((READY[word] for word in words if word in READY), None)
        if waits is not None:
            status, said = waiting(words, waits)
            assert status in (0, 130) and "Traceback" not in said, f"bk7238 {' '.join(words)}: {status}\n{said}"
            continue
        words = [word.replace("127.0.0.1:8000", server) for word in words]
        for line in carried_out(words, files):
            begun = partial(forked.run, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            run = (answering if line[0] == "init" else begun)(line)
            said = f"bk7238 {' '.join(line)}: {run.returncode}\n{run.stdout[-500:]}{run.stderr[-1500:]}"
            assert run.returncode in (ExitStatus.EXPECTED, ExitStatus.OTHER_END, ExitStatus.TIME_LIMIT), said
            assert "Traceback" not in run.stderr, said


def test_each_line_is_carried_out_or_says_where_it_is():
    """Ours begin with `bk7238` or its path; what is left is somebody else's."""
    others = set()
    for page in DOCUMENTS:
        for line in re.findall(r"^ *\$ (.+)$", page.read_text(), re.MULTILINE):
            for part in line.split(" && "):
                program = next(word for word in part.split() if "=" not in word or word == "export")
                others |= {program.removeprefix(".venv/bin/")} - {"bk7238"}
    assert others == set(OF_OTHERS)
    words = {word for page in DOCUMENTS for line in typed(page.read_text()) for word in line}
    assert set(ELSEWHERE) | set(READY) <= words
