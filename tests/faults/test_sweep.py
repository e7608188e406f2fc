"""Sweeps of power cuts: what they skip they may skip, what they found is not run again, and their report."""

import copy
import json
import os
import random
import signal
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from images import FULL, GZIP, VENDOR, image, update_package, vendor

from bk7238.cli import main
from bk7238.sweep.explore.trunk import cut, order
from bk7238.sweep.journal import Journal, JournalError
from bk7238.sweep.plan import registry
from bk7238.sweep.plan.cuts import DownloadCuts, InstallationCuts
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Job, Outcome
from bk7238.sweep.report import evidence
from bk7238.sweep.report.report import Report
from bk7238.sweep.run import SweepError, sweep
from bk7238.sweep.workers.processes import over, processes
from bk7238.update.session import Settings

pytestmark = [pytest.mark.full, VENDOR]

FOOTER = 3143  # one of the four programs of the footer


def explored(plan, points):
    """The outcomes by id."""
    found = []
    plan.explore(points, found.append)
    assert sorted(one.id for one in found) == sorted(point.id for point in points)
    return {one.id: one for one in found}


@pytest.fixture(scope="module")
def installation():
    return InstallationCuts(Job(image(FULL), update_package(GZIP), Settings()))


def test_the_trunk_is_what_the_boot_loader_does(installation):
    operations = installation.trunk.operations
    assert len(operations) == 3145 and installation.trunk.result.verdict.value == "new-app-runs"
    assert [one.kind for one in operations] == ["erase"] * 31 + ["program"] * 3113 + ["erase"]
    assert operations[-1].address == 0x132000
    assert len(installation.points("full")) == 3 * 3145
    quick, pr = installation.points("quick"), installation.points("pr")
    assert len(quick) < 30 < len(pr) < 1000 and set(quick) & set(pr)


@pytest.mark.parametrize("how", ["before", "torn", "random", "after"])
def test_the_state_of_a_point_is_what_the_fault_leaves(installation, dut, flash, how):
    point = cut(2, how)
    ((_, state),) = installation.trunk.states([point], seed=0)
    dut.configure(faults=point.faults, delivered=True)
    dut.expect_reset()
    assert flash.data == state.data


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(cut(5, "torn"), marks=pytest.mark.nightly),
        pytest.param(cut(700, "after"), marks=pytest.mark.nightly),
        cut(FOOTER, "torn"),
    ],
    ids=lambda point: point.id,
)
def test_what_is_merged_ends_as_it_does_when_it_is_run_in_full(installation, point):
    (found,) = explored(installation, [point]).values()
    assert found.merged is not None
    again = installation.full(point)
    assert (again.verdict, again.reason) == (found.verdict, found.reason)


@pytest.mark.nightly
def test_a_random_sample_of_all_cuts_is_what_full_runs_give():
    """200 of all ways to cut around all operations, some ten minutes."""
    installation = registry.make("install", Job(image(FULL), update_package(GZIP), Settings()), modes=(registry.ALL,))
    points = random.Random(200).sample(installation.points("full"), 200)
    found = explored(installation, points)
    for point in points:
        again = installation.full(point)
        assert (again.verdict, again.reason) == (found[point.id].verdict, found[point.id].reason), point.id


def test_what_does_not_merge_is_watched_to_its_end(installation):
    found = explored(installation, [cut(3145, "torn"), cut(3145, "before")])
    assert {name: one.merged for name, one in found.items()} == {"3145:before": None, "3145:torn": None}
    assert {one.verdict for one in found.values()} == {"new-app-runs"}


@pytest.mark.nightly
def test_a_replay_is_the_same_run_to_the_byte(installation):
    digests = {installation.full(cut(3, "random")).digest for _ in range(2)}
    assert len(digests) == 1 and digests != {""}


@pytest.mark.nightly
def test_after_a_cut_in_the_download_it_is_downloaded_again():
    """Unless it was about to restart: then it was writing its configuration, and has lost it. All of `quick`."""
    download = DownloadCuts(Job(image(FULL), update_package(GZIP), Settings()), ("torn",))
    points = download.points("quick")
    assert len(points) == 6 and len(download.trunk.swept) == 2074 + 49
    *written, erase, last = explored(download, points).values()
    for one in written:
        asked = sum("the device asks for" in line for line in one.story)
        assert one.verdict == "new-app-runs" and (one.shared or asked == 2)
    for one in (erase, last):
        assert one.verdict == "device-waits" and "configuration at 0x1e1000 is lost" in one.reason
        assert f"(after power-cut:torn,back=660s@flash-op={one.id.partition(':')[0]} at " in one.reason


@pytest.mark.nightly
@pytest.mark.parametrize("first", [pytest.param(2400, id="package"), pytest.param(6357, id="configuration")])
def test_what_has_the_future_of_another_ends_as_it_does_when_it_is_run_in_full(first):
    """In the middle of the package each cut leaves another CRC for the boot loader to print, and no other trace. Around
    the configuration each leaves another one: the installation is the same, and what the new app finds is not."""
    download = DownloadCuts(Job(image(FULL), update_package(GZIP), Settings()))
    points = download.points("full")[first : first + 12]
    found = explored(download, points)
    shared = [point for point in points if found[point.id].shared]
    assert len(shared) >= 9
    for point in random.Random(0).sample(shared, 3):
        one, again = found[point.id], download.full(point)
        assert (again.verdict, again.reason, again.did) == (one.verdict, one.reason, one.did)


@pytest.mark.parametrize(
    ("name", "start", "lost", "kept"),
    [
        pytest.param(
            "join", 1, [cut(50, "torn"), cut(63, "before")], [cut(49, "before")], marks=pytest.mark.nightly, id="join"
        ),
        pytest.param("rejoin", 3146, [cut(3201, "after")], [], id="rejoin"),
    ],
)
def test_an_app_that_starts_writes_its_configuration(name, start, lost, kept):
    """So does OpenBeken where a version starts for the first time: a cut there loses it."""
    cuts = registry.make(name, Job(image(FULL), update_package(GZIP), Settings()))
    assert cuts.trunk.swept == range(start, start + 74) and len(cuts.points("quick")) == 15
    configuration = [
        number for number in cuts.trunk.swept if cuts.trunk.operations[number - 1].address & ~0xFFF == 0x1E1000
    ]
    assert {int(point.column) for point in lost + kept} <= {*configuration}
    lost, kept = ([cuts.cut(int(point.column), point.row) for point in points] for points in (lost, kept))
    found = explored(cuts, sorted(lost + kept, key=order))
    for point in lost:
        assert found[point.id].verdict == "device-waits" and "0x1e1000 is lost" in found[point.id].reason
    for point in kept:
        assert found[point.id].verdict == "new-app-runs"


# The machinery, with workers that do not simulate

POINTS = [cut(number, "torn") for number in range(1, 21)]


def invented(_plan, points):
    return [Outcome(point.id, "new-app-runs", "", merged=1) for point in points]


class Dies:
    """A worker that dies, as often as there are files to remove."""

    def __init__(self, folder, times):
        self.files = [folder / f"death{number}" for number in range(times)]
        for file in self.files:
            file.touch()

    def __call__(self, plan, points):
        for file in self.files:
            if int(points[0].column) > 10 and file.exists():
                file.unlink(missing_ok=True)  # the other worker may die of it as well
                os._exit(1)
        return invented(plan, points)


def test_a_worker_that_dies_is_named_and_its_points_are_run_again(installation, tmp_path):
    said = []
    journal = Journal(None, installation)
    found = sweep(installation, POINTS, journal, warn=said.append, start=processes(2, Dies(tmp_path, 1)))
    assert [one.id for one in found] == [point.id for point in POINTS]
    assert len(said) == 1 and "a worker died: " in said[0]
    with pytest.raises(SweepError, match="died 3 times"):
        sweep(installation, POINTS, Journal(None, installation), start=processes(2, Dies(tmp_path, 5)))


def test_a_sweep_goes_on_where_it_was(installation, tmp_path):
    path = tmp_path / "journal"
    sweep(installation, POINTS[:12], Journal(path, installation), start=processes(2, invented))
    whole = path.read_text()
    path.write_text(whole[:-10])  # killed while it wrote
    told = []
    journal = Journal(path, installation)
    left = [point for point in POINTS if point.id not in journal.outcomes]
    assert len(left) == 9
    found = sweep(installation, POINTS, journal, tell=told.extend, start=processes(2, invented))
    assert [one.id for one in found] == [point.id for point in POINTS] and {one.id for one in told} == {
        point.id for point in left
    }
    assert len(Journal(path, installation).outcomes) == 20


class Endless(Plan):
    """Only its first chunk ends, once the second one has begun. A terminal interrupts the workers of the others."""

    NAME, NOUN, CHUNK = "endless", "points", 5

    def __init__(self, job, begun):
        super().__init__(job)
        self.begun = begun

    def points(self, _tier):
        return POINTS

    def explore(self, points, tell):
        outcomes = invented(self, points)
        if points[0] == POINTS[0]:
            while not self.begun.exists():
                os.sched_yield()
            for one in outcomes:
                tell(one)
            return
        os.kill(os.getpid(), signal.SIGINT)
        self.begun.touch()
        while True:
            tell(outcomes[0])
            while not over():
                os.sched_yield()


def test_at_an_interrupt_each_worker_ends_its_point_and_what_it_found_is_kept(installation, tmp_path):
    path, told, said = tmp_path / "journal", [], []
    plan = Endless(installation.job, tmp_path / "begun")

    def tell(found):
        told.extend(found)
        if found == invented(plan, POINTS[:5]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(plan, POINTS, Journal(path, plan), start=processes(2), tell=tell, warn=said.append)
    kept = set(Journal(path, plan).outcomes)
    assert {point.id for point in POINTS[:6]} <= kept <= {point.id for point in [*POINTS[:6], POINTS[10]]}
    assert kept == {one.id for one in told} and len(said) == 1 and "interrupted" in said[0]
    found = sweep(plan, POINTS, Journal(path, plan), start=processes(2, invented))
    assert [one.id for one in found] == [point.id for point in POINTS]


def test_journals_of_something_else(installation, tmp_path):
    path = tmp_path / "journal"
    Journal(path, installation)
    other = copy.copy(installation)
    other.job = replace(installation.job, settings=Settings(seed=1, delivered=True))
    with pytest.raises(JournalError, match="the journal of another sweep"):
        Journal(path, other)
    path.write_text("{")
    with pytest.raises(JournalError, match="no journal of a sweep"):
        Journal(path, installation)


def test_the_report(installation):
    outcomes = invented(installation, POINTS)
    outcomes[3] = Outcome(POINTS[3].id, "brick", "<gone>", seconds=1.0)
    report = Report(installation, POINTS, outcomes, "quick", 2.0)
    shown = report.as_json()
    assert shown["verdicts"] == {"brick": 1, "new-app-runs": 19} and shown["bad"] == 1
    assert len(shown["operations"]) == 3145 and shown["operations"][0] == ["erase", 0x11000, 0x1000]
    assert (shown["outcomes"][3]["row"], shown["outcomes"][3]["column"]) == ("torn", "4")
    suite = ElementTree.fromstring(report.junit())
    assert (suite.get("tests"), suite.get("failures")) == ("20", "1")
    assert "--delivered --fault=power-cut:torn@flash-op=4" in suite.find("testcase/failure").text


def test_the_command(installation, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(registry, "make", lambda _name, _job, **_more: installation)
    monkeypatch.setattr("bk7238.cli.sweep.processes", lambda number: processes(number, invented))
    arguments = ["sweep", vendor(FULL), vendor(GZIP), "--artifacts", tmp_path, "--journal", tmp_path / "j", "--json"]
    assert main([str(argument) for argument in arguments]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdicts"] == {"new-app-runs": 21} and "operations" not in shown
    assert {path.name for path in tmp_path.iterdir()} == {*evidence.ARTIFACTS, "replay", "j"}
    (tmp_path / "j").write_text('{"sweep": "another"}\n')
    assert main([str(argument) for argument in arguments]) == 2
    assert "another sweep" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "said"), [("[]", "j, line 2: no outcome"), ('{"id": {}}', "at `$.id`")])
def test_a_bad_journal_runs_nothing_and_writes_nothing(tmp_path, capsys, monkeypatch, line, said):
    monkeypatch.setattr(registry, "make", lambda _name, _job, **_more: pytest.fail("a run for nothing"))
    path = tmp_path / "j"
    path.write_text(f'{{"sweep": "any"}}\n{line}\n')
    arguments = ["sweep", vendor(FULL), vendor(GZIP), "--artifacts", tmp_path / "out", "--journal", path]
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path] and path.read_text() == f'{{"sweep": "any"}}\n{line}\n'
