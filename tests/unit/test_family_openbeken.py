"""OpenBeken's configuration: what it is told, and what it shows that it has forgotten it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import chip
from bk7238.air import events as air
from bk7238.families.family import Instructions
from bk7238.families.openbeken import CONFIG_SIZE, OpenBeken
from bk7238.image.flash_view import FlashView
from bk7238.network.events import HttpRequested, LeaseGranted
from bk7238.peripherals.core import Signal

TOLD = Instructions(b"Bench", "a passphrase", "http://192.168.77.1/app.rbl")


def flash(block):
    return FlashView(chip.usual(), bytes(0x1E1000) + block.ljust(0x1000, b"\xff"))


def configured(before=b"", told=TOLD):
    (block,) = OpenBeken().configure(flash(before), told).values()
    return bytearray(block)


def test_what_it_was_told_it_knows():
    block = configured()
    assert len(block) == CONFIG_SIZE and block[0x14:0x19] == b"Bench" and block[0x54:0x60] == b"a passphrase"
    assert OpenBeken().forgotten(flash(block)) == ""


def test_settings_of_its_own_are_kept():
    block = configured()
    block[0x200] = 0x55
    assert configured(block)[0x200] == 0, "this block does not hold: its CRC is another's"
    other = configured(configured(), Instructions(b"Elsewhere", "", None))
    assert other[0x14:0x1D] == b"Elsewhere" and other[0x5E0] == 0


@given(st.integers(4, CONFIG_SIZE - 1), st.integers(1, 255))
def test_a_block_that_does_not_hold_is_lost(at, change):
    block = configured()
    block[at] ^= change
    if 4 <= at < 8:
        assert OpenBeken().forgotten(flash(block)) == "", "of another version nothing is known"
    else:
        assert "0x1e1000 is lost (its CRC does not match)" in OpenBeken().forgotten(flash(block))


@pytest.mark.parametrize(
    ("block", "lost"),
    [
        (b"\xff" * CONFIG_SIZE, "it does not begin with CFG"),
        (bytes(configured())[:2] + bytes(CONFIG_SIZE), "it does not begin with CFG"),
        (bytes(configured(told=Instructions(b"", "", None))), "it holds the defaults"),
    ],
)
def test_a_block_that_is_gone_is_lost(block, lost):
    assert lost in OpenBeken().forgotten(flash(block))


@pytest.mark.parametrize(("told", "match"), [(Instructions(b"x" * 64, "", None), "SSID is 64 bytes")])
def test_what_it_cannot_be_told(told, match):
    with pytest.raises(ValueError, match=match):
        configured(told=told)


class Device:
    """A machine and an air that only tell what happens."""

    def __init__(self):
        self.engine, self.on_reset, self.on_event = self, Signal(), Signal()
        self.chip = chip.usual()
        self.flash = self.chip.smallest


def test_what_it_was_to_do_and_has_not_done():
    device = Device()
    configured_device = OpenBeken().attach(device, device, TOLD)
    nothing = 'it did not look for "Bench", which its configuration at 0x1e1000 names'
    assert configured_device.missing() == nothing
    device.on_event(air.ProbeSeen(0, "02:00:00:00:00:01", b"", 6))
    device.on_event(air.ProbeUnanswered(0, "02:00:00:00:00:01", b"Elsewhere", 6))
    assert configured_device.missing() == nothing
    device.on_event(air.ProbeUnanswered(0, "02:00:00:00:00:01", b"Bench", 6))
    assert configured_device.missing() == ""
    device.on_event(LeaseGranted(0, "02:00:00:00:00:01", "192.168.77.50", False))
    command = "addEventHandler WiFiState 4 ota_http http://192.168.77.1/app.rbl"
    assert configured_device.missing() == f"its start-up command `{command}` led to no request"
    device.on_event(HttpRequested(0, "192.168.77.50", "GET", "/app.rbl", "192.168.77.1", 200))
    assert configured_device.missing() == ""
    device.on_reset(None)
    assert configured_device.missing() == nothing


def test_without_an_update_no_request_is_waited_for():
    device = Device()
    configured_device = OpenBeken().attach(device, device, Instructions(b"Bench", "", None))
    device.on_event(LeaseGranted(0, "02:00:00:00:00:01", "192.168.77.50", False))
    assert configured_device.missing() == ""
