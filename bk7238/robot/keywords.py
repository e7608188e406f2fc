"""What a Robot suite does with its device: each public method of Keywords is a keyword, called by its name in words.

They stand beside Renode's own keywords. Machines are made in this process, because the models are.
"""

from __future__ import annotations

import time
from pathlib import Path

from bk7238.image import flash_image
from bk7238.image import package as packages
from bk7238.machine import Machine
from bk7238.network.link import Link
from bk7238.network.network import Network
from bk7238.network.uplink import Uplink
from bk7238.testing import Dut
from bk7238.update.result import Result
from bk7238.update.session import Settings


class _Plugged(Dut):
    """A device whose network is plugged into Renode's switch as well."""

    @staticmethod
    def plug(machine: Machine, network: Network) -> Link:
        return Uplink(machine.engine.port("wifi"), network)  # type: ignore[attr-defined]


class Keywords:
    """One device at a time; `Configure` takes the one before away."""

    def __init__(self, image: Path | None, update: Path | None) -> None:
        self._image, self._package = image, update
        self._dut: _Plugged | None = None
        self._result: Result | None = None

    def configure(self, image: str = "", package: str = "", **settings: str) -> None:
        """A new device that is not yet switched on. Image and package are those of the command line where none are
        named; the settings are those of docs/testing.md, such as ssid=Bench and psk=secret123."""
        self._image = Path(image) if image else self._image
        self._package = Path(package) if package else self._package
        self._dut = self._result = None
        if self._image is None or self._package is None:
            raise ValueError("name the image=FILE and the package=FILE of the device")
        whose = Settings(chip=settings.get("chip"), flash_key=settings.get("flash_key"))  # type: ignore[arg-type]
        read = flash_image.read(self._image, chip=whose.chip, key=whose.flash_key)
        made = _Plugged(read, packages.read(self._package), Settings(engine="renode"))
        made.configure(**{**settings, "engine": "renode"})
        self._dut = made

    def package(self, file: str) -> None:
        """Another update package for the device, which is not yet switched on."""
        dut = self._waiting()
        self._package = Path(file)
        self._dut = _Plugged(dut.image, packages.read(self._package), dut.settings)

    def fault(self, spec: str) -> None:
        """One thing that goes wrong, such as network-stall@50%; docs/faults.md."""
        self._waiting().fault(spec)

    def power_on(self) -> None:
        """Make the device, which stands at its first instruction: testers are connected now. `Join`, `Verdict` and
        Renode's `Start Emulation` let it run."""
        dut = self._known()
        if not dut.made:
            dut.update.begin()

    def join(self, within: str = "60 s") -> float:
        """Let the device run until it is associated with its access point; returns the virtual seconds then."""
        self.power_on()
        dut = self._known()
        dut.wait(lambda: any(one.associated for one in dut.update.access_point.stations), within)
        return dut.now

    def run_for(self, duration: str) -> float:
        """Let the device run for that long, such as 500 ms; returns the virtual seconds then."""
        self.power_on()
        self._known().run(duration)
        return self._known().now

    def verdict(self) -> str:
        """Let the device run to the end of the update; returns where that is, such as new-app-runs."""
        self.power_on()
        if self._result is None:
            self._result = self._known().update.end(time.perf_counter())
        return self._result.verdict.value

    def verdict_should_be(self, expected: str) -> None:
        """The same, and fails with the cause where it is another."""
        found = self.verdict()
        if found != expected:
            assert self._result is not None
            raise AssertionError(f"{found}, not {expected}: {self._result.reason}")

    def _known(self) -> _Plugged:
        if self._dut is None:
            raise ValueError("there is no device: begin with Configure")
        return self._dut

    def _waiting(self) -> _Plugged:
        if self._known().made:
            raise ValueError("the device is switched on already: Configure a new one")
        return self._known()
