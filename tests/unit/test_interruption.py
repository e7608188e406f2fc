"""Ctrl-C and SIGTERM: what runs ends between two slices, and leaves what has happened so far."""

import contextlib
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from forked import popen

from bk7238 import resources
from bk7238.engine import interruption
from bk7238.image import flash_image
from bk7238.machine import Machine
from bk7238.sweep.report import evidence

IMAGE = resources.reference() / "reference_1.0.0.bin"
PACKAGE = resources.reference() / "reference_1.0.1_gzip_aes.rbl"
FLASH = 2 << 20
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(autouse=True)
def not_ignored():
    """Signals do here, and in new processes, what they usually do, also where the tests were started to ignore some."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def booted():
    return Machine(flash_image.read(IMAGE).data)


def test_a_signal_in_a_callback_of_the_cpu_loses_no_access():
    """The run goes on afterwards as one that was never interrupted."""
    whole, device = booted(), booted()
    whole.run(until=100_000)
    struck = []

    def strike(*_what):
        struck.append(device.now)
        if len(struck) % 7 == 0:
            signal.raise_signal(signal.SIGINT)

    for line in (device.uart1.on_line, device.board.flash.operated, device.log.on_record):
        line.connect(strike)
    interruptions = 0
    while device.now < 100_000:
        try:
            with interruption.heard():
                device.run(until=100_000)
        except interruption.Interrupted as why:
            assert why.status == 130
            interruptions += 1
    assert interruptions == len(struck) // 7 > 0
    assert device.digest() == whole.digest()


def test_without_anything_that_runs_it_is_raised_in_the_end():
    went_on = []

    @interruption.heard()
    def command():
        signal.raise_signal(signal.SIGTERM)
        went_on.append(True)

    with pytest.raises(KeyboardInterrupt):
        command()
    assert went_on and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    interruption.check()


def test_what_the_process_was_started_to_ignore_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruption.heard():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def begotten(process):
    """Handles of all processes that this one has made, and those have made."""
    alive = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            alive[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {one for one, parent in alive.items() if parent in found} - found:
        found |= more
    handles = []
    for one in found - {process}:
        with contextlib.suppress(ProcessLookupError):
            handles.append(os.pidfd_open(one))
    return handles


@pytest.mark.parametrize("subject", ["install", "download"])
def test_no_worker_outlives_a_sweep_that_is_killed(subject):
    """Nor does what a worker has forked."""
    words = ("sweep", IMAGE, PACKAGE, "--of", subject, "--tier", "full", "--processes", "2")
    with popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sweep:
        sweep.stdout.readline()  # what it is going to do
        handles = []
        while len(handles) < 3:
            assert sweep.poll() is None, "it is over before it has begun to work"
            handles = begotten(sweep.pid)
        sweep.kill()
    waiting = set(handles)
    while waiting:
        ended, _, _ = select.select(waiting, [], [], 60)
        assert ended, f"{len(waiting)} of {len(handles)} processes go on"
        waiting -= set(ended)
    for handle in handles:
        os.close(handle)


STUBBORN = """
import os
from bk7238.engine import interruption
with interruption.heard():
    print("ready", flush=True)
    while True:
        os.sched_yield()
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_the_process_at_once(number):
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None:
            process.send_signal(number)
            os.sched_yield()
        assert process.returncode == -number


def interrupted(number, lines, *words, such=".", send=os.kill):
    """A command that gets a signal once it has printed so many lines such as these; its status, what it says on stderr,
    and the last line."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with popen(words, start_new_session=True, **pipes) as process:
        printed = (line for line in process.stdout if re.search(such, line))
        begun = list(itertools.islice(printed, lines))
        send(process.pid, number)
        _, said = process.communicate()
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert len(begun) == lines, said
    assert "Exception ignored" not in said and "Traceback" not in said, said
    return process.returncode, said, begun[-1]


def run(number, lines, folder):
    words = ("--until", "what nobody prints", "--within", 999_999, "--artifacts", folder)
    status, said, _ = interrupted(number, lines, "run", IMAGE, *words)
    name = signal.Signals(number).name
    assert status == SIGNALS[number] and said == f"bk7238: interrupted by {name}\n"
    result = json.loads((folder / "result.json").read_text())
    assert result["end"] == f"interrupted by {name}"
    assert (folder / "flash.bin").stat().st_size == FLASH
    assert len((folder / "uart1.log").read_bytes().splitlines()) >= lines


def ota(number, lines, folder):
    status, said, _ = interrupted(number, lines, "ota", IMAGE, PACKAGE, "--artifacts", folder)
    name = signal.Signals(number).name
    assert status == SIGNALS[number] and said == f"bk7238: interrupted by {name}\n"
    result = json.loads((folder / "result.json").read_text())
    assert result["verdict"] == "interrupted" and result["reason"].startswith(f"interrupted by {name} in phase")
    assert (folder / "flash.bin").stat().st_size == FLASH and (folder / "air.pcapng").stat().st_size


@pytest.mark.parametrize("number", SIGNALS)
def test_run_and_ota_leave_whole_artifacts(number, tmp_path):
    run(number, 4, tmp_path / "run")
    ota(number, 2, tmp_path / "ota")


def test_a_life_tells_the_outages_that_are_over(tmp_path):
    words = ("live", IMAGE, "--hours", 9, "--every", "30s", "--outage", "router-restart:off=12s")
    status, said, _ = interrupted(signal.SIGTERM, 2, *words, "--artifacts", tmp_path, such="back: ")
    assert (status, said) == (143, "bk7238: interrupted by SIGTERM\n")
    result = json.loads((tmp_path / "result.json").read_text())
    verdicts = [outage["verdict"] for outage in result["outages"]]
    assert result["verdict"] == "interrupted" and len(verdicts) >= 2 and set(verdicts) == {"back"}


@pytest.mark.full
@pytest.mark.parametrize("lines", range(1, 12))
def test_at_every_moment(lines, tmp_path):
    run(signal.SIGINT, lines, tmp_path / "run")
    ota(signal.SIGINT, lines, tmp_path / "ota")


def test_a_pipe_that_nobody_reads_is_given_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    @contextlib.contextmanager
    def waiting(at_once=interruption.at_once):
        with at_once():
            print(flush=True)
            yield

    def say_when():
        interruption.at_once = waiting

    words, pipes = ["run", IMAGE, "--serial-log-file", tmp_path / "pipe"], {"stdout": subprocess.PIPE, "text": True}
    with popen(words, preexec_fn=say_when, stderr=subprocess.PIPE, **pipes) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (143, "bk7238: interrupted by SIGTERM\n")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("running", "lines"), [((), 1), (("--run",), 6)])
def test_gdb_leaves_whole_artifacts(running, lines, number, tmp_path):
    name = signal.Signals(number).name
    words = ("gdb", IMAGE, "--port", 0, *running, "--artifacts", tmp_path)
    (tmp_path / "result.json").write_text("of another run")
    assert interrupted(number, lines, *words)[:2] == (SIGNALS[number], f"bk7238: interrupted by {name}\n")
    assert (tmp_path / "flash.bin").stat().st_size == FLASH
    assert bool((tmp_path / "uart1.log").read_bytes()) == bool(running)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.full
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_sweep_leaves_a_report_of_the_points_that_are_done(send, number, tmp_path):
    """Also where its workers get the signal, too, as from a terminal or timeout(1)."""
    words = ["sweep", IMAGE, PACKAGE, "--tier", "full", "--processes", 2, "--fail-on", "new-app-runs"]
    words += ["--symbols", IMAGE.with_name("app-1.0.0.elf"), "--evidence", tmp_path]
    (tmp_path / "crash-of-another.txt").write_text("old")
    status, said, progress = interrupted(number, 1, *words, such=r"[1-9]\d* of", send=send)
    assert status == SIGNALS[number] and "the report is of" in said
    report = json.loads((tmp_path / "sweep.json").read_text())
    done = int(progress.split()[0])
    assert done <= len(report["outcomes"]) == report["points"] < 384
    assert report["bad"]
    names = {*evidence.ARTIFACTS, evidence.PAGE, evidence.SUMS, "replay"}
    assert {path.name for path in tmp_path.iterdir()} == names and not evidence.changed(tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("number", SIGNALS)
def test_before_its_first_point_a_sweep_says_that_there_is_no_report(number, tmp_path):
    (tmp_path / "sweep.json").write_text("of another sweep")
    words = ("sweep", IMAGE, PACKAGE, "--tier", "full", "--processes", 2, "--evidence", tmp_path)
    status, said, _ = interrupted(number, 1, *words, such="looking for")
    assert status == SIGNALS[number] and "no point was begun: there is no report\n" in said
    assert [path.name for path in tmp_path.iterdir()] == ["replay"]


def waiting(*, signalled: bool):
    """As a condition of `threading` does, which complains of its lock where a signal comes while it is taken again."""
    with interruption.heard(), interruption.at_once():
        with contextlib.suppress(interruption.Interrupted):
            if signalled:
                os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("release unlocked lock")


def test_a_signal_that_comes_while_a_lock_is_taken_again_is_one():
    with pytest.raises(interruption.Interrupted):
        waiting(signalled=True)
    with pytest.raises(RuntimeError):
        waiting(signalled=False)
