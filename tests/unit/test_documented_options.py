"""Every option that documents, examples, the models' texts and error messages name exists where they say it does."""

import argparse
import ast
import re
from pathlib import Path

import pytest

from bk7238 import cli
from bk7238.testing.plugin import _OPTIONS

ROOT = Path(__file__).resolve().parents[2]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![\w-])")
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "firmware/reference/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(path for path in ROOT.glob("examples/**/*") if path.suffix in (".md", ".py", ".toml", ".ini")),
]
SOURCES = sorted(path for folder in ("bk7238", "peripherals") for path in (ROOT / folder).rglob("*.py"))


def parsers():
    """The parsers of the command line, by the words that lead to them."""
    found = {}

    def add(words, parser):
        found[words] = parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, inner in action.choices.items():
                    add((*words, name), inner)

    add((), cli.parser())
    return found


PARSERS = parsers()
COMMANDS = {words[0] for words in PARSERS if words}


@pytest.fixture(scope="module")
def known(request):
    """All options of ours: the command line's, the scripts', and those of pytest with the plugin."""
    ours = {option for parser in PARSERS.values() for option in parser._option_string_actions}
    for script in filter(Path.is_file, (ROOT / "scripts").iterdir()):
        ours |= set(OPTION.findall(script.read_text()))
    return ours | set(_pytest(request.config))


def _pytest(config):
    groups = (*config._parser._groups, config._parser._anonymous)
    names = {name for group in groups for option in group.options for name in option.names()}
    return names | {"--bk7238-image", "--bk7238-package"} | {f"--{name}" for name in _plugin()}


def _plugin():
    return [name for option, _ in _OPTIONS for name in (option, f"bk7238-{option}")]


def commands(text):
    """Each command of ours in a text, as its words, whether it stands in a line of its own or within a sentence."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for piece in re.findall(r"`([^`\n]+)`|^(?:    |\$ )(.+)$", joined, re.MULTILINE):
        for part in re.split(r"[|;&]| # ", piece[0] or piece[1]):
            words = part.replace(".venv/bin/", "").split()
            while words and (words[0] in ("$", "sudo") or "=" in words[0].partition("-")[0]):
                words.pop(0)
            if words and words[0] == "bk7238":
                words.pop(0)
                yield words
            elif words and words[0] in COMMANDS and any(word.startswith("--") for word in words):
                yield words


def without_foreign(text):
    """The text without commands of other programs: spans and lines that begin with another word than ours."""
    ours = ("bk7238", ".venv/bin/", "scripts/", "pytest", "-", *COMMANDS)
    text = re.sub(r"\\\n\s*", " ", text)
    text = re.sub(r"`([^`\n]+)`", lambda span: span[1] if span[1].startswith(ours) else "", text)
    lines = (line for line in text.splitlines() if not line.startswith(("$ ", "    $ ")) or "bk7238 " in line)
    return "\n".join(line.split("&& ")[-1] if "&& " in line else line for line in lines)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents(path, known):
    text = path.read_text()
    assert set(OPTION.findall(without_foreign(text))) - known == set()
    for words in commands(text):
        leading = max((n for n in range(3) if tuple(words[:n]) in PARSERS), default=0)
        parser = PARSERS[tuple(words[:leading])]
        options = set(OPTION.findall(" ".join(words)))
        assert options <= set(parser._option_string_actions), f"{path}: bk7238 {' '.join(words)}"


def test_texts_in_the_code(known):
    """Docstrings, of which pages are made, and remedies in error messages."""
    naming = ((path, text) for path in SOURCES if OPTION.search(text := path.read_text()))
    for path, text in naming:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                unknown = set(OPTION.findall(re.sub("pip install.*", "", node.value))) - known
                assert not unknown, f"{path.relative_to(ROOT)}:{node.lineno}: {unknown}"


def test_commands_are_found():
    """What the tests above look at is really there."""
    text = "`bk7238 ota A --seed 1 | tail --lines 2`.\n\n    $ sudo bk7238 run \\\n    A --log\n`image info --json`\n"
    assert [words[0] for words in commands(text)] == ["ota", "run", "image"]
    assert set(OPTION.findall(without_foreign("`tar --gzip`, `--seed N`\n\n$ dask worker --host H\n"))) == {"--seed"}
    assert sum(len(list(commands(path.read_text()))) for path in DOCUMENTS) > 100
