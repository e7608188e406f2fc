"""The random number generator."""

from bk7238.peripherals.core import ResetKind
from bk7238.peripherals.random_numbers import RandomNumbers
from bk7238.testing.block import BlockBench, assert_reset_gives_fresh


def draw(block, count):
    block.write(0, 1)
    return [block.read(4) for _ in range(count)]


def test_every_read_is_a_new_number():
    block = BlockBench().make(RandomNumbers)
    numbers = draw(block, 100)
    assert len(set(numbers)) == 100
    assert any(number >> 31 for number in numbers) and all(number < 1 << 32 for number in numbers)
    block.write(0, 0)
    assert block.read(4) == block.read(4) == numbers[-1]


def test_the_seed_decides():
    first, again, other = BlockBench(seed=1), BlockBench(seed=1), BlockBench(seed=2)
    assert draw(first.make(RandomNumbers), 5) == draw(again.make(RandomNumbers), 5)
    assert draw(first.make(RandomNumbers), 5) != draw(other.make(RandomNumbers), 5)


def test_a_reset_does_not_repeat_the_numbers():
    block = BlockBench().make(RandomNumbers)
    before = draw(block, 3)
    block.reset(ResetKind.WATCHDOG)
    assert draw(block, 3) != before


def test_reset():
    assert_reset_gives_fresh(RandomNumbers, lambda _bench, block: draw(block, 1))
