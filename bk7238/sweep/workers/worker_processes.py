"""The processes on a worker of a Dask cluster: for each of its threads one that runs points (worker.py)."""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bk7238.sweep.point import Outcome
from bk7238.sweep.reading import convert
from bk7238.sweep.run import SweepError
from bk7238.sweep.workers import worker

GLANCE = 1.0  # seconds between two looks at whether a task is still wanted


class ProcessDied(Exception):
    """A process ended without an answer; the message is one line."""


class WorkerProcesses:
    """The processes that know a plan. Dask keeps it while the sweep wants it, and drops it when the client is gone;
    with it the processes end. On its way to other workers it is the plan alone."""

    def __init__(self, plan: bytes, versions: str) -> None:
        self._first = pickle.dumps((versions, plan))
        self._made_of = plan, versions
        self._idle: list[_Process] = []
        self._over = ""  # why no more is asked of them

    def __reduce__(self) -> Any:
        return WorkerProcesses, self._made_of

    def ask(self, points: bytes, wanted: Callable[[], bool], seen: Callable[[str], object]) -> worker.WorkerAnswer:
        """The answer to some points; `seen` gets the verdict of each as it ends. Raises ProcessDied, also where they
        are not wanted any more."""
        if self._over:
            raise ProcessDied(self._over)
        try:
            process = self._idle.pop()
        except IndexError:
            process = _Process()
            process.tell(self._first)
        try:
            process.tell(points)
            answer = process.answer(wanted, seen)
        except BaseException as error:
            process.end()
            self.dismiss(str(error))
            raise
        self._idle.append(process)
        if self._over or answer.found is None:
            self.dismiss()
        return answer

    def dismiss(self, why: str = "") -> None:
        """End all of them. Where a task has failed the sweep needs them no more, but the error's traceback holds
        them, and tasks that come after it fail for the same reason."""
        self._over = self._over or why or "the sweep is over"
        with suppress(IndexError):
            while True:
                self._idle.pop().end()

    def __del__(self) -> None:
        self.dismiss()


class _Process:
    """A process that answers, until `end` is called or this process ends."""

    def __init__(self) -> None:
        self._said = b""  # the begin of a line
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        reading, self._life = os.pipe()
        self._popen = subprocess.Popen(
            [*worker.COMMAND, str(reading)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            pass_fds=[reading],
            cwd=worker.FOLDER,
            start_new_session=True,
        )
        os.close(reading)

    def tell(self, what: bytes) -> None:
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):  # then there is no answer
            self._popen.stdin.write(what)
            self._popen.stdin.flush()

    def answer(self, wanted: Callable[[], bool], seen: Callable[[str], object]) -> worker.WorkerAnswer:
        while True:
            answer = convert(json.loads(self._line(wanted)), worker.WorkerAnswer)
            if not answer.seen:
                return answer
            seen(answer.seen)

    def _line(self, wanted: Callable[[], bool]) -> bytes:
        assert self._popen.stdout is not None
        while b"\n" not in self._said:
            while not select.select([self._popen.stdout], [], [], GLANCE)[0]:
                if self._popen.poll() is not None:  # and one that it forked is still there
                    raise ProcessDied(self._how())
                if not wanted():
                    raise ProcessDied("nobody waits for its answer any more")
            more = os.read(self._popen.stdout.fileno(), 1 << 20)
            if not more:
                raise ProcessDied(self._how())
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line

    def _how(self) -> str:
        """In words, how the process ended, and what it said last."""
        code = self._popen.wait()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        return f"a process {how}" + (f": {said}" if said else "")

    def end(self) -> None:
        os.close(self._life)
        with suppress(BrokenPipeError), self._popen, self._stderr:  # leaving them closes the pipes and waits
            pass


def explore(processes: WorkerProcesses, points: bytes, topic: str) -> list[Outcome]:
    """The outcomes of some points: a task of Dask. The verdict of each is an event of this topic as it ends. Raises
    ProcessDied and SweepError."""
    from distributed import get_worker

    here: Any = get_worker()
    key = here.get_current_task()

    def wanted() -> bool:
        task = here.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    try:
        answer = processes.ask(points, wanted, lambda verdict: here.log_event(topic, verdict))
    except ProcessDied as error:
        raise ProcessDied(f"{here.address}: {error}") from None
    if answer.refused:
        raise SweepError(f"worker {here.address} {answer.refused}")
    if answer.found is None:
        raise RuntimeError(f"worker {here.address}:\n{answer.failed}")
    return answer.found
