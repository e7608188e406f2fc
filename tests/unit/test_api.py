"""The Python API: the names that the README shows, and where they have always been."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bk7238
from bk7238 import Machine, Settings, Update, flash_image, package, resources

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"Machine", "Settings", "Update", "flash_image", "package"}


def test_the_names_are_of_bk7238_itself():
    assert set(bk7238.__all__) >= NAMES and set(dir(bk7238)) >= NAMES
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        bk7238.nonesuch  # noqa: B018


def test_they_are_where_they_were():
    from bk7238 import image, machine
    from bk7238.update import session

    assert (session.Settings, session.Update) == (Settings, Update)
    assert (image.flash_image, image.package) == (flash_image, package)
    assert machine.Machine is Machine


def test_the_package_alone_imports_nothing_heavy():
    program = (
        "import sys, bk7238; bk7238.__version__; sys.exit('bk7238.machine' in sys.modules or 'unicorn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("page", "end"),
    [
        ("README.md", "result.verdict.value == 'new-app-runs' and result.to_version == '1.0.1'"),
        ("docs/guide.md", "machine.uart1.text.splitlines()[-1].startswith('go os_addr')"),
    ],
)
def test_the_example_of_the_docs_runs(page, end, tmp_path, monkeypatch):
    """With the reference firmware under the names that the page has."""
    built = resources.reference()
    (tmp_path / "full.bin").write_bytes((built / "reference_1.0.0.bin").read_bytes())
    (tmp_path / "app.rbl").write_bytes((built / "reference_1.0.1_gzip_aes.rbl").read_bytes())
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    exec(compile(code, page, "exec"), names := {})
    assert eval(end, names)
