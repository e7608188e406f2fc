"""Hostile packages: the reference boot loader starts the old app, and has written nothing."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import built
from images import image as reference
from long_run import examples

from bk7238.bench.settings import Settings
from bk7238.testing import Dut
from boot.reference import STARTED, boot, image, installed, repacked

PACKAGES = [built(f"reference_1.0.1_{kind}_aes.rbl") for kind in ("none", "gzip", "lzma")]
WORD = st.integers(0, 0xFFFFFFFF)
SIZES = (0, 1, 15, 16, 31, 32, 96, 127, 128, 0x1000, 0xADF90, 0xADFA0, 0xAE000, 0x10FFA0, 0x10FFA1, 0x110000)
EDGES = st.sampled_from([*SIZES, 0x7FFFFFFF, 0x80000000, 0xFFFFFF90, 0xFFFFFFF0, 0xFFFFFFFF])
TEXT = st.sampled_from(["app", "bootloader", "download", "foo", "", "app\0x", "a" * 24, "\x01\xff%s%n"])

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "magic": st.binary(min_size=4, max_size=4),
        "algorithm": st.one_of(st.sampled_from([0, 1, 2, 3, 0x100, 0x102, 0x202, 0x302, 0x402, 0x502, 0xFF02]), WORD),
        "partition": TEXT,
        "version": TEXT,
        "body_crc": WORD,
        "raw_hash": WORD,
        "raw_size": st.one_of(EDGES, WORD, st.integers(0, 0x8000)),
        "body_size": st.one_of(EDGES, WORD, st.integers(0, 0x800).map(lambda blocks: 16 * blocks)),
    },
)


@pytest.fixture(scope="module")
def device():
    return Dut(reference(), None, Settings(profile="none"))


@settings(examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(package=st.sampled_from(PACKAGES), fields=FIELDS, damage=st.integers(0, 3), seed=st.integers(0, 2**32))
def test_a_hostile_package(device, package, fields, damage, seed):
    rng = random.Random(seed)
    body = bytearray(package[96:])
    for _ in range(damage):
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    hostile = repacked(package, bytes(body) if damage else None, **fields)
    before = image(hostile)
    ended, printed = boot(device, before)
    assert ended == STARTED, printed
    went_in = any("erase success" in line for line in printed)
    assert bytes(device.machine.flash.data) == (installed(before) if went_in else bytes(before)), printed
