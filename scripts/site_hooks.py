"""What mkdocs does not find in docs/: the address of the repository, links that lead out of docs/ (to it), and what is
generated: the registers of each block, and the report of a real sweep as a sample."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bk7238 import REPOSITORY, chip  # noqa: E402
from bk7238.cli import main  # noqa: E402
from bk7238.engine.platform import Block  # noqa: E402
from bk7238.engine.repl import load  # noqa: E402
from bk7238.peripherals.core import Peripheral  # noqa: E402
from bk7238.peripherals.core.declaring import is_register  # noqa: E402

SAMPLE = ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl", "--of", "packages")


def on_config(config: Any) -> Any:
    """Name the repository."""
    config["repo_url"], config["repo_name"] = REPOSITORY, "Repository"
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to files beside docs/ into the repository."""
    if page.file.src_uri == "index.md":
        page.meta["hide"] = ["toc"]  # it has no headings, and is to be one screen
        markdown = markdown.replace("a sample report", "[a sample report](sample/report.html)")
    if page.file.abs_src_path is None:
        return markdown
    folder, docs = Path(page.file.abs_src_path).parent, ROOT / "docs"

    def led(found: re.Match[str]) -> str:
        name, mark, anchor = found[1].partition("#")
        target = (folder / name).resolve()
        if docs in target.parents or not target.is_relative_to(ROOT):
            return found[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/main/{target.relative_to(ROOT)}{mark}{anchor})"

    return re.sub(r"\]\((\.\.?/[^)\s]+)\)", led, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add what is generated."""
    for name, text in {**register_pages(), "sample/report.html": sample()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def register_pages() -> dict[str, str]:
    """A page for each model of a block, and their list."""
    chips = chip.known()
    boards: dict[tuple[int, str, str], list[str]] = {}
    pages: dict[str, str] = {}
    for one in chips:
        for block in load(one.board).blocks:
            kind = model(block)
            pages[f"registers/{kind.__name__}.md"] = registers(kind)
            boards.setdefault((block.address, block.name, kind.__name__), []).append(one.word)
    rows = ["# Registers", "", "As the models declare them.", ""]
    rows += ["| address | block | registers | boards |", "|---|---|---|---|"]
    for (address, name, title), words in sorted(boards.items()):
        which = "all" if len(words) == len(chips) else ", ".join(words)
        rows.append(f"| `0x{address:08X}` | `{name}` | [{title}]({title}.md) | {which} |")
    return {"registers/index.md": "\n".join(rows) + "\n", **pages}


def model(block: Block) -> type[Peripheral]:
    """The class of a block."""
    return getattr(importlib.import_module(block.module), block.model.partition(":")[2])


def registers(kind: type[Peripheral]) -> str:
    """The page of a model: each register with its fields, as they are declared."""
    summary = (sys.modules[kind.__module__].__doc__ or "").partition("\n")[0]
    declared = sorted(
        ((item.at, name, item) for name, item in kind.declarations() if is_register(item)), key=lambda one: one[:2]
    )
    lines = [
        f"# {kind.__name__}",
        "",
        summary,
        "",
        "| offset | register | reset | bits | field | access |",
        "|---|---|---|---|---|---|",
    ]
    for at, name, item in declared:
        several = f" to `0x{at + (item.count - 1) * item.stride:03X}`" if item.count > 1 else ""
        lines.append(f"| `0x{at:03X}`{several} | `{name}` | `{item.reset_value:#x}` | | | |")
        for field in item.fields.values():
            bits = f"{field.msb}:{field.lsb}" if field.msb > field.lsb else f"{field.lsb}"
            lines.append(f"| | | `{field.reset:#x}` | {bits} | `{field.name}` {field.doc} | {type(field).__name__} |")
    return "\n".join(lines) + "\n"


def sample() -> str:
    """The page of a sweep that is carried out now."""
    with tempfile.TemporaryDirectory() as folder:
        main(["sweep", *SAMPLE, "--quiet", "--artifacts", folder])
        return Path(folder, "report.html").read_text(encoding="utf-8")
