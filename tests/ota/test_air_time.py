"""In a whole run no frame begins before the exchange before it has ended, to the end of its ACK."""

from __future__ import annotations

import pytest
from images import GZIP, LZMA, VENDOR

from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.airtime import Rate
from bk7238.testing import Dut


def overlaps(dut: Dut) -> list[str]:
    """Frames of an update that begin before the ACK to the frame before them has ended."""
    found: list[str] = []
    free: dict[int, int] = {}
    counts = [0, 0]

    def record(time: int, frame: bytes, channel: int, from_device: bool, rate: int | None, *_: object) -> None:
        modulation = dut.machine.board.wifi.tx.rate if from_device else Rate.of_half_megabits(rate or 0)
        assert modulation is not None and modulation.half_megabits == rate
        counts[from_device] += 1
        began = time - airtime.frame_time(modulation, len(frame) + dot11.FCS)
        if began < free.get(channel, 0):
            found.append(f"{frame[:24].hex()} at {began} us, {free[channel] - began} us too early")
        free[channel] = began + airtime.exchange_time(modulation, frame)

    dut.bench.air.on_record.connect(record)
    dut.expect_verdict("new-app-runs")
    assert min(counts) > 20
    return found


@pytest.mark.full
@pytest.mark.parametrize("psk", [None, "correct horse"])
@pytest.mark.parametrize("ht", [False, True])
def test_no_frame_begins_before_the_ack_before_it_has_ended(dut, psk, ht):
    dut.configure(psk=psk, ht=ht)
    assert overlaps(dut) == []


@VENDOR
@pytest.mark.full
@pytest.mark.parametrize(("name", "psk"), [(GZIP, None), (LZMA, "correct horse")])
def test_no_frame_begins_before_the_ack_before_it_has_ended_on_the_vendors_firmware(make_dut, name, psk):
    assert overlaps(make_dut(package=name, psk=psk)) == []
