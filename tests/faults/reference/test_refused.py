"""Arguments that cannot be are refused in one line before anything runs; faults that come together."""

import pytest
from images import update_package

from bk7238 import resources
from bk7238.cli import main
from bk7238.faults import all_kinds, parse
from bk7238.faults.fault import make
from bk7238.update.verdict import Verdict

WAITS, NEW = Verdict.DEVICE_WAITS, Verdict.NEW_APP_RUNS
REFUSED = {
    "flash-stuck-bit:at=0x10000000": "the flash has 0x200000 bytes",
    "flash-stuck-bit:at=0x10000000@25%": "the flash has 0x200000 bytes",
    "deauthenticate:reason=99999@1s": "reason goes from 0 to 65535",
    "deauthenticate:reason=-1@50%": "reason goes from 0 to 65535",
    "package-size:raw=99999999999": "does not fit",
    "package-size:body=4294967295": "does not fit",
    "package-too-large:size=99999999999999": "size goes up to",
    "http-wrong-file:size=99999999999999": "size goes from 0 to",
    "http-wrong-file:size=-5": "size goes from 0 to",
    "http-truncated:100%": "is not cut short",
    "http-redirect:/日本": "printable ASCII",
    "http-redirect:/a b": "printable ASCII",
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_is_refused_in_one_line(fault, capsys):
    paths = [str(resources.reference() / name) for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl")]
    assert main(["ota", *paths, "--fault", fault]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"bk7238: fault {fault!r}: ") and REFUSED[fault] in said and said.count("\n") == 1


@pytest.mark.parametrize("moment", ["99999999B", "flash-op=99999"])
def test_a_moment_beyond_the_end_never_comes(dut, moment):
    dut.configure(faults=[f"power-cut@{moment}"])
    result = dut.verdict()
    assert (result.verdict, result.silent) == (NEW, [f"power-cut@{moment}"])


@pytest.mark.parametrize("moment", ["100%", f"{len(update_package().data)}B"])
def test_the_last_byte_is_a_moment(dut, moment):
    dut.fault(f"power-cut@{moment}")
    assert dut.verdict().silent == []


@pytest.mark.parametrize(
    ("faults", "silent"),
    [
        (("power-cut:after@flash-op=100", "power-cut@flash-op=100"), ["power-cut@flash-op=100"]),
        (("power-cut@flash-op=1", "brown-out@flash-op=1"), ["brown-out@flash-op=1"]),
    ],
)
def test_the_power_goes_once_around_an_operation(dut, faults, silent):
    dut.configure(faults=faults, delivered=True)
    result = dut.verdict()
    assert (result.verdict, result.silent, result.faults[0]["fired"]) == (NEW, silent, 1)


def test_who_is_gone_for_ever_is_not_brought_back_by_another(dut):
    dut.configure(faults=["ap-gone@1.14s", "ap-gone:5s@1.15s"])
    result = dut.verdict()
    assert (result.verdict, [one["fired"] for one in result.faults]) == (WAITS, [1, 1])


@pytest.mark.parametrize("psk", ["aaaaaaay", "a1" * 32])
def test_two_wrong_keys_are_not_a_right_one(dut, psk):
    dut.configure(faults=["wrong-key", "wrong-key"], psk=psk)
    result = dut.verdict()
    assert (result.verdict, result.silent) == (WAITS, [])


def test_a_key_that_was_wrong_before_is_not_the_faults_doing(dut):
    dut.configure(faults=["wrong-key@50%"], psk="aaaaaaaaa", ap_psk="bbbbbbbbb")
    result = dut.verdict()
    assert (result.verdict, result.silent) == (WAITS, ["wrong-key@50%"])


def frame(number, kind=0x08):
    """A frame of 40 bytes; data unless told otherwise."""
    return bytes((kind, 0)) + bytes(37) + bytes((number,))


def passed(spec, frames, lasts=lambda _now: True):
    """What a fault of frames lets through, each frame a millisecond after the other."""
    fault = make(parse(spec), all_kinds(), "0")
    fault.lasts = lasts
    through = []
    for now, one in enumerate(frames):
        left = fault._filter(one, now, 6, False)
        through += left if isinstance(left, list) else [left] if left is not None else []
    return fault, [one[-1] for one in through]


@pytest.mark.parametrize(
    ("frames", "lasts", "order", "fired"),
    [
        ([frame(number) for number in range(1, 7)], lambda _now: True, [2, 1, 4, 3, 6, 5], 3),
        ([frame(number) for number in range(1, 7)], lambda now: now < 3, [2, 1, 4, 3, 5, 6], 2),
        ([frame(1), frame(2, 0x80), frame(3)], lambda _now: True, [2, 1], 2),
    ],
)
def test_a_frame_is_overtaken_by_the_next_one(frames, lasts, order, fired):
    """Whatever that is, and also where the fault is over; none is lost but one that nothing follows."""
    fault, through = passed("frame-reorder:100%,data", frames, lasts)
    assert (through, fault.count) == (order, fired)


def test_a_bit_of_a_short_frame_flips_behind_its_header():
    short, header = frame(1, 0xB0)[:30], frame(1, 0xB0)[:24]
    fault = make(parse("frame-corrupt:100%"), all_kinds(), "0")
    fault.lasts = lambda _now: True
    changed = fault._filter(short, 0, 6, True)
    assert changed != short and changed[:24] == short[:24] and fault.count == 1
    assert fault._filter(header, 1, 6, True) == header and fault.count == 1


@pytest.mark.parametrize(("keep", "left"), [("99.99%", 999), ("50%", 500), ("0%", 0)])
def test_a_truncated_file_is_shorter_than_it_was(keep, left):
    answer, what = make(parse(f"http-truncated:{keep}"), all_kinds(), "0").answer(bytes(1000))
    assert (len(answer.body), what) == (left, f"{left} of 1000 bytes")
