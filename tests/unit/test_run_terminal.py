"""`bk7238 run` as a terminal, and the steps of scenarios."""

import os
import pty
import select

import forked
import pytest

from bk7238 import resources
from bk7238.bench.steps import Steps
from bk7238.cli import main
from bk7238.faults import scenario
from bk7238.faults.spec import FaultError
from bk7238.image import flash_image
from bk7238.machine import Machine

IMAGE = str(resources.reference() / "reference_1.0.0.bin")
RBL = str(resources.reference() / "reference_1.0.1_none_aes.rbl")
VERSION = "reference app, version 1.0.0"


def run(*options):
    return main(["run", IMAGE, *map(str, options)])


# What ends it


def test_text_that_is_expected_and_text_that_fails(capsys):
    assert run("--expect-text", "go os_addr", "--within", "1") == 0
    assert run("--until", "go os_addr", "--within", "1") == 0, "as it was called before"
    capsys.readouterr()
    assert run("--fail-text", "go os_addr", "--expect-text", "[THD]cli") == 1
    out, err = capsys.readouterr()
    assert err == "bk7238: 'go os_addr' was printed\n" and "[THD]cli" not in out
    assert run("--fail-text", "never", "--expect-text", "[THD]cli") == 0
    assert run("--expect-text", "never", "--within", "0.01") == 3


def test_lines_are_typed_in_their_order(capsys):
    assert run("--send", "time", "--send", "version", "--after", "0.3", "--expect-text", "version 1.0.0", "--json") == 0
    capsys.readouterr()
    assert run("--send", "time", "--send", "version", "--after", "0.3", "--within", "0.5") == 0
    out = capsys.readouterr().out
    assert 0 < out.index(" ms\n") < out.rindex(VERSION)


def test_what_the_uart_printed_is_kept(tmp_path, capsys):
    log = tmp_path / "uart.log"
    assert run("--serial-log-file", log, "--within", "0.3") == 0
    assert log.read_bytes().startswith(b"\r\nBK7238_1.0.0") or b"BK7238_1.0.0" in log.read_bytes()[:40]
    assert run("--serial-log-file", log, "--console", "2", "--within", "0.3") == 0 and log.read_bytes() == b""
    capsys.readouterr()
    assert run("--serial-log-file", tmp_path / "no" / "uart.log") == 2
    assert "name another --serial-log-file" in capsys.readouterr().err


# stdin


def test_a_pipe_types_where_it_is_asked_to():
    command = ["run", IMAGE, "--within", "0.6"]
    for options, typed in (((), False), (("--interactive", "--after", "0.3"), True)):
        done = forked.run([*command, *options], input="version\n", capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.count(VERSION) == 1 + typed


def test_a_terminal_is_one():
    """Keys go as they are pressed, the device echoes, what it prints obeys nothing here, and Ctrl-D ends it."""
    ours, theirs = pty.openpty()
    with forked.popen(["run", IMAGE], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as process:
        os.close(theirs)
        said = b""

        def read_to(text):
            nonlocal said
            while text not in said:
                assert select.select([ours], [], [], 120)[0], said
                said += os.read(ours, 4096)
            said = said.partition(text)[2]

        read_to(b"[THD]cli")
        os.write(ours, b"vers")
        read_to(b"vers")
        os.write(ours, b"ion\r")
        read_to(b"ion")
        read_to(VERSION.encode())
        read_to(b"\n$ ")
        os.write(ours, b"\x1b[31m\r")
        read_to(b"\\u001b[31m")
        os.write(ours, b"\x04")
        read_to(b"virtual seconds in")
        assert process.wait(60) == 0
    os.close(ours)


# Steps

STEPS = """
[settings]
within = "3 s"

[[step]]
wait = "[THD]cli"

[[step]]
press = 9
time = "20 ms"

[[step]]
pin = 26
level = 1

[[step]]
send = "version"

[[step]]
expect = "version 1.0.0"
within = "500 ms"

[[step]]
expect-pin = 26
level = 1
within = "10 ms"
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "steps.toml"
        path.write_text(text)
        return path

    return write


def test_the_steps_of_a_scenario_are_carried_out(written, capsys):
    path = written(STEPS)
    assert run("--scenario", path) == 0
    out = capsys.readouterr().out
    assert out.count(VERSION) == 2 and float(out.splitlines()[-1].split()[0]) < 1, "it ends with the last step"
    assert run("--scenario", written(STEPS.replace('send = "version"', 'send = "time"'))) == 1
    assert capsys.readouterr().err.endswith("step 5: expect 'version 1.0.0' was not seen within 0.5 s\n")
    assert run("--scenario", written(STEPS.replace("[THD]cli", "never"))) == 1
    assert capsys.readouterr().err.endswith("step 1, wait 'never', did not come to its end\n")


def test_pins_are_what_the_steps_say():
    wanted = scenario.from_toml(
        {
            "step": [
                {"press": 9, "time": "2 ms"},
                {"pin": 26, "level": 1},
                {"expect-pin": 3, "level": 1, "within": "1 s"},
            ]
        }
    )
    device = Machine(flash_image.read(resources.reference() / "reference_1.0.0.bin").data)
    steps, seen = Steps(device, wanted.steps), []
    device.board.gpio.changed.connect(lambda pin, level: seen.append((device.now, pin, level)))
    device.board.gpio.set_pin(9, True)
    device.run(until=5_000)
    assert (
        device.board.gpio.level(26) == 1 and (0, 9, 0) in seen and steps.unmet.startswith("step 3, expect-pin P3 at 1")
    )
    device.board.gpio.set_pin(3, True)
    device.run(until=30_000)
    assert steps.unmet == ""


def test_an_update_has_steps_too(written, capsys):
    """They do not end it; that one is missed is the exit status."""
    text = '[[step]]\nwait = "IP up"\n\n[[step]]\nexpect = "write over"\n\n[expect]\nverdict = "new-app-runs"\n'
    assert main(["ota", IMAGE, RBL, "--json", "--scenario", str(written(text))]) == 0
    capsys.readouterr()
    late = text.replace('expect = "write over"', 'expect = "write over"\nwithin = "1 ms"')
    assert main(["ota", IMAGE, RBL, "--json", "--scenario", str(written(late))]) == 1
    out, err = capsys.readouterr()
    assert "step 2: expect 'write over' was not seen within 0.001 s" in err and '"verdict": "new-app-runs"' in out


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({}, "step 1: a step has one of wait, send, press, expect, expect-pin, pin"),
        ({"wait": 5}, "step 1: wait is a text, not 5"),
        ({"wait": ""}, "step 1: wait is a text, not ''"),
        ({"send": "x", "within": "1 s"}, "step 1: 'send' takes no 'within'; it takes console"),
        ({"pin": "26"}, "step 1: pin is a number, not '26'"),
        ({"pin": 26, "level": 2}, "step 1: a level is 0 or 1, or 'open' for a pin that is let go, not 2"),
        ({"press": 9, "time": "soon"}, "step 1: 'soon' is no time such as"),
        ({"expect": "x", "within": True}, "step 1: True is no time such as"),
        ({"send": "x", "console": 3}, "step 1: the consoles are UART 1 and 2, there is no 3"),
        ("wait", "step 1: each step is a table"),
    ],
)
def test_a_step_that_cannot_be_is_one_line(step, said):
    with pytest.raises(FaultError, match="^" + said):
        scenario.from_toml({"step": [step]})


def test_what_a_boot_has_not_is_refused(written, capsys):
    assert run("--scenario", written('faults = ["wrong-key@1s"]\n')) == 2
    assert "faults and [expect] are for an update: bk7238 ota" in capsys.readouterr().err
    assert run("--scenario", written("[[step]]\npin = 99\nlevel = 1\n")) == 2
    assert "step 1: pins are P0 to P31, there is no P99" in capsys.readouterr().err
