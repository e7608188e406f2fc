"""The site: what `mkdocs build --strict`, which CI runs, does not look at."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
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


def mike(folder, *words):
    """What mike does in a clone; what it prints."""
    named = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # mike runs mkdocs
    environment = {**os.environ, **named, "PATH": path, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(["mike", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.nightly
def test_a_site_of_two_versions_has_both_and_leads_to_the_latest(tmp_path):
    pytest.importorskip("mike")
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    mike(tmp_path / "clone", "deploy", "main")
    mike(tmp_path / "clone", "deploy", "--update-aliases", "0.1", "latest")
    mike(tmp_path / "clone", "set-default", "latest")
    assert mike(tmp_path / "clone", "list").split() == ["main", "0.1", "[latest]"]

    def shown(name):
        command = ["git", "-C", tmp_path / "clone", "show", f"gh-pages:{name}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "latest/" in shown("index.html") and '"provider": "mike"' in shown("0.1/index.html")
    assert "WifiMac" in shown("main/registers/index.html") and "<svg" in shown("0.1/sample/report.html")
