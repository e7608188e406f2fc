"""The sweep of the router's outages: a copy of the shared run ends as the point that is run alone, and all is told."""

import json

import pytest
from images import image

from bk7238 import Settings, resources
from bk7238.cli import main
from bk7238.image import package
from bk7238.sweep.plan import life, registry
from bk7238.sweep.plan.life import BEHAVIOURS, OFF
from bk7238.sweep.point import Job
from bk7238.sweep.report import saved
from bk7238.sweep.report.report import Report


@pytest.fixture(scope="module")
def plan():
    return registry.make("life", Job(image(), package.NONE, Settings()))


def chosen(plan, *names):
    points = {point.id: point for point in plan.points("full")}
    return [points[name] for name in names]


def explored(plan, points):
    found = []
    plan.explore(points, found.append)
    return found


AWAY, BSSID = "wpa2, 5s, its radio alone was away", "wpa2, 60s, as another BSSID"


@pytest.fixture(scope="module")
def protected(plan):
    """Points that share a run, and how they end, by name."""
    points = chosen(plan, AWAY, "wpa2, 60s, on another channel", "wpa2, 60s, DHCP 20 s later", BSSID)
    return {point.id: (point, found) for point, found in zip(points, explored(plan, points), strict=True)}


def test_the_matrix_is_of_all_routers_lengths_and_behaviours(plan):
    points = plan.points("full")
    assert len(points) == len({point.id for point in points}) == 4 * len(OFF) * len(BEHAVIOURS) == 128
    assert len(plan.points("pr")) == 96 and len(plan.points("quick")) == 32
    assert [len(chunk) for chunk in plan.chunks(points, 2)] == [32] * 4


@pytest.mark.full
def test_a_copy_ends_as_the_run_from_the_beginning(plan, protected):
    for point, one in [*protected.values()][:3]:
        assert one.verdict == "back"
        alone = plan.full(point)
        for name in ("digest", "verdict", "reason", "story", "did", "silent"):
            assert getattr(one, name) == getattr(alone, name), (point.id, name)


@pytest.mark.full
def test_a_device_that_the_router_does_not_let_in(plan):
    [one] = explored(plan, chosen(plan, "wpa3, 5s, as it was"))
    assert (one.verdict, one.reason[:27]) == ("device-waits", "the device did not join: th")


def test_outages_that_begin_before_the_device_has_joined(plan, monkeypatch):
    monkeypatch.setattr(life, "AT", "300ms")
    [point] = chosen(plan, "open, 5s, as it was")
    [found], alone = explored(plan, [point]), plan.full(point)
    assert (found.verdict, found.digest, found.story) == ("back", alone.digest, alone.story)


def test_the_report_says_how_to_run_each_cell_again_and_the_page_shows_it(plan, protected, tmp_path):
    points = chosen(plan, "open, 60s, as it was")
    point, end = protected[BSSID]
    report = Report(plan, [*points, point], [*explored(plan, points), end], "full", 1.0)
    report.save(tmp_path)
    sweep = saved.read(tmp_path)
    commands = [sweep.command(one).split(" ", 3)[3] for one in sweep.outcomes]
    assert commands == [
        "--seed=0 --router=open --fault=router-restart:off=60s@60s",
        "--seed=0 --router=wpa2 '--psk=a passphrase' --fault=router-restart:off=60s,bssid=other@60s",
    ]
    page = (tmp_path / "report.html").read_text()
    assert "wpa2: as another BSSID" in page and "how long it is off" in page and "bk7238 live" in page
    value = json.loads((tmp_path / "sweep.json").read_text())
    value["replay"][1] = "ota"
    with pytest.raises(ValueError, match="Expected a command of bk7238 live"):
        saved.parse(value)


def test_a_saved_sweep_is_carried_out_again_and_has_no_flash_of_a_cut(plan, protected, tmp_path, capsys):
    point, found = protected[AWAY]
    Report(plan, [point], [found], "full", 1.0).save(tmp_path)
    inputs = f"--inputs={resources.reference()}"
    assert main(["verify", str(tmp_path), inputs, "--processes=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"]
    assert main(["export", str(tmp_path), point.id, inputs, "-o", str(tmp_path / "flash.bin")]) == 2
    assert "a sweep of life cuts no power: there is no flash of a cut" in capsys.readouterr().err
    value = json.loads((tmp_path / "sweep.json").read_text())
    value["outcomes"][0]["settings"].append("--forward=0:80")
    (tmp_path / "sweep.json").write_text(json.dumps(value))
    assert main(["verify", str(tmp_path), inputs]) == 2
    assert "its runs reach beyond the simulated network (--forward)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--of", "install"), "a sweep of install needs a PACKAGE"),
        (("reference_1.0.1_none_aes.rbl", "--of", "life"), "a sweep of life takes no PACKAGE"),
        (("--of", "life", "--evidence", "evidence"), "takes neither --symbols nor --evidence"),
        (("--of", "life", "--mode", "torn"), "a sweep of life takes no modes"),
    ],
)
def test_what_does_not_go_together_is_refused(capsys, words, why):
    assert main(("sweep", str(resources.reference() / "reference_1.0.0.bin"), *words)) == 2
    assert why in capsys.readouterr().err
