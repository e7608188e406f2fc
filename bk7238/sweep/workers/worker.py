"""A process that runs points for a worker of a Dask cluster, whose threads forbid a fork (worker_processes.py).

It reads pickles from its parent, on stdin: first the parent's versions and the plan, then points, again and again.
Each time it answers with a line of JSON on stdout: what it found, or why it found nothing.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import select
import sys
import traceback
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import msgspec

import bk7238
from bk7238.engine.engine import EngineError
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome
from bk7238.sweep.reading import encode
from bk7238.sweep.workers.processes import announce_by, explore
from bk7238.update.run_file import versions

COMMAND = (sys.executable, "-m", "bk7238.sweep.workers.worker")
PACKAGE = Path(bk7238.__file__).parent
FOLDER = PACKAGE.parent  # from here it imports what its parent has


def packed(plan: Plan) -> bytes:
    """A plan for its way to the workers."""
    return zlib.compress(pickle.dumps(plan), 1)


def end_with(pipe: int) -> None:
    """When the other end of a pipe is closed the kernel sends SIGIO to this process and all that it forks: it kills."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:
        sys.exit(1)  # it was closed before


class WorkerAnswer(msgspec.Struct):
    """`found`, or why nothing was: `refused`, which is one line, or `failed`, which is a traceback. Before it come some
    with what was `seen`: the verdict of a point that has ended."""

    found: list[Outcome] | None = None
    refused: str = ""
    failed: str = ""
    seen: str = ""


def answers(asked: BinaryIO) -> Generator[WorkerAnswer]:
    """An answer to each question."""
    here = versions()
    wanted, plan = pickle.load(asked)
    plan = pickle.loads(zlib.decompress(plan)) if here == wanted else None
    while True:
        try:
            points = pickle.load(asked)
        except EOFError:
            return
        try:
            if plan is None:
                yield WorkerAnswer(refused=f"has {here}, this machine has {wanted}")
            else:
                yield WorkerAnswer(explore(plan, points))
        except EngineError as error:
            yield WorkerAnswer(refused=f"cannot run this: {error}")
        except Exception:
            yield WorkerAnswer(failed=traceback.format_exc())


def main() -> None:
    """Answer requests from stdin until it ends."""
    end_with(int(sys.argv[1]))
    with os.fdopen(os.dup(1), "w") as told:
        os.dup2(2, 1)  # what is printed does not get into an answer

        def tell(answer: WorkerAnswer) -> None:
            told.write(encode(answer) + "\n")
            told.flush()

        announce_by(lambda verdict: tell(WorkerAnswer(seen=verdict)))
        for answer in answers(sys.stdin.buffer):
            tell(answer)


if __name__ == "__main__":
    main()
