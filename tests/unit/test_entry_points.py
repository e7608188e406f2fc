"""Another package adds a fault, a family, a plug-in and a chip by entry points: the real command line has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import forked
import pytest

from bk7238 import chip, resources

ROOT = Path(__file__).resolve().parents[2]
BUILT = resources.reference()
FILES = [str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_none_aes.rbl")]

ACME = '''
import sys
from pathlib import Path

from bk7238.families.beken_sdk import BekenSdk
from bk7238.families.delivery import HttpPull, TcpPush
from bk7238.families.family import Kind
from bk7238.faults import Fault
from bk7238.faults.arguments import Argument, count


class Lamp(Fault):
    """The lamp flickers."""

    NAME, SECTION = "acme-lamp", "Acme"
    FIRES = "it flickered"
    times = Argument(count, default=1, doc="how often")

    def strike(self, targets):
        self.record("lamp", f"flickered {self.times} times")


class Lamps(BekenSdk):
    name, title = "acme-lamps", "Acme's lamps"
    evidence = (
        Kind("version", (b"reference app, version",)),
        Kind("answers", (b"sta_Command", b"sucess."), least=2),
        Kind("address", (b"IP up",)),
    )
    deliveries = (HttpPull(), TcpPush(5000))


LAMPS = Lamps()
CHIP = Path(__file__).parent / "acme9999"
FIRST = []


def watch(bench):
    print(f"acme: {len(bench.machine.flash.data):#x} bytes at {bench.machine.now}", file=sys.stderr)
    bench.machine.uart1.on_line.connect(lambda line: FIRST.append(line) or None)


def fail(bench):
    raise OSError("no lamp\\nis there")
'''


@pytest.fixture
def acme(tmp_path):
    """Installs the package with these entry points; gives what runs a program that has it."""

    def install(**groups):
        info = tmp_path / "acme-1.2.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(
            "".join(f"[bk7238.{group}]\nlamp = acme:{thing}\n" for group, thing in groups.items())
        )
        (tmp_path / "acme.py").write_text(ACME)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

        def run(program, *arguments):
            more = {"capture_output": True, "text": True, "env": environment, "cwd": tmp_path}
            if program == "bk7238":
                return forked.run(arguments, **more)
            return subprocess.run([sys.executable, program, *arguments], **more, check=False)

        return run

    return install


def ota(run, *options):
    done = run("bk7238", "ota", *FILES, "--json", *options)
    return done, json.loads(done.stdout) if done.stdout else None


def test_a_fault_and_a_family(acme):
    run = acme(faults="Lamp", families="LAMPS")
    done, result = ota(run, "--fault", "acme-lamp:3@1s", "--profile", "acme-lamps")
    assert done.returncode == 0 and result["verdict"] == "new-app-runs", done.stderr
    (fault,) = result["faults"]
    assert fault["fired"] == 1 and fault["firings"][0]["time"] == 1_000_000
    assert (fault["firings"][0]["where"], fault["firings"][0]["what"]) == ("lamp", "flickered 3 times")


@pytest.mark.full
def test_the_reference_of_faults_is_of_ours_alone(acme):
    run = acme(faults="Lamp")
    assert run(str(ROOT / "scripts" / "fault-reference"), "--check").returncode == 0


@pytest.mark.full
def test_a_family_is_recognised_and_has_its_deliveries(acme):
    run = acme(families="LAMPS")
    info = json.loads(run("bk7238", "image", "info", FILES[0], "--json").stdout)
    assert info["family"] == "Acme's lamps" and "Beken SDK" in info["evidence"]
    done, result = ota(run, "--update-by", "push")
    assert (done.returncode, result["verdict"]) == (1, "device-waits")
    assert result["reason"].endswith("did not complete: the device does not answer 192.168.77.50:5000")
    done = run("bk7238", "ota", *FILES, "--update-by", "web")
    assert done.returncode == 2
    assert done.stderr == "bk7238: Acme's lamps takes its updates by http or push, not by web\n"


@pytest.mark.full
def test_a_plug_in_looks_on(acme):
    without, plain = ota(acme(), "--within", "1s")
    assert without.stderr == ""
    done, result = ota(acme(plugins="watch"), "--within", "1s")
    assert done.stderr == "acme: 0x200000 bytes at 0\n"
    assert result["digest"] == plain["digest"]


@pytest.mark.full
def test_a_chip(acme, tmp_path):
    run = acme(chips="CHIP")
    shutil.copytree(chip.usual().board.parent, tmp_path / "acme9999")
    toml = tmp_path / "acme9999" / "chip.toml"
    toml.write_text(toml.read_text().replace('"BK7238"', '"ACME9999"'))
    done = run("-c", "from bk7238 import chip; print(chip.load('acme9999').name, chip.load('acme9999').board)")
    assert done.stdout == f"ACME9999 {tmp_path / 'acme9999' / 'board.repl'}\n"
    done = run("-c", "from bk7238 import chip; chip.load('acme1')")
    assert "ChipError: no chip 'acme1' is known; there is bk7238, " in done.stderr
    assert ", acme9999, or name a folder" in done.stderr


CANNOT = "of acme 1.2 (acme:{}) cannot be used: {}"


@pytest.mark.parametrize(
    ("group", "thing", "options", "said"),
    [
        ("families", "GONE", (), CANNOT.format("GONE", "AttributeError: module 'acme' has no attribute 'GONE'")),
        *(
            pytest.param(*case, marks=pytest.mark.full)
            for case in (
                ("families", "Lamps", (), CANNOT.format("Lamps", "it leads to another kind of thing")),
                ("faults", "LAMPS", ("--fault", "acme-lamp"), CANNOT.format("LAMPS", "it leads to another kind")),
                ("plugins", "FIRST", (), CANNOT.format("FIRST", "it leads to another kind of thing")),
                ("plugins", "fail", (), "acme.fail of acme 1.2 failed: OSError: no lamp is there"),
            )
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(acme, group, thing, options, said):
    done, _ = ota(acme(**{group: thing}), *options)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"bk7238: bk7238.{group}: ") and done.stderr.count("\n") == 1 and said in done.stderr
