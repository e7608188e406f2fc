"""A suite for the console of a device on a serial port, written for pytest-embedded."""

import re

import pytest

pytestmark = pytest.mark.bk7238(update=False, profile="none")  # to pytest-embedded it says nothing


@pytest.fixture(autouse=True)
def prompt(dut):
    dut.expect_exact("[THD]cli", timeout=10)


def test_the_version(dut):
    dut.write("version\r\n")
    version = dut.expect(r"reference app, version (\d+\.\d+\.\d+)", timeout=5)
    assert version.group(1).decode() == "1.0.0"


@pytest.mark.parametrize("pattern", [rb"version \d", re.compile(rb"version \d"), re.compile(r"version \d")])
def test_patterns(dut, pattern):
    dut.write(b"version\r\n")
    assert dut.expect(pattern, timeout=5).group() == b"version 1"


def test_one_of_several(dut):
    dut.write("no-such-thing\r\n")
    found = dut.expect([r"reference app, version", re.compile(rb"command '([\w-]+)' not found")], timeout=5)
    assert found.group(1) == b"no-such-thing"


def test_all_of_several(dut):
    dut.write("help\r\n")
    found = dut.expect_exact(["reboot", "http_ota <url>"], timeout=5, expect_all=True)
    assert sorted(found) == [b"http_ota <url>", b"reboot"]


def test_what_comes_before(dut):
    dut.write("version\r\n")
    dut.write("time\r\n")
    before = dut.expect(r"\d+ ms", timeout=5, return_what_before_match=True, not_matching=["not found"])
    assert b"reference app" in before


def test_what_does_not_come(dut):
    with pytest.raises(Exception, match="never printed"):
        dut.expect("never printed", timeout=0.5)


def test_it_starts_again(dut):
    dut.write("reboot\r\n")
    dut.expect_exact("wdt reboot", timeout=5)
    dut.expect_exact("[THD]cli", timeout=10)
