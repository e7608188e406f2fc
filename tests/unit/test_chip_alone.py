"""The facts of a chip stand in its chip.toml and nowhere in the code, nor in the sources of the reference firmware."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import bk7238
from bk7238 import resources

SMALLEST = 0x1000  # the size of a sector of every serial flash, and numbers below it, are no facts of one chip
CODE = Path(bk7238.__file__).parent

OTHERWISE = {
    ("air/bss.py", 0x10000): "a field of 16 bits",
    ("cli/arguments.py", 0x10000): "a port has 16 bits",
    ("debug/gdbserver.py", 0x10000): "how much is received at a time",
    ("engine/slice/layout.py", 0x10000): "how many blocks of code are remembered",
    ("formats/rbl_body.py", 0x10000): "the dictionary of the compression",
    ("network/http_observer.py", 0x10000): "how much of answers nobody asked for is kept",
    ("network/http_server.py", 0x10000): "the longest body of a request",
    ("network/host.py", 0x10000): "a port has 16 bits",
    ("network/network.py", 0x10000): "a port has 16 bits",
}
"""What is written with the digits of such a fact and is none: by file and number, with what it is."""


SOURCES = ("app", "boot", "common", "include")
IN_FIRMWARE = {
    ("boot/boot.h", 0x10000): "how far back a compressor may look",
    ("boot/start.S", 0x400000): "the first address of the RAM, which is the board's",
    ("include/common.h", 0x10000): "the large erase block of every serial flash",
    ("include/registers.h", 0x400000): "the first address of the RAM, which is the board's",
}


def numbers(value):
    """The numbers of a fact in chip.toml."""
    if isinstance(value, dict):
        return {number for one in value.values() for number in numbers(one)}
    if isinstance(value, list):
        return {number for one in value for number in numbers(one)}
    return {value} if isinstance(value, int) and value > SMALLEST else set()


_LITERAL = re.compile(r"\b(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[\d_]+)")


def _value(literal):
    """The value of what may be a number's text."""
    try:
        return int(literal, 0)
    except ValueError:
        return 0


@cache
def _facts():
    """The numbers of all chips."""
    chips = resources.platform().glob("*/chip.toml")
    return set().union(*(numbers(tomllib.loads(path.read_text(encoding="utf-8"))) for path in chips))


@cache
def written(path):
    """The numbers that are written in a file of Python in which there is one of a chip, with their lines. Those within
    texts do not count: nothing but a reader sees them."""
    text = path.read_text(encoding="utf-8")
    if _facts().isdisjoint(map(_value, _LITERAL.findall(text))):
        return []  # what most files are; to parse them all takes half a second
    nodes = ast.walk(ast.parse(text))
    return [(node.value, node.lineno) for node in nodes if isinstance(node, ast.Constant) and type(node.value) is int]


CHIPS = pytest.mark.parametrize(
    "chip", sorted(resources.platform().glob("*/chip.toml")), ids=lambda path: path.parent.name
)


@CHIPS
def test_no_number_of_a_chip_stands_in_the_reference_firmware(chip):
    """It is placed by a header that is made of chip.toml."""
    facts, sources = numbers(tomllib.loads(chip.read_text(encoding="utf-8"))), resources.reference().parent
    found = set()
    for path in sorted(path for folder in SOURCES for path in (sources / folder).iterdir()):
        code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for text in re.findall(r"\b(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*)\b", code):
            if int(text, 0) in facts:
                found.add((path.relative_to(sources).as_posix(), int(text, 0)))
    assert found == {place for place in IN_FIRMWARE if place[1] in facts}


@CHIPS
def test_no_number_of_a_chip_stands_in_the_code(chip):
    facts = numbers(tomllib.loads(chip.read_text(encoding="utf-8")))
    assert len(facts) >= 10
    found, otherwise = [], set()
    for path in sorted(CODE.rglob("*.py")):
        name = path.relative_to(CODE).as_posix()
        for number, line in written(path):
            if number in facts and (name, number) in OTHERWISE:
                otherwise.add((name, number))
            elif number in facts:
                found.append(f"{name}:{line}: {number:#x}")
    assert not found, "take them from the chip"
    assert otherwise == set(OTHERWISE), "what is listed and not there"
