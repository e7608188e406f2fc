"""What the class of a block, or of a part of it, declares: registers, state, alarms, wires, ports, and handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar, cast

from bk7238.peripherals.core.register import Declaration, Register
from bk7238.peripherals.core.services import ResetKind, Services
from bk7238.peripherals.core.wire import Input, Output

F = TypeVar("F", bound=Callable[..., Any])


def _marker(key: str) -> Callable[..., Callable[[F], F]]:
    def mark(*declarations: Any) -> Callable[[F], F]:
        def decorate(function: F) -> F:
            marked: Any = function
            marked._marks = (*getattr(function, "_marks", ()), *((key, declaration) for declaration in declarations))
            return function

        return decorate

    return mark


on_read = _marker("_on_read")
on_read.__doc__ = """Called for a read of these registers. Returns the word, or None for the register's own value.

For a register array the handler gets the index."""
on_write = _marker("_on_write")
on_write.__doc__ = """Called after a write of these registers, with the word as the firmware wrote it.

For a register array the handler gets the word and the index."""
on_change = _marker("_on_change")
on_change.__doc__ = (
    """Called as by `on_write`, but only after a write that changed bits which are stored. Not with it."""
)
on_alarm = _marker("_on_alarm")
on_alarm.__doc__ = """Called when these alarms go off; for an alarm with a count, with its index."""
on_batch = _marker("_on_batch")
on_batch.__doc__ = """Called with the items of these batches."""
on_input = _marker("_on_input")
on_input.__doc__ = """Called when the level of these inputs has changed."""

_MADE = {
    "name",
    "clock",
    "bus",
    "random",
    "log",
    "request_reset",
    "stop_cpu",
    "block",
    "outputs",
    "_storage",
    "_inputs",
}
_MADE |= {
    "words",
    "on_word",
    "_fifos",
    "_behind",
    "batches",
    "shown",
    "_levels",
    "readers",
    "writers",
    "_made_up",
    "_registers",
    "_states",
    "_alarms",
    "_drivers",
    "_whole",
}
_OPEN = {"size", "plain_storage", "on_reset"}  # what a block may say anew


class Declaring:
    """The services of a block, by their names. A mistake in what a class declares is a TypeError when it is made."""

    _taken: ClassVar[set[str]] = set()
    _declared: ClassVar[dict[str, Any]] = {}
    _handlers: ClassVar[dict[Any, str]] = {}
    _handled: ClassVar[set[Any]] = set()  # the declarations that have some

    def __init_subclass__(cls, *, base: bool = False) -> None:
        if base:
            names = {name for ancestor in cls.__mro__[:-1] for name in vars(ancestor) if not name.startswith("__")}
            cls._taken = _MADE | names - _OPEN
            return
        taken = cls._taken & vars(cls).keys()
        if taken:
            raise TypeError(f"{cls.__name__}: every block has its own {', '.join(sorted(taken))}; take another name")
        cls._declared, cls._handlers = {}, {}
        for ancestor in reversed(cls.__mro__):
            for name, item in vars(ancestor).items():
                if isinstance(item, (Declaration, Part)) or is_register(item):
                    cls._declared[name] = item
                for mark in getattr(item, "_marks", ()):
                    cls._handlers[mark] = name
        cls._handled = {declaration for _, declaration in cls._handlers}
        claimed: dict[str, str] = {}
        for name, item in cls.declarations():
            for claim in _claims(name.rpartition(".")[2], item):
                if claim in claimed:
                    raise TypeError(f"{cls.__name__}: {name} and {claimed[claim]} claim {claim}")
                claimed[claim] = name

    def __init__(self, services: Services) -> None:
        self.name = services.name
        self.clock = services.clock
        self.bus = services.bus
        self.random = services.random
        self.log = services.log
        self.request_reset, self.stop_cpu = services.request_reset, services.stop_cpu

    @classmethod
    def declarations(cls) -> Iterator[tuple[str, Any]]:
        """What the class and its parts declare, with names such as `FIFO_STATUS`, and `tx.FIFO_STATUS` in a part."""
        for name, item in cls._declared.items():
            if isinstance(item, Part):
                yield from ((f"{name}.{inner}", declared) for inner, declared in item.kind.declarations())
            else:
                yield name, item

    def _handler(self, key: str, name: str) -> Callable[..., Any] | None:
        """The method that is marked for the declaration called `name`."""
        method = self._handlers.get((key, self._declared[name]))
        return None if method is None else getattr(self, method)

    def on_reset(self, kind: ResetKind) -> None:
        """Called when the declared state has been restored, and once when the block is made."""


class BlockPart(Declaring, base=True):
    """A piece of a block in a class of its own, which the block declares with `Part`.

    Its registers have their offsets in the block, and its declarations live, are reset and are kept in snapshots as if
    they were the block's. What it needs of other parts it finds in `block`, whose class it names: `block: WifiMac`.
    """

    block: Any

    def __init__(self, services: Services, block: Any) -> None:
        super().__init__(services)
        self.block = block


P = TypeVar("P", bound=BlockPart)


class Part(Generic[P]):
    """Declares a part of a block: `tx = Part(Transmit)`. Each block has its own."""

    def __init__(self, kind: type[P]) -> None:
        self.kind = kind

    def __get__(self, owner: Any, kind: type | None = None) -> P:
        """This is for type checkers only: a block that was made holds the part itself."""
        part: Any = self
        return cast(P, part)


def is_register(item: Any) -> bool:
    """Whether it is the declaration of a register."""
    return isinstance(item, type) and issubclass(item, Register) and item is not Register


def _claims(name: str, item: Any) -> Iterator[str]:
    """What only one declaration of a block may have: offsets, names of registers, numbers of wires."""
    if is_register(item):
        yield f"the name {name}"
        yield from (f"{item.at + index * item.stride:#x}" for index in range(item.count))
    elif isinstance(item, (Output, Input)):
        yield from (f"{type(item).__name__.lower()} {number}" for number in item.numbers)
