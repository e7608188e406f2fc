"""The command line: `bk7238 ota`, `run`, `sweep`, `report`, `gdb`, `monitor`, `image`, `firmware`, `doctor`.

Exit status: 0 the expected end, 1 another end with a known cause, 2 bad input or usage (one line on stderr, nothing
written), 3 the time limit passed with no cause known, 130 and 143 SIGINT and SIGTERM came: what a run was to leave, it
leaves as far as it got.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from bk7238.cli.arguments import Parser, UsageError
from bk7238.engine import renode_host
from bk7238.engine.engine import EngineError
from bk7238.engine.interruption import Interrupted
from bk7238.registry import RegistryError

VERBS = ("ota", "run", "sweep", "report", "gdb", "monitor", "image", "firmware", "doctor")
"""Each is a module of this package, imported when its parser is made."""


def parser(verbs: Sequence[str] = VERBS) -> Parser:
    """Return the parser of command lines with these verbs."""
    top = Parser(prog="bk7238", description="Runs BK7238 firmware on models of its silicon and network.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for verb in verbs:
        importlib.import_module(f"{__name__}.{verb}").add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be no text of the terminal's
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = parser(words[:1] if words[:1] and words[0] in VERBS else VERBS).parse_args(words)
        return int(arguments.run(arguments))
    except (UsageError, EngineError, RegistryError) as error:
        print(f"bk7238: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt as why:
        print(f"bk7238: {why if isinstance(why, Interrupted) else 'interrupted'}", file=sys.stderr)
        return why.status if isinstance(why, Interrupted) else 130


def command() -> NoReturn:
    """Run this process's command line and end the process."""
    status = main()
    renode_host.leave(status)
    sys.exit(status)
