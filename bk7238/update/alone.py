"""A device without a package: it is told to join the network, and nothing updates it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bk7238.air.events import ProbeSeen, StationAuthenticated
from bk7238.bench.bench import Bench, Plug
from bk7238.families import recognise
from bk7238.families.family import Instructions
from bk7238.faults.run import Faults
from bk7238.network.events import Event, LeaseGranted
from bk7238.peripherals.core import Actor, Signal, State
from bk7238.update.joining import NOT_TRIED, Joining

if TYPE_CHECKING:
    from bk7238.bench.settings import Settings
    from bk7238.image import FlashImage


CHANNELS = 13
USUAL_DWELL = 120_000  # microseconds on a channel


class Alone(Actor):
    """A device with `image` that is ready to run. With the profile `none`, or where the family of the app is not known,
    it is told nothing. `on_join` is told its first lease. With `more_faults` others may be added to its faults while it
    runs. Raises ValueError for what it cannot be told."""

    joined: bool = State(False)
    failure: str = State("")  # why it did not join, the last time
    _scan: tuple[int, int, int, int] | None = State()  # when it began, channel and time of the last step, how many

    def __init__(self, image: FlashImage, settings: Settings, plug: Plug, *, more_faults: bool = False) -> None:
        self.settings = settings
        self.faults = Faults(settings.faults, settings.seed, more=more_faults)
        self.on_join = Signal()
        self._joining = Joining()
        family = recognise.choose(settings.profile, image, delivered=True)
        bench = Bench(settings, image, plug)
        self.machine, self.network, self.air = bench.machine, bench.network, bench.air
        told = Instructions(settings.ssid, settings.psk or "", None)
        family.prepare(self.machine, told)
        self.access_point = bench.put_on_air(self.faults.network)
        self.router = bench.router
        self.forwarder = bench.forwarder
        self.air.on_event.connect(self._event)
        self.air.on_frame.connect(self._joining.hear)
        bench.power_on()
        self.operator = family.attach(self.machine, self.air, told)
        self.machine.actors["alone"] = self
        kept = partial(family.configuration, self.machine.chip, self.machine.flash.size)
        self.faults.begin(self.machine, self.air, self.router, kept)

    def forget(self) -> None:
        """Nothing has kept the device from joining yet."""
        self.failure = ""
        self._joining.forget()

    @property
    def one_scan(self) -> int:
        """How long the device takes to look on all channels, in microseconds: at the pace at which it went from one to
        the next until it had joined, or where it did not tell, the usual one."""
        began, _, last, steps = self._scan or (0, 0, 0, 0)
        return CHANNELS * ((last - began) // steps if steps else USUAL_DWELL)

    def _event(self, event: Event) -> None:
        self.failure = self._joining.failure(event) or self.failure
        if isinstance(event, StationAuthenticated) and self.failure == NOT_TRIED:
            self.failure = ""  # a key took it long
        if isinstance(event, ProbeSeen) and not self.joined:
            began, channel, last, steps = self._scan or (event.time, event.channel, event.time, 0)
            if event.channel > channel and event.time - last < 1_000_000:
                self._scan = began, event.channel, event.time, steps + 1
            elif event.channel < channel or self._scan is None:
                self._scan = event.time, event.channel, event.time, 0
        if isinstance(event, LeaseGranted) and not self.joined:
            self.joined = True
            self.on_join()
