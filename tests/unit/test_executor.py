"""A machine goes on with the executor of one that is gone, and runs as on a new one."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import update_package
from test_engine import PLATFORM, arm

from bk7238 import resources
from bk7238.bench.settings import Settings
from bk7238.engine import executor
from bk7238.engine.repl import load
from bk7238.engine.unicorn import UnicornEngine
from bk7238.image import flash_image
from bk7238.update.session import Update

CODE = (
    0xE3A04501,  # mov r4, #0x400000
    0xEB0007FD,  # again: bl 0x2000
    0xEB000BFC,  # bl 0x3000
    0xE2845C01,  # add r5, r4, #0x100
    0xE1A0E00F,  # mov lr, pc
    0xE1A0F005,  # mov pc, r5
    0xE5840000,  # str r0, [r4]
    0xEAFFFFF8,  # b again
)
FUNCTIONS = (0x2000, 0x3000, 0x400100)
numbers, times = st.integers(0, 2), st.integers(0, 40)
changes = st.tuples(st.sampled_from(FUNCTIONS), numbers)  # which function adds another number from then on


def adds(number):
    return arm(0xE2800000 | number, 0xE12FFF1E)  # add r0, r0, #number; bx lr


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    description = tmp_path_factory.mktemp("executor") / "probe.repl"
    description.write_text(PLATFORM)
    return load(description)


@pytest.fixture(scope="module", autouse=True)
def young():
    """None is left of tests elsewhere, nor comes later, and what is made here is young: it is quickly collected."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def none_left():
    """None is left of other tests here."""
    gc.collect(1)
    executor._idle.clear()


def lived(platform, life):
    """What became of a machine whose functions add numbers, and when they are changed; None: before it runs."""
    engine = UnicornEngine(platform)
    engine.bus.write(0, arm(*CODE))
    for until, (function, number) in life:
        engine.bus.write(function, adds(number))
        if until is not None:
            engine.run(until)
    memories = [bytes(memory.bytes) for memory in engine.bus.memories]
    return engine.instructions, engine.register("r0"), engine.register("pc"), memories


@given(st.lists(st.tuples(numbers, numbers, numbers, st.lists(st.tuples(times, changes))), min_size=2, max_size=4))
def test_it_runs_as_on_a_new_one(platform, machines):
    lives = [[*((0, pair) for pair in zip(FUNCTIONS, begin, strict=True)), *more] for *begin, more in machines]
    alone = []
    for life in lives:
        executor._idle.clear()
        alone.append(lived(platform, life))
    gc.collect(1)
    executor._idle.clear()
    for life, end in zip(lives, alone, strict=True):
        assert lived(platform, life) == end
        gc.collect(1)
        assert len(executor._idle) == 1, "all on one"


def test_one_that_never_ran_leaves_what_the_one_before_has_translated(platform):
    lives = [(30, (0x2000, 1))], [(None, (0x2000, 2))], [(30, (0x2000, 2))]
    alone = lived(platform, lives[-1])
    gc.collect(1)
    executor._idle.clear()
    for life in lives:
        end = lived(platform, life)
        gc.collect(1)
        assert len(executor._idle) == 1
    assert end == alone


def test_what_a_debugger_was_in_is_for_no_other(platform):
    engine = UnicornEngine(platform)
    engine.stops.add_breakpoint(0x2000)
    del engine
    gc.collect(1)
    assert not executor._idle


def test_an_update_is_the_same_with_the_executor_of_another():
    """With all that the one before has translated, installed and left in RAM."""
    image = flash_image.read(resources.reference() / "reference_1.0.0.bin")
    digests = []
    for name in ("gzip", "lzma", "gzip"):
        update = Update(image, update_package(name), Settings())
        update.run()
        digests.append(update.machine.digest())
        del update
        gc.collect(1)
        assert len(executor._idle) == 1
    assert digests[0] == digests[2] != digests[1]


def test_few_wait(platform):
    engines = [UnicornEngine(platform) for _ in range(7)]
    del engines
    gc.collect(1)
    engine = UnicornEngine(platform)
    assert len(executor._idle) == 4 and engine.cpu.slice_address
