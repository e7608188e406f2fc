"""`bk7238 init IMAGE PACKAGE`: a project of update tests for these files, ready to run."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from bk7238 import resources
from bk7238.cli import arguments as given
from bk7238.cli import files
from bk7238.debug import symbols
from bk7238.image import package

FILES = (
    *("pytest.ini", "test_ota.py", "brown-out.toml", ".github/workflows/ota.yml"),
    *(".vscode/tasks.json", ".vscode/launch.json", ".vscode/settings.json"),
)
"""Those of examples/ota-tests that a project is made of."""

SCHEMAS = ("scenario.schema.json", "result.schema.json")
"""Those that its editor is given, in .vscode."""

_IMAGE, _PACKAGE, _ELF = "full.bin", "app.rbl", "app.elf"  # what the example calls them
_SERVER = "--port 3333"  # the end of its command that serves GDB
_SAFE = re.compile(r"[\w./+@-]+", re.ASCII)  # nothing that an INI file, YAML or a shell reads in another way


def add(commands: Any) -> None:
    """Add `bk7238 init`."""
    parser = commands.add_parser("init")
    parser.add_argument("image", type=Path, nargs="?", metavar="IMAGE", help="full flash image; asked for if left out")
    parser.add_argument("package", type=Path, nargs="?", metavar="PACKAGE", help="update package; asked for, too")
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="(default: this folder)")
    parser.add_argument("--symbols", type=Path, metavar="ELF", help="of the app, for the editor's debugger")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    given.add_force(parser)
    given.add_chip(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at the files, ask, and write the project. Nothing that is there is overwritten. Returns the exit status."""
    for name in ("image", "package"):
        if getattr(arguments, name) is None:
            setattr(arguments, name, Path(_ask(f"{name}: ", f"name the {name.upper()}")))
    image = given.image(arguments)
    update = given.checked(package.read, arguments.package)
    folder: Path = arguments.output
    names = {_IMAGE: _called(arguments.image, folder), _PACKAGE: _called(arguments.package, folder)}
    if arguments.symbols is not None:
        elf = resources.located(arguments.symbols)
        given.checked(symbols.check, [(elf, None)])
        names[_ELF] = _called(elf, folder)
        names[_SERVER] = f"{_SERVER} --symbols {names[_ELF]}"
    schemas = {f".vscode/{name}": (resources.schemas() / name).read_text(encoding="utf-8") for name in SCHEMAS}
    files.refuse_those_there(folder, (*FILES, *schemas))
    print(f"{image.name}: {image.chip.name}, boot loader {image.bootloader_version}")
    print(f"{update.name}: version {update.header.version}, {len(update.data)} bytes")
    for damage in update.damage:
        print(f"bk7238: warning: {update.name}: {damage}", file=sys.stderr)
    if not arguments.yes:
        question = f"write {', '.join((*FILES, *schemas))} into {folder.resolve()}? [Y/n] "
        if _ask(question, "say --yes").strip().lower() not in ("", "y", "yes"):
            print("nothing is written")
            return 0
    texts = {name: _filled((resources.example() / name).read_text(encoding="utf-8"), names) for name in FILES}
    files.write_all(folder, {**texts, **schemas})
    if arguments.symbols is None:
        print(f"the editor's debugger wants {folder / _ELF}: put the app's ELF there, or name it with --symbols")
    print(f"next: {'pytest' if folder == Path() else f'cd {folder} && pytest'}")
    return 0


def _ask(question: str, remedy: str) -> str:
    """The answer of whoever sits at the terminal. Raises UsageError where nobody does."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise given.UsageError(f"nobody can be asked, as stdin is no terminal: {remedy}")
    try:
        return input(question)
    except EOFError:
        raise given.UsageError(f"no answer: {remedy}") from None


def _called(path: Path, folder: Path) -> str:
    """What files in the folder call a firmware: by the name that is known everywhere, or by the path from there."""
    name = os.path.relpath(path, folder) if path.exists() else str(path)
    if not _SAFE.fullmatch(name):
        raise given.UsageError(f"{path}: give it a path of letters, digits and ./+@-_ alone, for INI and YAML files")
    return name


def _filled(text: str, names: dict[str, str]) -> str:
    """A file of the example with the names of the project's firmware."""
    text = text.replace("# bk7238_", "bk7238_").replace("../../schemas/", ".vscode/")
    return re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], text)
