"""Who may import what: docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bk7238 import resources
from bk7238.cli import doctor, main

ROOT = Path(__file__).parents[2]


def imports(file, library):
    """Whether a module imports a package, anywhere in it and by any means."""
    text = file.read_text()
    return library in text and any(_imports(node, library) for node in ast.walk(ast.parse(text)))


def _imports(node, library):
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module] if node.module and not node.level else []
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
        names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    else:
        names = []
    return library in [name.partition(".")[0] for name in names]


@pytest.mark.parametrize("library", ["unicorn", "pyrenode3"])
def test_only_the_engine_imports_what_executes(library):
    files = [file for folder in ("bk7238", "peripherals") for file in (ROOT / folder).rglob("*.py")]
    engine = ROOT / "bk7238" / "engine"
    users = [file for file in files if imports(file, library)]
    assert [str(file) for file in users if engine not in file.parents] == []
    assert users, "the search finds what is there"


def test_doctor_says_that_the_embedded_engine_cannot_be_loaded(monkeypatch, capsys):
    monkeypatch.setitem(doctor.sys.modules, "unicorn", None)
    assert main(["doctor"]) == 1
    assert "engine unicorn: not usable: import of unicorn halted" in capsys.readouterr().out


def test_a_wrong_file_is_refused_without_what_runs_a_device(tmp_path):
    wrong, package = tmp_path / "wrong.bin", next(resources.reference().glob("*.rbl"))
    wrong.write_bytes(bytes(range(256)) * 64)
    lines = [
        ["ota", wrong, package],
        ["ota", wrong, wrong],
        *([verb, wrong] for verb in ("run", "live", "gdb", "view")),
    ]
    words = [[str(word) for word in line] for line in lines]
    program = f"""
import sys
from bk7238.cli import main
print([int(main(line)) for line in {words}])
heavy = ("unicorn", "h11", "cryptography", "bk7238.machine", "bk7238.peripherals", "bk7238.faults")
print([name for name in heavy if name in sys.modules])
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines() == [str([2] * len(lines)), "[]"]
    assert [line.startswith("bk7238: wrong.bin: ") for line in ended.stderr.splitlines()] == [True] * len(lines)


def test_a_name_is_used_for_one_thing_only():
    homes = {}
    for folder in ("bk7238", "peripherals"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in re.findall(r"^class ([^\W_]\w*)", file.read_text(), re.MULTILINE):
                homes.setdefault(name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
