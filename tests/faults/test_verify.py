"""Evidence: a folder that others can check, and a sweep that is carried out again."""

import json
import subprocess

import pytest

from bk7238 import resources
from bk7238.cli import main
from bk7238.sweep.point import Outcome

BUILT = resources.reference()
FILES = [str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_none_aes.rbl")]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    modes = ["--mode=torn", "--mode=random"]
    assert main(["sweep", *FILES, *modes, "--shard=1/3", "--processes=1", f"--evidence={folder}"]) == 0
    return folder


def verify(capsys, folder, *more):
    status = main(["verify", str(folder), "--processes=1", "--json", *more])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else err


@pytest.mark.full
def test_what_was_found_is_found_again(evidence, capsys):
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=evidence, check=True)
    text = (evidence / "evidence.md").read_text()
    assert "| random | each bit has changed or not |" in text and "ends badly." in text
    status, found = verify(capsys, evidence)
    assert (status, found["same"], found["differences"]) == (0, True, []) and found["points"] == 4
    assert verify(capsys, evidence, "--inputs", str(BUILT))[0] == 0


@pytest.mark.full
def test_what_was_changed_is_named(evidence, tmp_path, capsys):
    for name in ("sweep.json", "report.html", "SHA256SUMS", "evidence.md"):
        (tmp_path / name).write_bytes((evidence / name).read_bytes())
    value = json.loads((evidence / "sweep.json").read_text())
    first = value["outcomes"][0]
    first["verdict"] = "brick"
    (tmp_path / "sweep.json").write_text(json.dumps(value))
    status, found = verify(capsys, tmp_path)
    assert status == 1 and not found["same"]
    assert "junit.xml is missing" in found["differences"] and "sweep.json is not what it was" in found["differences"]
    assert f"{first['id']}: brick: {first['reason']}; now new-app-runs: {first['reason']}" in found["differences"]


@pytest.mark.full
def test_a_model_that_changed_is_noticed(evidence, capsys, monkeypatch):
    monkeypatch.setattr(
        "bk7238.sweep.plan.cuts.InstallationCuts.explore",
        lambda _plan, points, tell: [tell(Outcome(point.id, "old-app-runs", "otherwise")) for point in points],
    )
    status, found = verify(capsys, evidence)
    assert status == 1 and len(found["differences"]) == found["points"]


def test_what_cannot_be_verified_is_one_line(evidence, tmp_path, capsys):
    other = tmp_path / "inputs"
    other.mkdir()
    for name in ("reference_1.0.0.bin", "reference_1.0.1_none_aes.rbl"):
        (other / name).write_bytes((BUILT / name).read_bytes())
    image = bytearray((BUILT / "reference_1.0.0.bin").read_bytes())
    image[-1] ^= 1
    (other / "reference_1.0.0.bin").write_bytes(image)
    for folder, more, said in [
        (evidence, ["--inputs", str(other)], "reference_1.0.0.bin: its SHA-256 is "),
        (evidence, ["--inputs", str(tmp_path / "nowhere")], "No such file"),
        (tmp_path, [], "No such file"),
    ]:
        status, error = verify(capsys, folder, *more)
        assert status == 2 and said in error and error.count("\n") == 1
