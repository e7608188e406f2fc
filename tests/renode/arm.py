"""ARM instructions that the small programs of these tests are made of."""

from __future__ import annotations


def mov(register: int, immediate: int) -> int:
    """`immediate` is one byte, at a multiple of eight bits (0x80000000, 0x400000, 5)."""
    for shift in range(0, 32, 8):
        if immediate >> shift << shift == immediate and immediate >> shift < 256:
            return 0xE3A00000 | register << 12 | (32 - shift) % 32 // 2 << 8 | immediate >> shift
    raise ValueError(f"{immediate:#x} is no rotated byte")


def add(register: int, immediate: int) -> int:
    return 0xE2800000 | register << 16 | register << 12 | immediate


def load(register: int, base: int, offset: int = 0) -> int:
    return 0xE5900000 | base << 16 | register << 12 | offset


def store(register: int, base: int, offset: int = 0) -> int:
    return 0xE5800000 | base << 16 | register << 12 | offset


def branch(instructions: int) -> int:
    """Branch by so many instructions, counted from this one."""
    return 0xEA000000 | instructions - 2 & 0xFFFFFF


COUNT = (mov(0, 0), add(0, 1), branch(-1))  # r0 counts for ever
