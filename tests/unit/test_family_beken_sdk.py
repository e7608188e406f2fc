"""The profile for Beken's SDK at a scripted console: what it types, when, and how often."""

import pytest

from bk7238.families.beken_sdk import KEYSTROKE, BekenSdk
from bk7238.families.family import Instructions
from bk7238.network.events import LeaseGranted
from bk7238.peripherals.core import Signal
from bk7238.testing.block import BenchClock

URL = "http://192.168.77.1/new.rbl"


class ScriptedClock(BenchClock):
    def run(self, until):
        self.advance(until - self.now)


class ScriptedConsole:
    def __init__(self, clock):
        self.clock, self.typed, self.on_line = clock, [], Signal()

    def send(self, data):
        self.typed.append((self.clock.now, data))

    def say(self, line):
        self.on_line(line)

    @property
    def lines(self):
        return b"".join(data for _, data in self.typed).split(b"\r")[:-1]


class ScriptedMachine:
    def __init__(self):
        self.clock = ScriptedClock()
        self.uart1, self.uart2 = ScriptedConsole(self.clock), ScriptedConsole(self.clock)
        self.engine = self
        self.on_reset, self.on_event = Signal(), Signal()

    def lease(self):
        self.on_event(LeaseGranted(self.clock.now, "02:00:00:00:00:01", "192.168.77.50", False))

    def reset(self):
        self.on_reset(None)


@pytest.fixture
def machine():
    return ScriptedMachine()


def attach(machine, ssid=b"Bench", passphrase="", url=URL):
    return BekenSdk().attach(machine, machine, Instructions(ssid, passphrase, url))


def test_it_waits_for_the_console_and_types_one_character_per_2_ms(machine):
    attach(machine)
    machine.clock.run(5_000_000)
    assert machine.uart1.typed == machine.uart2.typed == []
    machine.uart2.say("[THD]cli:[tid]7-[tcb]416ad8")
    machine.uart2.say("sta_Command")
    machine.clock.run(6_000_000)
    assert machine.uart1.typed == []
    assert machine.uart2.lines == [b"sta Bench"]
    times = [time for time, _ in machine.uart2.typed]
    assert {after - before for before, after in zip(times, times[1:], strict=False)} == {KEYSTROKE}
    assert all(len(data) == 1 for _, data in machine.uart2.typed)


def test_the_whole_conversation(machine):
    attach(machine, passphrase="correct horse")
    machine.uart1.say("[THD]cli")
    machine.clock.run(1_000_000)
    machine.uart1.say("sta_Command")
    machine.clock.run(10_000_000)
    machine.uart1.say("IP up: 192.168.77.50")
    machine.clock.run(11_000_000)
    assert machine.uart1.lines == [b"sta Bench correct\\ horse", b"http_ota " + URL.encode()]
    for answer in ("ota write to 0x132000", "write over", "sucess."):
        machine.uart1.say(answer)
    machine.reset()
    machine.uart1.say("[THD]cli")
    machine.uart1.say("sta_Command")
    machine.clock.run(12_000_000)
    machine.lease()
    machine.clock.run(60_000_000)
    assert machine.uart1.lines[2:] == [b"sta Bench correct\\ horse"], "the updated device is not updated again"


def test_a_lease_counts_as_much_as_the_devices_word(machine):
    attach(machine)
    machine.uart1.say("[THD]cli")
    machine.uart1.say("sta_Command")
    machine.lease()
    machine.uart1.say("IP up: 192.168.77.50")
    machine.clock.run(5_000_000)
    assert machine.uart1.lines.count(b"http_ota " + URL.encode()) == 1


def test_characters_that_were_lost_are_typed_again_three_times_at_most(machine):
    attach(machine)
    machine.uart1.say("[THD]cli")
    machine.clock.run(60_000_000)
    assert machine.uart1.lines == [b"sta Bench"] * 3


def test_a_download_that_fails_is_asked_for_three_times_at_most(machine):
    typist = attach(machine)
    machine.uart1.say("[THD]cli")
    machine.uart1.say("sta_Command")
    machine.lease()
    for _ in range(5):
        machine.clock.run(machine.clock.now + 10_000_000)
        machine.uart1.say("http_ota download failed.")
    machine.clock.run(machine.clock.now + 10_000_000)
    assert machine.uart1.lines.count(b"http_ota " + URL.encode()) == 3
    machine.uart1.say("ota write to 0x132000")
    assert typist.missing() == "the app said `http_ota download failed`, 5 times"


def test_a_download_that_failed_without_the_network_is_asked_for_once_it_is_back(machine):
    attach(machine)
    machine.uart1.say("[THD]cli")
    machine.uart1.say("sta_Command")
    machine.lease()
    machine.clock.run(2_000_000)
    machine.uart1.say("http_ota download failed.")
    machine.clock.run(5_000_000)
    assert machine.uart1.lines.count(b"http_ota " + URL.encode()) == 1
    machine.uart1.say("IP up: 192.168.77.50")
    machine.lease()
    machine.clock.run(60_000_000)
    assert machine.uart1.lines.count(b"http_ota " + URL.encode()) == 2


def test_what_was_being_typed_ends_with_a_reset(machine):
    attach(machine)
    machine.uart1.say("[THD]cli")
    machine.clock.run(104_000)
    typed = len(machine.uart1.typed)
    assert 0 < typed < 10
    machine.reset()
    machine.clock.run(10_000_000)
    assert len(machine.uart1.typed) == typed


def test_without_a_url_the_device_only_joins(machine):
    attach(machine, url=None)
    machine.uart1.say("[THD]cli")
    machine.uart1.say("sta_Command")
    machine.lease()
    machine.clock.run(10_000_000)
    assert machine.uart1.lines == [b"sta Bench"]


@pytest.mark.parametrize(
    ("ssid", "passphrase", "url", "words"),
    [
        (b"bell\x07", "", URL, "control characters"),
        (b"ends with \\", "", URL, "backslash"),
        (b'\\" ', "", URL, "backslash"),
        (b" " * 32, '"' * 63, URL, "takes 128 characters"),
        (b"Bench", "", "http://192.168.77.1/" + "long" * 16, "paths of up to 63 characters"),
        (b"Bench", "", "http://192.168.77.1/" + "%20" * 21, "paths of up to 63 characters"),
        (b"Bench", "", "http://192.168.77.1/a?" + "b" * 61, "paths of up to 63 characters"),
        (b"Bench", "", "http://" + "h" * 64 + "/a", "host names of up to 63 characters"),
        (b"Bench", "", "http://" + "h" * 60 + "/" + "p" * 60, "takes 128 characters"),
    ],
)
def test_what_cannot_be_typed_is_refused_before_the_start(ssid, passphrase, url, words):
    with pytest.raises(ValueError, match=words):
        BekenSdk().configure(b"", Instructions(ssid, passphrase, url))


# The console


@pytest.mark.parametrize("line", ["[THD]cli", "[THD]cli:[tcb]416ad8 [stack]415ad0-416ad0", "xtal in flash[THD]cli:"])
def test_the_line_of_the_consoles_thread(machine, line):
    attach(machine)
    machine.uart2.say("[THD]client:[tcb]416ad8")
    machine.uart2.say("[THD]clip")
    machine.clock.run(3_000_000)
    assert machine.uart2.typed == []
    machine.uart2.say(line)
    machine.uart2.say("sta_Command")
    machine.clock.run(4_000_000)
    assert machine.uart2.lines == [b"sta Bench"]


@pytest.mark.parametrize("prompt", ["$ ", "# ", "$ [sa_sta]another thread prints meanwhile"])
def test_a_console_without_such_a_line_is_asked_for_its_prompt(machine, prompt):
    attach(machine)
    machine.uart1.say(prompt)
    machine.uart1.say("SDK Rev: 3.0.78 1e0e16e")
    machine.uart1.say("chip id=7238 device id=22068000")
    machine.clock.run(4_900_000)
    assert machine.uart1.typed == [], "it has time to say that it is ready"
    machine.clock.run(6_000_000)
    assert machine.uart1.lines == [b"", b""] and machine.uart2.typed == [], "the UART of the banner"
    machine.uart1.say(prompt)
    machine.clock.run(7_000_000)
    machine.uart1.say("sta_Command")
    machine.lease()
    machine.clock.run(9_000_000)
    assert machine.uart1.lines[2:] == [b"sta Bench", b"http_ota " + URL.encode()]


def test_a_console_that_has_said_that_it_is_ready_is_not_asked(machine):
    attach(machine)
    machine.uart1.say("SDK Rev: 3.0.70")
    machine.uart1.say("[THD]cli:[tcb]416ad8")
    machine.uart1.say("sta_Command")
    machine.clock.run(60_000_000)
    assert machine.uart1.lines == [b"sta Bench"]


# What was waited for in vain


def test_a_console_that_does_not_come(machine):
    typist = attach(machine)
    assert "no line `[THD]cli`, so nothing was typed" in typist.missing()
    machine.uart1.say("SDK Rev: 3.0.78 1e0e16e")
    machine.clock.run(60_000_000)
    assert machine.uart1.lines == [b""] * 2 * 3
    assert typist.missing() == (
        "no console came, that is no line `[THD]cli` and no prompt when return was typed, so nothing was typed: it was "
        "not told to join"
    )


def test_answers_that_do_not_come(machine):
    typist = attach(machine)
    machine.uart1.say("[THD]cli")
    machine.clock.run(60_000_000)
    assert typist.missing() == "`sta` was typed (3 of at most 3 times); the console did not answer `sta_Command`"
    machine.uart1.say("command 'sta' not found")
    assert "`sta` was typed" in typist.missing() and "answers \"command 'sta' not found\"" in typist.missing()
    machine.uart1.say("sta_Command")
    assert typist.missing() == ""
    machine.lease()
    machine.clock.run(61_000_000)
    assert "`http_ota` was typed (1 of at most 3 times)" in typist.missing()
    machine.uart1.say("command 'http_ota http://192.168.77.1/new.rbl' not found")
    assert "the console answers \"command 'http_ota" in typist.missing()
    for answer, following in (("ota write to 0x132000", "write over"), ("write over", "sucess."), ("sucess.", "")):
        machine.uart1.say(answer)
        assert (f"and then not `{following}`" in typist.missing()) if following else not typist.missing()
    machine.reset()
    assert "no console came" in typist.missing()


@pytest.mark.parametrize(
    ("line", "group", "version"),
    [
        ("SDK Rev: 3.0.78 1e0e16e", "sdk", "3.0.78"),
        ("SDK Rev: 3.0.65", "sdk", "3.0.65"),
        ("reference app, version 1.0.1", "version", "1.0.1"),
    ],
)
def test_the_banner(line, group, version):
    found = BekenSdk().banner.search(line).groupdict()
    assert {name: text for name, text in found.items() if text} == {group: version}
