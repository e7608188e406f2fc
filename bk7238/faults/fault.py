"""What a fault is: a class whose own description is its page in the reference, and the record of what it did."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypedDict

from bk7238.faults import moment
from bk7238.faults.arguments import REQUIRED, Argument
from bk7238.faults.spec import OWN_KEYS, FaultError, Spec
from bk7238.peripherals.core import Actor, State
from bk7238.randomness import Randomness

if TYPE_CHECKING:
    from bk7238.chip import Area
    from bk7238.faults.targets import Targets
    from bk7238.image import Package
    from bk7238.machine import Machine

KEPT = 20  # firings of a fault that are kept word for word; all are counted


@dataclass(frozen=True)
class Firing:
    """A fault did something: virtual microseconds, instructions and flash operations begun since power-on (all 0
    before it), where it struck, and what it did there."""

    time: int
    instructions: int
    flash_operation: int
    where: str
    what: str


class FaultRecord(TypedDict):
    """A fault in result.json: how it was written, how often it fired, and what it did the first times."""

    fault: str
    fired: int
    firings: list[Firing]


class Fault(Actor):
    """Something that goes wrong. The first line of a subclass's docstring is its summary in the reference.

    A fault of the package overrides `package`, one of the flash at power-on `flash`; every other one `strike`, which
    is called at its moment, or `arm`. Each calls `record` when it has really done something.
    """

    NAME: ClassVar[str] = ""
    SECTION: ClassVar[str] = ""
    FIRES: ClassVar[str] = ""
    BEFORE_POWER_ON: ClassVar[bool] = False  # it takes no @
    USUALLY: ClassVar[str] = "the power-on"  # when it strikes without an @
    SWEPT: ClassVar[tuple[str, ...]] = ("",)  # the arguments with which a sweep tries it
    ASKED: ClassVar[bool] = False  # it shows only where the device asks anew
    PASSING: ClassVar[bool] = False  # it is over once it has struck as often as it was told

    count: int = State(0)
    firings: list[Firing] = State(factory=list)
    struck_at: int | None = State()  # virtual microseconds
    fired_at: int = State(0)  # the last time

    def __init_subclass__(cls, **more: Any) -> None:
        """Raises TypeError for an argument that a table of a scenario cannot give."""
        super().__init_subclass__(**more)
        for argument in cls.declared():
            if argument.name in OWN_KEYS:
                raise TypeError(f"{cls.__name__}: no argument is called {argument.name!r}: that is a key of [[fault]]")

    def __init__(self, spec: Spec, seed: str) -> None:
        self.spec = spec
        self.rng = Randomness(f"{seed}:{spec}")
        self.targets: Targets | None = None
        try:
            self.when = moment.parse(spec.when)
        except FaultError as error:
            raise FaultError(f"fault {str(spec)!r}: {error}") from None
        if self.BEFORE_POWER_ON and spec.when:
            raise FaultError(f"fault {str(spec)!r}: it is there from before the power-on; leave out @{spec.when}")
        self._take_arguments()
        self.check()

    # What a subclass says

    def check(self) -> None:
        """See that the arguments go together. Raises FaultError, through `refuse`."""

    def package(self, package: Package) -> Package:
        """The package as it comes to the server."""
        return package

    def flash(self, machine: Machine, configuration: Callable[[], Area]) -> None:
        """Change the machine's flash before the power-on; `configuration` gives where the firmware keeps its own."""

    def arm(self, targets: Targets) -> None:
        """The machine is about to be switched on."""
        self.clock = targets.machine.clock
        if not self.BEFORE_POWER_ON:
            self.await_moment(self.when, targets)

    def await_moment(self, when: moment.Moment, targets: Targets) -> None:
        """Strike when the moment has come."""
        self._trigger = moment.Trigger(when, targets, self._strike)
        self._trigger.arm()

    def strike(self, targets: Targets) -> None:
        """The moment has come."""

    def arm_late(self, targets: Targets) -> None:
        """The machine runs, and its moment is now."""
        self.targets, self.when = targets, moment.Moment(now=True)
        self.arm(targets)

    @property
    def ends(self) -> int | None:
        """When it will be over, in virtual microseconds: for one that has a duration and has struck."""
        duration = getattr(self, "duration", None)
        return None if self.struck_at is None or duration is None else self.struck_at + duration

    def _strike(self, targets: Targets) -> None:
        self.struck_at = targets.machine.now
        self.strike(targets)

    @property
    def takes_part(self) -> bool:
        """Whether it does something after the power-on."""
        return not self.BEFORE_POWER_ON or type(self).arm is not Fault.arm

    # What it did

    def record(self, where: str, what: str) -> None:
        """It has fired."""
        self.count += 1
        if self.targets is not None:
            self.fired_at = self.targets.machine.now
        if len(self.firings) < KEPT:
            targets = self.targets
            at = (0, 0, 0)
            if targets:
                at = (targets.machine.now, targets.machine.instructions, targets.flash_operations.begun)
            self.firings.append(Firing(*at, where, what))

    def __str__(self) -> str:
        """What it is and what it did first. It must have fired."""
        return f"{self.spec}, {self.firings[0].where}: {self.firings[0].what}"

    def as_json(self) -> dict[str, Any]:
        """Plain data for result.json: a `FaultRecord`."""
        return {"fault": str(self.spec), "fired": self.count, "firings": [asdict(firing) for firing in self.firings]}

    # Arguments

    @classmethod
    def swept(cls) -> list[str]:
        """What a sweep tries, without a moment."""
        return [f"{cls.NAME}:{arguments}" if arguments else cls.NAME for arguments in cls.SWEPT]

    @classmethod
    def declared(cls) -> list[Argument]:
        """Its arguments, in their order."""
        return [value for base in cls.__mro__ for value in vars(base).values() if isinstance(value, Argument)]

    def other(self, name: str, value: str) -> None:
        """An argument whose name is not declared."""
        names = ", ".join(argument.name for argument in self.declared()) or "none"
        self.refuse(f"it has no argument {name!r}; there is {names}")

    def refuse(self, why: str) -> NoReturn:
        """Raise FaultError that names the fault."""
        raise FaultError(f"fault {str(self.spec)!r}: {why}")

    def _take_arguments(self) -> None:
        declared = self.declared()
        by_name = {argument.name: argument for argument in declared}
        given: dict[str, Argument] = {}
        for place, (name, text) in enumerate(self.spec.arguments):
            if not name and place >= len(declared):
                self.refuse(f"it takes {len(declared)} arguments without a name, {text!r} is one more")
            argument = by_name.get(name) if name else declared[place]
            if argument is None:
                self.other(name, text)
                continue
            if argument.name in given:
                self.refuse(f"{argument.name!r} is given twice")
            given[argument.name] = argument
            expected = ""
            try:
                argument.set(self, argument.read(text))
            except ValueError as error:
                expected = str(error)
            if expected:
                self.refuse(f"{argument.name} is {expected}, not {text!r}")
        for argument in declared:
            if argument.name not in given:
                if argument.default is REQUIRED:
                    self.refuse(f"{argument.name} is missing: {argument.doc}")
                argument.set(self, argument.default)


def make(spec: Spec, kinds: Mapping[str, type[Fault]], seed: str) -> Fault:
    """The fault that `spec` describes. Raises FaultError."""
    try:
        kind = kind_of(spec.kind, kinds)
    except FaultError as error:
        raise FaultError(f"fault {str(spec)!r}: {error}") from None
    return kind(spec, seed)


def kind_of(name: str, kinds: Mapping[str, type[Fault]]) -> type[Fault]:
    """The kind of this name. Raises FaultError, with those that have a similar one."""
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, 3)
        hint = f"is it {' or '.join(near)}?" if near else "`bk7238 faults` lists them all"
        raise FaultError(f"no fault is called {name!r}; {hint}")
    return kinds[name]
