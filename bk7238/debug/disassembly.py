"""The instructions around a place, in words (capstone)."""

from __future__ import annotations

from collections.abc import Iterator

from bk7238.debug.symbols import Read, Symbols

_BEFORE, _AFTER = 6, 4  # instructions


def around(memory: Read, symbols: Symbols, address: int, *, thumb: bool) -> list[str]:
    """Some instructions before and behind one, which is marked, a line each: CPU address, bytes, instruction. What is
    none is shown as a number. Of what is before a function that begins here nothing is shown."""
    step = 2 if thumb else 4
    function = symbols.function(address)
    start = max(0, address - _BEFORE * step, 0 if function is None else function.start)
    before = [f"   {line}" for line in _instructions(memory, start, address, thumb)]
    first, *others = _instructions(memory, address, address + _AFTER * step, thumb)
    return [*before, f"=> {first}", *(f"   {line}" for line in others)]


def _instructions(memory: Read, start: int, end: int, thumb: bool) -> Iterator[str]:
    """Those from one CPU address to another, as far as there is memory."""
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB if thumb else capstone.CS_MODE_ARM)
    step = 2 if thumb else 4
    while start < end and len(code := memory(start, min(4, end - start))) >= step:
        number = int.from_bytes(code[:step], "little")
        none = (start, step, ".short" if thumb else ".word", f"{number:#x}")
        _, size, mnemonic, operands = next(decoder.disasm_lite(code, start, 1), none)
        words = f"{mnemonic} {operands}".rstrip()
        yield f"{start:#010x} {int.from_bytes(code[:size], 'little'):0{2 * step}x}  {words}"
        start += size
