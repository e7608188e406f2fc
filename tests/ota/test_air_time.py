"""In a whole run no frame begins before the exchange before it has ended, to the end of its ACK."""

from __future__ import annotations

from pathlib import Path

import pytest
from images import FULL, GZIP, LZMA, vendor

from bk7238 import resources
from bk7238.formats import airtime
from bk7238.formats import ieee80211 as dot11
from bk7238.formats.airtime import Rate
from bk7238.image import flash_image, package
from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update

REFERENCE = resources.reference()


def overlaps(image: Path, rbl: Path, **options) -> tuple[list[str], int]:
    """Frames that begin before the ACK to the frame before them has ended, and the number of all frames."""
    update = Update(flash_image.read(image), package.read(rbl), Settings(**options))
    found: list[str] = []
    free: dict[int, int] = {}
    counts = [0, 0]

    def record(time: int, frame: bytes, channel: int, from_device: bool, rate: int | None, rssi: int | None) -> None:
        modulation = update.machine.board.wifi.tx.rate if from_device else Rate.of_half_megabits(rate or 0)
        assert modulation is not None and modulation.half_megabits == rate
        counts[from_device] += 1
        began = time - airtime.frame_time(modulation, len(frame) + dot11.FCS)
        if began < free.get(channel, 0):
            found.append(f"{frame[:24].hex()} at {began} us, {free[channel] - began} us too early")
        free[channel] = began + airtime.exchange_time(modulation, frame)

    update.air.record(record)
    result = update.run()
    assert result.verdict is Verdict.NEW_APP_RUNS, result.reason
    assert min(counts) > 20
    return found, sum(counts)


@pytest.mark.parametrize("psk", [None, "correct horse"])
@pytest.mark.parametrize("ht", [False, True])
def test_no_frame_begins_before_the_ack_before_it_has_ended(psk, ht):
    image, rbl = REFERENCE / "reference_1.0.0.bin", REFERENCE / "reference_1.0.1_gzip_aes.rbl"
    found, _ = overlaps(image, rbl, psk=psk, ht=ht)
    assert found == []


@pytest.mark.full
@pytest.mark.parametrize(("name", "psk"), [(GZIP, None), (LZMA, "correct horse")])
def test_no_frame_begins_before_the_ack_before_it_has_ended_on_the_vendors_firmware(name, psk):
    found, _ = overlaps(vendor(FULL), vendor(name), psk=psk)
    assert found == []
