"""How far a sweep is said to be, by a clock of the test's."""

import os
import pickle

import forked
import pytest

from bk7238 import resources
from bk7238.cli.points_done import PointsDone
from bk7238.sweep.plan.plan import Plan
from bk7238.sweep.point import Outcome, Point
from bk7238.sweep.run import sweep
from bk7238.sweep.workers.processes import processes

IMAGE, PACKAGE = (resources.reference() / name for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def outcomes(*verdicts):
    return [Outcome(str(place), verdict, "") for place, verdict in enumerate(verdicts)]


def test_points_verdicts_rate_and_what_is_left():
    clock = Clock()
    shown = PointsDone("cuts", 400, ["brick"], quiet=True, clock=clock)
    assert shown.text == "1 of 400 cuts: brick 1"
    clock.now += 2
    shown.seen(["new-app-runs"] * 5)  # of points whose chunk has not ended
    assert shown.text == "6 of 400 cuts, 2.5 a second, 3 min left: new-app-runs 5, brick 1"
    shown.tell(outcomes(*["new-app-runs"] * 5, "brick"))
    assert shown.text == "7 of 400 cuts, 3.0 a second, 2 min left: new-app-runs 5, brick 2"
    clock.now += 998
    assert ", 0.4 a minute, 18.2 h left: " in shown.text
    shown.tell(outcomes(*["old-app-runs"] * 393))
    assert shown.text.startswith("400 of 400 cuts, ")
    assert " left" not in shown.text


def test_in_a_pipe_a_line_now_and_then(capsys):
    clock = Clock()
    shown = PointsDone("cuts", 1000, quiet=False, clock=clock)
    for _ in range(600):
        clock.now += 0.2
        shown.seen(["new-app-runs"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["  0 of 1,000 cuts", "  5 of 1,000 cuts, 5.0 a second, 3 min left: new-app-runs 5"]
    assert 6 <= len(lines) <= 10
    shown.tell(outcomes(*["new-app-runs"] * 1000))
    assert capsys.readouterr().out.startswith("  1,000 of 1,000 cuts, ")


class OneByOne(Plan):
    """Points that end one after the other, in one chunk, when the test says so."""

    NAME, NOUN, CHUNK = "packages", "points", 100

    def __init__(self, gate):
        self.gate = gate

    def points(self, _tier):
        return [Point(str(place), (), "", "") for place in range(3)]

    def explore(self, points, tell):
        for point in points:
            os.read(self.gate, 1)
            tell(Outcome(point.id, f"verdict-{point.id}", ""))


class Kept:
    """A journal."""

    def __init__(self):
        self.outcomes = {}

    def add(self, found):
        self.outcomes.update({one.id: one for one in found})


def test_points_are_seen_before_their_chunk_has_ended():
    reading, writing = os.pipe()
    plan, seen, told = OneByOne(reading), [], []
    os.write(writing, b".")

    def look(verdicts):
        for verdict in verdicts:
            seen.append((verdict, len(told)))
            os.write(writing, b".")

    sweep(plan, plan.points("quick"), Kept(), start=processes(1), tell=told.extend, seen=look)
    assert seen[:2] == [("verdict-0", 0), ("verdict-1", 0)] and [one.id for one in told] == ["0", "1", "2"]
    os.close(reading)
    os.close(writing)


class Unsendable(OneByOne):
    """Points that no other process can be given."""

    def __init__(self):
        pass

    def points(self, _tier):
        return [Point(str(place), (lambda: None,), "", "") for place in range(3)]


def test_points_that_cannot_be_sent_are_an_error_at_once(monkeypatch):
    monkeypatch.setattr(Unsendable, "CHUNK", 1)
    plan, told = Unsendable(), []
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        sweep(plan, plan.points("quick"), Kept(), start=processes(1), tell=told.extend, seen=lambda _verdicts: None)
    assert not told


@pytest.mark.parametrize("terminal", [True, False])
def test_a_sweep_says_how_far_it_is_from_the_beginning(terminal):
    command = ["sweep", IMAGE, PACKAGE, "--of", "packages", "--shard", "1/3", "--processes", "1"]
    reading, writing = os.openpty() if terminal else os.pipe()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with forked.popen(command, stdout=writing, env=environment) as process:
        os.close(writing)
        said = b""
        try:
            while chunk := os.read(reading, 4096):
                said += chunk
        except OSError:  # a terminal whose other end is closed
            pass
        os.close(reading)
    assert process.returncode == 0
    beginning, _, end = said.partition(b"0 of 3 hostile packages and tables")
    assert b"looking for hostile packages and tables" in beginning and b"3 hostile packages and tables" in end
    assert terminal or b"  3 of 3 hostile packages and tables, " in end
