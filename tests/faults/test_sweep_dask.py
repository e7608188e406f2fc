"""Sweeps on a Dask cluster of two workers of this machine: they find what processes find, also when a worker dies.

Dask is imported by the tests that need it: it takes a second, and the quick tests have none."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bk7238 import resources
from bk7238.cli import main
from bk7238.faults import parse
from bk7238.image import flash_image, package
from bk7238.sweep.journal import Journal
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.network import cell
from bk7238.sweep.point import Job
from bk7238.sweep.report.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers import cluster as dask_cluster
from bk7238.sweep.workers.cluster import cluster
from bk7238.sweep.workers.processes import processes
from bk7238.update import run_file
from bk7238.update.session import Settings
from faults.held import Held

TESTS = Path(__file__).resolve().parents[1]
HANGS = 600.0  # seconds; only a test that hangs reaches it
IMAGE = resources.reference() / "reference_1.0.0.bin"
PACKAGE = resources.reference() / "reference_1.0.1_gzip_aes.rbl"
CELLS = [cell(parse(row), "50%") for row in ("ap-gone", "frame-loss", "body-corrupt")]


def job():
    return Job(flash_image.read(IMAGE), package.read(PACKAGE), Settings())


def swept(plan, start, points=None, **more):
    """The report of a sweep."""
    plan = registry.make(plan, job()) if isinstance(plan, str) else plan
    points = points or plan.points("quick")[:4]
    outcomes = sweep(plan, points, Journal(None, plan), start=start, **more)
    return json.loads(json.dumps(Report(plan, points, outcomes, "quick", 0.0).as_json()))


def command(folder, *arguments):
    """The report of the command."""
    assert main(["sweep", str(IMAGE), str(PACKAGE), "--artifacts", str(folder), *arguments]) == 0
    return json.loads((folder / "sweep.json").read_text())


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """What the process pool finds."""
    return {
        "install": command(tmp_path_factory.mktemp("pool"), "--processes=2"),
        "network": swept("network", processes(2), CELLS),
        "packages": swept("packages", processes(2)),
    }


def start(folder, workers, threads):
    return pytest.importorskip("distributed").LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        local_directory=folder,
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def cluster_of_two(pool, tmp_path_factory):  # noqa: ARG001
    """The cluster. It comes after the pool, which forks: Dask has threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))  # its workers know faults.held
        patch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", f"{HANGS}s")
        with start(tmp_path_factory.mktemp("dask"), 2, 1) as cluster:
            yield cluster


@pytest.fixture
def two(cluster_of_two, monkeypatch):
    """The cluster, on a host that may be busy and take its time."""
    monkeypatch.setattr(dask_cluster, "PATIENCE", HANGS)
    with sys.modules["dask"].config.set({"distributed.comm.timeouts.connect": f"{HANGS}s"}):
        yield cluster_of_two


@pytest.fixture
def held(tmp_path):
    return Held(job(), tmp_path)


def process_of(number):
    return psutil().Process(number)


def psutil():
    return pytest.importorskip("psutil")  # which comes with Dask


def nanny_of(process, two):
    """The nanny of the worker that has this process."""
    parent = process_of(process).ppid()
    return next(one for one in two.workers.values() if one.pid == parent)


def once(act):
    """A `tell` that acts when the first points are done."""
    left = [act]
    return lambda _found: left.pop()() if left else None


@pytest.mark.full
def test_the_command_finds_what_it_finds_with_processes(two, pool, tmp_path):
    assert command(tmp_path, f"--scheduler={two.scheduler_address}") == pool["install"]


@pytest.mark.full
def test_cells_that_share_a_run_are_forked_on_the_workers(two, pool):
    """And seen as they end, before the chunk that they are in."""
    seen, seen_before = [], []
    found = swept(
        "network",
        cluster(two.scheduler_address),
        CELLS,
        seen=seen.extend,
        tell=lambda _found: seen_before.append(len(seen)),
    )
    assert found == pool["network"]
    assert seen_before[-1] > 0 and not Counter(seen) - Counter(found["verdicts"])


@pytest.mark.full
def test_a_worker_that_dies_is_named_and_its_points_are_run_again(two, pool, held):
    said, killed = [], []

    def kill():
        process = held.held(1).pop()
        nanny = nanny_of(process, two)
        killed.extend([nanny.worker_address, process_of(process)])
        os.kill(nanny.pid, signal.SIGKILL)
        held.release()

    start = cluster(two.scheduler_address, warn=said.append)
    assert swept(held, start, tell=once(kill), warn=said.append) == pool["packages"]
    address, orphan = killed
    assert len(said) == 1 and said[0].startswith(f"a worker died: {address}; ") and "are run again: package-" in said[0]
    assert psutil().wait_procs([orphan], timeout=HANGS)[1] == []
    with sys.modules["distributed"].Client(two.scheduler_address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=HANGS)  # Dask's nanny starts it again


@pytest.mark.full
def test_a_process_of_a_worker_that_dies_is_named_too(two, pool, held):
    said = []

    def kill():
        for process in held.held(2):
            os.kill(process, signal.SIGKILL)
        held.release()

    assert swept(held, cluster(two.scheduler_address), tell=once(kill), warn=said.append) == pool["packages"]
    assert len(said) == 1 and "a worker died: tcp://127.0.0.1:" in said[0] and "ended by SIGKILL" in said[0]


@pytest.mark.full
def test_a_sweep_that_is_interrupted_leaves_nothing_on_the_workers(two, held):
    left = []

    def interrupt():
        left.extend(map(process_of, held.held(2)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(held, cluster(two.scheduler_address), tell=once(interrupt))
    assert psutil().wait_procs(left, timeout=HANGS)[1] == []


@pytest.fixture
def another_version(monkeypatch):
    """This process has another unicorn than the workers."""
    monkeypatch.setattr("bk7238.update.run_file.version", lambda _name: "99")
    run_file.versions.cache_clear()
    yield
    run_file.versions.cache_clear()


@pytest.mark.full
@pytest.mark.usefixtures("another_version")
def test_other_versions_are_refused(two, monkeypatch):
    why = r"^worker tcp://.* has bk7238-sim .*, unicorn 2.*, this machine has .*, unicorn 99"
    with pytest.raises(ValueError, match=why):
        cluster(two.scheduler_address)
    monkeypatch.setattr(dask_cluster, "_check", lambda _client, _address: None)  # the worker came later
    with pytest.raises(SweepError, match=why):
        swept("packages", cluster(two.scheduler_address))


@pytest.mark.full
@pytest.mark.usefixtures("two")
def test_a_scheduler_that_goes_ends_the_sweep(held, tmp_path):
    with start(tmp_path, 1, 2) as one, pytest.raises(SweepError, match="gave up its tasks: its scheduler is gone"):
        swept(held, cluster(one.scheduler_address), tell=once(one.close))


def refused(capsys, address):
    """Why the command refuses to sweep there: one line."""
    assert main(["sweep", str(IMAGE), str(PACKAGE), "--scheduler", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("bk7238: ").replace(address, "ADDRESS")


@pytest.mark.full
def test_addresses_of_no_scheduler(two, monkeypatch, capsys):
    worker = next(iter(two.workers.values())).worker_address
    assert refused(capsys, worker) == "no Dask scheduler at ADDRESS: this is a worker"
    assert refused(capsys, "there").startswith("no Dask scheduler at ADDRESS: missing port number")
    monkeypatch.setattr(dask_cluster, "PATIENCE", 0.5)
    assert refused(capsys, "127.0.0.1:1") == "no Dask scheduler at ADDRESS: it does not answer"


def test_without_dask_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refused(capsys, "127.0.0.1:8786") == "--scheduler needs Dask: pip install 'bk7238-sim[dask]'"


def test_a_process_and_what_it_forks_end_with_the_worker():
    program = """
import os, signal
from bk7238.sweep.workers.worker import end_with
end_with(0), os.fork(), print(), signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-uc", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout.read(2) == b"\n\n"
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait() == -signal.SIGIO
