"""Makes an ELF file that holds nothing but function names, so that GDB can be given the names that we know."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from bk7238.debug.symbols import Function

_HEADER, _SECTION, _SYMBOL = 52, 40, 16
_ARM, _EXECUTABLE, _EABI5 = 40, 2, 0x05000200
_SYMTAB, _STRTAB, _NOBITS = 2, 3, 8
_ALLOCATED, _CODE = 2, 4
_FUNCTION, _NOTYPE, _LOCAL, _GLOBAL = 2, 0, 0, 1


def build(functions: Iterable[Function]) -> bytes:
    """An ELF for ARM with a symbol for each function, and the marks that say what is ARM and what Thumb code."""
    known = sorted(functions, key=lambda function: function.start)
    end = max((f.start + max(f.size, 4) for f in known), default=4)
    names, symbols = bytearray(b"\0"), [bytes(_SYMBOL)]

    def name(text: str) -> int:
        at = len(names)
        names.extend(text.encode() + b"\0")
        return at

    for function in known:
        mark = name("$t" if function.address & 1 else "$a")
        symbols.append(struct.pack("<IIIBBH", mark, function.start, 0, _LOCAL << 4 | _NOTYPE, 0, 1))
    local = len(symbols)
    for function in known:
        kind = _GLOBAL << 4 | _FUNCTION
        symbols.append(struct.pack("<IIIBBH", name(function.name), function.address, function.size, kind, 0, 1))
    table, strings = b"".join(symbols), bytes(names)
    labels = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    at_table = _HEADER
    at_strings = at_table + len(table)
    at_labels = at_strings + len(strings)
    at_sections = -(-(at_labels + len(labels)) // 4) * 4

    def section(label: str, kind: int, flags: int, address: int, at: int, size: int, *rest: int) -> bytes:
        where = labels.index(b"\0" + label.encode() + b"\0") + 1
        return struct.pack("<10I", where, kind, flags, address, at, size, *rest)

    sections = [
        bytes(_SECTION),
        section(".text", _NOBITS, _ALLOCATED | _CODE, 0, _HEADER, end, 0, 0, 4, 0),
        section(".symtab", _SYMTAB, 0, 0, at_table, len(table), 3, local, 4, _SYMBOL),
        section(".strtab", _STRTAB, 0, 0, at_strings, len(strings), 0, 0, 1, 0),
        section(".shstrtab", _STRTAB, 0, 0, at_labels, len(labels), 0, 0, 1, 0),
    ]
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    sizes = (_HEADER, 0, 0, _SECTION, len(sections), len(sections) - 1)
    header = ident + struct.pack("<HHIIIIIHHHHHH", _EXECUTABLE, _ARM, 1, 0, 0, at_sections, _EABI5, *sizes)
    body = header + table + strings + labels
    return body.ljust(at_sections, b"\0") + b"".join(sections)
