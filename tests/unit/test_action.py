"""The GitHub action, whose shell steps are carried out as they are written, and the other files for CI."""

import os
import re
import subprocess
import sys
from pathlib import Path

import forked
import pytest
import yaml
from images import built

from bk7238 import cli

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]
FILES = {"image": "reference_1.0.0.bin", "package": "reference_1.0.1_none_aes.rbl"}


class Runner:
    """Carries out shell steps, as a runner does: expressions in `env`, outputs and the summary by files."""

    def __init__(self, folder, inputs):
        usual = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        self.folder, self.values = folder, {f"inputs.{name}": text for name, text in {**usual, **inputs}.items()}
        self.values["github.action_path"] = str(ROOT)
        self.summary = folder / "summary.md"
        self.summary.touch()
        self.programs = folder / "bin"
        self.programs.mkdir()

    def run(self, step):
        if "if" in step:
            assert step["if"] == "inputs.sweep != ''"
            if not self.values["inputs.sweep"]:
                return 0
        output = self.folder / "output"
        output.write_text("")
        more = {name: self.expanded(text) for name, text in step["env"].items()}
        environment = {**os.environ, **more, "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.summary)}
        environment["PATH"] = os.pathsep.join(
            [str(self.programs), str(Path(sys.executable).parent), os.environ["PATH"]]
        )
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # a runner's `shell: bash`
        options = {"cwd": self.folder, "env": environment, "capture_output": True, "text": True, "check": False}
        with forked.on_path(self.programs):
            done = subprocess.run(command, **options)
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{name}"] = value
        self.said = done.stdout + done.stderr
        return done.returncode

    def expanded(self, text):
        def value(found):
            names = [name.strip() for name in found[1].split("||")]
            return next((self.values[name] for name in names if self.values.get(name)), "")

        return re.sub(r"\$\{\{(.*?)\}\}", value, text)

    def outputs(self):
        return {name: self.expanded(one["value"]) for name, one in ACTION["outputs"].items()}


def carried_out(folder, **inputs):
    """The status of the first step that fails, or 0, and the runner. Nothing is installed: it is there."""
    runner = Runner(folder, {**FILES, **inputs})
    for step in STEPS:
        if "pip install" in step["run"]:
            continue
        status = runner.run(step)
        if status:
            return status, runner
    return 0, runner


def test_no_expression_is_read_by_a_shell():
    for step in STEPS:
        assert "${{" not in step["run"] and step["shell"] == "bash"


def test_the_update_alone(tmp_path):
    status, runner = carried_out(tmp_path)
    assert status == 0, runner.said
    assert runner.outputs() == {"verdict": "new-app-runs", "report": "bk7238-out/update", "bad": "0"}
    assert "### Update: new-app-runs" in runner.summary.read_text()
    assert (tmp_path / "bk7238-out" / "update" / "result.json").is_file()


@pytest.mark.full
def test_scenarios_and_a_sweep(tmp_path):
    (tmp_path / "right.toml").write_text('[expect]\nverdict = "new-app-runs"\n')
    (tmp_path / "wrong one.toml").write_text('[expect]\nverdict = "brick"\n')
    status, runner = carried_out(tmp_path, scenarios="right.toml wrong*.toml", sweep="quick", shard="1/16")
    assert status == 1
    outputs = runner.outputs()
    assert outputs == {"verdict": "new-app-runs", "report": "bk7238-out/sweep/report.html", "bad": "1"}
    assert (tmp_path / outputs["report"]).is_file() and (tmp_path / "bk7238-out/sweep/sweep.sarif").is_file()
    summary = runner.summary.read_text()
    assert "- right: as expected" in summary and "- wrong one: NOT as expected" in summary


def test_an_update_that_ends_elsewhere_fails_at_the_end(tmp_path):
    package = bytearray(built(FILES["package"]))
    package[0x1000] ^= 1
    (tmp_path / "damaged.rbl").write_bytes(package)
    status, runner = carried_out(tmp_path, package="damaged.rbl")
    verdict = "old-app-retries-each-boot"
    assert status == 1 and runner.outputs() == {"verdict": verdict, "report": "bk7238-out/update", "bad": "0"}
    assert f"### Update: {verdict}" in runner.summary.read_text()


def test_what_is_no_package_fails_at_once(tmp_path):
    (tmp_path / "cut.rbl").write_bytes(b"\0" * 200)
    status, runner = carried_out(tmp_path, package="cut.rbl")
    assert status == 2 and "cut.rbl" in runner.said and runner.outputs()["verdict"] == ""


def commands(text):
    """Each line of a file for CI that begins with `bk7238`."""
    return re.findall(r"^[\s-]*(?:run: )?bk7238 ([^|>]*?)(?:$| >| \|)", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["examples/gitlab/.gitlab-ci.yml", "examples/ota-tests/.github/workflows/ota.yml"])
def test_commands_of_the_other_files_can_be_typed(name):
    text = (ROOT / name).read_text()
    assert yaml.safe_load(text)
    lines = commands(text)
    assert lines
    for line in lines:
        filled = line.replace("$CI_NODE_INDEX/$CI_NODE_TOTAL", "1/4")
        assert cli.parser().parse_args(filled.split())


def test_our_own_workflow_runs_what_ci_runs_and_the_action():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python-version"] == ["3.11", "3.12", "3.13"]
    assert any(".ci/run" in step.get("run", "") for step in jobs["tests"]["steps"])
    (used,) = [step["with"] for step in jobs["action"]["steps"] if step["uses"] == "./"]
    assert set(used) <= set(ACTION["inputs"])
    assert {name for name, one in ACTION["inputs"].items() if one.get("required")} <= set(used)


def test_the_container_is_no_roots():
    lines = (ROOT / "Containerfile").read_text().splitlines()
    assert any(re.match("FROM .*-slim", line) for line in lines)
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert user != "root" and any(line.startswith("RUN useradd") and line.endswith(user) for line in lines)
