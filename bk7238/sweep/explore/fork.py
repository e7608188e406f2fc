"""A copy of this process, in the middle of a run, that goes on with it in another way and sends back what it finds."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import NoReturn, TypeVar

from bk7238.sweep.point import Outcome

T = TypeVar("T")


class Child:
    """The copy's way back to its parent. It leaves by `send`, or the parent takes it for dead."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def send(self, answer: Outcome) -> NoReturn:
        """The copy's last deed."""
        with os.fdopen(self._pipe, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)


def contained(run: Callable[[], T], is_copy: Callable[[], bool]) -> T:
    """What `run` gives. Where it fails in a copy of this process that copy ends: its parent reports it."""
    try:
        return run()
    except BaseException:
        if is_copy():
            os._exit(1)
        raise


def fork(what: str) -> Child | Outcome:
    """Returns twice: in the copy with a `Child`, and here, when the copy has ended, with what it sent. Raises
    RuntimeError, which names `what`, where it died without a word."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        return Child(writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(process, 0)
    if not data:
        raise RuntimeError(f"{what}: the process of this point died")
    answer: Outcome = pickle.loads(data)
    return answer
