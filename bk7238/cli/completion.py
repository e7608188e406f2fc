"""`bk7238 completion SHELL`: a script with which a shell completes commands, options and their values."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

SHELLS = ("bash", "zsh", "fish")

_ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"
_BASH = """\
_bk7238() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD-1]}} verb="" words="" prefix="" at
    if [[ $word == "=" ]]; then word=""; elif [[ $option == "=" ]]; then option=${{COMP_WORDS[COMP_CWORD-2]}}
    elif [[ $word == --*=* ]]; then option=${{word%%=*}} prefix="${{word%%=*}}=" word=${{word#*=}}; fi # zsh: one word
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
    COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$word"))
}}
complete -o default -F _bk7238 bk7238
"""
_FISH = """\
function __bk7238
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l option $before[-1]
    set -l verb ""
    set -l words ""
    set -l prefix ""
    if string match -q -- "--*=*" $word
        set option (string split -m 1 = -- $word)[1]
        set prefix $option=
    end
    for one in $before[2..]
        switch "$verb $one"
            case {verbs}
                set verb "$verb $one"
        end
    end
    switch "$verb $option"
{values}
        case "*"
            switch "$verb/$word"
{words}
            end
    end
    if test -n "$words"
        printf "%s\\n" $prefix(string split " " -- $words)
    else
        __fish_complete_path $word
    end
end
complete -c bk7238 -f -a "(__bk7238)"
"""


def add(commands: Any) -> None:
    """Add `bk7238 completion`."""
    parser = commands.add_parser("completion")
    parser.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS), help="whose script")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script, made of the parsers. Returns the exit status."""
    top = importlib.import_module("bk7238.cli").parser()  # which imports this module
    parsers = dict(_parsers("", top))
    if arguments.shell == "fish":
        print(_script(_FISH, " ", '{indent}case {patterns}\n{indent}    set words "{words}"', '"{}*"', parsers), end="")
        return 0
    bash = _script(_BASH, "|", '{indent}{patterns}) words="{words}" ;;', '"{}"*', parsers)
    print((_ZSH if arguments.shell == "zsh" else "") + bash, end="")
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


def _script(form: str, separator: str, case: str, prefix: str, parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """A script of this form: `case` is how the shell writes one of several, whose patterns have a separator between
    them, and `prefix` what begins with a text."""
    values, words = [], []
    for verb, parser in parsers.items():
        options = [option for action in parser._actions for option in action.option_strings]
        for action in parser._actions:
            names = separator.join(f'"{verb} {option}"' for option in action.option_strings)
            if names and _values(action):
                values.append(case.format(indent=" " * 8, patterns=names, words=" ".join(_values(action))))
        positional = [
            *_inner(parser),
            *(one for action in parser._actions if not action.option_strings for one in _values(action)),
        ]
        for begin, offered in ((f"{verb}/-", options), (f"{verb}/", dict.fromkeys(positional))):
            words.append(case.format(indent=" " * 12, patterns=prefix.format(begin), words=" ".join(offered)))
    verbs = separator.join(f'"{verb}"' for verb in parsers if verb)
    return form.format(verbs=verbs, values="\n".join(values), words="\n".join(words))


def _values(action: argparse.Action) -> list[str]:
    """What may follow an option, where that is one of some words."""
    if action.choices is not None:
        return [str(one) for one in action.choices]
    shown = action.metavar if isinstance(action.metavar, str) else ""
    return shown.split("|") if "|" in shown else []
