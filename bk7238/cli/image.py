"""`bk7238 image`: update packages and full images; nothing of them is run, but for a boot loader by `check`."""

from __future__ import annotations

from typing import Any

from bk7238.cli import image_make, image_show


def add(commands: Any) -> None:
    """Add `bk7238 image`."""
    parser = commands.add_parser("image")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    known, wanted = image_make.VERBS | image_show.VERBS, commands.words[1:2]
    for name in wanted if wanted and wanted[0] in known else known:
        known[name](verbs)
