"""Kinds of things that other packages may add to: our own members, and what installed packages declare as entry points.

    FAMILIES: Registry[Family] = Registry("bk7238.families", own=(OPENBEKEN, BEKEN_SDK), fits=is_family)
    FAMILIES["openbeken"]

A package adds one in its pyproject.toml: `[project.entry-points."bk7238.families"]` with `acme = "acme.family:ACME"`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from bk7238.exit_status import UserError

T = TypeVar("T")


class RegistryError(UserError, ValueError):
    """An entry point that cannot be used; the message is one line with group, name and distribution."""


class Registry(Mapping[str, T], Generic[T]):
    """The members of a group by name: `own` in their order, then those of other packages by the entry points' names.

    Entry points are looked for and loaded once, when a member is first asked for. `fits` says whether what one leads to
    is such a thing, `name` what a member is called, by default its attribute `name`. Reading raises RegistryError where
    an entry point cannot be loaded, leads to something else, or to a member whose name another has.
    """

    def __init__(
        self,
        group: str,
        own: Iterable[T],
        fits: Callable[[Any], bool],
        name: Callable[[Any], str] = lambda member: str(member.name),
    ) -> None:
        self.group = group
        self._own, self._fits, self._name = tuple(own), fits, name

    @property
    def own(self) -> dict[str, T]:
        """Our own members by name, whatever other packages declare."""
        return {self._name(member): member for member in self._own}

    def origin(self, name: str) -> str:
        """Which distribution a member is of."""
        return self._loaded[1][name]

    def __getitem__(self, name: str) -> T:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def _members(self) -> dict[str, T]:
        return self._loaded[0]

    @cached_property
    def _loaded(self) -> tuple[dict[str, T], dict[str, str]]:
        """The members, and where they are from, by name."""
        members = self.own
        origins = dict.fromkeys(members, "bk7238-sim itself")
        declared = _declared(tuple(sys.path)).select(group=self.group)
        for entry in sorted(declared, key=lambda entry: (entry.name, entry.value)):
            member = self._load(entry)
            name = self._name(member)
            if name in members:
                raise self._error(entry, f"{name!r} is the name of a member of {origins[name]} already")
            members[name], origins[name] = member, _origin(entry)
        return members, origins

    def _load(self, entry: EntryPoint) -> T:
        try:
            member: T = entry.load()
        except Exception as error:  # whatever a module of others does when it is imported
            raise self._error(entry, f"{type(error).__name__}: {error}") from error
        if not self._fits(member):
            raise self._error(entry, "it leads to another kind of thing")
        return member

    def _error(self, entry: EntryPoint, why: str) -> RegistryError:
        text = f"{self.group}: {entry.name!r} of {_origin(entry)} ({entry.value}) cannot be used: {why}"
        return RegistryError(" ".join(text.split()))


@lru_cache(1)
def _declared(_path: tuple[str, ...]) -> Any:
    """The entry points of all that Python finds on its path. There are several registries."""
    return entry_points()


def _origin(entry: EntryPoint) -> str:
    """The name and version of the distribution that declares an entry point."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown distribution"
