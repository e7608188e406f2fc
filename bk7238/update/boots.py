"""A cache of boots: the device as it was when it had joined its network, in a file, so that the next run begins there.

A run that begins there has the digest of one that was carried out from the power-on. What a file is found by is made of
all that decides how a run goes: image, package, settings, the simulator's files and versions. The newest are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from bk7238 import host_files
from bk7238.bench.bench import network_alone
from bk7238.bench.settings import Settings
from bk7238.image import FlashImage, Package
from bk7238.machine.snapshot import SnapshotError, Snapshots
from bk7238.update import run_file
from bk7238.update.alone import Alone
from bk7238.update.session import Update
from bk7238.update.story import BOOT, JOIN

KEPT = 32  # files, of some megabytes each


def joined(image: FlashImage, package: Package | None, settings: Settings, where: Path | None) -> Update | Alone:
    """A device that has just joined its network, if it does, with an update on its way where there is a `package`:
    begun in a file of the folder `where`, or carried out up to there and kept in it. None: no folder. Raises ValueError
    for what cannot be updated so."""
    if where is None or settings.engine != "unicorn" or settings.reaches_host:
        return carried_out(made(image, package, settings))
    name = f"{key(image, package, settings)}.run"
    path = where / name
    with contextlib.suppress(SnapshotError, OSError):
        _, snapshot = run_file.unpack(host_files.read(path, host_files.RESULTS), name)
        device = made(image, package, settings)
        with run_file.refusing(name):
            Snapshots(device.machine).restore(snapshot)
        path.touch()
        return device
    device = carried_out(made(image, package, settings))
    with contextlib.suppress(SnapshotError, OSError):  # a full disk slows the next run down, and no more
        where.mkdir(parents=True, exist_ok=True)
        host_files.write(path, run_file.pack(Snapshots(device.machine).take(), name))
        for old in sorted(where.glob("*.run"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return device


def key(image: FlashImage, package: Package | None, settings: Settings) -> str:
    """What a boot of these is found by."""
    digest = hashlib.sha256(run_file.versions().encode())
    brought = ("", b"") if package is None else (package.name, package.data)
    chip, codec = image.chip.board.read_bytes(), repr(image.chip.codec)
    described = [host_files.read(Path(one), host_files.TEXT) for one in settings.devices]
    parts: list[str | bytes] = [image.name, image.data, chip, codec, *brought, repr(settings), *described]
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def carried_out(device: Update | Alone) -> Update | Alone:
    """Run a device that has not run until it is on its network, or has come to its end before, or for as long as its
    settings say."""
    machine, limit = device.machine, round(device.settings.within * 1e6)

    def stop(_what: str = "") -> None:
        machine.stop()

    if isinstance(device, Update):
        device.begin()
        turns, ended = device.story.on_phase, device.judge.on_end
    else:
        turns, ended = device.on_join, machine.dead_end.on_end
    turns.connect(stop)
    ended.connect(stop)
    while not _is_over(device) and machine.now < limit:
        machine.run(until=limit)
    turns.disconnect(stop)
    ended.disconnect(stop)
    return device


def is_joined(device: Update | Alone) -> bool:
    """Whether it has been on its network."""
    return device.joined if isinstance(device, Alone) else device.story.phase not in (BOOT, JOIN)


def _is_over(device: Update | Alone) -> bool:
    """Whether it is on its network, or will not get there."""
    ended = device.machine.dead_end.why if isinstance(device, Alone) else device.judge.verdict is not None
    return is_joined(device) or bool(ended)


def made(image: FlashImage, package: Package | None, settings: Settings) -> Update | Alone:
    """A device that is ready to run. Raises ValueError for what cannot be updated so."""
    return Alone(image, settings, network_alone) if package is None else Update(image, package, settings)
