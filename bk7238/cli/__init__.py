"""The command line, `bk7238 VERB`, with a module for each of `VERBS`; with what it ends is in bk7238/exit_status.py."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from bk7238.cli import colour
from bk7238.cli.arguments import Parser, UnknownOption, UsageError, release
from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError
from bk7238.engine.interruption import Interrupted
from bk7238.exit_status import ExitStatus
from bk7238.registry import RegistryError
from bk7238.visible import Terminal

VERBS = (
    *("ota", "run", "live", "sweep", "zoo", "report", "export", "verify", "gdb", "monitor"),
    *("image", "faults", "firmware", "boards", "doctor", "demo", "init", "lint", "completion"),
)
"""Each is a module of this package, imported when its parser is made."""


def parser(verbs: Sequence[str] = VERBS) -> Parser:
    """Return the parser of command lines with these verbs."""
    top = Parser(prog="bk7238", description="Runs BK7238 firmware on models of its silicon and network.")
    top.add_argument("--version", action=_Version, nargs=0, help="print what runs the firmware, and which of it")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for verb in verbs:
        importlib.import_module(f"{__name__}.{verb}").add(commands)
    return top


class _Version(argparse.Action):
    """Prints the versions of all that decides where a run ends."""

    def __call__(self, *_: object) -> NoReturn:
        run_file = importlib.import_module("bk7238.update.run_file")  # only here: it knows all that runs a device
        print(f"{run_file.versions()}, Python {platform.python_version()}")
        raise SystemExit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be no text of the output's
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return status
    except (UsageError, EngineError, RegistryError) as error:
        _say(str(error))
        return ExitStatus.USAGE
    except OSError as error:
        if not isinstance(error, BrokenPipeError) or error.filename is not None:  # whoever read us has what they want
            _say(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or repr(error))
        return ExitStatus.HOST
    except MemoryError:
        _say("out of memory")
        return ExitStatus.HOST
    except Exception:
        traceback.print_exc()
        return ExitStatus.HOST
    except KeyboardInterrupt as why:
        _say(str(why) if isinstance(why, Interrupted) else "interrupted")
        return why.status if isinstance(why, Interrupted) else ExitStatus.INTERRUPTED
    finally:
        release()


def command() -> NoReturn:
    """Run this process's command line and end the process."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before we began
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        if getattr(sys, name).isatty():
            setattr(sys, name, Terminal(getattr(sys, name)))
    status = main()
    try:
        sys.stdout.flush()
    except OSError:  # what is left would be written, and complained of, once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    renode_host.leave(status)
    sys.exit(status)


def _run(words: Sequence[str]) -> int:
    try:
        arguments = parser(words[:1] if words[:1] and words[0] in VERBS else VERBS).parse_args(words)
    except UnknownOption as error:
        raise UsageError(_with_takers(error)) from None
    except SystemExit as end:  # after --help
        return int(end.code or 0)
    arguments.words = words
    colour.choose(vars(arguments).get("color", colour.AUTO))
    return int(arguments.run(arguments))


def _with_takers(error: UnknownOption) -> str:
    """The error, and which other commands take the option."""
    option, verb = error.words[0].partition("=")[0], error.prog.partition(" ")[2]
    choices = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)).choices
    takers = [f"bk7238 {name}" for name, one in choices.items() if option in one._option_string_actions]
    if not option.startswith("--") or not takers or verb.partition(" ")[0] not in choices:
        return str(error)
    return f"{option} is no option of {error.prog}, but of {', '.join(takers)} (see {error.prog} --help)"


def _say(text: str) -> None:
    """Print a line on stderr, if that can be."""
    with suppress(OSError):
        print(f"bk7238: {text}", file=sys.stderr)
