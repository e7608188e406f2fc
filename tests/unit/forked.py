"""A command of ours in a process of its own, which is a copy of this one: it need not import everything once more."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import traceback

import pytest

from bk7238.bench.bench import PLUGINS
from bk7238.chip import FOLDERS
from bk7238.cli import command
from bk7238.families.known import FAMILIES
from bk7238.faults import all_kinds
from bk7238.image.loaders import LOADERS

PROGRAMS = {"bk7238": command, "pytest": lambda: sys.exit(pytest.console_main())}


def popen(words, **more):
    """As subprocess.Popen for `bk7238 WORDS`, or those of another `program`."""
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


@contextlib.contextmanager
def on_path(folder):
    """Put a program `bk7238` into a folder, for shells that have this on their PATH: its calls are carried out one
    after the other, each in a copy of this process with the folder, environment and streams of who calls."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("")  # Linux finds a name
        listener.listen()
        program = folder / "bk7238"
        program.write_text(_PROGRAM.format(python=sys.executable, address=listener.getsockname()))
        program.chmod(0o755)
        server = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,))
        server.start()
        try:
            yield
        finally:
            server.kill()
            server.join()


_PROGRAM = """#!{python} -IS
import _socket, array, os, sys
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
server.connect({address})
environment = [name + b"=" + text for name, text in os.environb.items()]
words = [b"%d" % len(sys.argv), *map(os.fsencode, sys.argv), os.getcwdb(), *environment]
streams = array.array("i", [0, 1, 2])
server.sendmsg([b"\\0".join(words)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
os._exit(server.recv(1)[0])
"""


def _serve(listener):
    while True:
        caller, _ = listener.accept()
        words, streams, _, _ = socket.recv_fds(caller, 1 << 20, 3)
        child = os.fork()
        if not child:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            count, *words = map(os.fsdecode, words.split(b"\0"))
            line, folder, environment = words[: int(count)], words[int(count)], words[int(count) + 1 :]
            os.chdir(folder)
            _run(line, dict(one.split("=", 1) for one in environment))
        for stream in streams:
            os.close(stream)
        caller.send(bytes([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]))
        caller.close()


def _started(words, preexec_fn=lambda: None, program="bk7238", **more):
    line = [program, *map(str, words)]

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
            _look_anew()
        if os.environ.get("PYTHONUNBUFFERED") and sys.stdout is not None:
            sys.stdout.reconfigure(write_through=True)
        PROGRAMS[os.path.basename(line[0])]()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(status)


def _look_anew():
    """For modules, and for what packages add."""
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder for folder in folders if folder and folder not in sys.path]
    for registry in (PLUGINS, FOLDERS, FAMILIES, all_kinds(), LOADERS):
        vars(registry).pop("_loaded", None)


def _stream(number, mode, **more):
    """One of the standard streams, None where that is closed."""
    try:
        return open(number, mode, **more)
    except OSError:
        return None
