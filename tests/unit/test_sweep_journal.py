"""The journal of a sweep: what is in it may be anything, and where it should be there may be anything else."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from msgspec import to_builtins

from bk7238.sweep.journal import Journal, JournalError, check
from bk7238.sweep.point import Outcome
from bk7238.sweep.reading import decode, encode
from bk7238.sweep.report.report import explained
from bk7238.update.session import Settings

FILE = SimpleNamespace(data=b"")
JOB = SimpleNamespace(image=FILE, package=FILE, settings=Settings())
PLAN = SimpleNamespace(NAME="network", job=JOB, deciding={})
RIGHT = {"id": "a", "verdict": "brick", "reason": ""}
FULL = Outcome("a", "brick", "r", "d", ("one",), ("power-cut@flash-op=3",), ("0 s  x",), 3, "b", seconds=1.5)


def written(path, *lines):
    """A journal of the plan, with these lines."""
    path.unlink(missing_ok=True)
    Journal(path, PLAN)
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return path


def refused(path):
    """What is said about it."""
    with pytest.raises(JournalError) as raised:
        check(path)
    with pytest.raises(JournalError) as again:
        Journal(path, PLAN)
    said = str(raised.value)
    assert str(again.value) == said and "\n" not in said and len(said) < 500 and "name another file" in said
    return said


WRONG = {
    "[]": "Expected `object`, got `array`",
    "5": "Expected `object`, got `int`",
    "[" * 9999: "Expected `object`, got `array`",
    '{"id": ' + "[" * 9999: "Expected `str`, got `array` - at `$.id`",
    "9" * 5000: "no outcome",
    "": "no outcome",
    "{": "no outcome",
    "{}": "missing required field `id`",
    **{
        json.dumps({**RIGHT, name: value}): f" - at `$.{name}{place}`"
        for name, value, place in [
            ("verdict", {}, ""),
            ("verdict", 5, ""),
            ("reason", None, ""),
            ("did", 5, ""),
            ("did", ["a", 5], "[1]"),
            ("merged", "x", ""),
            ("merged", True, ""),
            ("merged", -1, ""),
            ("seconds", "x", ""),
            ("silent", ["no such fault"], "[0]"),
            ("silent", ["rssi:-85", "nonsense@50%"], "[1]"),
        ]
    },
    json.dumps({**RIGHT, "seconds": float("nan")}): "JSON is malformed",
    json.dumps({**RIGHT, "more": 1}): "unknown field `more`",
    json.dumps({**RIGHT, "more\n" + "x" * 5000: 1}): r"unknown field `more\nxxx",
    json.dumps({**RIGHT, "reason": "\udc80"}): "invalid utf-16 surrogate pair",
}


@pytest.mark.parametrize("line", WRONG, ids=[line[:60] for line in WRONG])
def test_what_is_no_outcome_is_refused_in_a_line(tmp_path, line):
    path = written(tmp_path / "journal", json.dumps(RIGHT).encode(), line.encode())
    before = path.read_bytes()
    said = refused(path)
    assert path.read_bytes() == before
    assert said.startswith(f"{path}, line 3: no outcome of a sweep: ") and WRONG[line] in said
    assert "remove the line" in said


@pytest.mark.parametrize("data", [b"\xff\x00\x80\n", b"[" * 9999, b"{", b"9" * 5000 + b"\n", b"\x80"])
def test_what_is_no_journal_is_refused_in_a_line(tmp_path, data):
    path = tmp_path / "journal"
    path.write_bytes(data)
    assert refused(path).startswith(f"{path}, line 1: no journal of a sweep: ")
    assert path.read_bytes() == data


def test_an_empty_file_is_no_journal(tmp_path):
    path = tmp_path / "journal"
    path.touch()
    check(path)
    with pytest.raises(JournalError, match="another sweep"):
        Journal(path, PLAN)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "directory"),
        ("file/x", "Not a directory"),
        ("file/x/y", "Not a directory"),
        ("/proc/x/y", "No such file"),
        ("deep/er/journal", "No such file or directory; make its folder first, or name another file"),
        ("/dev/zero", "a device or a pipe"),
        ("n" * 300, "too long"),
    ],
)
def test_what_cannot_be_a_journal_is_refused_in_a_line(tmp_path, name, said):
    (tmp_path / "file").touch()
    path = tmp_path / name
    found = refused(path)
    assert found.startswith(f"{path}: ") and said in found
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_takes_no_more_is_said_in_a_line(tmp_path):
    journal = Journal(tmp_path / "journal", PLAN)
    journal.path.unlink()
    journal.path.mkdir()
    with pytest.raises(JournalError, match="directory; name another file"):
        journal.add([FULL])


def test_a_journal_that_could_not_be_begun_is_not_there(tmp_path):
    """An empty one would be refused ever after."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.*journal"):
            Journal(tmp_path / "journal", PLAN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_check_writes_nothing(tmp_path):
    check(None)
    check(tmp_path / "journal")
    assert not list(tmp_path.iterdir())
    path = written(tmp_path / "journal", b"")
    path.write_bytes(before := path.read_bytes()[:-1] + b"half a li")
    check(path)
    assert path.read_bytes() == before


def test_what_is_kept_is_read_again(tmp_path):
    path = tmp_path / "journal"
    Journal(path, PLAN).add([FULL, Outcome("b", "new-app-runs", "")])
    assert Journal(path, PLAN).outcomes == {"a": FULL, "b": Outcome("b", "new-app-runs", "")}
    assert decode(json.dumps(RIGHT).encode(), Outcome) == Outcome("a", "brick", "")


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_journal_cut_while_it_was_written_goes_on(tmp_path, cut):
    path = written(tmp_path / "journal", json.dumps(RIGHT).encode())
    first, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + last[:-cut])
    assert not Journal(path, PLAN).outcomes and path.read_bytes() == first
    path.write_bytes(first[:-1])
    Journal(path, PLAN).add([FULL])
    assert set(Journal(path, PLAN).outcomes) == {"a"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
CHANGED = st.dictionaries(st.sampled_from(sorted(to_builtins(FULL))), VALUES, max_size=3).map(
    lambda change: {**to_builtins(FULL), **change}
)
LINES = (VALUES | CHANGED).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)


@examples(100)
@given(st.lists(LINES, min_size=1, max_size=3), st.sampled_from([b"", b"\n"]))
def test_any_line_is_refused_or_an_outcome(tmp_path_factory, lines, end):
    path = written(tmp_path_factory.getbasetemp() / "any-journal")
    path.write_bytes(path.read_bytes() + b"\n".join(lines) + end)
    try:
        journal = Journal(path, PLAN)
    except JournalError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return
    for one in journal.outcomes.values():
        assert f"{one.id}{one.verdict}{explained(one)}{one.seconds:.3f}".encode()
        assert decode(encode(one).encode(), Outcome) == one
    assert set(Journal(path, PLAN).outcomes) == set(journal.outcomes)


@examples(100)
@given(st.binary(max_size=60))
def test_any_file_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any-file"
    path.write_bytes(data)
    with pytest.raises(JournalError) as raised:
        Journal(path, PLAN)
    assert "\n" not in str(raised.value) and path.read_bytes() == data
