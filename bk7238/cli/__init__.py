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
from typing import Any, NoReturn

from bk7238.cli import colour
from bk7238.cli.parser import Parser, UnknownOption, UsageError
from bk7238.exit_status import ExitStatus, UserError
from bk7238.visible import Terminal

VERBS = {
    "ota": "update a device over the air, from power-on to the new app",
    "run": "boot an image and show its consoles",
    "live": "let a device live with its router, and see whether it comes back",
    "sweep": "run one update with each of many faults, and map where it ends",
    "zoo": "try an update with several boot loaders, layouts and packages",
    "report": "join the results of sweeps into one HTML page",
    "export": "write the flash as it is after the power cut of a sweep's point",
    "verify": "carry a saved sweep out again and compare where its points end",
    "gdb": "step through firmware with GDB, forwards and backwards",
    "view": "show a device on a page while it runs, and go back in its time",
    "monitor": "a machine at Renode's monitor: analyzers, GDB, switch",
    "image": "make, inspect and check firmware images and update packages",
    "faults": "what can go wrong (--fault), and how it is written",
    "firmware": "list the firmware that can be called by its name",
    "boards": "list the chips that images are recognised for, and that --chip names",
    "doctor": "say which engines this machine can run, and what to install",
    "demo": "watch the reference firmware update itself, or a known-bad build fail",
    "init": "write a test project for an image and a package",
    "lint": "find mistakes in scenarios, packages and tests before anything runs",
    "completion": "print a script with which a shell completes bk7238's words",
}
"""What each command does. It is a module of this package, imported when its parser is made."""


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]
    """The commands, each with its line of `VERBS` in the help. `words` are those that the command line begins with."""

    words: Sequence[str] = ()

    def add_parser(self, name: str, **more: Any) -> Any:
        """Add the parser of a command."""
        return super().add_parser(name, help=VERBS[name], **more)


def parser(words: Sequence[str] = (), *, whole: bool = True) -> Parser:
    """Return the parser of command lines that begin with these words or, where they are no command's, of all; where it
    is not `whole`, to tell which commands there are."""
    top = Parser(prog="bk7238", description="Runs BK7238 firmware on models of its silicon and network.")
    top.add_argument("--version", action=_Version, nargs=0, help="print what runs the firmware, and which of it")
    commands: Any = top.add_subparsers(
        action=_Commands, dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    commands.words = words
    for verb in words[:1] if words and words[0] in VERBS else VERBS:
        if whole:
            importlib.import_module(f"{__name__}.{verb}").add(commands)
        else:
            commands.add_parser(verb)
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
    except UserError as error:
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
        _say(str(why) or "interrupted")
        return getattr(why, "status", ExitStatus.INTERRUPTED)  # of an Interrupted, which only a machine knows


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
    if "bk7238.engine.renode_host" in sys.modules:
        sys.modules["bk7238.engine.renode_host"].leave(status)
    sys.exit(status)


def _run(words: Sequence[str]) -> int:
    try:
        arguments = parser(words, whole=any(word in VERBS for word in words)).parse_args(words)
    except UnknownOption as error:
        raise UsageError(_with_takers(error)) from None
    except SystemExit as end:  # after --help
        return int(end.code or 0)
    arguments.words = words
    colour.choose(vars(arguments).get("color", colour.AUTO))
    try:
        return int(arguments.run(arguments))
    finally:
        importlib.import_module("bk7238.cli.arguments").release()


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
