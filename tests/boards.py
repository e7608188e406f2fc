"""The boards of all chips, and what OpenBeken was seen to do on them (boards.json).

`scripts/boards` runs all of it and writes boards.json and docs/boards.md; `--check` compares the page with boards.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from bk7238 import resources
from bk7238.bench.bench import network_alone
from bk7238.bench.settings import Settings
from bk7238.formats import rbl
from bk7238.image import FlashImage, Package, bootloader, build, flash_image, pack, package, split
from bk7238.network.events import Event, LeaseGranted
from bk7238.update.alone import Alone
from bk7238.update.session import Update

FILE = Path(__file__).with_name("boards.json")
OLD, NEW = "1.18.300", "2.00.777"
LIMIT = 150  # virtual seconds for a whole update
MINUTE = 60  # virtual seconds without one
NETWORKS = {"open": None, "WPA2": "correct horse battery staple"}
COLUMNS = ("boots", *(f"{verb}, {network}" for network in NETWORKS for verb in ("joins", "updates")))


@dataclass(frozen=True)
class Board:
    """A chip, the vendor's image for it, and whether its boot loader can read back what it installs."""

    chip: str
    file: str
    seals: bool = True

    @property
    def path(self) -> Path | None:
        """Where the image is, None where it is nowhere."""
        return resources.find_image(self.file)


BK7238 = Board("bk7238", "OpenBK7238_QIO_1.18.300.bin")
M = Board("bk7231m", "OpenBK7231M_QIO_1.18.300.bin")
N = Board("bk7231n", "OpenBK7231N_QIO_1.18.300.bin", seals=False)
T = Board("bk7231t", "OpenBK7231T_QIO_1.18.300.bin", seals=False)
U = Board("bk7231u", "OpenBK7231U_QIO_1.18.300.bin")
BK7252 = Board("bk7252", "OpenBK7252_QIO_1.18.300.bin")
BK7252N = Board("bk7252n", "OpenBK7252N_QIO_1.18.300.bin")
BOARDS = (BK7238, M, N, T, U, BK7252, BK7252N)


@dataclass(frozen=True)
class Pairing:
    """A board, another boot loader of the vendor's in front of its app, and whether that has the table of the board's
    own image in it. `ends` is the verdict, `says` a part of the reason."""

    board: Board
    file: str
    own_table: bool
    ends: str
    says: str

    @property
    def name(self) -> str:
        """What tells it from the others."""
        loader = self.file.removeprefix("bootloader_").removesuffix(".bin")
        return f"{self.board.chip}, {loader}{', table of its app' if self.own_table else ''}"

    @property
    def path(self) -> Path | None:
        """Where the boot loader is, None where it is nowhere."""
        return resources.find_image(self.file)

    def image(self) -> FlashImage:
        """The board's image with this boot loader."""
        assert self.board.path is not None and self.path is not None, f"{self.board.file} or {self.file} is nowhere"
        whole = flash_image.read(self.board.path)
        loader = bootloader.read(self.path, chip=whole.chip)
        if self.own_table:
            loader = loader.with_table([entry for _, entry in whole.view.table])
        parts = split.split(whole)
        size = build.smallest_size(loader.data, whole.chip)
        code = build.build(replace(parts, bootloader=loader.data, bootloader_footer=b"", size=size, areas=()))
        return flash_image.parse(code, f"{self.name}.bin", chip=whole.chip)


_UART1, _UART2 = (f"bootloader_bk7231n_{uart}_v1.0.15.bin" for uart in ("uart1", "uart2"))
_INSTALLED, _DESCRAMBLES = "the new app runs and has joined again", "the chip descrambles what the CPU reads"
_ELSEWHERE = "no header in its download partition at 0x132000; the package lies at 0x12a000"
PAIRINGS = (
    Pairing(M, _UART1, True, "new-app-runs", _INSTALLED),
    Pairing(M, _UART2, True, "new-app-runs", _INSTALLED),
    Pairing(M, _UART1, False, "old-app-runs", _ELSEWHERE),
    Pairing(N, _UART1, False, "old-app-runs", _ELSEWHERE),
    Pairing(N, _UART1, True, "brick", _DESCRAMBLES),
    Pairing(N, _UART2, True, "brick", _DESCRAMBLES),
    Pairing(BK7252, "bootloader_bk7251_uart1_v1.0.15.bin", False, "new-app-runs", _INSTALLED),
    Pairing(BK7252N, "bootloader_bk7252n_uart2_v1.0.15.bin", False, "new-app-runs", _INSTALLED),
    Pairing(T, "bootloader_bk7231u_uart1_v1.0.15.bin", False, "brick", "did not name its version"),
    Pairing(U, "bootloader_bk7231u_uart2_v1.0.15.bin", False, "new-app-runs", _INSTALLED),
    Pairing(U, "bootloader_bk7251_uart1_v1.0.15.bin", False, "new-app-runs", _INSTALLED),
)


def update(image: FlashImage) -> Package:
    """A package of an image's own app with another version text."""
    parts = split.split(image)
    size = len(parts.app.rstrip(b"\xff"))
    app = parts.app[: rbl.unpack(parts.app_footer).raw_size if parts.app_footer else size + -size % 4]
    changed = app.replace(OLD.encode(), NEW.encode())
    raw = pack.pack(changed, version=NEW, timestamp=0, compression="gzip", encryption="aes")
    return package.parse(raw, f"{image.chip.word}_{NEW}.rbl")


@dataclass(frozen=True)
class Minute:
    """What happened in a minute on its network: accesses that nothing claims, resets after power-on, guest crashes, and
    instructions."""

    unclaimed: list[str]
    resets: int
    crashes: list[str]
    instructions: int


def minute(image: FlashImage) -> Minute:
    """A device that is told to join an open network, and is left alone."""
    alone = Alone(image, Settings(), network_alone)
    machine, resets, crashes = alone.machine, [], []
    machine.engine.on_reset.connect(resets.append)
    machine.engine.on_crash.connect(crashes.append)
    machine.run(until=MINUTE * 1_000_000)
    assert alone.joined
    texts = {f"{record.source}: {record.text}" for record in machine.log.records}
    return Minute(sorted(texts), len(resets), crashes, machine.instructions)


def seen(board: Board, networks: Iterable[str] = NETWORKS) -> dict[str, Any]:
    """What is seen of a board now: the image's hash and, by column, the virtual second in which, or why not."""
    assert board.path is not None, f"{board.file} is nowhere"
    cells = _cells(flash_image.read(board.path), networks)
    found = {"chip": board.chip, "image": board.file, "sha256": _sha256(board.path), **cells}
    return {**found, "unclaimed": minute(flash_image.read(board.path)).unclaimed}


def seen_of_pairing(pairing: Pairing) -> dict[str, Any]:
    """The same with another boot loader, on an open network: both hashes, and the columns."""
    image = pairing.image()
    assert pairing.board.path is not None and pairing.path is not None
    files = {"image": pairing.board.file, "sha256": _sha256(pairing.board.path)}
    files |= {"loader": pairing.file, "loader_sha256": _sha256(pairing.path)}
    return {"name": pairing.name, "chip": pairing.board.chip, **files, **_cells(image, ["open"])}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _cells(image: FlashImage, networks: Iterable[str]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for network in networks:
        run = Update(image, update(image), Settings(psk=NETWORKS[network], within=LIMIT))
        events: list[Event] = []
        run.air.on_event.connect(events.append)
        result = run.run()
        joined = next((event.time / 1e6 for event in events if isinstance(event, LeaseGranted)), None)
        cells.setdefault("boots", result.phases[0].end / 1e6 if result.from_version else None)
        cells[f"joins, {network}"] = joined
        good = result.verdict.value == "new-app-runs"
        cells[f"updates, {network}"] = result.virtual_seconds if good else f"{result.verdict.value}: {result.reason}"
        cells[f"digest, {network}"] = result.digest
    return cells


def entries() -> list[dict[str, Any]]:
    """The boards' rows of the file, in its order."""
    return [row for row in _rows() if "loader" not in row]


def pairings() -> list[dict[str, Any]]:
    """The rows of other boot loaders."""
    return [row for row in _rows() if "loader" in row]


def _rows() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text()))


def page(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of docs/boards.md."""
    yield from (
        "<!-- Written by scripts/boards; do not edit. -->",
        "",
        "# Boards, and what was seen on them",
        "",
        "OpenBeken on each chip that `bk7238 boards` lists: from power-on through the vendor's boot loader to the",
        "app's banner, onto a network, and over the air to the same app with another version text, in a package that",
        "`bk7238 image pack` made. A number is the virtual second in which it was seen, with the image of that row; a",
        "text is how it ended instead. What differs between the chips is in",
        "[hardware/bk7231.md](hardware/bk7231.md).",
        "",
        f"| chip | image (SHA-256) | {' | '.join(COLUMNS)} |",
        f"|---|---|{'---|' * len(COLUMNS)}",
    )
    for row in rows:
        yield f"| {row['chip']} | {_file(row, 'image', 'sha256')} | {_shown(row, COLUMNS)} |"
    yield from (
        "",
        f"In {MINUTE} virtual seconds on an open network without an update none of them is reset or crashes. What the",
        "firmware then touches and nothing claims, which reads as zero and keeps nothing:",
        "",
        "| chip | accesses |",
        "|---|---|",
    )
    for row in rows:
        accesses = (re.fullmatch(r"(\w+): (\w+)(?: of \w+)? at (0x[0-9a-f]+): .*", one) for one in row["unclaimed"])
        grouped = groupby(sorted(found.groups() for found in accesses if found), key=lambda found: found[:2])
        said = (f"{verb}s of `{block}`: {', '.join(one[2] for one in several)}" for (block, verb), several in grouped)
        yield f"| {row['chip']} | {'; '.join(said) or 'none'} |"
    columns = COLUMNS[:3]
    yield from (
        "",
        "## With other boot loaders",
        "",
        "The same app behind another boot loader of the vendor's, with the table that it comes with, or with that of",
        "the board's own image (`bk7238 image build --partitions`).",
        "",
        f"| chip | image (SHA-256) | boot loader (SHA-256) | table | {' | '.join(columns)} |",
        f"|---|---|---|---|{'---|' * len(columns)}",
    )
    for row in others:
        table = "of the image" if row["name"].endswith("table of its app") else "its own"
        files = f"{_file(row, 'image', 'sha256')} | {_file(row, 'loader', 'loader_sha256')}"
        yield f"| {row['chip']} | {files} | {table} | {_shown(row, columns)} |"
    yield from (
        "",
        "Where one stops short, at which program counter and which address, what for, and which line of the SDK says",
        "so: [hardware/bk7231.md](hardware/bk7231.md#where-one-stops-short).",
        "",
        "## Tuya's stock firmware",
        "",
        "No dump of it may be had with these images, so that no row has one: how far it goes by itself, to its boot",
        "loader's end and to its own access point for pairing, has not been seen. What it starts on has: the boot",
        "loaders, the calibration and the MAC of the rows above. Whoever has a dump runs it as any other image",
        "(`bk7238 run dump.bin`): its chip is told by the same evidence, its coefficients are the board's or those of",
        "`--flash-key`, and `chip.log` names each register that it wants and that is not there.",
    )


def _file(row: dict[str, Any], file: str, sha256: str) -> str:
    return f"`{row[file]}` (`{row[sha256][:16]}`)"


def _shown(row: dict[str, Any], columns: Iterable[str]) -> str:
    cells = (f"{cell:.2f} s" if isinstance(cell, float) else cell or "no" for cell in map(row.get, columns))
    return " | ".join(cells)
