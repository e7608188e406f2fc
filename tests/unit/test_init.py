"""`bk7238 init`: a test project for two files."""

import configparser
import io
import json
import shlex
import shutil

import pytest

from bk7238 import cli, resources
from bk7238.cli import init, main

IMAGE, PACKAGE = "reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"


class Terminal(io.StringIO):
    """Someone who answers."""

    def isatty(self):
        return True


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names(folder):
    read = configparser.ConfigParser()
    read.read(folder / "pytest.ini")
    return read["pytest"]["bk7238_image"], read["pytest"]["bk7238_package"]


def test_a_project_names_the_files_as_they_are_found_from_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(resources.reference() / IMAGE, "product.bin")
    shutil.copy(resources.reference() / "app-1.0.0.elf", "product.elf")
    assert main(["init", "product.bin", PACKAGE, "--symbols", "product.elf", "--yes", "-o", "tests"]) == 0
    assert written(tmp_path / "tests") == sorted([*init.FILES, *(f".vscode/{name}" for name in init.SCHEMAS)])
    assert names(tmp_path / "tests") == ("../product.bin", PACKAGE)
    workflow = (tmp_path / "tests" / ".github/workflows/ota.yml").read_text()
    assert f"bk7238 ota ../product.bin {PACKAGE} --scenario brown-out.toml" in workflow
    read = {path.name: json.loads(path.read_text()) for path in (tmp_path / "tests" / ".vscode").iterdir()}
    commands = [shlex.split(task["command"]) for task in read["tasks.json"]["tasks"]]
    assert ["bk7238", "ota", "../product.bin", PACKAGE, "--artifacts", "out"] in commands
    for command in commands:
        assert command[0] != "bk7238" or cli.parser().parse_args(command[1:])
    labels = {task["label"] for task in read["tasks.json"]["tasks"]}
    assert {one.get("preLaunchTask") for one in read["launch.json"]["configurations"]} - {None} <= labels
    for schema in ("tests/.vscode/" + name for name in init.SCHEMAS):
        assert schema.removeprefix("tests/") in "".join(
            (tmp_path / "tests" / name).read_text() for name in ("brown-out.toml", ".vscode/settings.json")
        )
    assert capsys.readouterr().out.endswith("next: cd tests && pytest\n")


@pytest.mark.parametrize("there", init.FILES)
def test_nothing_is_overwritten(there, tmp_path, capsys):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine")
    assert main(["init", IMAGE, PACKAGE, "--yes", "-o", str(tmp_path)]) == 2
    assert f"{there} is there already" in capsys.readouterr().err
    assert written(tmp_path) == [there] and (tmp_path / there).read_text() == "mine"


def test_who_sits_at_a_terminal_is_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal(f"{IMAGE}\n{PACKAGE}\nn\n"))
    assert main(["init", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("nothing is written\n") and written(tmp_path) == []
    monkeypatch.setattr("sys.stdin", Terminal(f"{IMAGE}\n{PACKAGE}\n\n"))
    assert main(["init", "-o", str(tmp_path)]) == 0
    assert names(tmp_path) == (IMAGE, PACKAGE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([IMAGE, PACKAGE], "say --yes"),
        ([IMAGE], "name the PACKAGE"),
        (["app-1.0.0.bin", PACKAGE, "--yes"], "app-1.0.0.bin"),
        ([IMAGE, IMAGE, "--yes"], IMAGE),
        (["a b.bin", PACKAGE, "--yes"], "letters, digits"),
        ([IMAGE, PACKAGE, "--yes", "--symbols", "a b.bin"], "no ELF"),
        ([IMAGE, PACKAGE, "--yes", "-o", "/proc"], "name another folder with -o"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_writes_nothing(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    shutil.copy(resources.reference() / IMAGE, "a b.bin")
    assert main(["init", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and written(tmp_path) == ["a b.bin"]
