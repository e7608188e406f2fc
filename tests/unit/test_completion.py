"""`bk7238 completion`: what a shell offers, asked of the shell."""

import shlex
import subprocess

import pytest
from test_documented_options import PARSERS

from bk7238.cli import VERBS, main


@pytest.fixture
def offered(capsys):
    """What bash offers for the last of some words."""
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out

    def ask(*words):
        typed = shlex.join(words)
        program = f"{script}\nCOMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}; _bk7238; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], VERBS),
        (["sw"], ["sweep"]),
        (["image", ""], [words[1] for words in PARSERS if len(words) == 2 and words[0] == "image"]),
        (["ota", "--ss"], ["--ssid"]),
        (["ota", "--engine", ""], ["unicorn", "renode"]),
        (["ota", "full.bin", "--engine", "=", "r"], ["renode"]),
        (["ota", "--engine", "="], ["unicorn", "renode"]),
        (["--color", "a"], ["auto", "always"]),
        (["ota", "f"], []),
        (["completion", "b"], ["bash"]),
        (["image", "pack", "--outp"], ["--output"]),
    ],
)
def test_what_is_offered(words, expected, offered):
    assert offered("bk7238", *words) == list(expected)


def test_every_command_is_offered_its_own_options(offered):
    for words, parser in PARSERS.items():
        options = [option for action in parser._actions for option in action.option_strings if option[:2] == "--"]
        assert offered("bk7238", *words, "--") == options, words


def test_zsh_has_the_same_after_what_makes_it_bash(capsys):
    main(["completion", "bash"])
    bash = capsys.readouterr().out
    main(["completion", "zsh"])
    zsh = capsys.readouterr().out
    assert zsh.endswith(bash) and "bashcompinit" in zsh.removesuffix(bash)
