"""docs/FIDELITY.md says what the models say, and the pages that models and platform refer to exist."""

import re
from pathlib import Path

import generated
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("peripherals/**/*.py"), *ROOT.glob("bk7238/**/*.py"), *ROOT.glob("platform/*")])
PAGES = sorted(ROOT.glob("docs/**/*.md"))


def test_the_page_is_up_to_date(monkeypatch):
    generated.check("fidelity", monkeypatch)


def test_every_block_says_what_it_does_not_model():
    page = (ROOT / "docs" / "FIDELITY.md").read_text(encoding="utf-8")
    models = set(
        re.findall(r'model: "([\w.]+):', (ROOT / "platform" / "bk7238" / "board.repl").read_text(encoding="utf-8"))
    )
    listed = page.partition("## Not modelled")[2]
    assert models
    assert {model for model in models if f"../peripherals/{model.replace('.', '/')}.py" not in listed} == set()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pages_that_sources_refer_to_exist(source: Path):
    if not source.is_file():
        return
    named = re.findall(r"docs/[\w/.-]+?\.md", source.read_text(encoding="utf-8", errors="replace"))
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_of_the_pages_lead_somewhere(page: Path):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
