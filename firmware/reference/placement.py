#!/usr/bin/env python3
"""Print the header that places the reference firmware on a chip: every number of it that is the chip's.

    placement.py CHIP > placement.h     CHIP: a folder with chip.toml, such as platform/bk7238

The table and the download partition are those of the smallest flash.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from bk7238 import chip  # noqa: E402
from bk7238.chip import Chip  # noqa: E402


def header(placed: Chip) -> str:
    """The text of placement.h for a chip."""
    lines = ["/* Made by placement.py of chip.toml. Logical addresses, but for those of the download partition. */"]
    lines += [f'#define CHIP_NAME "{placed.name}"', f"#define TABLE_BELOW {placed.table_below:#x}"]
    for name, partition in placed.usual_table(placed.smallest.size).items():
        lines += [
            f"#define {name.upper()}_PLACE {partition.offset:#x}",
            f"#define {name.upper()}_LENGTH {partition.length:#x}",
            f"#define {name.upper()}_CRC {int.from_bytes(partition.pack()[-4:], 'little'):#x}",
        ]
    lines.append(f"#define SCRAMBLED {int(any(placed.codec.coefficients))}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(header(chip.read(Path(sys.argv[1]))), end="")
