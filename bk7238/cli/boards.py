"""`bk7238 boards`: the chips that there are boards of, how code lies in their flash, and a board of one's own."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from bk7238 import chip
from bk7238.chip import Chip
from bk7238.cli import arguments as given
from bk7238.cli import files
from bk7238.engine import repl


def add(commands: Any) -> None:
    """Add `bk7238 boards`."""
    parser = commands.add_parser("boards")
    parser.add_argument("chip", nargs="?", metavar="NAME", help="that one alone")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write a board that is like NAME's, to be changed, into DIR"
    )
    parser.add_argument("--json", action="store_true", help="one line for machines")
    parser.set_defaults(run=_list)


def _list(arguments: argparse.Namespace) -> int:
    chips = chip.known() if arguments.chip is None else [given.checked(chip.load, arguments.chip)]
    if arguments.output is not None:
        if arguments.chip is None:
            raise given.UsageError("-o writes a board that is like another; name that one")
        texts = _like(chips[0])
        files.refuse_those_there(arguments.output, texts)
        files.write_all(arguments.output, texts)
        return 0
    rows = [_row(one) for one in chips]
    if arguments.json:
        print(json.dumps({"boards": rows}))
        return 0
    for row in rows:
        print(f"{row['chip']}\n  {row['name']}; firmware calls itself {', '.join(row['names'])}")
        memories = ", ".join(f"{name} {size >> 10} KiB" for name, size in row["memories"].items())
        print(f"  flash {' or '.join(row['flash'])}, {row['codec']}; {memories}")
    return 0


def _row(one: Chip) -> dict[str, Any]:
    platform = repl.load(one.board)
    return {
        "chip": one.word,
        "name": one.name,
        "names": list(one.names),
        "codec": one.codec.name,
        "flash": list(one.sizes),
        "memories": {each.name: each.size for each in platform.memories if each != platform.window},
    }


def _like(one: Chip) -> dict[str, str]:
    """The files of a folder with a board like a chip's: its chip.toml, and a description in which nothing differs."""
    texts = {chip.FILE: (one.folder / chip.FILE).read_text(encoding="utf-8")}
    texts[chip.BOARD] = f'// What differs from the {one.name}.\n\nusing "./{one.folder.name}.repl"\n'
    folder: Path | None = one.folder
    while folder is not None:  # a description and the one that it uses, each called as its chip is
        name, used = f"{folder.name}.repl", None
        text = (folder / chip.BOARD).read_text(encoding="utf-8")
        for used in re.findall(rf'^using "(.+)/{chip.BOARD}"', text, re.MULTILINE):
            text = text.replace(f"{used}/{chip.BOARD}", f"./{Path(used).name}.repl")
        texts[name], folder = text, None if used is None else folder / used
    return texts
