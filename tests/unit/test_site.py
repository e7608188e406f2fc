"""The site: what `mkdocs build --strict`, which CI runs, does not look at."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def listed(nav):
    for one in nav:
        if isinstance(one, str):
            yield one
        else:
            for inner in one.values():
                yield from [inner] if isinstance(inner, str) else listed(inner)


def test_every_page_is_in_the_navigation():
    read = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    chip = {page for page in pages if page.startswith("hardware/")}  # which their own first page lists
    generated = {"registers/index.md"}
    assert set(listed(read["nav"])) - generated == pages - chip - {read["exclude_docs"].strip()} | {
        "hardware/README.md"
    }


def test_the_first_page_is_one_screen():
    lines = (ROOT / "docs" / "index.md").read_text().splitlines()
    assert len(lines) <= 40
    for word in ("**What.**", "**For whom.**", "**Try it.**", "**What it found.**"):
        assert any(line.startswith(word) for line in lines)
    figures = re.findall(r"^- (\d+,\d+) ", "\n".join(lines), re.MULTILINE)
    swept = (ROOT / "docs" / "sweeps.md").read_text()
    assert figures and all(f"| {figure} cuts around" in swept for figure in figures)


def test_pictures_are_small_and_shown():
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name})" in pages and picture.stat().st_size < 150_000
        assert str(ROOT.parent).encode() not in picture.read_bytes() or ROOT.parent == Path("/")
