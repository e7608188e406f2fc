"""The reference boot loader of firmware/reference, whose sources are the document.

Unlike the vendor's it wants a right CRC of each partition entry and the magic of a header, checks the layout, says so
when a header is damaged, tries an installation three times, and starts an app only if its body has the footer's hash.
"""

from __future__ import annotations

import re

from bk7238.formats import rbl
from bk7238.image.flash_view import FlashView
from bk7238.image.loaders.loader import Keys, Loader, place

_NAME = re.compile(rb"BK7[0-9A-Z]+_(\d+\.\d+\.\d+) \(reference\)")


class Reference(Loader):
    """Not foretold: it is at hand, and is run."""

    name = "reference"
    keys = Keys(key_at=0x1F2D, iv_at=0x1F1C)
    finds_no_package = re.compile(f"{Loader.finds_no_package.pattern}|The header in the download partition is damaged")

    def recognises(self, code: bytes) -> str | None:
        """`reference boot loader` and its version."""
        found = _NAME.search(code)
        return f"reference boot loader {found[1].decode()}" if found else None

    def sees(self, flash: FlashView, package: bytes = b"") -> str:
        """With what only this one looks at: the CRCs of the table's entries, and a header's magic."""
        wrong = [name for name, entry in flash.partitions.items() if not entry.crc_ok and name in ("app", "download")]
        if wrong:
            return f"the CRC-32 of its partition table's entry for `{wrong[0]}` is wrong: it is passed over"
        header = rbl.unpack(flash.header) if flash.header is not None else None
        if flash.download is not None and header is not None and header.crc_ok and header.magic != rbl.MAGIC:
            return f"the magic of the header in its {place(flash.download)} is not RBL"
        return super().sees(flash, package)
