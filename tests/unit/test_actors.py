"""What acts in virtual time: declared state, named alarms, and nothing else that waits in the clock."""

import ast
from collections import Counter, deque
from pathlib import Path

import h11
import pytest

import bk7238
from bk7238.formats.plain import Reader, Record, Writer
from bk7238.peripherals.core import Actor, Alarm, Calls, Signal, State, Tap, on_alarm
from bk7238.testing.block import BenchClock as BenchClock

CODE = Path(bk7238.__file__).parent


class Bell(Actor):
    """Rings once, and echoes."""

    strokes = State(0)
    heard = State(factory=list)
    rings, echoes = Alarm(), Calls()

    def __init__(self, clock):
        self.clock = clock

    @on_alarm(rings)
    def _ring(self):
        self.strokes += 1
        self.echoes.after(30, "first", self.strokes)
        self.echoes.after(10, "second", self.strokes)

    @on_alarm(echoes)
    def _echo(self, name, stroke):
        self.heard.append((self.clock.now, name, stroke))


def test_alarms_and_calls_come_when_they_were_asked_for():
    bell = Bell(BenchClock())
    bell.rings.start(5)
    assert bell.rings.deadline == 5
    bell.clock.advance(100)
    assert (bell.strokes, bell.heard) == (1, [(15, "second", 1), (35, "first", 1)])
    bell.rings.start(5)
    bell.clock.advance(10)
    bell.echoes.clear()
    bell.clock.advance(100)
    assert (bell.strokes, len(bell.heard)) == (2, 2)


@pytest.mark.parametrize("moment", [0, 5, 14, 15, 34, 35])
def test_another_goes_on_with_the_state(moment):
    bell, other = Bell(BenchClock()), Bell(BenchClock())
    bell.rings.start(5)
    bell.clock.advance(moment)
    other.clock.advance(moment)
    other.restore(bell.snapshot())
    other.heard = list(other.heard)
    bell.clock.advance(100)
    other.clock.advance(100)
    assert (other.strokes, other.heard) == (bell.strokes, bell.heard)


def test_state_is_each_actors_own():
    one, two = Bell(BenchClock()), Bell(BenchClock())
    one.heard.append("something")
    assert two.heard == []


def test_an_alarm_without_a_handler_is_refused():
    with pytest.raises(TypeError, match=r"Silent.rings has no on_alarm handler"):

        class Silent(Actor):
            rings = Alarm()


def test_nothing_but_alarms_asks_the_clock():
    """A function that waits there could be in no snapshot."""
    asking = []
    for path in (*CODE.rglob("*.py"), *(CODE / "peripherals").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "after" in text and "clock" in text else ():
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "after" and "clock" in ast.unparse(called.value):
                asking.append(path.relative_to(CODE).as_posix())
    assert asking == ["peripherals/core/state.py"]


def test_a_signal_is_told_in_order_and_answers_the_most():
    heard, signal = [], Signal()
    assert signal("nobody") == 0
    signal.connect(lambda what: f"{what} is no number")
    for number in (2, 5, 3):
        signal.connect(lambda what, number=number: heard.append((number, what)) or number)
    assert signal("all") == 5
    assert heard == [(2, "all"), (5, "all"), (3, "all")]


def test_a_tap_changes_stops_and_decides():
    tap = Tap()
    assert not tap and tap.passed("it") == ["it"] and tap.decided("it") is None
    tap.insert(lambda thing, by: [thing, thing + by])
    tap.insert(lambda thing, _by: None if thing == "stopped" else thing.upper())
    assert tap.passed("it", "!") == ["IT", "IT!"]
    assert tap.passed("stopped", "!") == ["STOPPED!"]
    assert tap.decided("it", "!") == ["it", "it!"]


class Thing(Record):
    def __init__(self, **attributes):
        vars(self).update(attributes)


def test_plain_data_keeps_kinds_and_what_is_one_object(monkeypatch):
    monkeypatch.setattr("bk7238.formats.plain._PACKAGES", ("bk7238", "h11", __name__))

    http = h11.Connection(h11.SERVER)
    http.receive_data(b"GET / HTTP/1.1\r\nHost: x")
    shared = Thing(number=1 << 70, name="shared")
    values = {
        b"key": (1, 2.5, None, True, "text", b"bytes", bytearray(b"more")),
        "kinds": [Counter("aab"), deque([1, 2, 3], maxlen=3), {3, 1, 2}, frozenset(("b", "a"))],
        "objects": [shared, {"again": shared}, http],
    }
    data = Writer(lambda _value: None).data(values)
    found = Reader(str).value(data)
    assert {key: found[key] for key in (b"key", "kinds")} == {key: values[key] for key in (b"key", "kinds")}
    assert found["kinds"][1].maxlen == 3 and type(found["kinds"][0]) is Counter
    first, second, connection = found["objects"]
    assert vars(first) == vars(shared) and second["again"] is first and first is not shared
    connection.receive_data(b"\r\n\r\n")
    assert connection.next_event().target == b"/"


@pytest.mark.parametrize("kind", [list, tuple, deque])
@pytest.mark.parametrize("more", [(), (1 << 63,), (-(1 << 63) - 1,), (True,), ("text", None)])
def test_numbers_are_written_alike_alone_and_among_others(kind, more):
    values = kind([0, (1 << 63) - 1, -1 << 63, *more])
    writer = Writer(lambda _value: None)
    assert writer.data(values)[-1] == [writer.data(value) for value in values]
    assert Reader(str).value(writer.data(values)) == values


@pytest.mark.parametrize("value", [lambda: None, object(), Path("x"), print])
def test_what_is_no_data_is_refused(value):
    with pytest.raises(TypeError, match="cannot be in a snapshot"):
        Writer(lambda _value: None).data([value])


def test_data_that_names_what_is_not_ours_is_refused():
    for data in (["name", "os:system"], ["object", "subprocess:Popen", []], ["enum", "builtins:int", 1]):
        with pytest.raises(ValueError, match="none of ours"):
            Reader(str).value(data)
