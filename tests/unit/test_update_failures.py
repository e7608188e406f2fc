"""What counts as the same failure again, and what makes it good."""

from types import SimpleNamespace

import pytest
from images import image

from bk7238 import Settings
from bk7238.air import events as air
from bk7238.network import events
from bk7238.network.http_head import Head
from bk7238.update import boots
from bk7238.update.failures import ONE_ATTEMPT, TRIES, Failure, Failures, Stage
from bk7238.update.joining import Joining
from bk7238.update.trouble import Trouble

DEVICE, SERVER = "192.168.77.50", "192.168.77.1"


class Attempts:
    """Failures of a machine whose time the test makes, with faults that fire when it says so."""

    def __init__(self):
        self.machine = SimpleNamespace(now=0)
        self.fired, self.full = -1, 0
        self.failures = Failures(self.machine, lambda since: self.fired > since, self._end)

    def _end(self):
        self.full += 1

    def fail(self, kind="a", after=10_000_000, **fields):
        self.machine.now += after
        return self.failures.note(Failure(kind, f"{kind} failed", Stage.LOADING, **fields))

    def fire(self):
        self.machine.now += 1
        self.fired = self.machine.now


def test_three_of_one_kind_are_an_end():
    bench = Attempts()
    for kind in "abab":
        bench.fail(kind)
    assert (bench.full, bench.failures.cause()) == (0, "a failed (2 times)")
    bench.fail("b")
    assert (bench.full, bench.failures.cause()) == (1, f"b failed ({TRIES} times)")


@pytest.mark.parametrize(("stage", "left"), [(Stage.CONNECTING, "a failed (2 times)"), (Stage.LOADING, "")])
def test_who_comes_further_begins_anew(stage, left):
    bench = Attempts()
    bench.fail()
    bench.fail()
    bench.failures.made_good(stage)
    assert bench.failures.cause() == left


def test_a_fault_that_passes_excuses_one_failure():
    bench = Attempts()
    for _ in range(4):
        bench.fire()
        assert bench.fail(), "the device begins anew"
    assert (bench.full, bench.failures.cause()) == (0, "a failed")
    assert [bench.fail() for _ in range(TRIES)] == [False] * TRIES
    assert bench.full == 1


def test_what_a_device_does_after_an_excused_failure_is_excused_too():
    """Its connection is closed by a fault before a byte has come; it takes that for the whole, and restarts."""
    bench = Attempts()
    for port in range(6):
        bench.failures.begins(port)
        bench.fire()
        assert bench.fail("broke off", attempt=port)
        assert bench.fail("restart", follows=True) and bench.fail("boot loader", follows=True)
    assert bench.full == 0
    for port in range(3):
        bench.failures.begins(port)
        assert not bench.fail("restart", follows=True)
    assert bench.full == 1


def test_one_attempt_fails_once():
    bench = Attempts()
    for _ in range(5):
        bench.fail("refused", attempt=50_000)
        bench.fail("broke", attempt=50_000)
    assert bench.failures.cause() == "refused failed"
    for count in (2, 3):
        bench.failures.begins(50_000) if count == 2 else bench.failures.restarted()
        bench.fail("refused", attempt=50_000)
    assert bench.full == 1


def test_questions_close_to_each_other_are_one_attempt():
    bench = Attempts()
    for _ in range(9):
        bench.fail("arp", after=ONE_ATTEMPT - 1, repeats=True)
    assert bench.failures.cause() == "arp failed"
    for _ in range(2):
        bench.fail("arp", after=ONE_ATTEMPT, repeats=True)
    assert bench.full == 1


def test_what_does_not_count_is_told_where_nothing_else_is_known():
    bench = Attempts()
    for _ in range(9):
        bench.fail("time", counts=False)
    assert (bench.full, bench.failures.cause()) == (0, "time failed")
    bench.fail("a")
    assert bench.failures.cause() == "a failed"


def asked(path="/x", status=200, head=None, method="GET"):
    return events.HttpRequested(0, DEVICE, method, path, SERVER, status, 50_000, f"{SERVER}:80", head)


def refused(port, protocol="tcp", destination=SERVER):
    return events.Refused(0, DEVICE, destination, protocol, port, "reset", 50_000)


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (refused(8000), True),
        (refused(80), True),
        (refused(1883), False),
        (refused(8000, destination="192.168.77.9"), False),
        (refused(None, "arp"), True),
        (refused(None, "arp", "192.168.77.9"), False),
        (refused(123, "udp"), False),
        (events.NameAsked(0, DEVICE, "broker.example", "A", ""), False),
        (asked(status=404), True),
        (asked(status=0), True),
        (asked(status=405, method="POST"), False),
    ],
)
def test_what_concerns_the_update_counts(event, counts):
    assert Trouble(f"http://{SERVER}:8000/x").failure(event).counts is counts


def test_a_name_leads_to_an_address():
    trouble = Trouble("http://OTA.example/x")
    assert trouble.failure(events.NameAsked(0, DEVICE, "ota.example", "A", "10.0.0.9")) is None
    assert trouble.failure(refused(80, destination="10.0.0.9")).counts
    assert trouble.failure(events.NameAsked(0, DEVICE, "ota.example", "AAAA", "")) is None
    assert trouble.failure(events.NameAsked(0, DEVICE, "Ota.Example", "A", "")).counts


def test_the_same_file_again_is_a_failure_and_another_file_is_none():
    trouble = Trouble(f"http://{SERVER}/x")
    head = Head(200, "text/html", 5000, "Content-Length")
    assert trouble.failure(asked(head=head)) is None
    assert trouble.failure(asked("/y", head=head)) is None
    assert "had answered 200, text/html of 5,000 bytes" in trouble.failure(asked("/y", head=head)).text
    assert trouble.answer == head


@pytest.mark.parametrize(("apart", "failures"), [(1.5, 0), (7, 2)])
def test_who_finds_its_network_and_scans_on(apart, failures):
    """A second scan before it joins is no failure; scans alone are."""
    joining, told = Joining(), []
    for scan in range(3):
        time = round(scan * apart * 1e6)
        for channel in range(1, 14):
            kind = air.ProbeSeen if channel == 6 else air.ProbeUnanswered
            told.append(joining.failure(kind(time + channel * 100_000, "02:00:00:00:00:01", b"Bench", channel)))
    said = [line for line in told if line]
    assert len(said) == failures and all("does not try to join it" in line for line in said)


def test_who_tries_at_last_has_tried():
    """For some seconds a device makes a key of its passphrase, between two scans and its first authentication."""
    device = boots.made(image(), None, Settings())
    station, bssid = "02:00:00:00:00:01", "02:00:00:00:00:02"
    for time in (0, 7_000_000):
        device.air.on_event(air.ProbeSeen(time, station, b"Bench", 6))
    assert "does not try to join it" in device.failure
    device.air.on_event(air.StationAuthenticated(8_000_000, bssid, station))
    assert not device.failure
