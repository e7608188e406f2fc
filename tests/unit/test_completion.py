"""`bk7238 completion`: what a shell offers, asked of the shell."""

import os
import pty
import re
import shlex
import shutil
import subprocess
from contextlib import suppress

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


TYPED = {
    "sw\t": "sweep",
    "image pac\t": "image pack",
    "ota --ssi\t": "ota --ssid",
    "ota --engine r\t": "ota --engine renode",
    "ota --color=al\t": "ota --color=always",
}
"""What someone types, Tab among it, and the words that the command is then given."""


LACKING = {"zsh": "needs Debian's package zsh", "fish": "needs Debian's package fish"}


def shell(name):
    program = shutil.which(name)
    if program is None:
        pytest.skip(LACKING[name])
    return program


@pytest.mark.full
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_completes_on_a_terminal(name, tmp_path, monkeypatch, capsys):
    program, arguments = shell(name), {"bash": ["--norc", "-i"], "zsh": ["-f", "-i"]}[name]
    assert main(["completion", name]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out + '\nbk7238() { echo "given $*;"; }\n')
    for variable, value in {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}.items():
        monkeypatch.setenv(variable, value)
    process, terminal = pty.fork()
    if process == 0:
        os.execv(program, [name, *arguments])
    lines = [f"source {tmp_path}/script", *(f"bk7238 {typed}" for typed in TYPED), "exit"]
    os.write(terminal, "".join(f"{line}\n" for line in lines).encode())
    said = b""
    with suppress(OSError):  # of a terminal whose other end is closed
        while chunk := os.read(terminal, 4096):
            said += chunk
    os.close(terminal)
    os.waitpid(process, 0)
    assert re.findall(r"given (.*?) ?;", said.decode()) == list(TYPED.values())


@pytest.mark.full
def test_fish_offers_the_same(capsys):
    assert main(["completion", "fish"]) == 0
    asked = "\n".join(f"complete -C {shlex.quote('bk7238 ' + typed.rstrip())}" for typed in TYPED)
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", f"{capsys.readouterr().out}\n{asked}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [words.split()[-1] for words in TYPED.values()] and done.stderr == ""
