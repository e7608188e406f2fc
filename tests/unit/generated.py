"""What a script has written is what it would write now."""

import runpy
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def check(name, monkeypatch):
    """Raise SystemExit, with what is out of date, where it is not."""
    monkeypatch.setattr(sys, "argv", [name, "--check"])
    monkeypatch.setattr(sys, "path", [*sys.path])  # to which it adds
    runpy.run_path(str(SCRIPTS / name), run_name="__main__")
