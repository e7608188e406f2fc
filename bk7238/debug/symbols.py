"""Names of functions and source lines: from ELF files, and for closed boot loaders from tables of our own.

A table (data/*.toml) is offered where the bytes that it names are at address 0. Addresses are CPU addresses; that of a
Thumb function is odd, as in an ELF's symbol table.
"""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from bk7238 import host_files

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Function:
    """`address` is odd for Thumb; `size` is 0 where it is not known; `how` says how it was identified."""

    address: int
    size: int
    name: str
    how: str = ""

    @property
    def start(self) -> int:
        """The address of its first instruction, without the Thumb bit."""
        return self.address & ~1


@dataclass(frozen=True)
class Line:
    """A source line, and the CPU address where its code begins."""

    address: int
    file: str
    line: int  # 0: here a sequence of lines ends


class Symbols:
    """All that is known of the code of one machine."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.title = ""  # of the table that was recognised
        self._starts: list[int] = []
        self._lines: list[Line] = []
        self._line_starts: list[int] = []

    def add_elf(self, path: Path, address: int | None = None) -> None:
        """The functions and lines of an ELF, moved so that its first loaded byte lies at `address`.

        Raises ValueError, with the name, for what is no ELF or holds no symbols.
        """
        try:
            with host_files.open_to_read(path, host_files.RESULTS) as stream:
                self._read(ELFFile(stream), path, address)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}; name an ELF, as the linker writes it") from None
        except ELFError as error:
            raise ValueError(f"{path}: no ELF ({error}); name the one that the image was made of") from None
        self._sort()

    def _read(self, elf: ELFFile, path: Path, address: int | None) -> None:
        loaded = [s["sh_addr"] for s in elf.iter_sections() if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS"]
        moved = 0 if address is None or not loaded else address - min(loaded)
        table = elf.get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            raise ValueError(f"{path}: it has no symbol table; give an ELF that is not stripped")
        for symbol in table.iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                self.functions.append(
                    Function(symbol["st_value"] + moved, symbol["st_size"], symbol.name, f"in {path.name}")
                )
        if elf.has_dwarf_info():
            for unit in elf.get_dwarf_info().iter_CUs():
                self._lines += _lines(elf, unit, moved)

    def recognise(self, code: bytes) -> None:
        """Add the table of a known boot loader where `code`, the bytes at address 0, is it."""
        for path in sorted(_DATA.glob("*.toml")):
            table = tomllib.loads(path.read_text())
            if hashlib.sha256(code[: table["length"]]).hexdigest() in table["sha256"]:
                self.title = table["title"]
                for entry in table["function"]:
                    self.functions.append(
                        Function(entry["address"], entry.get("size", 0), entry["name"], entry.get("how", ""))
                    )
        self._sort()

    def _sort(self) -> None:
        self.functions.sort(key=lambda function: function.start)
        self._starts = [function.start for function in self.functions]
        self._lines.sort(key=lambda line: (line.address, line.line != 0))
        self._line_starts = [line.address for line in self._lines]

    # Asking

    def address(self, name: str) -> int:
        """Of a function, or of a number. Raises ValueError for an unknown name."""
        for function in self.functions:
            if function.name == name:
                return function.address
        try:
            return int(name, 0)
        except ValueError:
            close = [f.name for f in self.functions if name.lower() in f.name.lower()][:5]
            hint = f"; there is {', '.join(close)}" if close else ""
            raise ValueError(f"no function {name!r}{hint}") from None

    def function(self, address: int) -> Function | None:
        """The function in which a CPU address lies."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        found = self.functions[index]
        return found if not found.size or address < found.start + found.size else None

    def line(self, address: int) -> str:
        """`file:line` of a CPU address, empty where it is not known."""
        index = bisect_right(self._line_starts, address) - 1
        if index < 0 or not self._lines[index].line:
            return ""
        return f"{self._lines[index].file}:{self._lines[index].line}"

    def describe(self, address: int) -> str:
        """`function+0x10 (file.c:12)`, or nothing."""
        found, where = self.function(address), self.line(address)
        name = "" if found is None else f"{found.name}+{address - found.start:#x}"
        return " ".join(part for part in (name, f"({where})" if where else "") if part)

    def table(self, part: str) -> str:
        """A table of the functions that have `part` in their names."""
        head = [self.title] if self.title else []
        rows = [
            f"{f.address & ~1:#010x} {'Thumb' if f.address & 1 else 'ARM':5} {f.name:32} {f.how}".rstrip()
            for f in self.functions
            if part in f.name
        ]
        return "\n".join(head + rows) if rows else ""


def _lines(elf: ELFFile, unit: Any, moved: int) -> list[Line]:
    program = elf.get_dwarf_info().line_program_for_CU(unit)
    if program is None:
        return []
    names = program.header["file_entry"]
    first = 0 if program.header["version"] >= 5 else 1
    lines = []
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        index = state.file - first
        name = names[index].name.decode("utf-8", "replace") if 0 <= index < len(names) else "?"
        lines.append(Line(state.address + moved, name, 0 if state.end_sequence else state.line))
    return lines
