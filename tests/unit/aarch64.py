"""The AArch64 bytes of slice.c on any host: a third body of the slice functions, which Unicorn executes.

Its processor sees the memory of this process at the same addresses, so that structures and pointers are those of the
other bodies. Nothing of this process can be executed there: where it calls a function, that is done here.
"""

import ctypes
from functools import cache

import unicorn
from unicorn import arm64_const as arm64
from unicorn import unicorn_const as uc_const
from unicorn.unicorn_py3.unicorn import uclib

from bk7238.engine.slice import machine_code

PAGE, MAPPED = 0x1000, 0x100000  # bytes; what is mapped at once is much, as each part makes the next one slower
CODE, RETURN = 0x1000, 0x4000
"""Addresses below those of any process: of the code, and of nothing."""

DATA = uc_const.UC_PROT_READ | uc_const.UC_PROT_WRITE
UNMAPPED = uc_const.UC_HOOK_MEM_READ_UNMAPPED | uc_const.UC_HOOK_MEM_WRITE_UNMAPPED
FETCH_ERRORS = uc_const.UC_ERR_FETCH_UNMAPPED, uc_const.UC_ERR_FETCH_PROT

PC, SP, LR = arm64.UC_ARM64_REG_PC, arm64.UC_ARM64_REG_SP, arm64.UC_ARM64_REG_LR
ARGUMENTS = [getattr(arm64, f"UC_ARM64_REG_X{number}") for number in range(6)]
KEPT = [getattr(arm64, f"UC_ARM64_REG_X{number}") for number in range(18, 30)]  # by a function that is called

POINTER, INT, U32, U64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_uint64
Function = ctypes.CFUNCTYPE(U64, *[U64] * 6)
PROTOTYPES = {
    "on_block": ctypes.CFUNCTYPE(None, POINTER, U64, U32, POINTER),
    "on_breakpoint": ctypes.CFUNCTYPE(None, POINTER, U64, U32, POINTER),
    "on_step": ctypes.CFUNCTYPE(None, POINTER, U64, U32, POINTER),
    "on_access": ctypes.CFUNCTYPE(None, POINTER, INT, U64, INT, ctypes.c_int64, POINTER),
    "on_exception": ctypes.CFUNCTYPE(None, POINTER, U32, POINTER),
    "on_undefined": ctypes.CFUNCTYPE(INT, POINTER, POINTER),
    "on_tlb_fill": ctypes.CFUNCTYPE(INT, POINTER, U64, INT, POINTER, POINTER),
    "on_read": ctypes.CFUNCTYPE(U64, POINTER, U64, U32, POINTER),
    "on_write": ctypes.CFUNCTYPE(None, POINTER, U64, U32, U64, POINTER),
    "on_store": ctypes.CFUNCTYPE(None, POINTER, U64, U32, U64, POINTER),
}


class Registers:
    """Some registers of a processor, which are read and written at once: one by one is most of what a call costs."""

    def __init__(self, uc, registers):
        count = len(registers)
        self._values = (U64 * count)()
        first = ctypes.addressof(self._values)
        places = (POINTER * count)(*range(first, first + 8 * count, 8))
        self._which = uc._uch, (INT * count)(*registers), places, count

    def read(self):
        assert uclib.uc_reg_read_batch(*self._which) == uc_const.UC_ERR_OK
        return self._values[:]

    def write(self, values):
        self._values[:] = values
        assert uclib.uc_reg_write_batch(*self._which) == uc_const.UC_ERR_OK


class AArch64:
    """The same functions as `Native`."""

    name = "aarch64"

    def __init__(self):
        self._uc = uc = unicorn.Uc(uc_const.UC_ARCH_ARM64, uc_const.UC_MODE_ARM)
        uc.ctl_set_tlb_mode(uc_const.UC_TLB_VIRTUAL)
        uc.mem_map(CODE, RETURN - CODE, uc_const.UC_PROT_READ | uc_const.UC_PROT_EXEC)
        uc.mem_write(CODE, machine_code.CODE["aarch64"])
        self._stack = ctypes.create_string_buffer(4 * PAGE)
        uc.reg_write(SP, ctypes.addressof(self._stack) + 4 * PAGE & -16)
        uc.hook_add(UNMAPPED, self._map)
        self._kept, self._on_entry = Registers(uc, [SP, *KEPT]), Registers(uc, [LR, *ARGUMENTS])
        self._on_exit = Registers(uc, [PC, LR, *ARGUMENTS])
        self._callbacks = {name: prototype(self._entry(name)) for name, prototype in PROTOTYPES.items()}
        for name, callback in self._callbacks.items():
            setattr(self, name, ctypes.cast(callback, ctypes.c_void_p).value)
        self.enter, self.forget, run, wake = (self._entry(name) for name in ("enter", "forget", "run", "wake"))
        self.run = lambda address: run(address) & 0xFFFF_FFFF
        self.wake = lambda address: wake(address) & 0xFFFF_FFFF
        self.place = lambda *_what: False

    def _entry(self, name):
        address = CODE + machine_code.ENTRIES["aarch64"][name]
        return lambda *arguments: self._call(address, arguments)

    def _map(self, uc, _kind, address, _size, _value, _user):
        start = address & -MAPPED
        uc.mem_map_ptr(start, MAPPED, DATA, start)
        return True

    def _call(self, pc, arguments):
        """X0 where the function at `pc` returns; what it calls may call this again."""
        uc = self._uc
        kept = self._kept.read()
        words = [(argument or 0) & 0xFFFF_FFFF_FFFF_FFFF for argument in arguments]
        self._on_entry.write([RETURN, *words, *[0] * (len(ARGUMENTS) - len(words))])
        while pc != RETURN:
            try:
                uc.emu_start(pc, RETURN)
            except unicorn.UcError as error:
                if error.errno not in FETCH_ERRORS:
                    raise
            pc, back, *words = self._on_exit.read()
            if pc != RETURN:
                words[0] = Function(pc)(*words)
                uc.reg_write(ARGUMENTS[0], words[0])
                pc = back  # which is RETURN where that was the last thing done
        assert self._kept.read() == kept
        return words[0]


@cache
def functions():
    return AArch64()
