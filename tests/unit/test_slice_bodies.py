"""All bodies of the slice functions do the same, to the last field: slice.c as machine code and its words in Python."""

import ctypes
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import aarch64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.engine import slice as slices
from bk7238.engine.slice import Attention, Page, Slice, machine_code
from bk7238.engine.slice.layout import BLOCKS, TlbEntry

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build-slice"

CPSR, PC, SP = 3, 11, 12
MODES, MASKS, THUMB = (0x10, 0x11, 0x12, 0x13, 0x1F), (0, 0x40, 0x80, 0xC0), (0, 0x20)
ADDRESSES = (0, 0x1000, 0x1002, 0x1004, 0x2_1000, 0x40_0000, 0xFFFF_FFFC)
OURS = [name for name, _ in Slice._fields_ if name not in ("uc", "pages", "blocks")]
OURS = [name for name in OURS if not name.startswith(("reg_", "emu_", "mem_"))]

POINTER, INT, U64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64
SERVED = {
    "reg_read": ctypes.CFUNCTYPE(INT, POINTER, INT, ctypes.POINTER(ctypes.c_uint32)),
    "reg_write": ctypes.CFUNCTYPE(INT, POINTER, INT, ctypes.POINTER(ctypes.c_uint32)),
    "emu_start": ctypes.CFUNCTYPE(INT, POINTER, U64, U64, U64, U64),
    "emu_stop": ctypes.CFUNCTYPE(INT, POINTER),
    "mem_read": ctypes.CFUNCTYPE(INT, POINTER, U64, POINTER, U64),
}


class Guest:
    """A slice and what it calls of Unicorn. `called` is what was called to any effect, and what with."""

    def __init__(self, functions):
        self._functions, self._pages, self.slice = functions, (ctypes.c_uint8 * slices.PAGES)(), Slice()
        self._served = {name: prototype(getattr(self, f"_{name}")) for name, prototype in SERVED.items()}
        self._at = ctypes.addressof(self.slice)

    def reset(self):
        """Begin anew, at the same addresses."""
        ctypes.memset(self._at, 0, ctypes.sizeof(Slice))
        ctypes.memset(self._pages, 0, slices.PAGES)
        self.slice.uc, self.slice.sink, self.slice.pages = 0x7FFF_1234_5678, 0xFFFF_F000, ctypes.addressof(self._pages)
        self.slice.budget, self.slice.pass_ = 100, 0x1000
        self._pages[0], self._pages[1], self._pages[0x400] = Page.MEMORY, Page.MEMORY | Page.WINDOW, Page.MEMORY
        for name, function in self._served.items():
            setattr(self.slice, name, ctypes.cast(function, POINTER).value)
        self.registers, self.called, self._course, self._error, self._stopped = {CPSR: 0xD3}, [], [], 0, False
        self._functions.forget(self._at, 0, 2 * BLOCKS)
        return self

    def act(self, what, *arguments):
        """What a function returned or filled in, if anything; `set`, `register` and `page` are done from without."""
        self.called.clear()
        if what == "set":
            setattr(self.slice, *arguments)
        elif what == "register":
            self.registers[arguments[0]] = arguments[1]
        elif what == "page":
            self._pages[arguments[0] >> 12] = arguments[1]
        elif what == "run":
            course, self._error = arguments
            self._course = list(course)
            return self._functions.run(self._at)
        elif what in ("enter", "forget"):
            getattr(self._functions, what)(self._at, *arguments)
        elif what == "on_tlb_fill":
            entry = TlbEntry()
            filled = self._hook(what, *arguments, ctypes.addressof(entry)) & 0xFF
            return filled, entry.address, entry.rights
        else:
            return self._hook(what, *arguments)
        return None

    @property
    def state(self):
        fields = {name: getattr(self.slice, name) for name in OURS}
        pages = [self._pages[address >> 12] for address in ADDRESSES]
        return fields, self.registers, self.called, pages, bytes(self.slice.blocks)

    def _hook(self, what, *arguments):
        return aarch64.PROTOTYPES[what](getattr(self._functions, what))(self.slice.uc, *arguments, self._at)

    def _reg_read(self, _uc, register, value):
        value[0] = self.registers.get(register, 0)
        return 0

    def _reg_write(self, uc, register, value):
        self.called.append(("write", uc, register, value[0]))
        self.registers[register] = value[0]
        return 0

    def _emu_start(self, *arguments):
        self.called.append(("start", *arguments))
        self._stopped = False
        while self._course and not self._stopped:
            pc, size = self._course.pop(0)
            self.registers[PC] = pc
            self._hook("on_block", pc, size)
        return self._error

    def _emu_stop(self, uc):
        self.called.append(("stop", uc))
        self._stopped = True
        return 0

    def _mem_read(self, uc, address, data, size):
        self.called.append(("memory", uc, address, size))
        ctypes.memset(data, address & 0xFF, size)
        return 0


BODIES = {"python": slices.InPython, "this host's": slices.functions, "aarch64": aarch64.functions}


@cache
def guest(body):
    return Guest(BODIES[body]())


def bits(kind):
    return st.sets(st.sampled_from(list(kind))).map(sum)


def step(what, *arguments):
    return st.tuples(st.just(what), *arguments)


addresses = st.sampled_from(ADDRESSES)
sizes = st.sampled_from([2, 4, 6, 8, 64])
words = st.integers(0, 0xFFFF_FFFF)
blocks = st.tuples(addresses, sizes)
status = st.tuples(st.sampled_from(MODES), st.sampled_from(MASKS), st.sampled_from(THUMB)).map(sum)
steps = st.one_of(
    step("set", st.just("budget"), st.integers(-1, 40)),
    step("set", st.just("target"), st.integers(0, 1 << 62)),
    step("set", st.just("idle_check"), st.integers(-1, 8)),
    step("set", st.just("attention"), bits(Attention)),
    step("set", st.just("pass_"), addresses),
    step("set", st.just("stop"), st.integers(0, 1)),
    step("set", st.just("lines"), st.integers(0, 3)),
    step("set", st.just("idle_stack"), st.sampled_from([0, 0x40_1000])),
    step("register", st.just(CPSR), status),
    step("register", st.just(SP), st.integers(-300, 300).map(lambda distance: 0x40_1000 + distance)),
    step("register", st.just(PC), addresses),
    step("page", addresses, bits(Page)),
    step("run", st.lists(blocks, max_size=6), st.sampled_from([0, 0, 21])),
    step("on_block", addresses, sizes),
    step("on_breakpoint", addresses, sizes),
    step("on_step", addresses, sizes),
    step("on_access", st.sampled_from([16, 17]), words, st.sampled_from([1, 2, 4, 8]), st.integers(-(1 << 63), -1)),
    step("on_exception", words),
    step("on_undefined"),
    step("on_tlb_fill", addresses, st.sampled_from([16, 17, 18])),
    step("enter", st.sampled_from([0x11 | 0xC0, 0x12 | 0x80, 0x13 | 0x80]), words, addresses),
    st.tuples(addresses, st.integers(0, 64)).map(lambda at: ("forget", at[0], min(sum(at), 0xFFFF_FFFE))),
)


@pytest.mark.parametrize("body", ["this host's", "aarch64"])
@given(st.lists(steps, min_size=10, max_size=60))
def test_all_bodies_do_the_same(body, course):
    one, other = guest("python").reset(), guest(body).reset()
    for action in course:
        assert one.act(*action) == other.act(*action)
        assert one.state == other.state


@pytest.mark.full
def test_the_bytes_are_what_the_compilers_make():
    for machine, made_by in machine_code.COMPILERS.items():
        compiler = shutil.which(f"{machine}-linux-gnu-gcc")
        if compiler is None and machine == "x86_64":
            pytest.skip("needs Debian's package gcc")
        if compiler is None:
            pytest.skip("needs Debian's package gcc-aarch64-linux-gnu")
        version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=True).stdout
        if f"gcc {version.strip()}" != made_by:
            pytest.skip(f"the committed bytes for {machine} are those of {made_by}, this is {version.strip()}")
    checked = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
