"""The AArch64 bytes of slice.c on any host: a third body of the slice functions, which Unicorn executes.

Its processor sees the memory of this process at the same addresses, so that structures and pointers are those of the
other bodies. Nothing of this process can be executed there: where it calls a function, that is done here.
"""

import ctypes
from functools import cache

import unicorn
from unicorn import arm64_const as arm64
from unicorn import unicorn_const as uc_const

from bk7238.engine.slice import machine_code

PAGE = 0x1000
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
        page = address & -PAGE
        uc.mem_map_ptr(page, PAGE, DATA, page)
        return True

    def _call(self, pc, arguments):
        """X0 where the function at `pc` returns; what it calls may call this again."""
        uc = self._uc
        for register, argument in zip(ARGUMENTS, arguments, strict=False):
            uc.reg_write(register, (argument or 0) & 0xFFFF_FFFF_FFFF_FFFF)
        kept = [uc.reg_read(register) for register in (SP, *KEPT)]
        uc.reg_write(LR, RETURN)
        while pc != RETURN:
            try:
                uc.emu_start(pc, RETURN)
            except unicorn.UcError as error:
                if error.errno not in FETCH_ERRORS:
                    raise
            pc = uc.reg_read(PC)
            if pc != RETURN:
                back = uc.reg_read(LR)
                result = Function(pc)(*[uc.reg_read(register) for register in ARGUMENTS])
                uc.reg_write(ARGUMENTS[0], result)
                pc = back
        assert [uc.reg_read(register) for register in (SP, *KEPT)] == kept
        return uc.reg_read(ARGUMENTS[0])


@cache
def functions():
    return AArch64()
