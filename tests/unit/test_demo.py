"""`bk7238 demo`: what someone sees first, with nothing but the reference firmware."""

import json

import pytest

from bk7238 import resources
from bk7238.cli import demo, main
from bk7238.faults import scenario


def test_the_known_bad_builds_are_listed(capsys):
    assert main(["demo", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line for line in listed if line in demo.CASES] == list(demo.CASES)
    assert {path.stem for path in resources.known_bad().glob("*.toml")} == set(demo.CASES)
    assert main(["demo", "brik"]) == 2
    assert capsys.readouterr().err == (
        "bk7238: no known-bad build is called 'brik', but brick, reflash, layout, corrupt, cut\n"
    )


@pytest.mark.parametrize("case", demo.CASES)
def test_a_known_bad_build_ends_as_its_scenario_says(case, tmp_path, capsys):
    """Also as the files that it leaves, by the command that anyone would type."""
    assert main(["demo", case, "--json", "--artifacts", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["as_expected"] and shown["verdict"] != "new-app-runs"
    wanted = scenario.read(tmp_path / f"{case}.toml")
    assert wanted.verdict == shown["verdict"]
    files = [str(tmp_path / f"{case}.{kind}") for kind in ("bin", "rbl")]
    assert main(["ota", *files, "--ssid=Bench", "--scenario", str(tmp_path / f"{case}.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == shown["digest"]


def test_of_the_builds_that_fail_only_the_planted_bug_is_to_blame(monkeypatch, capsys):
    """The same scenarios with the reference boot loader end in the new app."""
    monkeypatch.setattr(demo, "_boot_loader", lambda _: (resources.reference() / "boot.bin").read_bytes())
    for case in ("reflash", "cut"):
        assert main(["demo", case]) == 1
        assert "the verdict is new-app-runs" in capsys.readouterr().err


def test_the_demo_shows_an_open_network_and_wpa2(capsys):
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    assert said.count("\nnew-app-runs: 1.0.0 -> 1.0.1") == 2 and said.count("the key handshake is complete") >= 1
    first, _, second = said.partition("\n\nnew-app-runs")
    assert "key handshake" not in first and "key handshake" in second
    assert main(["demo", "--seed", "7"]) == 0
    assert capsys.readouterr().out.count("new-app-runs") == 1
