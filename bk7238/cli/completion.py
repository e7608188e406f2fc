"""`bk7238 completion SHELL`: a script with which a shell completes commands, options and their values."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from typing import Any

SHELLS = ("bash", "zsh")

_ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"
_SCRIPT = """\
_bk7238() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD-1]}} verb="" words="" at
    if [[ $word == "=" ]]; then word=""; elif [[ $option == "=" ]]; then option=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    for ((at = 1; at < COMP_CWORD; at++)); do
        case "$verb ${{COMP_WORDS[at]}}" in
            {verbs}) verb="$verb ${{COMP_WORDS[at]}}" ;;
        esac
    done
    case "$verb $option" in
{values}
        *) case "$verb/$word" in
{words}
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _bk7238 bk7238
"""


def add(commands: Any) -> None:
    """Add `bk7238 completion`."""
    parser = commands.add_parser("completion", help="print a script with which a shell completes bk7238's words")
    parser.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS), help="whose script")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script, made of the parsers. Returns the exit status."""
    top = importlib.import_module("bk7238.cli").parser()  # which imports this module
    print((_ZSH if arguments.shell == "zsh" else "") + _script(dict(_parsers("", top))), end="")
    return 0


def _parsers(words: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each parser by the words that lead to it, each with a blank before it."""
    yield words, parser
    for name, inner in _inner(parser).items():
        yield from _parsers(f"{words} {name}", inner)


def _inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: inner
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, inner in action.choices.items()
    }


def _script(parsers: dict[str, argparse.ArgumentParser]) -> str:
    verbs, values, words = [], [], []
    for verb, parser in parsers.items():
        if verb:
            verbs.append(f'"{verb}"')
        options = [option for action in parser._actions for option in action.option_strings]
        for action in parser._actions:
            names = "|".join(f'"{verb} {option}"' for option in action.option_strings)
            if names and _values(action):
                values.append(f'        {names}) words="{" ".join(_values(action))}" ;;')
        positional = [
            *_inner(parser),
            *(one for action in parser._actions if not action.option_strings for one in _values(action)),
        ]
        words.append(f'            "{verb}/-"*) words="{" ".join(options)}" ;;')
        words.append(f'            "{verb}/"*) words="{" ".join(dict.fromkeys(positional))}" ;;')
    return _SCRIPT.format(verbs="|".join(verbs), values="\n".join(values), words="\n".join(words))


def _values(action: argparse.Action) -> list[str]:
    """What may follow an option, where that is one of some words."""
    if action.choices is not None:
        return [str(one) for one in action.choices]
    shown = action.metavar if isinstance(action.metavar, str) else ""
    return shown.split("|") if "|" in shown else []
