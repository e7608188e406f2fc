"""slice.c as the host's compiler makes it, where the package has no bytes: once, and then out of the user's cache."""

import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import platform
platform.machine = lambda: "another"
from bk7238.engine import slice as slices
print(slices.functions().name)
"""
COMPILER = shutil.which("cc")


class Host:
    """One whose machine the package knows nothing of. `compiled` is how often its compiler compiled."""

    def __init__(self, folder):
        self.cache, self._path, self._log = folder / "cache", folder / "bin", folder / "log"
        self._path.mkdir()
        self.compiler()

    def compiler(self, version="1", does=f'exec {COMPILER} "$@"'):
        script = self._path / "cc"
        counts = f'case "$*" in --version) echo "{version}"; exit;; esac\necho compiled >> "{self._log}"\n'
        script.write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{counts}{does}\n")
        script.chmod(0o755)

    def body(self):
        environment = {**os.environ, "PATH": str(self._path), "XDG_CACHE_HOME": str(self.cache)}
        run = [sys.executable, "-c", PROGRAM]
        return subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    @property
    def compiled(self):
        return len(self._log.read_text().split()) if self._log.exists() else 0

    @property
    def kept(self):
        return sorted(self.cache.rglob("*.*"))


@pytest.fixture
def host(tmp_path):
    if COMPILER is None:
        pytest.skip("needs Debian's package gcc")
    return Host(tmp_path)


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
