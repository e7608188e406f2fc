"""Durations on the air, against the sums of IEEE 802.11-2020."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import airtime
from bk7238.formats.airtime import HT_MIXED, Rate


@pytest.mark.parametrize(
    ("rate", "answer"),
    [
        (Rate.of_megabits(1), 10 + 192 + 112),
        (Rate.of_megabits(2), 10 + 192 + 56),
        (Rate(2), 10 + 192 + 21),  # 5.5 Mbit/s
        (Rate.of_megabits(11), 10 + 192 + 11),
        (Rate(3, long_preamble=False), 10 + 96 + 11),
        (Rate.of_megabits(6), 10 + 20 + 24 + 6),
        (Rate.of_megabits(9), 10 + 20 + 24 + 6),
        (Rate.of_megabits(12), 10 + 20 + 12 + 6),
        (Rate.of_megabits(18), 10 + 20 + 12 + 6),
        (Rate.of_megabits(24), 10 + 20 + 8 + 6),
        (Rate.of_megabits(54), 10 + 20 + 8 + 6),
        (Rate(0, HT_MIXED), 10 + 20 + 24 + 6),
        (Rate(7, HT_MIXED), 10 + 20 + 8 + 6),
    ],
)
def test_an_ack_ends_so_long_after_its_frame(rate, answer):
    assert airtime.answer_time(rate) == answer


def test_a_frame_for_a_group_has_no_ack():
    one, all_ = b"\x08\0\0\0" + bytes(20), b"\x08\0\0\0" + b"\xff" * 6 + bytes(14)
    rate = Rate.of_megabits(11)
    assert airtime.exchange_time(rate, all_) == airtime.frame_time(rate, 28)
    assert airtime.exchange_time(rate, one) == airtime.frame_time(rate, 28) + airtime.answer_time(rate)


def test_access_is_sifs_the_aifsn_and_half_the_window():
    assert airtime.access_time(slots=2, window=15) == 10 + 2 * 9 + 68


@given(st.sampled_from([1, 2, 11, 6, 9, 12, 18, 24, 36, 48, 54]))
def test_rates_are_named_in_two_units(megabits):
    rate = Rate.of_megabits(megabits)
    assert rate.half_megabits == 2 * megabits
    assert Rate.of_half_megabits(2 * megabits) == rate


@given(st.integers(0, 7))
def test_rates_with_ht_are_named_by_their_mcs(mcs):
    assert Rate.of_half_megabits(0x80 | mcs) == Rate(mcs, HT_MIXED)
    assert Rate(mcs, HT_MIXED).half_megabits == 0x80 | mcs
