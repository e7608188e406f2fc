"""The workers of a Dask cluster, on other machines. `distributed` is an extra: it is imported when it is asked for."""

from __future__ import annotations

import asyncio
import logging
import pickle
import uuid
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from typing import Any

from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome, Point
from bk7238.sweep.run import SweepError
from bk7238.sweep.workers import worker_processes
from bk7238.sweep.workers.processes import StartWorkers, Workers
from bk7238.sweep.workers.worker import packed
from bk7238.update.run_file import versions

PATIENCE = 5.0  # seconds for the scheduler to answer, and for a worker to be there

Warn = Callable[[str], None]


def cluster(address: str, *, warn: Warn = lambda _text: None) -> StartWorkers:
    """Starts workers on the cluster whose scheduler has this address. A worker that dies is named to `warn`; Dask gives
    its points to another. Raises ValueError, with one line, where there is nobody who could work."""
    with _connected(address):
        pass

    @contextmanager
    def start(plan: Plan) -> Generator[Workers]:
        with ExitStack() as stack:
            try:
                client = stack.enter_context(_connected(address))
            except ValueError as error:
                raise SweepError(str(error)) from None
            try:
                yield stack.enter_context(_Cluster(client, plan, warn))
            except CancelledError:
                raise SweepError(
                    f"the Dask cluster at {address} gave up its tasks: its scheduler is gone, or was restarted"
                ) from None

    return start


class _Cluster:
    """The workers of one round: a client, the plan on the cluster, and the tasks."""

    def __init__(self, client: Any, plan: Plan, warn: Warn) -> None:
        from distributed import KilledWorker

        self.number = max(1, sum(client.nthreads().values()))
        self.died: tuple[type[BaseException], ...] = (KilledWorker, worker_processes.ProcessDied)
        self._client, self._warn = client, warn
        self._name = f"sweep-{uuid.uuid4().hex}"
        self._points: dict[str, list[Point]] = {}
        # Once, to all workers. As the result of a task: when those that have it die, Dask makes it again.
        self._processes = client.submit(
            worker_processes.WorkerProcesses, packed(plan), versions(), key=f"processes-{self._name}"
        )
        client.replicate([self._processes])
        self._executor = client.get_executor()
        client.subscribe_topic("all", self._happened)
        self._verdicts: deque[str] = deque()  # filled in a thread of the client
        client.subscribe_topic(self._name, lambda event: self._verdicts.append(event[1]))

    def submit(self, points: list[Point]) -> Future[list[Outcome]]:
        key = f"{self._name}-{len(self._points)}"
        self._points[key] = points
        future: Future[list[Outcome]] = self._executor.submit(
            worker_processes.explore, self._processes, pickle.dumps(points), self._name, key=key
        )
        return future

    def seen(self) -> list[str]:
        found = []
        while self._verdicts:
            found.append(self._verdicts.popleft())
        return found

    def _happened(self, event: tuple[float, dict[str, Any]]) -> None:
        """An event of the scheduler, told in a thread of the client."""
        _, told = event
        if told.get("action") != "remove-worker":
            return
        keys = {*told["processing-tasks"], *told["lost-computed-tasks"]}
        lost = [point.id for key, points in list(self._points.items()) if key in keys for point in points]
        if lost:
            names = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
            self._warn(f"a worker died: {told['worker']}; {len(lost)} points are run again: {names}")

    def __enter__(self) -> _Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        """The tasks that are still under way end with the client."""
        if self._client.status == "running":
            self._client.unsubscribe_topic("all")
            self._client.unsubscribe_topic(self._name)


@contextmanager
def _connected(address: str) -> Generator[Any]:
    """A client of a cluster that can work: it answers, it has workers, and they have what this machine has. Raises
    ValueError."""
    try:
        from distributed import Client
        from distributed.utils import silence_logging_cmgr
    except ModuleNotFoundError:
        raise ValueError("--scheduler needs Dask: pip install 'bk7238-sim[dask]'") from None
    with silence_logging_cmgr(logging.CRITICAL):
        try:
            kind = asyncio.run(asyncio.wait_for(_identity(address), PATIENCE))
            if kind != "Scheduler":
                raise ValueError(f"this is a {kind.lower()}")
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except Exception as error:
            raise ValueError(f"no Dask scheduler at {address}: {str(error) or 'it does not answer'}") from None
        with client:
            _check(client, address)
            yield client


async def _identity(address: str) -> str:
    """The type of what answers at this address. Dask's client would wait for ever for one that takes the call and says
    nothing."""
    from distributed import Security, rpc

    async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
        return str((await there.identity())["type"])


def _check(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ValueError(f"the Dask cluster at {address} has no workers: dask worker {address}") from None
    try:
        client.run_on_scheduler(versions)  # it only has to know our names
    except Exception as error:
        raise ValueError(f"the Dask scheduler at {address} needs bk7238-sim, as its workers do: {error}") from None
    here = versions()
    for worker, there in client.run(versions, on_error="return").items():
        if isinstance(there, OSError):
            continue  # it has just gone
        if isinstance(there, Exception):
            raise ValueError(f"worker {worker} has no bk7238-sim that could be asked: {there}")
        if there != here:
            raise ValueError(f"worker {worker} has {there}, this machine has {here}")
