"""Things in a file of TOML: what the chip meets, what somebody at the desk sees and does, and mistakes."""

import json
import tomllib
from pathlib import Path

import fake_renode
import jsonschema
import pytest
from device_board import SPIN
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples

from bk7238 import chip, resources
from bk7238.bench import steps
from bk7238.bench.steps import Steps
from bk7238.cli import main
from bk7238.formats.typed import TypedError
from bk7238.lint.schemas import all_schemas
from bk7238.machine import Machine
from bk7238.machine.snapshot import Snapshots
from bk7238.peripherals.core import ResetKind
from bk7238.things import file
from bk7238.things.board_things import BoardThing, BoardThings

ROOT = Path(__file__).resolve().parents[2]
PULL_UP, OUTPUT_HIGH = 0x3C, 0x02
PWM = 1 | 1 << 3  # of CTRL: the mode, and on
THINGS = """\
[[thing]]
name = "button"
kind = "button"
pin = 26

[[thing]]
name = "relay"
kind = "relay"
pin = 8

[[thing]]
name = "status"
kind = "led"
pin = 7
active = 0

[[thing]]
name = "lamp"
kind = "lamp"
red = 0
green = 1
blue = 4

[[thing]]
name = "slider"
kind = "slider"
channel = 1
volts = 1.2

[[thing]]
name = "mcu"
kind = "peer"
uart = 1
hex = true
cues = [
    { hears = "55 aa 00", says = "01 02", after = "5ms" },
    { says = "ff", after = "1ms", every = "10 ms" },
]

[[thing]]
name = "oven"
kind = "thermocouple"
celsius = 20.5

[[thing]]
name = "notes"
kind = "eeprom"
bus = 2
"""


@pytest.fixture
def made(tmp_path):
    """`made(text)`: a machine with these things, whose CPU spins."""

    def make(text=THINGS):
        path = tmp_path / "desk.toml"
        path.write_text(text)
        return Machine(chip.usual().codec.encode(SPIN * 8, 0), devices=file.expand([path]))

    return make


def looks(machine):
    return {thing.name: thing.looks for thing in BoardThings(machine.board)}


def test_what_is_on_the_desk(made):
    things = list(BoardThings(made().board))
    assert [(thing.name, thing.kind, thing.where) for thing in things] == [
        ("button", "button", "gpio 26"),
        ("relay", "relay", "gpio 8"),
        ("status", "led", "gpio 7"),
        ("lamp", "lamp", "pwm0 0, pwm0 1, pwm2 0"),
        ("slider", "slider", "saradc 1"),
        ("mcu", "peer", "uart1"),
        ("oven", "thermocouple", "spi"),
        ("notes", "eeprom", "i2c2 0x50"),
    ]
    assert things[0].controls == {"push": "", "press": "", "release": ""}
    assert (things[4].controls, things[5].controls) == ({"set": "number"}, {"say": "text"})
    assert str(things[0]) == "button, button on gpio 26: down no"
    assert str(things[4]) == "slider, slider on saradc 1: volts 1.2"
    assert str(BoardThing("x", "y", "z", {}, {})) == "x, y on z"


def test_hands_and_eyes(made):
    machine = made()
    board, desk = machine.board, BoardThings(machine.board)
    board.gpio.write(26 * 4, PULL_UP)
    desk.do("button", "push")
    assert board.gpio.level(26) == 0 and looks(machine)["button"] == {"down": True}
    machine.run(until=199_000)
    assert board.gpio.level(26) == 0
    machine.run(until=201_000)
    assert board.gpio.level(26) == 1 and looks(machine)["button"] == {"down": False}
    assert looks(machine)["relay"] == {"closed": False} and looks(machine)["status"] == {"lit": True}
    for pin in (8, 7):
        board.gpio.write(pin * 4, OUTPUT_HIGH)
    assert looks(machine)["relay"] == {"closed": True} and looks(machine)["status"] == {"lit": False}
    desk.do("slider", "set", "0.5")
    assert board.saradc.volts(1) == pytest.approx(0.5, abs=0.01)
    desk.do("oven", "heat", 99)
    assert looks(machine)["oven"] == {"celsius": 99.0}


def test_a_finger_that_stays_is_not_let_go_by_an_earlier_push(made):
    machine = made()
    machine.board.button.push()
    machine.run(until=100_000)
    machine.board.button.press()
    machine.run(until=300_000)
    assert machine.board.button.down


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (("knob", "push"), "nothing called 'knob' hangs on the board; there is button, relay, status"),
        (("button", "kick"), "'kick' cannot be done with button, a button; there is push, press, release"),
        (("relay", "press"), "'press' cannot be done with relay, a relay; there is nothing"),
        (("button", "push", 1), "push of button takes no value"),
        (("slider", "set"), "set of slider takes a number, not None"),
        (("slider", "set", "much"), "set of slider takes a number, not 'much'"),
        (("slider", "set", True), "set of slider takes a number, not True"),
    ],
)
def test_what_cannot_be_done(made, what, why):
    with pytest.raises(ValueError, match=why):
        BoardThings(made().board).do(*what)


# The lamp


@pytest.mark.parametrize(
    ("control", "counts", "duty"),
    [
        (PWM | 1 << 6, (250, 0, 0, 1000), 0.25),  # as the SDK does: high at first, until T1
        (PWM | 1 << 6, (1000, 0, 0, 1000), 1.0),
        (PWM, (0, 0, 0, 1000), 0.0),  # and low at first where there is no duty
        (PWM, (600, 900, 0, 1000), 0.3),  # the second of a group, between T1 and T2
        (PWM | 1 << 6, (100, 300, 400, 1000), 0.2),
        (PWM | 1 << 6, (100, 0, 0, 0), 0.0),
        (1 | 1 << 6, (100, 0, 0, 1000), 0.0),  # not on
        (2 | 1 << 3 | 1 << 6, (100, 0, 0, 1000), 0.0),  # a timer
    ],
)
def test_how_much_of_the_time_a_channel_is_high(made, control, counts, duty):
    board = made().board
    for channel in (0, 1):
        for place, count in enumerate(counts):
            board.pwm0.write(4 + 16 * channel + 4 * place, count)
        board.pwm0.write(0, control << 8 * channel)
        assert board.pwm0.duty(channel) == pytest.approx(duty)


def test_a_lamp_has_the_colour_that_its_channels_mix(made):
    machine = made(THINGS + '[[thing]]\nname = "white"\nkind = "lamp"\ncold = 2\nwarm = 3\n')
    board = machine.board
    assert looks(machine)["lamp"]["colour"] == "#000000"
    for block, channel, duty in ((board.pwm0, 0, 1000), (board.pwm0, 1, 502), (board.pwm1, 1, 1000)):
        block.write(4 + 16 * channel, duty)
        block.write(16 + 16 * channel, 1000)
        block.write(0, block.read(0) | (PWM | 1 << 6) << 8 * channel)
    assert looks(machine)["lamp"] == {"colour": "#ff8000", "red": 1.0, "green": 0.502, "blue": 0.0}
    assert looks(machine)["white"] == {"colour": "#ffb266", "cold": 0.0, "warm": 1.0}


# The peer


def test_a_peer_answers_and_speaks_by_its_script(made):
    machine = made()
    uart, peer, got = machine.board.uart1, machine.board.mcu, []
    uart.write(0x00, 3 | 225 << 8)  # both directions, 115,200 baud

    def received():
        while uart.read(0x08) >> 8 & 0xFF:
            got.append((machine.now, uart.read(0x0C) >> 8 & 0xFF))

    machine.run(until=500)
    for byte in b"\x00\x55\x55\xaa\x00":
        uart.write(0x0C, byte)
    for _ in range(30):
        machine.run(until=machine.now + 500)
        received()
    assert bytes(byte for _, byte in got) == b"\xff\1\2\xff", "once at 1 ms, the answer at 5.5 ms, again at 11 ms"
    assert got[0][0] < 1_600 and 5_500 <= got[1][0] <= 6_500 and got[3][0] >= 11_000
    assert looks(machine)["mcu"] == {"heard": "\0UU\xaa\0", "said": "\xff\1\2\xff"}
    BoardThings(machine.board).do("mcu", "say", "hi")
    machine.run(until=machine.now + 500)
    got.clear()
    received()
    assert bytes(byte for _, byte in got) == b"hi"
    peer.reset(ResetKind.POWER_ON)
    assert peer.coming == [(machine.now + 1_000, 1)] and peer.heard == b"\0\x55\x55\xaa\0"


def test_the_second_engine_has_them_too(tmp_path, monkeypatch):
    fake_renode.install(monkeypatch)
    things = file.expand([_write(tmp_path, THINGS)])
    machine = Machine(chip.usual().codec.encode(SPIN * 8, 0), devices=things, engine="renode")
    BoardThings(machine.board).do("button", "press")
    assert machine.board.gpio.level(26) == 0


def test_things_go_back_in_time_with_the_board(made):
    machine = made()
    machine.run(until=5_000)
    snapshots = Snapshots(machine)
    early, ends = snapshots.take(), []
    for _ in range(2):
        machine.board.mcu.received(0x55)
        machine.board.button.push()
        machine.run(until=25_000)
        ends.append((looks(machine), machine.board.snapshot()))
        snapshots.restore(early)
        assert looks(machine)["mcu"]["heard"] == ""
    assert ends[0] == ends[1] and ends[0][0]["mcu"]["said"] == "\xff\xff\xff"


# What is wrong in a file


BUTTON = '[[thing]]\nname = "b"\nkind = "button"\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("thing = 1", "thing: expected `array`"),
        ("[[thing]]\nname = 1", "thing.0: object missing required field `kind`"),
        ('[[thing]]\nname = "x"\nkind = "bell"', "thing.0.kind: invalid value 'bell'"),
        (BUTTON, "thing.0: object missing required field `pin`"),
        (BUTTON + "pin = 32", "thing.0.pin: expected `int` <= 31"),
        (BUTTON + "pin = 1\ncolour = 2", "thing.0: object contains unknown field `colour`"),
        (BUTTON + "pin = 1\npressed = 2", "thing.0.pressed: invalid enum value 2"),
        (BUTTON.replace('"b"', '"a b"') + "pin = 1", "thing.0.name: expected `str` matching regex"),
        (2 * (BUTTON + "pin = 1\n"), "thing.1.name: something is called 'b' already"),
        ('[[thing]]\nname = "x"\nkind = "lamp"', "thing.0: expected a channel of one of red, green, blue"),
        ('[[thing]]\nname = "x"\nkind = "peer"\nuart = 1\nhex = true\ncues = [{says = "5"}]', "bytes in hexadecimal"),
        (
            '[[thing]]\nname = "x"\nkind = "peer"\nuart = 1\ncues = [{says = "5", after = "1"}]',
            "thing.0.cues.0: expected a time such as 15s, 250ms, 10us or 2min in `after`",
        ),
        (
            '[[thing]]\nname = "x"\nkind = "peer"\nuart = 1\ncues = [{says = "5", every = "0s"}]',
            "thing.0.cues.0: expected `every` to be a time above 0",
        ),
        (
            BUTTON + "pin = 1\n" + '[[thing]]\nname = "c"\nkind = "led"\npin = 1',
            "thing.1.pin (c): b hangs at pin 1 already",
        ),
        (BUTTON.replace('"b"', '"gpio"') + "pin = 1", "thing.0 (gpio): something is called gpio already"),
        (
            '[[thing]]\nname = "x"\nkind = "eeprom"\nsize = 10\npage = 4',
            "thing.0 (x): bk7238.things.eeprom:Eeprom cannot be made: 10 bytes in pages of 4",
        ),
        ("thing = [", "desk.toml: "),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(made, text, why):
    with pytest.raises(ValueError, match=r"desk\.toml: ") as told:
        made(text)
    assert why in str(told.value) and "\n" not in str(told.value)


@examples(100)
@given(
    st.lists(st.sampled_from(tomllib.loads(THINGS)["thing"]), max_size=3),
    st.text(max_size=5) | st.sampled_from(["name", "kind", "pin", "uart", "cues", "red", "address", "celsius"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=4,
    ),
)
def test_any_tables_are_things_or_an_error_that_says_where(things, key, value):
    tables = [{**thing, key: value} for thing in things]
    try:
        read = file.from_toml({"thing": tables})
    except TypedError as error:
        assert str(error).startswith("thing.") and error.place[0] == "thing"
    else:
        assert all(one.places and isinstance(one.arguments, dict) for one in read.thing)


def test_a_chip_that_has_no_such_block_is_told_of(tmp_path):
    entries = file.expand([_write(tmp_path, '[[thing]]\nname = "x"\nkind = "led"\npin = 1')])
    entries[0] = type(entries[0])(entries[0].name, "gpio9", 1, entries[0].model, {}, entries[0].where, entries[0].at)
    with pytest.raises(ValueError, match=r"thing\.0\.pin \(x\): there is no gpio9; what takes some here: "):
        Machine(chip.usual().codec.encode(SPIN * 8, 0), devices=entries)


def _write(folder, text):
    path = folder / "other.toml"
    path.write_text(text)
    return path


def test_the_linter_names_the_line(tmp_path, capsys):
    path = _write(tmp_path, THINGS.replace("channel = 1", "channel = 9"))
    assert main(["lint", str(tmp_path), "--json"]) == 1
    [found] = json.loads(capsys.readouterr().out)["findings"]
    line = path.read_text().splitlines().index("channel = 9") + 1
    assert (found["line"], found["what"]) == (line, "thing.4.channel: expected `int` <= 6")
    path.write_text(THINGS)
    assert main(["lint", str(tmp_path)]) == 0


def test_the_schema_is_of_what_is_read():
    schema = all_schemas()["things.schema.json"]
    jsonschema.validate(tomllib.loads(THINGS), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(THINGS.replace("pin = 26", "pin = 99")), schema)


# In scenarios and on the command line


def test_steps_lay_hands_on_things(made):
    machine = made()
    machine.board.gpio.write(26 * 4, PULL_UP)
    read = [
        {"thing": "button", "do": "press"},
        {"expect-pin": 26, "level": 0, "within": "1 s"},
        {"thing": "slider", "do": "set", "value": 2},
        {"thing": "button", "do": "release"},
    ]
    carried_out = Steps(machine, tuple(map(steps.read, read)))
    machine.run(until=1_000)
    assert not carried_out.unmet and looks(machine)["slider"] == {"volts": 2.0} and not machine.board.button.down
    assert str(steps.read(read[2])) == "set of slider"
    with pytest.raises(ValueError, match="step 1: 'kick' cannot be done with button"):
        Steps(machine, (steps.read({"thing": "button", "do": "kick"}),))
    with pytest.raises(ValueError, match="do is a text, not ''"):
        steps.read({"thing": "button"})


def test_run_shows_the_things_at_the_end(tmp_path, capsys):
    image, path = str(resources.reference() / "reference_1.0.0.bin"), _write(tmp_path, THINGS)
    scenario = tmp_path / "press.toml"
    scenario.write_text('[[step]]\nthing = "button"\ndo = "press"\n')
    given = ["run", image, f"--device={path}", "--within=5ms"]
    assert main([*given, f"--scenario={scenario}", "--json"]) == 0
    things = json.loads(capsys.readouterr().out)["things"]
    assert things[0] == {
        "name": "button",
        "kind": "button",
        "where": "gpio 26",
        "looks": {"down": True},
        "controls": {"push": "", "press": "", "release": ""},
    }
    main(given)
    assert "\n  slider, slider on saradc 1: volts 1.2\n" in capsys.readouterr().out
    examples = ROOT / "examples" / "devices"
    files = [f"--device={examples / 'desk.toml'}", f"--scenario={examples / 'press.toml'}"]
    assert main(["run", image, *files, "--within=5ms"]) == 0
    assert "\n  slider, slider on saradc 1: volts 0.4\n" in capsys.readouterr().out
    assert main(["lint", str(examples)]) == 0
    capsys.readouterr()
    path.write_text(BUTTON)
    assert main(given) == 2
    assert "other.toml: thing.0: object missing required field `pin`" in capsys.readouterr().err
