"""Names of functions and source lines: from ELF files, and for closed boot loaders from tables of our own.

A table (data/*.toml) is offered where the bytes that it names are at address 0. Addresses are CPU addresses; that of a
Thumb function is odd, as in an ELF's symbol table.
"""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bk7238 import host_files, resources

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

_DATA = Path(__file__).with_name("data")

Read = Callable[[int, int], bytes]
"""Gives the bytes of a machine's memory: a CPU address and a length."""


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


class Module:
    """What one ELF or one table knows: functions and lines by their addresses. `title` is what it is called, `path`
    where an ELF lies, `code` are the bytes that it loads, by their first address; a table, which was recognised by its
    bytes, has neither."""

    def __init__(
        self, title: str, functions: Iterable[Function], lines: Iterable[Line] = (), path: Path | None = None
    ) -> None:
        self.title, self.path = title, path
        self.functions = sorted(functions, key=lambda function: function.start)
        self.lines = sorted(lines, key=lambda line: (line.address, line.line != 0))
        self.code: dict[int, bytes] = {}
        self._starts = [function.start for function in self.functions]
        self._line_starts = [line.address for line in self.lines]

    def function(self, address: int) -> Function | None:
        """The function in which a CPU address lies. One whose size is not known ends at the next."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        found = self.functions[index]
        return found if not found.size or address < found.start + found.size else None

    def line(self, address: int) -> str:
        """`file:line` of a CPU address, empty where it is not known, as behind all that is loaded."""
        if not any(start <= address < start + len(code) for start, code in self.code.items()):
            return ""
        index = bisect_right(self._line_starts, address) - 1
        if index < 0 or not self.lines[index].line:
            return ""
        return f"{self.lines[index].file}:{self.lines[index].line}"

    def differs(self, function: Function, memory: Read) -> bool:
        """Whether other bytes stand in memory where it has this function."""
        for start, code in self.code.items():
            at = function.start - start
            if 0 <= at < len(code):
                wanted = code[at : at + max(function.size, 4)]
                return memory(function.start, len(wanted)) != wanted
        return False


class Symbols:
    """All that is known of the code of one machine, whose `memory` is read where several ELFs have the same place."""

    def __init__(self, memory: Read | None = None) -> None:
        self.modules: list[Module] = []
        self.title = ""  # of the table that was recognised
        self._memory = memory

    @property
    def functions(self) -> list[Function]:
        """All of them, by address."""
        return sorted((one for module in self.modules for one in module.functions), key=lambda one: one.start)

    def add_elf(self, path: Path, address: int | None = None) -> None:
        """The functions and lines of an ELF, moved so that its first loaded byte lies at `address`.

        Raises ValueError, with the name, for what is no ELF or holds no symbols.
        """
        with _opened(path) as elf:
            elf.stream.seek(0)
            read = _read(elf.stream.read(), path)
        moved = 0 if address is None or read.first is None else address - read.first
        functions = [replace(one, address=one.address + moved) for one in read.functions]
        lines = [replace(one, address=one.address + moved) for one in read.lines]
        code = {start + moved: data for start, data in read.code.items()}
        ends = {start: start + len(data) for start, data in code.items()}
        module = Module(path.name, _ended(functions, ends), lines, path.resolve())
        module.code = code
        self.modules.append(module)
        self._entitle()

    def _entitle(self) -> None:
        """Call each ELF by its name, with as much of its folder as tells it from all others."""
        files = [(module, module.path.parts) for module in self.modules if module.path is not None]
        for module, parts in files:
            alike = [other for _, other in files if other != parts]
            tails = (parts[-count:] for count in range(1, len(parts) + 1))
            module.title = "/".join(next(one for one in tails if all(other[-len(one) :] != one for other in alike)))

    def recognise(self, code: bytes) -> None:
        """Add the table of a known boot loader where `code`, the bytes at address 0, is it."""
        for path in sorted(_DATA.glob("*.toml")):
            table = tomllib.loads(path.read_text())
            if hashlib.sha256(code[: table["length"]]).hexdigest() in table["sha256"]:
                self.title = table["title"]
                functions = [
                    Function(entry["address"], entry["size"], entry["name"], entry.get("how", ""))
                    for entry in table["function"]
                ]
                self.modules.append(Module(self.title, functions))

    # Asking

    def address(self, name: str) -> int:
        """Of a function, or of a number. Of several ELFs with a function of this name one is named before it, as in
        `boot.elf:main`. Raises ValueError for an unknown name, and for one that several have."""
        wanted, _, function = name.rpartition(":")
        found = {
            module.title: one.address
            for module in self.modules
            if wanted in ("", module.title)
            for one in reversed(module.functions)
            if one.name == function
        }
        if len(set(found.values())) > 1:
            raise ValueError(f"{name!r} is {' and '.join(f'{one}:{name}' for one in found)}; name one of them")
        for address in found.values():
            return address
        try:
            return int(name, 0)
        except ValueError:
            close = [f.name for f in self.functions if name.lower() in f.name.lower()][:5]
            hint = f"; there is {', '.join(close)}" if close else ""
            raise ValueError(f"no function {name!r}{hint}") from None

    def function(self, address: int) -> Function | None:
        """The function in which a CPU address lies."""
        _, found = self._find(address)
        return found

    def _find(self, address: int) -> tuple[Module | None, Function | None]:
        """The function of an address, and the module that has it: of several the one whose code stands in memory."""
        found = [(module, one) for module in self.modules if (one := module.function(address)) is not None]
        if len(found) > 1 and self._memory is not None:
            for module, one in found:
                if not module.differs(one, self._memory):
                    return module, one
        return found[0] if found else (None, None)

    def line(self, address: int) -> str:
        """`file:line` of a CPU address, empty where it is not known."""
        module, _ = self._find(address)
        modules = self.modules if module is None else [module]
        return next((line for one in modules if (line := one.line(address))), "")

    def describe(self, address: int) -> str:
        """`function+0x10 (file.c:12)`, or nothing. A function that several ELFs have is named with its own."""
        module, found = self._find(address)
        where, name = self.line(address), ""
        if found is not None and module is not None:
            several = sum(any(one.name == found.name for one in other.functions) for other in self.modules) > 1
            name = f"{module.title}:{found.name}" if several else found.name
            name += f"+{address - found.start:#x}"
        return " ".join(part for part in (name, f"({where})" if where else "") if part)

    def table(self, part: str) -> str:
        """A table of the functions that have `part` in their names."""
        head = [self.title] if self.title else []
        found = [(f, f.how or f"in {one.title}") for one in self.modules for f in one.functions if part in f.name]
        rows = [
            f"{f.address & ~1:#010x} {'Thumb' if f.address & 1 else 'ARM':5} {f.name:32} {how}"
            for f, how in sorted(found, key=lambda one: one[0].start)
        ]
        return "\n".join(head + rows) if rows else ""


def _ended(functions: list[Function], ends: dict[int, int]) -> list[Function]:
    """The functions, those without a size as far as the next of them, or the end of what is loaded there."""
    starts = sorted(function.start for function in functions)
    sized = []
    for function in functions:
        if not function.size:
            after = bisect_right(starts, function.start)
            borders = [end for start, end in ends.items() if start <= function.start < end] + starts[after : after + 1]
            function = replace(function, size=max(0, min(borders, default=function.start) - function.start))
        sized.append(function)
    return sized


def symbol_file(text: str) -> tuple[Path, int | None]:
    """Read ELF or ELF@ADDRESS: the file, which may be called by its name as firmware is, and the address that its first
    byte was loaded to. Raises ValueError for what is no address."""
    name, at, address = text.rpartition("@")
    path = resources.located(Path(name if at else text))
    try:
        place = int(address, 0) if at else None
    except ValueError:
        raise ValueError(f"{text}: {address!r} is no address; write ELF@0x10000") from None
    return path, place


def check(files: Iterable[tuple[Path, int | None]]) -> None:
    """See that the files are ELFs with symbols. Raises ValueError."""
    for path, _ in files:
        with _opened(path) as elf:
            _symbol_table(elf, path)


class _Elf(NamedTuple):
    """What an ELF holds, where it is linked to: `code` is what it loads, from `first` on, if anything."""

    functions: tuple[Function, ...]
    lines: tuple[Line, ...]
    code: Mapping[int, bytes]
    first: int | None


@contextmanager
def _opened(path: Path) -> Iterator[ELFFile]:
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with host_files.open_to_read(path, host_files.RESULTS) as stream:
            yield ELFFile(stream)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; name an ELF, as the linker writes it") from None
    except ELFError as error:
        raise ValueError(f"{path}: no ELF ({error}); name the one that the image was made of") from None


@lru_cache(maxsize=8)  # source lines take a quarter of a second, and who debugs begins again and again
def _read(data: bytes, path: Path) -> _Elf:
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(BytesIO(data))
    loaded = [s for s in elf.iter_sections() if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS"]
    functions = tuple(
        Function(symbol["st_value"], symbol["st_size"], symbol.name)
        for symbol in _symbol_table(elf, path).iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"
    )
    code = {s["sh_addr"]: s.data() for s in loaded if s["sh_size"]}
    lines: list[Line] = []
    if elf.has_dwarf_info():
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            lines += _lines(dwarf, unit)
    return _Elf(functions, tuple(lines), code, min((s["sh_addr"] for s in loaded), default=None))


def _symbol_table(elf: ELFFile, path: Path) -> SymbolTableSection:
    from elftools.elf.sections import SymbolTableSection

    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        raise ValueError(f"{path}: it has no symbol table; give an ELF that is not stripped")
    return table


def _lines(dwarf: Any, unit: Any) -> list[Line]:
    program = dwarf.line_program_for_CU(unit)
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
        lines.append(Line(state.address, name, 0 if state.end_sequence else state.line))
    return lines
