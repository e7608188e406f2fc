"""Whatever lies in memory where descriptors should be: the MAC says so, and neither raises nor hangs."""

from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from wifi_driver import AC2, AC3, DMA_CNTRL_SET, MY_ADDRESS, RAM, RAM_SIZE, WifiDriver, data_from_ap, data_to_ap

from bk7238.peripherals.core import ResetKind

addresses = st.one_of(
    st.integers(0, 0xFFFF_FFFF),
    st.integers(RAM + RAM_SIZE - 0x60, RAM + RAM_SIZE + 0x10),
    st.sampled_from([0, RAM, RAM + 0x1_0000, RAM + 0x1_0044, RAM + 0x1_0080, RAM + 0x1_0100]),
)
words = st.one_of(addresses, st.sampled_from([0xCAFE_BABE, 0xCAFE_FADE, 0xBADC_AB1E, 0xBAAD_F00D, 0xC0DE_DBAD]))
damage = st.lists(st.tuples(st.integers(0, 0x100), words), max_size=12)


def disturb(bench, places, changes):
    """Overwrite words in and around descriptors."""
    for index, word in changes:
        bench.bus.put(places[index % len(places)] + 4 * (index // len(places) % 17), word)


@examples(100)
@given(damage, damage)
def test_transmit(before, during):
    bench = WifiDriver()
    tbd = bench.tbd(data_to_ap(b"hello"))
    policy = bench.policy()
    thds = [bench.thd(first_tbd=tbd, policy=policy) for _ in range(3)]
    bench.bus.put(thds[0] + 4, thds[1])
    places = [*thds, tbd, policy]
    disturb(bench, places, before)
    bench.new_head(AC2, thds[0])
    bench.new_head(AC3, thds[2])
    bench.clock.advance(100)
    disturb(bench, places, during)
    bench.mac.write(DMA_CNTRL_SET, 0x1F)
    bench.clock.advance(10_000_000)
    assert len(bench.frames) <= 8
    assert not any(bench.mac.tx.waiting) and bench.mac.tx.exchange is None


@examples(100)
@given(damage, damage, addresses, addresses)
def test_receive(before, during, header, payload):
    bench = WifiDriver()
    bench.rings(headers=4, buffers=5)
    places = [*bench.rhds, *bench.rbds]
    disturb(bench, places, before)
    bench.hear(data_from_ap(bytes(700)))
    disturb(bench, places, during)
    bench.mac.write(DMA_CNTRL_SET, 3 << 24)
    for size in (10, 2_000, 0):
        bench.hear(data_from_ap(bytes(size)))
    bench.mac.write(0x81B8, header)
    bench.mac.write(0x81BC, payload)
    bench.mac.write(DMA_CNTRL_SET, 3 << 26)
    bench.hear(data_from_ap(b""))
    assert len(bench.mac.rings.waiting) <= 5


@examples(100)
@given(st.binary(max_size=80))
def test_noise_on_the_air(noise):
    bench = WifiDriver()
    bench.rings()
    bench.add_key(24, bytes.fromhex("02aabbccdd01"), cipher=3)
    bench.mac.write(0x60, 0x7FFF_FFDE)
    bench.hear(noise)
    bench.hear(b"\x08\x42\0\0" + MY_ADDRESS + noise)
    bench.hear(frame := data_from_ap(b"a sound one"))
    done = [rhd for rhd in bench.rhds[1:] if bench.rx_status(rhd) & 0x4000]
    assert bench.received(done[-1]) == frame, "reception goes on"


@examples(100)
@given(st.lists(st.tuples(st.integers(0, 0x23FF), st.integers(0, 0xFFFF_FFFF)), max_size=40))
def test_any_register_writes(writes):
    bench = WifiDriver()
    for register, value in writes:
        bench.mac.write(4 * register, value)
        assert 0 <= bench.mac.read(4 * register) <= 0xFFFF_FFFF
    bench.clock.advance(100_000)
    bench.mac.reset(ResetKind.POWER_ON)
    fresh = WifiDriver(started=False)
    assert bench.mac.snapshot()["registers"] == fresh.mac.snapshot()["registers"], "a power cycle mends it"


@examples(100)
@given(st.binary(min_size=10, max_size=2_000), st.integers(1, 5))
def test_what_is_received_is_what_was_on_the_air(body, times):
    bench = WifiDriver()
    bench.rings(headers=9, buffers=60, size=200)
    frame = data_from_ap(body)
    for index in range(1, times + 1):
        bench.hear(frame)
        assert bench.received(bench.rhds[index]) == frame
