"""Each command line of the documents is carried out as it is written, page by page, on the reference firmware: what a
page calls full.bin and app.rbl is its image and package. Tutorials and adding.md are carried out by other tests.
"""

import json
import shutil
import subprocess

import forked
import pytest
from test_documented_options import ROOT
from test_documents import typed

from bk7238 import resources
from bk7238.exit_status import ExitStatus

pytestmark = pytest.mark.nightly

WAITS = {
    "gdb": "for a debugger",
    "monitor": "for commands, in Renode",
    "view": "for a browser",
    "--forward": "in real time, for who looks at the device's pages",
    "--gateway": "for a server outside",
    "--tap": "for an interface of the host",
    "init": "for answers",
    "--scheduler": "for the workers of a cluster",
    "--flash-key": "for the flash of a device whose key it is",
}
"""What is not carried out here, by a word of it: it waits for something outside. Each has tests with that at hand."""

STANDS_FOR = {
    "reference_1.0.0.bin": (
        *("full.bin", "IMAGE", "old.bin", "other.bin", "dump.bin", "vendor.bin"),
        "OpenBK7238_QIO_1.18.300.bin",
    ),
    "reference_1.0.1_gzip_aes.rbl": ("app.rbl", "PACKAGE", "vendor.rbl"),
    "boot.bin": ("FILE", "bootloader.bin"),
    "app-1.0.0.elf": ("app.elf",),
    "app-1.0.1.bin": ("app.bin",),
}
"""What the pages call a file, by the reference firmware's that is put there."""
VALUES = {"KEY": "0123456789abcdef" * 2, "IV": "0123456789abcdef"}
ELSEWHERE = ("adding.md", "why-the-old-version-boots.md")


def pages():
    """The lines that are carried out, by page; what several pages say on the first of them alone."""
    found, seen = {}, set()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if page.name in ELSEWHERE or page.parent.name == "tutorials":
            continue
        for words in typed(page.read_text()):
            line = [{"IMAGE": "full.bin", "PACKAGE": "app.rbl", **VALUES}.get(word, word) for word in words]
            if line and line[0].isalpha() and not set(line) & set(WAITS) and tuple(line) not in seen:
                seen.add(tuple(line))
                found.setdefault(str(page.relative_to(ROOT)), []).append(line)
    return found


PAGES = pages()


@pytest.fixture
def files(tmp_path, monkeypatch, page):
    """A folder with all files that the pages name, and firmware/ with the same."""
    built = resources.reference()
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    for name, names in STANDS_FOR.items():
        for called in names:
            shutil.copy(built / name, tmp_path / called)
    table = forked.run(["image", "partitions", tmp_path / "boot.bin", "--dump"], capture_output=True).stdout
    (tmp_path / "partition.json").write_bytes(table)
    shutil.copytree(tmp_path, tmp_path / "firmware")
    shutil.copytree(ROOT / "examples" / "devices", tmp_path, dirs_exist_ok=True)
    if any("brown-out.toml" in line for line in PAGES[page]):
        shutil.copy(ROOT / "examples" / "ota-tests" / "brown-out.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def carried_out(words, folder):
    """The lines that one stands for: each part of a sweep for the first part, a point that there is for one of many."""
    if "1/4" in words:
        parts = [(f"{part}/4", f"part{part}") for part in range(1, 5)]
        return [[word.replace("1/4", part).replace("part1", name) for word in words] for part, name in parts]
    if words[0] == "export":
        point = json.loads((folder / words[1] / "sweep.json").read_text())["points"][0]["id"]
        return [[point if ":" in word else word for word in words]]
    return [words]


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_a_page_do_what_they_say(page, files):
    """Each ends with a verdict or with what it was asked for, none in a mistake of who typed it."""
    for words in PAGES[page]:
        for line in carried_out(words, files):
            run = forked.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            said = f"bk7238 {' '.join(line)}: {run.returncode}\n{run.stdout[-500:]}{run.stderr[-1500:]}"
            assert run.returncode in (ExitStatus.EXPECTED, ExitStatus.OTHER_END, ExitStatus.TIME_LIMIT), said
            assert "Traceback" not in run.stderr, said
