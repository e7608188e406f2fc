"""The documents: each relative link leads to a file and a heading, and each command line has a verb that exists."""

import re
import shlex
from contextlib import suppress

import pytest
from test_documented_options import COMMANDS, PARSERS, ROOT, commands

PAGES = sorted(
    {ROOT / "README.md", *(path for top in ("docs", "examples", "firmware") for path in (ROOT / top).rglob("*.md"))}
)
_FENCED = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def links(text):
    """Targets of the links in a page that stay in this repository."""
    without_code = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", text))
    return [target for target in _LINK.findall(without_code) if not re.match("[a-z]+:", target)]


def anchors(text):
    """The headings of a page as GitHub names them."""
    found = []
    for heading in re.findall(r"^#+ +(.+?) *$", _FENCED.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.append(re.sub(r"[^\w\- ]", "", shown).replace(" ", "-"))
    return {
        f"{name}-{found[:place].count(name)}" if name in found[:place] else name for place, name in enumerate(found)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    for target in links(page.read_text()):
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), f"{page.relative_to(ROOT)}: {target}"
        if anchor:
            assert anchor in anchors(there.read_text()), f"{page.relative_to(ROOT)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_verbs_exist(page):
    for words in commands(page.read_text()):
        verb = words[0] if words else ""
        if not re.fullmatch("[a-z][a-z-]*", verb):
            continue  # an option, or what stands for any verb
        assert verb in COMMANDS, f"{page.relative_to(ROOT)}: bk7238 {' '.join(words)}"
        inner = {path[1] for path in PARSERS if len(path) == 2 and path[0] == verb}
        if inner and len(words) > 1 and re.fullmatch("[a-z][a-z-]*", words[1]):
            assert words[1] in inner, f"{page.relative_to(ROOT)}: bk7238 {' '.join(words)}"


def typed(text):
    """The words of each command line of ours in a text, up to where a shell takes over."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for prompted, indented in re.findall(r"^ *\$ (.+)$|^    ((?:[\w=./-]+ )*\S*bk7238 .+)$", joined, re.MULTILINE):
        found = re.search(r"(?:^|[ /])bk7238 (.*)$", prompted or indented)
        if found:
            words = shlex.split(found[1], comments=True)
            ends = [words.index(end) for end in (">", "|", "&&", "&", ";", "<") if end in words]
            yield words[: min(ends, default=len(words))]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name != "tutorials"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_command_lines_can_be_typed(page, monkeypatch):
    """With all that they are given: each is read as the command line reads it. Those of tutorials are carried out."""
    monkeypatch.chdir(ROOT)
    for words in typed(page.read_text()):
        with suppress(SystemExit):  # --help, --version
            PARSERS[()].parse_args(words)


def test_what_is_looked_at_is_found():
    assert list(typed("$ X=1 .venv/bin/bk7238 ota 'a b' # c\n    bk7238 run x > y\n$ echo\n")) == [
        ["ota", "a b"],
        ["run", "x"],
    ]
    assert sum(len(list(typed(page.read_text()))) for page in PAGES) > 100
    text = (
        "# A [b](c.md): `d`!\n\n## A\n\n## A\n\n[x](y.md#z) `[no](code)` [web](https://host/)\n```\n[no](more)\n```\n"
    )
    assert links(text) == ["c.md", "y.md#z"] and anchors(text) == {"a-b-d", "a", "a-1"}
    assert sum(len(links(page.read_text())) for page in PAGES) > 100
