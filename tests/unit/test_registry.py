"""Registries of things that other packages may add to: bk7238/registry.py."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bk7238.registry import Registry, RegistryError

GROUP = "bk7238.test_things"


@dataclass(frozen=True)
class Thing:
    """What the registries of these tests hold."""

    name: str


def install(folder: Path, distribution: str, entries: str, module: str = "") -> None:
    """Put a distribution with these lines of entry points, and a module of its name, into a folder of `sys.path`."""
    info = folder / f"{distribution}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")
    (folder / f"{distribution}.py").write_text(module)


def registry() -> Registry[Thing]:
    """One with two members of our own."""
    return Registry(GROUP, own=(Thing("b"), Thing("a")), fits=lambda thing: isinstance(thing, Thing))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that are installed."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_own_members_come_first_and_in_their_order_then_those_of_others(site: Path) -> None:
    install(site, "acme_y", "y = acme_y:Y", "from test_registry import Thing\nY = Thing('y')\n")
    install(site, "acme_x", "x = acme_x:X", "from test_registry import Thing\nX = Thing('x')\n")
    things = registry()
    assert list(things) == ["b", "a", "x", "y"]
    assert things["x"] == Thing("x")
    assert "z" not in things


def test_an_entry_point_is_loaded_when_a_member_is_asked_for_and_only_once(site: Path) -> None:
    module = "import sys\nfrom test_registry import Thing\nsys.acme_loads = getattr(sys, 'acme_loads', 0) + 1\n"
    install(site, "acme_once", "x = acme_once:X", module + "X = Thing('x')\n")
    things = registry()
    assert not hasattr(sys, "acme_loads")
    assert things["x"] is things["x"]
    assert list(things.values())[-1] is things["x"]
    assert vars(sys).pop("acme_loads") == 1


@pytest.mark.parametrize(
    ("entry", "module", "why"),
    [
        ("x = acme_bad:X", "", "AttributeError: module 'acme_bad' has no attribute 'X'"),
        ("x = acme_gone:X", "", "ModuleNotFoundError: No module named 'acme_gone'"),
        ("x = acme_bad:X", "X = 1 / 0", "ZeroDivisionError: division by zero"),
        ("x = acme_bad:X", "raise OSError('two\\nlines')", "OSError: two lines"),
        ("x = acme_bad:X", "X = 5", "it leads to another kind of thing"),
        (
            "x = acme_bad:X",
            "from test_registry import Thing\nX = Thing('a')",
            "'a' is the name of a member of bk7238-sim itself already",
        ),
        (
            "x = acme_bad:X\ny = acme_bad:X",
            "from test_registry import Thing\nX = Thing('x')",
            "'x' is the name of a member of acme_bad 1.2 already",
        ),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(site: Path, entry: str, module: str, why: str) -> None:
    install(site, "acme_bad", entry, module)
    sys.modules.pop("acme_bad", None)
    last = entry.splitlines()[-1]
    name, _, value = last.partition(" = ")
    with pytest.raises(RegistryError) as raised:
        list(registry())
    assert str(raised.value) == f"{GROUP}: {name!r} of acme_bad 1.2 ({value}) cannot be used: {why}"
