"""Python values as plain data and back: what a snapshot is made of, without pickle.

Numbers, text, bytes and None stand for themselves; all else is a list that begins with what it is. An object of ours is
its class and its attributes, once; where it is met again, its number. Objects that stay where they are (`refer`) are
named. Nothing is called when data is read but the making of empty objects of known packages.
"""

from __future__ import annotations

import importlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from types import FunctionType
from typing import Any

Data = Any
"""What msgpack knows: None, bool, int, float, str, bytes, and lists of these."""

_ATOMS = {type(None), bool, int, float, str, bytes}
_ALWAYS_PLAIN = _ATOMS - {int}
_PACKAGES = ("bk7238", "h11")
_LARGEST = 1 << 63


class Record:
    """An object whose attributes are all data: what comes and goes in a run, such as a connection."""


class Writer:
    """Writes values that may have objects in common. `refer(object)` names one that stays, or gives None."""

    def __init__(self, refer: Callable[[Any], str | None]) -> None:
        self._refer = refer
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice

    def data(self, value: Any) -> Data:
        """Raises TypeError for what is no data: a function of a call, a socket, an object of an unknown class."""
        kind = type(value)
        if kind in _ATOMS:
            return ["int", hex(value)] if kind is int and not -_LARGEST <= value < _LARGEST else value
        if kind is list or kind is tuple or kind is deque:
            items = list(value) if _is_plain(value) else [self.data(item) for item in value]
            return [kind.__name__, value.maxlen, items] if kind is deque else [kind.__name__, items]
        if kind is dict or kind is Counter:
            return [kind.__name__, [[self.data(key), self.data(item)] for key, item in value.items()]]
        if kind is set or kind is frozenset:
            return [kind.__name__, sorted((self.data(item) for item in value), key=repr)]
        if kind is bytearray or kind is memoryview:
            return ["bytearray", bytes(value)]
        return self._object(value, kind)

    def _object(self, value: Any, kind: type) -> Data:
        name = self._refer(value)
        if name is not None:
            return ["at", name]
        if isinstance(value, Enum):
            return ["enum", _name(kind), self.data(value.value)]
        if isinstance(value, (type, FunctionType)):
            return ["name", _name(value)]
        if isinstance(value, tuple):
            return ["named", _name(kind), [self.data(item) for item in value]]
        number = self._numbers.get(id(value))
        if number is not None:
            return ["again", number]
        if not (isinstance(value, Record) or is_dataclass(value) or kind.__module__.startswith("h11.")):
            raise TypeError(f"{kind.__module__}.{kind.__qualname__} cannot be in a snapshot")
        self._numbers[id(value)] = len(self._kept)
        self._kept.append(value)
        return ["object", _name(kind), [[key, self.data(getattr(value, key))] for key in _attributes(value)]]


class Reader:
    """Reads what one `Writer` wrote, in the same order. `find(name)` gives an object that stayed."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self._find = find
        self._made: list[Any] = []

    def value(self, data: Data, old: Any = None) -> Any:
        """The value; a container takes the place of `old`'s content where that is one of its kind, so that whoever
        knows it has it."""
        if type(data) is not list:
            return data
        what, content = data[0], data[-1]
        if what in _CONTAINERS:
            return _filled(_CONTAINERS[what], self._items(what, content), old, data[1])
        if what == "at":
            return self._find(content)
        if what == "again":
            return self._made[content]
        if what == "int":
            return int(content, 16)
        if what == "name":
            return _named(content)
        if what == "enum":
            return _named(data[1])(self.value(content))
        if what == "named":
            return _named(data[1])._make(self.value(item) for item in content)
        if what != "object":
            raise ValueError(f"a snapshot with {what!r}")
        kind = _named(data[1])
        made = kind.__new__(kind)
        self._made.append(made)
        for key, item in content:
            object.__setattr__(made, key, self.value(item))
        return made

    def _items(self, what: str, content: Data) -> Any:
        """What is in a container of this kind."""
        if what in ("dict", "Counter"):
            return {self.value(key): self.value(item) for key, item in content}
        return content if what == "bytearray" else [self.value(item) for item in content]


_CONTAINERS: dict[str, Any] = {
    kind.__name__: kind for kind in (list, tuple, deque, dict, Counter, set, frozenset, bytearray)
}


def _filled(kind: Any, content: Any, old: Any, maxlen: Any) -> Any:
    if type(old) is not kind or kind in (tuple, frozenset):
        return deque(content, maxlen) if kind is deque else kind(content)
    if kind is list or kind is bytearray:
        old[:] = content
        return old
    old.clear()
    if kind is deque:
        old.extend(content)
    else:
        old.update(content)
    return old


def _is_plain(values: Any) -> bool:
    """Whether all of these stand for themselves; numbers among other kinds of values are looked at one by one."""
    kinds = set(map(type, values))
    return kinds <= _ALWAYS_PLAIN or (kinds == {int} and min(values) >= -_LARGEST and max(values) < _LARGEST)


def _attributes(value: Any) -> Iterator[str]:
    """The names of an object's attributes that are there."""
    yield from (name for name in _slots(value.__class__) if hasattr(value, name))
    yield from getattr(value, "__dict__", ())


@cache
def _slots(kind: type) -> list[str]:
    groups = (getattr(one, "__slots__", ()) for one in kind.__mro__)
    names = [name for group in groups for name in ((group,) if isinstance(group, str) else group)]
    return [name for name in names if not name.startswith("__")]


def _name(kind: Any) -> str:
    module, name = kind.__module__, kind.__qualname__
    if module.split(".")[0] not in _PACKAGES or "<" in name:
        raise TypeError(f"{module}.{name} cannot be in a snapshot")
    return f"{module}:{name}"


def _named(name: str) -> Any:
    """The class or function of this name. Raises ValueError for what is not of a known package, wherever it is imported
    from, and for a module that acts when it is imported."""
    module, _, path = name.partition(":")
    found: Any = None
    if module.split(".")[0] in _PACKAGES and not module.endswith("__main__"):
        found = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    if not isinstance(found, (type, FunctionType)) or found.__module__.split(".")[0] not in _PACKAGES:
        raise ValueError(f"a snapshot names {name}, which is none of ours")
    return found
