"""Settings on a command line: the options of a parser, what was given there, and the words that say it again."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from bk7238.bench.settings import OPTIONS, Option, Settings

T = TypeVar("T")


def reader(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose error argparse shows as it is."""

    def told(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return told


def flag(name: str) -> str:
    """The option of the field of this name."""
    return "--" + (OPTIONS[name].name or name.replace("_", "-"))


def add_options(
    parser: argparse.ArgumentParser, names: Iterable[str] = OPTIONS, usual: Settings | None = None, **helps: str
) -> None:
    """Add the options of these fields. What is not given there is not in the namespace, and `read` takes it from the
    usual settings. `helps` are other texts for single ones, of a command where nothing is usual."""
    usual = usual or Settings()
    for name in names:
        parser.add_argument(flag(name), dest=name, default=argparse.SUPPRESS, **details(name, usual, helps.get(name)))


def details(name: str, usual: Settings | None = None, other: str | None = None) -> dict[str, Any]:
    """What argparse is told of the field of this name, apart from option and default."""
    option = OPTIONS[name]
    default = None if other else _usual(name, usual or Settings())
    text = (other or option.help) + (f" (default: {default})" if default else "")
    if not option.metavar:
        return {"action": "store_true", "help": _escaped(text)}
    more: dict[str, Any] = {"action": "append"} if option.many else {"type": reader(option.read)}
    return {**more, "metavar": option.metavar, "help": _escaped(text)}


def read(arguments: argparse.Namespace, usual: Settings | None = None, **more: Any) -> Settings:
    """The usual settings with what was given on the command line, and with `more`. Raises ValueError."""
    given = {name: value for name, value in vars(arguments).items() if name in OPTIONS}
    return replace(usual or Settings(), **{**given, **more})


def words(settings: Settings, always: Iterable[str] = ()) -> list[str]:
    """The settings as options, those that are usual left out but for `always`. Raises ValueError, with one line, for
    what no command line can say."""
    usual, said = Settings(), []
    for name, option in OPTIONS.items():
        value = getattr(settings, name)
        if value is None or (value == getattr(usual, name) and name not in always):
            continue
        texts = [""] if not option.metavar else _texts(name, option, value)
        for text in texts:
            word = flag(name) + (f"={text}" if option.metavar else "")
            if not _is_argument(word):
                raise ValueError(f"{name}: no command can say {text!r}: it is no argument of a program")
            said.append(word)
    return said


def table(names: Iterable[str] = OPTIONS) -> str:
    """The fields as a table for the docs: option, setting, meaning and what is usual."""
    rows = ["| option | setting | meaning | default |", "|---|---|---|---|"]
    for name in names:
        option = OPTIONS[name]
        shown = flag(name) + (f" {option.metavar}" if option.metavar else "")
        shown = shown.replace("|", "\\|")
        more = f" ([more]({option.page}))" if option.page else ""
        usual = _usual(name, Settings())
        meaning = option.help.replace("[", "\\[")  # no link
        rows.append(f"| `{shown}` | `{name}` | {meaning}{more} | {f'`{usual}`' if usual else ''} |")
    return "\n".join(rows)


def _texts(name: str, option: Option, value: Any) -> list[str]:
    try:
        return list(option.write(value)) if option.many else [option.write(value)]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _usual(name: str, usual: Settings) -> str:
    """The text of what is usual, for people; empty where there is none."""
    value, option = getattr(usual, name), OPTIONS[name]
    return "" if value is None or option.many or not option.metavar else option.write(value)


def _is_argument(word: str) -> bool:
    """Whether a program that is given this word reads the same."""
    try:
        return "\0" not in word and os.fsdecode(os.fsencode(word)) == word
    except UnicodeEncodeError:
        return False


def _escaped(text: str) -> str:
    """A text for argparse, which has a meaning for %."""
    return text.replace("%", "%%")
