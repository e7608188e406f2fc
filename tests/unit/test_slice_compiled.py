"""slice.c as the host's compiler makes it, where the package has no bytes: once, and then out of the user's cache."""

import os
import platform
import shutil

import forked
import pytest

from bk7238.engine import slice as slices

COMPILER = shutil.which("cc")
COMPILES = """
for word; do case "$before" in -o) out=$word; esac; before=$word; done
[ -e "{made}" ] && exec cp "{made}" "$out"
{compiler} "$@" && cp "$out" "{made}"
"""
"""What a compiler does, the first time it is asked: what it has made once is what it makes again."""


class Host:
    """One whose machine the package knows nothing of. `compiled` is how often its compiler compiled."""

    def __init__(self, folder, made):
        self.cache, self._path, self._log = folder / "cache", folder / "bin", folder / "log"
        self._path.mkdir()
        self._does = COMPILES.format(made=made, compiler=COMPILER)
        self.compiler()

    def compiler(self, version="1", does=None):
        script = self._path / "cc"
        counts = f'case "$*" in --version) echo "{version}"; exit;; esac\necho compiled >> "{self._log}"\n'
        script.write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{counts}{does or self._does}\n")
        script.chmod(0o755)

    def body(self):
        """What serves a process of this host that begins."""
        return forked.call(self._body)

    def _body(self):
        os.environ |= {"PATH": str(self._path), "XDG_CACHE_HOME": str(self.cache)}
        platform.machine = lambda: "another"
        slices.functions.cache_clear()
        return slices.functions().name

    @property
    def compiled(self):
        return len(self._log.read_text().split()) if self._log.exists() else 0

    @property
    def kept(self):
        return sorted(self.cache.rglob("*.*"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where what is compiled once stays."""
    return tmp_path_factory.mktemp("compiled") / "slice.so"


@pytest.fixture
def host(tmp_path, made):
    if COMPILER is None:
        pytest.skip("needs Debian's package gcc")
    return Host(tmp_path, made)


def test_it_is_compiled_once(host):
    assert [host.body(), host.body(), host.compiled] == ["compiled", "compiled", 1]
    (library,) = host.kept
    assert library.parent == host.cache / "bk7238-sim"
    host.compiler(version="2")
    assert (host.body(), host.compiled, len(host.kept)) == ("compiled", 2, 2)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:-1] + b"?", lambda _: b""])
def test_what_is_damaged_is_compiled_again(host, damage):
    host.body()
    (library,) = host.kept
    whole = library.read_bytes()
    library.write_bytes(damage(whole))
    assert (host.body(), host.compiled) == ("compiled", 2)
    assert (host.body(), host.compiled) == ("compiled", 2)
    assert [path.read_bytes() for path in host.kept] == [whole]


def test_a_cache_that_cannot_be_written_is_done_without(host):
    host.cache.write_text("no folder")
    assert [host.body(), host.body(), host.compiled] == ["compiled", "compiled", 2]


@pytest.mark.parametrize("does", ["exit 1", 'while [ "$1" != -o ]; do shift; done; echo > "$2"'])
def test_python_serves_where_nothing_can_be_compiled(host, does):
    host.compiler(does=does)
    assert (host.body(), host.kept) == ("python", [])


def test_python_serves_without_a_compiler(host):
    (host.cache.parent / "bin" / "cc").unlink()
    assert (host.body(), host.kept) == ("python", [])
