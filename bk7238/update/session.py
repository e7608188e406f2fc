"""One update from power-on to a verdict: the machine, the network it finds, and the judge (judge.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bk7238 import chip as chips
from bk7238 import host_files
from bk7238.bench.bench import Bench, Plug, network_alone
from bk7238.bench.settings import Settings
from bk7238.engine.interruption import Interrupted
from bk7238.families import recognise
from bk7238.families.family import Instructions
from bk7238.faults.run import Faults
from bk7238.formats.plain import Reader, Writer
from bk7238.image import FlashImage, Package
from bk7238.image import package as packages
from bk7238.image.flash_view import FlashView
from bk7238.machine.snapshot import Snapshots
from bk7238.network import http_path, http_server
from bk7238.peripherals.core import Actor, State
from bk7238.update import evidence, run_file, versions
from bk7238.update.judge import Judge
from bk7238.update.result import Result
from bk7238.update.story import DONE, INSTALL, REJOIN, Happening
from bk7238.update.verdict import Verdict

__all__ = ["Settings", "Update"]


class Update(Actor):
    """An update that is ready to run. Raises ValueError for what the firmware family cannot be told.

    `plug` gives what the access point has behind it in the place of the simulated network alone. With `more_faults`
    others may be added to its faults while it runs.
    """

    _result: Result | None = State()
    _begun: bool = State(False)

    def __init__(
        self,
        image: FlashImage,
        package: Package,
        settings: Settings,
        tell: Callable[[Happening], None] = lambda _happening: None,
        *,
        plug: Plug = network_alone,
        more_faults: bool = False,
    ) -> None:
        self._given = [settings, image.name, image.data, image.partitions, image.bootloader_version]
        self._given += [package.name, package.file]
        self.faults = Faults(settings.faults, settings.seed, more=more_faults)
        package = self.faults.package(package)
        self.image, self.package, self.settings = image, package, settings
        self.family = recognise.choose(settings.profile, image, delivered=settings.delivered)
        self.delivery = None if settings.delivered else self.family.delivery(settings.update_by)
        if self.delivery is not None and settings.ota_password is not None:
            self.delivery = self.delivery.with_password(settings.ota_password)
        bench = Bench(settings, image, plug)
        self.machine, self.network, self.air = bench.machine, bench.network, bench.air
        self.network.http.files.setdefault("/" + package.name, package.data)
        told = Instructions(settings.ssid, settings.psk or "", self._url())
        if not settings.as_is:
            self.family.prepare(self.machine, told)
        self.access_point = bench.put_on_air(self.faults.network)
        self.router = bench.router
        self.forwarder = bench.forwarder
        self.judge = Judge(self.machine, self.family, image, package, told, self.access_point, self.faults, tell=tell)
        self.story = self.judge.story
        self.air.on_event.connect(self.judge.event)
        self.air.on_frame.connect(self.story.joining.hear)
        bench.power_on()
        self.judge.operators.append(self.family.attach(self.machine, self.air, told))
        if self.delivery is not None:
            self.judge.operators.append(self.delivery.attach(self.machine, self.air, self.network, package))
        else:
            if not settings.as_is:
                self.machine.flash.load(package.data, image.partitions["download"].physical_start)
            self.story.phase = INSTALL
        kept = partial(self.family.configuration, self.machine.chip, self.machine.flash.size)
        self.faults.begin(self.machine, self.air, self.router, kept)
        self.machine.actors["update"] = self

    def __repr__(self) -> str:
        return f"<update of {self.image.name} by {self.package.name} in phase {self.story.phase}: {self.machine!r}>"

    def save(self, path: Path) -> None:
        """Write the run as it stands to a file, for `load`. Not from within a callback of the run. Raises SnapshotError
        for a run that cannot be saved, TypeError for an engine without snapshots, OSError."""
        chip, snapshot = self.machine.chip, Snapshots(self.machine).take()
        given = Writer(partial(_named, chip)).data(self._given)
        host_files.write(path, run_file.pack(snapshot, [chip.word, chip.codec.coefficients, given]))

    @classmethod
    def load(cls, path: Path, tell: Callable[[Happening], None] = lambda _happening: None) -> Update:
        """The run that `save` wrote: it goes on as it would have gone on there, to the digest. Raises SnapshotError for
        a file that is none, or that this version cannot go on with, OSError."""
        made_of, snapshot = run_file.unpack(host_files.read(path, host_files.RESULTS), path.name)
        with run_file.refusing(path.name):
            chip_name, coefficients, given = made_of
            chip = chips.load(chip_name).keyed(tuple(coefficients))
            find = {"codec": chip.codec, "chip": chip}.__getitem__
            settings, image_name, content, table, loader, package_name, body = Reader(find).value(given)
            image = FlashImage(image_name, FlashView(chip, content), table, loader)
            update = cls(image, packages.of_file(body, package_name), settings, tell)
            Snapshots(update.machine).restore(snapshot)
        return update

    def _url(self) -> str | None:
        """Where the device is told to fetch the update from; None where nobody tells it."""
        if self.delivery is None:
            return None
        if not self.delivery.told:
            for option in ("request", "tap"):
                if getattr(self.settings, option) is not None:
                    by = f"an update by {self.delivery.name}, which a host of the simulated network brings"
                    raise ValueError(f"--{option} does not go with {by}; leave it out")
            return None
        request = self.settings.request or ""
        if request.startswith("http://"):
            return request
        if self.settings.tap is not None:
            raise ValueError("with --tap, say where the update is: --request http://ADDRESS/FILE")
        own = next((one for one in self.settings.gateway if one.protocol == "tcp"), None)
        port = own.port if own else http_server.PORT
        host = own.name if own and own.name else self.network.gateway_ip
        server = host + ("" if port == http_server.PORT else f":{port}")
        path = "/" + (request.lstrip("/") or self.package.name)
        name = self.network.http.body(path) is not None  # of a file, whatever characters are in it
        return f"http://{server}{http_path.quoted(path) if name else http_path.escaped(path)}"

    def run(self) -> Result:
        """Run to the verdict. Once it is there it stays: the machine may be run on, and this gives the same again."""
        if self._result is None:
            began = time.perf_counter()
            if not self._begun:
                self.begin()
            self._result = self.end(began)
        return self._result

    def begin(self) -> None:
        """What `run` does first. For who lets the machine run otherwise; the judge then stops it by itself."""
        self._begun = True
        self.story.tell(
            f"power on: {self.image.name}, {self.machine.flash.size >> 20} MiB of flash, profile {self.family.name}"
        )
        self.judge.begin()

    def end(self, began: float) -> Result:
        """Run what is left to the verdict; `began` is this host's time, of `time.perf_counter`. Within
        `engine.interruption.heard` a signal is a verdict, too."""
        if self.judge.verdict is None:  # it may have run before, for a test
            try:
                self.machine.run(until=round(self.settings.within * 1e6))
            except Interrupted as why:
                self.judge.interrupted(str(why))
        verdict, reason = self.judge.close(self.settings.within)
        flash = bytes(self.machine.flash.data)
        kept = verdict in (Verdict.OLD_APP_RUNS, Verdict.OLD_APP_RETRIES)
        new_runs = self.story.phase in (REJOIN, DONE) and not kept
        banner = versions.banner_versions(self.story, delivered=self.settings.delivered, new_runs=new_runs)
        footer = versions.footer_versions(flash, self.image, self.package, new_runs=new_runs)
        before, after = versions.of_app(self.story, banner, footer, new_runs=new_runs)
        return Result(
            verdict=verdict,
            reason=reason,
            from_version=before,
            to_version=after,
            phases=list(self.story.phases),
            virtual_seconds=self.machine.now / 1e6,
            instructions=self.machine.instructions,
            wall_seconds=time.perf_counter() - began,
            digest=self.machine.digest(),
            seed=self.settings.seed,
            engine=self.settings.engine,
            faults=self.faults.as_json(),
            silent=self.faults.silent,
            grounds=evidence.gather(
                self.machine, FlashView(self.machine.chip, flash), self.image, self.package, self.story
            ),
            partitions=self.image.partitions,
            flash=flash,
            banner_versions=banner,
            footer_versions=footer,
        )


def _named(chip: chips.Chip, value: object) -> str | None:
    """What a saved run calls what it is not to hold: the chip, which the settings may name, too, and its codec."""
    if value is chip.codec:
        return "codec"
    return "chip" if isinstance(value, chips.Chip) else None
