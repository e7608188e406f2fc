"""What the monitor shows of blocks, interrupts and flash, as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from bk7238.air.medium import Medium
from bk7238.debug.target import Target
from bk7238.formats import rbl
from bk7238.image import loaders
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine

_MODES = {0x10: "user", 0x11: "FIQ", 0x12: "IRQ", 0x13: "supervisor", 0x17: "abort", 0x1B: "undefined", 0x1F: "system"}


def blocks(target: Target) -> str:
    """List the blocks of the chip, with addresses and what they are."""
    lines = []
    for block in target.board.platform.blocks:
        about = (sys.modules[type(target.board[block.name]).__module__].__doc__ or "").strip().splitlines()
        lines.append(f"{block.address:#010x} {block.name:12} {about[0] if about else ''}")
    return "\n".join(lines)


def _block(target: Target, name: str) -> tuple[Any, int]:
    blocks = {block.name: block for block in target.board.platform.blocks}
    if name not in blocks:
        raise ValueError(f"no block {name!r}; there is {', '.join(blocks)}")
    return target.board[name], blocks[name].address


def _each(block: Any) -> Iterator[tuple[str, Any, int]]:
    for name, registers in block.registers.items():
        for index, register in enumerate(registers):
            if register.bus:
                label = name if len(registers) == 1 else f"{name}[{index}]"
                yield label, register, register.at + index * register.stride


def _line(target: Target, label: str, register: Any, address: int) -> str:
    value = target.peek(address)
    fields = " ".join(f"{name}={field.of(value):#x}" for name, field in register.fields.items() if field.readable)
    return f"{address:#010x} {label:24} {value:#010x}  {fields}".rstrip()


def values(target: Target, name: str) -> list[tuple[int, str, int, dict[str, int]]]:
    """Address, name and value of each register of a block, and the values of its fields. Raises ValueError for a block
    that is not there."""
    block, base = _block(target, name)
    found = []
    for label, register, offset in _each(block):
        value = target.peek(base + offset)
        fields = {field: bits.of(value) for field, bits in register.fields.items() if bits.readable}
        found.append((base + offset, label, value, fields))
    return found


def registers(target: Target, name: str) -> str:
    """List a block's registers with their values."""
    block, base = _block(target, name)
    lines = [_line(target, label, register, base + offset) for label, register, offset in _each(block)]
    return "\n".join(lines) or f"{name} declares no registers"


def _find(target: Target, name: str) -> tuple[str, Any, int, str]:
    parts = name.split(".")
    if len(parts) not in (2, 3):
        raise ValueError("say BLOCK.REGISTER or BLOCK.REGISTER.FIELD")
    block, base = _block(target, parts[0])
    known = {label: (register, offset) for label, register, offset in _each(block)}
    if parts[1] not in known:
        raise ValueError(f"{parts[0]} has no register {parts[1]!r}; there is {', '.join(known)}")
    register, offset = known[parts[1]]
    field = parts[2] if len(parts) == 3 else ""
    if field and field not in register.fields:
        raise ValueError(f"{parts[1]} has no field {field!r}; there is {', '.join(register.fields)}")
    return parts[1], register, base + offset, field


def register(target: Target, name: str) -> str:
    """Describe a register and its fields, or one field, with the value."""
    label, found, address, field = _find(target, name)
    if field:
        return f"{name} = {found.fields[field].of(target.peek(address)):#x}"
    return _line(target, label, found, address)


def write(target: Target, name: str, value: int) -> str:
    """Write a register or one field of it. Returns what it reads as then."""
    _, found, address, field = _find(target, name)
    if field:
        bits = found.fields[field]
        kept = target.peek(address) & ~bits.mask & found.stored  # a one written to other write-one bits would clear
        value = kept | (value << bits.lsb) & bits.mask
    target.write(address, (value & 0xFFFF_FFFF).to_bytes(4, "little"))
    return register(target, name)


def interrupts(target: Target) -> str:
    """The sources by their numbers and by the blocks whose wires lead there."""
    icu, base = _block(target, "icu")
    sources: dict[int, list[str]] = {}
    for wire in target.board.platform.wires:
        if wire.target == "icu":
            sources.setdefault(wire.input, []).append(wire.source)
    words = {name: target.peek(base + icu.registers[name][0].at) for name in _ICU}
    lines = []
    for number in range(32):
        raised, enabled = (bool(words[name] >> number & 1) for name in ("INT_RAW_STATUS", "INTERRUPT_ENABLE"))
        if raised or enabled:
            state = "pending" if raised and enabled else "raised, not enabled" if raised else "enabled"
            kind = "IRQ" if number < 16 else "FIQ"
            lines.append(f"{number:2} {kind} {state:20} {', '.join(sources.get(number, ['?']))}")
    cpsr = target.register("cpsr")
    masks = ", ".join(name for bit, name in ((0x80, "IRQ"), (0x40, "FIQ")) if cpsr & bit) or "nothing"
    asserted = ", ".join(n for bit, n in ((1, "IRQ"), (2, "FIQ")) if target.engine.cpu.slice.lines & bit) or "none"
    lines.append(f"the CPU masks {masks} in {_MODES.get(cpsr & 0x1F, 'an unknown')} mode; asserted lines: {asserted}")
    return "\n".join(lines)


_ICU = ("INT_RAW_STATUS", "INTERRUPT_ENABLE", "GLOBAL_INT_EN")


def _flash(machine: Machine) -> FlashView:
    return FlashView(machine.chip, bytes(machine.flash.data))


def partitions(machine: Machine) -> str:
    """List the partitions of the flash."""
    lines = [
        f"{partition.name:12} {partition.device:18} offset {partition.offset:#08x} length {partition.length:#08x} "
        f"physical {partition.physical_start:#08x}-{partition.physical_end:#08x}"
        + ("" if partition.crc_ok else "  (CRC wrong; it is not checked)")
        for _, partition in _flash(machine).table
    ]
    none = f"no partition table: the bootloader finds no 01PE below logical {machine.chip.table_below:#x}"
    return "\n".join(lines) or none


def packages(machine: Machine) -> str:
    """List the update packages that stand in the flash."""
    flash = _flash(machine)
    lines = []
    if flash.download is not None:
        start = flash.download.physical_start
        lines.append(f"download, physical {start:#x}: {_header(flash.data[start : start + rbl.SIZE])}")
    if flash.app is not None:
        lines.append(f"footer of app: {_header(flash.footer(flash.app))}")
    lines.append(f"the bootloader sees: {loaders.of(flash).sees(flash)}")
    return "\n".join(lines)


def _header(raw: bytes) -> str:
    if raw == b"\xff" * len(raw):
        return "erased"
    header = rbl.unpack(raw)
    sound = "CRC right" if header.crc_ok else "CRC wrong: the bootloader ignores it"
    return (
        f"{header.partition!r} version {header.version!r}, {header.encryption}, {header.compression}, "
        f"{header.body_size} bytes of body (CRC {header.body_crc:#010x}), {header.raw_size} raw "
        f"(FNV-1a {header.raw_hash:#010x}); {sound}"
    )


def link(machine: Machine, on: bool) -> str:
    """Switch all access points."""
    assert isinstance(machine.air, Medium)
    names = []
    for access_point in machine.air.access_points:
        if on:
            access_point.switch_on(machine.now)
        else:
            access_point.switch_off()
        names.append(access_point.ssid.decode("utf-8", "replace"))
    return f"{'on' if on else 'off'} the air: {', '.join(names) or 'nobody'}"
