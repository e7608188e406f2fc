"""A command of ours in a process of its own, which is a copy of this one: it need not import everything once more."""

import multiprocessing
import os
import signal
import subprocess
import sys
import traceback

from bk7238.cli import command


def popen(words, **more):
    """As subprocess.Popen for `bk7238 WORDS`."""
    return subprocess.Popen(**_started(words, **more))


def run(words, **more):
    """As subprocess.run."""
    return subprocess.run(**_started(words, **more), check=False)


def call(function):
    """What a function gives in a process of its own, which may change what it likes. Raises EOFError where it fails."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=lambda: there.send(function()))
    process.start()
    there.close()
    try:
        return here.recv()
    finally:
        process.join()


def _started(words, preexec_fn=lambda: None, **more):
    line = ["bk7238", *map(str, words)]

    def begin():
        preexec_fn()
        _run(line, more.get("env"))

    return {"args": line, "executable": sys.executable, "preexec_fn": begin, **more}


def _run(line, environment):
    """What a new interpreter would do, in the child that is about to become one: its streams are in place."""
    status = 1
    try:
        os.closerange(3, 4096)  # one of these tells the parent that the child has begun
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_IGN)
        sys.argv = line
        sys.stdin, sys.stdout = _stream(0, "r"), _stream(1, "w")
        sys.stderr = _stream(2, "w", buffering=1, errors="backslashreplace")
        if environment is not None:
            os.environ.clear()
            os.environ.update(environment)
        if os.environ.get("PYTHONUNBUFFERED") and sys.stdout is not None:
            sys.stdout.reconfigure(write_through=True)
        command()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(status)


def _stream(number, mode, **more):
    """One of the standard streams, None where that is closed."""
    try:
        return open(number, mode, **more)
    except OSError:
        return None
