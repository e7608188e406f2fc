"""Sweeps on a Dask cluster of two workers of this machine: they find what processes find, also when a worker dies."""

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
from distributed import Client, LocalCluster

from bk7238 import resources
from bk7238.cli import main
from bk7238.image import flash_image, package
from bk7238.sweep import dask_workers, subjects
from bk7238.sweep.dask_workers import cluster
from bk7238.sweep.journal import Journal
from bk7238.sweep.network import Cell
from bk7238.sweep.point import Job
from bk7238.sweep.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers import processes
from bk7238.update.session import Settings

IMAGE = resources.reference() / "reference_1.0.0.bin"
PACKAGE = resources.reference() / "reference_1.0.1_gzip_aes.rbl"
CELLS = [Cell(row, "50%") for row in ("ap-gone", "frame-loss", "body-corrupt")]


def lasting(report):
    """A report without what is of this run alone."""
    for one in report["outcomes"]:
        one.pop("seconds", None)
    return {**report, "wall_seconds": 0.0}


def swept(name, hire, points=None, **more):
    """The report of a sweep."""
    subject = subjects.make(name, Job(flash_image.read(IMAGE), package.read(PACKAGE), Settings()))
    points = points or subject.points("quick")[:4]
    outcomes = sweep(subject, points, Journal(None, subject), hire=hire, **more)
    return json.loads(json.dumps(lasting(Report(subject, points, outcomes, "quick", 0.0).as_json())))


def command(folder, *arguments):
    """The report of the command."""
    assert main(["sweep", str(IMAGE), str(PACKAGE), "--artifacts", str(folder), *arguments]) == 0
    return lasting(json.loads((folder / "sweep.json").read_text()))


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """What the process pool finds."""
    return {
        "install": command(tmp_path_factory.mktemp("pool"), "--processes=2"),
        "network": swept("network", processes(2), CELLS),
        "packages": swept("packages", processes(2)),
    }


def start(folder, workers, threads):
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        local_directory=folder,
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def two(pool, tmp_path_factory):
    """The cluster. It comes after the pool, which forks: Dask has threads."""
    with start(tmp_path_factory.mktemp("dask"), 2, 1) as cluster:
        yield cluster


def crew(nanny):
    """The processes of a worker that run points."""
    found = []
    for process in psutil.Process(nanny.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "bk7238.sweep.worker" in process.cmdline():
                found.append(process)
    return found


def crews(two):
    return [process for nanny in two.workers.values() for process in crew(nanny)]


def once(act):
    """A `tell` that acts when the first points are done."""
    left = [act]
    return lambda found: left.pop()() if left else None


def test_the_command_finds_what_it_finds_with_processes(two, pool, tmp_path):
    assert command(tmp_path, f"--scheduler={two.scheduler_address}") == pool["install"]


def test_cells_that_share_a_run_are_forked_on_the_workers(two, pool):
    assert swept("network", cluster(two.scheduler_address), CELLS) == pool["network"]


def test_a_worker_that_dies_is_named_and_its_points_are_run_again(two, pool):
    said, killed = [], []

    def kill():
        nanny = next(one for one in two.workers.values() if two.scheduler.workers[one.worker_address].processing)
        killed.extend([nanny.worker_address, *crew(nanny)])
        os.kill(nanny.pid, signal.SIGKILL)

    hire = cluster(two.scheduler_address, warn=said.append)
    assert swept("packages", hire, tell=once(kill), warn=said.append) == pool["packages"]
    address, *orphans = killed
    assert len(said) == 1 and said[0].startswith(f"a worker died: {address}; ") and "are run again: package-" in said[0]
    assert orphans and psutil.wait_procs(orphans, timeout=30)[1] == []
    with Client(two.scheduler_address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)  # Dask's nanny starts it again


def test_a_process_of_a_worker_that_dies_is_named_too(two, pool):
    said = []

    def kill():
        for process in crews(two):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    assert swept("packages", cluster(two.scheduler_address), tell=once(kill), warn=said.append) == pool["packages"]
    assert len(said) == 1 and "a worker died: tcp://127.0.0.1:" in said[0] and "ended by SIGKILL" in said[0]


def test_a_sweep_that_is_interrupted_leaves_nothing_on_the_workers(two):
    left = []

    def interrupt():
        left.extend(crews(two))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept("packages", cluster(two.scheduler_address), tell=once(interrupt))
    assert left and psutil.wait_procs(left, timeout=30)[1] == []


def test_other_versions_are_refused(two, monkeypatch):
    why = r"^worker tcp://.* has bk7238-sim .*, unicorn 2.*, this machine has .*, unicorn 99"
    monkeypatch.setattr("bk7238.sweep.worker.version", lambda name: "99")  # here, not on the workers
    with pytest.raises(ValueError, match=why):
        cluster(two.scheduler_address)
    monkeypatch.setattr(dask_workers, "_check", lambda client, address: None)  # the worker came later
    with pytest.raises(SweepError, match=why):
        swept("packages", cluster(two.scheduler_address))


def test_a_scheduler_that_goes_ends_the_sweep(pool, tmp_path):
    with start(tmp_path, 1, 2) as one, pytest.raises(SweepError, match="gave up its tasks: its scheduler is gone"):
        swept("packages", cluster(one.scheduler_address), tell=once(one.close))


def refused(capsys, address):
    """Why the command refuses to sweep there: one line."""
    assert main(["sweep", str(IMAGE), str(PACKAGE), "--scheduler", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("bk7238: ").replace(address, "ADDRESS")


def test_addresses_of_no_scheduler(two, monkeypatch, capsys):
    worker = next(iter(two.workers.values())).worker_address
    assert refused(capsys, worker) == "no Dask scheduler at ADDRESS: this is a worker"
    assert refused(capsys, "there").startswith("no Dask scheduler at ADDRESS: missing port number")
    monkeypatch.setattr(dask_workers, "PATIENCE", 0.5)
    assert refused(capsys, "127.0.0.1:1") == "no Dask scheduler at ADDRESS: it does not answer"


def test_without_dask_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refused(capsys, "127.0.0.1:8786") == "--scheduler needs Dask: pip install 'bk7238-sim[dask]'"


def test_a_process_and_what_it_forks_end_with_the_worker():
    program = (
        "import os, time; from bk7238.sweep.worker import end_with; end_with(0); os.fork(); print(); time.sleep(99)"
    )
    with subprocess.Popen(
        [sys.executable, "-uc", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout.read(2) == b"\n\n"
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait() == -signal.SIGIO
