"""`bk7238 image`: update packages and full images; nothing of them is run, but for a boot loader by `check`."""

from __future__ import annotations

from typing import Any

from bk7238.cli import image_make, image_show


def add(commands: Any) -> None:
    """Add `bk7238 image`."""
    parser = commands.add_parser("image")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    image_make.add(verbs)
    image_show.add(verbs)
