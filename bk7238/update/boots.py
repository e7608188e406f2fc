"""A cache of boots: the device as it was when it had joined its network, in a file, so that the next run begins there.

A run that begins there has the digest of one that was carried out from the power-on. What a file is found by is made of
all that decides how a run goes: image, package, settings, the simulator's files and versions. The newest are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from bk7238.bench.settings import Settings
from bk7238.image import FlashImage, Package
from bk7238.machine.snapshot import SnapshotError
from bk7238.update import run_file
from bk7238.update.session import Update
from bk7238.update.story import BOOT, JOIN

KEPT = 32  # files, of some megabytes each


def joined(image: FlashImage, package: Package, settings: Settings, where: Path | None) -> Update:
    """An update whose device has just joined its network, if it does: begun in a file of the folder `where`, or carried
    out up to there and kept in it. None: no folder. Raises ValueError for what cannot be updated so."""
    if where is None or settings.engine != "unicorn" or settings.gateway or settings.tap is not None:
        return _carried_out(Update(image, package, settings))
    path = where / f"{key(image, package, settings)}.run"
    with contextlib.suppress(SnapshotError, OSError):
        update = Update.load(path)
        path.touch()
        return update
    update = _carried_out(Update(image, package, settings))
    with contextlib.suppress(SnapshotError, OSError):  # a full disk slows the next run down, and no more
        where.mkdir(parents=True, exist_ok=True)
        update.save(path)
        for old in sorted(where.glob("*.run"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return update


def key(image: FlashImage, package: Package, settings: Settings) -> str:
    """What a boot of these is found by."""
    digest = hashlib.sha256(run_file.versions().encode())
    for part in (image.name, image.data, image.chip.board.read_bytes(), package.name, package.data, repr(settings)):
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def _carried_out(update: Update) -> Update:
    """Run until the device is on its network, or its end has been judged."""
    update.begin()
    machine, limit = update.machine, round(update.settings.within * 1e6)

    def stop(_phase: str) -> None:
        machine.stop()

    update.story.on_phase.connect(stop)
    while update.story.phase in (BOOT, JOIN) and update.judge.verdict is None and machine.now < limit:
        machine.run(until=limit)
    update.story.on_phase.disconnect(stop)
    return update
