"""Sweeps of power cuts: what they skip they may skip, what they found is not run again, and their report."""

import json
import os
from xml.etree import ElementTree

import pytest

from bk7238.cli import main
from bk7238.sweep import trunk as trunks
from bk7238.sweep.explore import Explorer, Outcome, full
from bk7238.sweep.journal import Journal, JournalError
from bk7238.sweep.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.trunk import Job, Point
from bk7238.update.session import Settings
from faults.bench import Run, gzip, image

FOOTER = 3143  # one of the four programs of the footer


@pytest.fixture(scope="module")
def job():
    return Job(image(), gzip(), Settings())


@pytest.fixture(scope="module")
def trunk(job):
    return trunks.run(job)


def test_the_trunk_is_what_the_boot_loader_does(job, trunk):
    operations = trunk.operations
    assert len(operations) == 3145 and trunk.result.verdict.value == "new-app-runs"
    assert [one.kind for one in operations] == ["erase"] * 31 + ["program"] * 3113 + ["erase"]
    assert operations[-1].address == 0x132000
    assert len(trunks.choose(job, trunk, "full")) == 3 * 3145
    quick, pr = trunks.choose(job, trunk, "quick"), trunks.choose(job, trunk, "pr")
    assert len(quick) < 30 < len(pr) < 1000 and set(quick) & set(pr)


@pytest.mark.parametrize("how", trunks.ALL_MODES)
def test_the_state_of_a_point_is_what_the_fault_leaves(trunk, how):
    point = Point(2, how)
    ((_, state),) = trunk.states([point], seed=0)
    assert Run(point.fault, delivered=True).to_reset().flash == state


def test_what_is_merged_ends_as_it_does_when_it_is_run_in_full(job, trunk):
    points = [Point(5, "torn"), Point(700, "after"), Point(FOOTER, "torn")]
    found = []
    Explorer(job, trunk, found.append).explore(points)
    assert sorted(one.point for one in found) == points
    assert all(one.merged is not None for one in found)
    for one in found:
        again = full(job, one.point)
        assert (again.verdict, again.reason) == (one.verdict, one.reason)


def test_what_does_not_merge_is_watched_to_its_end(job, trunk):
    found = []
    Explorer(job, trunk, found.append).explore([Point(3145, "torn"), Point(3145, "before")])
    assert {one.point.id: one.merged for one in found} == {"3145:before": None, "3145:torn": None}
    assert {one.verdict for one in found} == {"new-app-runs"}


def test_a_replay_is_the_same_run_to_the_byte(job):
    point = Point(3, "random")
    digests = {job.update(point.fault).run().digest for _ in range(2)}
    assert len(digests) == 1


# The machinery, with workers that do not simulate

POINTS = [Point(number, "torn") for number in range(1, 21)]


def invented(points):
    return [Outcome(point, "new-app-runs", "", 1, "", 0.0) for point in points]


class Dies:
    """A worker that dies, as often as there are files to remove."""

    def __init__(self, folder, times):
        self.files = [folder / f"death{number}" for number in range(times)]
        for file in self.files:
            file.touch()

    def __call__(self, points):
        for file in self.files:
            if points[0].operation > 10 and file.exists():
                file.unlink()
                os._exit(1)
        return invented(points)


def test_a_worker_that_dies_is_named_and_its_points_are_run_again(job, tmp_path):
    said = []
    journal = Journal(None, job)
    found = sweep(job, None, POINTS, journal, warn=said.append, explore=Dies(tmp_path, 1))
    assert [one.point for one in found] == POINTS
    assert len(said) == 1 and "a worker died; " in said[0]
    with pytest.raises(SweepError, match="died 3 times"):
        sweep(job, None, POINTS, Journal(None, job), explore=Dies(tmp_path, 5))


def test_a_sweep_goes_on_where_it_was(job, tmp_path):
    path = tmp_path / "deep" / "journal"
    sweep(job, None, POINTS[:12], Journal(path, job), explore=invented)
    whole = path.read_text()
    path.write_text(whole[:-10])  # killed while it wrote
    told = []
    journal = Journal(path, job)
    left = [point for point in POINTS if point.id not in journal.outcomes]
    assert len(left) == 9
    found = sweep(job, None, POINTS, journal, tell=told.extend, explore=invented)
    assert [one.point for one in found] == POINTS and sorted(one.point for one in told) == left
    assert len(Journal(path, job).outcomes) == 20


def test_journals_of_something_else(job, tmp_path):
    path = tmp_path / "journal"
    Journal(path, job)
    with pytest.raises(JournalError, match="the journal of another sweep"):
        Journal(path, Job(job.image, job.package, Settings(seed=1)))
    path.write_text("{")
    with pytest.raises(JournalError, match="no journal of a sweep"):
        Journal(path, job)


def test_the_report(job, trunk):
    outcomes = invented(POINTS)
    outcomes[3] = Outcome(POINTS[3], "brick", "<gone>", None, "", 1.0)
    report = Report(job, trunk, outcomes, "quick", 2.0)
    assert report.as_json()["verdicts"] == {"brick": 1, "new-app-runs": 19}
    suite = ElementTree.fromstring(report.junit())
    assert (suite.get("tests"), suite.get("failures")) == ("20", "1")
    assert "--fault=power-cut:torn@flash-op=4" in suite.find("testcase/failure").text
    page = report.html()
    assert "4:torn" in page and "&lt;gone&gt;" in page and "<gone>" not in page
    assert "http://" not in page and "src=" not in page and "<title>torn 4 to 4: brick</title>" in page


def test_the_command(job, trunk, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trunks, "run", lambda job: trunk)
    monkeypatch.setattr("bk7238.sweep.run._explore", invented)
    from images import FULL, GZIP, vendor

    arguments = ["sweep", vendor(FULL), vendor(GZIP), "--artifacts", tmp_path, "--journal", tmp_path / "j", "--json"]
    assert main([str(argument) for argument in arguments]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["operations"] == 3145 and shown["verdicts"] == {"new-app-runs": 21}
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.json", "junit.xml", "report.html", "j"}
    assert main([str(argument) for argument in (*arguments, "--seed", "1")]) == 2
    assert "another sweep" in capsys.readouterr().err
