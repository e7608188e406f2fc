"""The parser of command lines, and what is wrong with one. It imports nothing that runs: help does not wait for it."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from bk7238.cli import colour, examples
from bk7238.exit_status import UserError


class UsageError(UserError):
    """What the user gave cannot be used; the message is one line that says what to give instead."""


class UnknownOption(UsageError):
    """What a command of this name does not take; `words` are the first of it and what follows."""

    def __init__(self, prog: str, words: list[str]) -> None:
        super().__init__(f"unrecognized arguments: {' '.join(words)} (see {prog} --help)")
        self.prog, self.words = prog, words


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage and leaving, also where its help cannot be printed. The help
    of a command ends with its examples."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.add_argument(
            "--color",
            choices=colour.CHOICES,
            default=argparse.SUPPRESS,
            help="verdicts in colour (default: auto, on a terminal, unless NO_COLOR is set)",
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Raise UnknownOption where a command, not one above it, is given what it does not know."""
        read, left = super().parse_known_args(args, namespace)
        if left:
            raise UnknownOption(self.prog, left)
        return read, left

    def format_help(self) -> str:
        """The usual help, and examples."""
        shown = "".join(f"  bk7238 {line}\n" for line in examples.of(self.prog))
        return super().format_help() + (f"\nexamples:\n{shown}" if shown else "")

    def error(self, message: str) -> NoReturn:
        """Raise UsageError in place of leaving."""
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(message)
