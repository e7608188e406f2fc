"""`bk7238 boards`: the chips that there are boards of, and how code lies in their flash."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bk7238 import chip
from bk7238.chip import Chip
from bk7238.engine import repl


def add(commands: Any) -> None:
    """Add `bk7238 boards`."""
    parser = commands.add_parser("boards", help="list the chips that images are recognised for, and that --chip names")
    parser.add_argument("--json", action="store_true", help="one line for machines")
    parser.set_defaults(run=_list)


def _list(arguments: argparse.Namespace) -> int:
    rows = [_row(one) for one in chip.known()]
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
