"""Platform descriptions, step two: tokens to entries, by the grammar of Renode, without knowing any type.

Valid Renode that nothing here needs (inline objects, dictionaries, aliases) is refused as "not supported here".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NoReturn

from bk7238.engine.repl_entries import Entry, Registration, Script, Setting, Value, WireConnection
from bk7238.engine.repl_lexer import Token, tokenize

KEYWORDS = frozenset(
    ("using", "new", "as", "preinit", "init", "reset", "local", "prefixed", "true", "false", "none", "empty")
)
SCRIPTS = ("preinit", "init", "reset")
LAST_WIRE = 1023


@lru_cache(maxsize=16)  # of a chip's description, which each machine made reads, and of what devices add to it
def parse(text: str, path: str) -> tuple[list[Token], list[Entry]]:
    """The files that a description uses, and its entries, which are not to be changed. Raises ReplError."""
    parser = _Parser(tokenize(text, path))
    return parser.usings(), parser.entries()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    # Tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def accept(self, mark: str) -> bool:
        found = self.token.is_mark(mark)
        if found:
            self.at += 1
        return found

    def accept_word(self, word: str) -> bool:
        found = self.token.kind == "name" and self.token.text == word
        if found:
            self.at += 1
        return found

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            self.refuse(f"'{mark}'")

    def name(self, what: str) -> Token:
        if self.token.kind != "name" or self.token.text in KEYWORDS:
            self.refuse(what)
        return self.take()

    def refuse(self, expected: str) -> NoReturn:
        raise self.token.where.error(f"unexpected {self.token}", f"here {expected} is expected")

    def unsupported(self, what: str, remedy: str) -> NoReturn:
        raise self.token.where.error(f"{what} is not supported here", remedy)

    # The file

    def usings(self) -> list[Token]:
        paths = []
        while self.accept_word("using"):
            if self.token.kind != "string":
                self.refuse("the path of a file, in quotes,")
            paths.append(self.take())
            if self.token.text == "prefixed":
                self.unsupported("a prefix", "give the blocks of that file their whole names")
            while self.accept(";"):
                pass
        return paths

    def entries(self) -> list[Entry]:
        entries: list[Entry] = []
        while self.token.kind != "end":
            if entries:
                self.expect(";")
            entries.append(self.entry())
        return entries

    def entry(self) -> Entry:
        local = self.accept_word("local")
        name = self.name("the name of a block")
        entry = Entry(name.text, name.where, local)
        self.expect(":")
        if self.token.kind == "name" and self.token.text not in KEYWORDS:
            entry.type = self.type_name()
        if self.accept("@"):
            entry.registrations = self.registrations()
        if self.token.kind == "name" and self.token.text == "as":
            self.unsupported("an alias", "give the block that name")
        if self.accept("{") and not self.accept("}"):
            self.attribute(entry)
            while not self.accept("}"):
                self.expect(";")
                self.attribute(entry)
        return entry

    def type_name(self) -> Token:
        first = self.take()
        parts = [first.text]
        while self.accept("."):
            parts.append(self.name("the rest of a type's name").text)
        return Token("name", ".".join(parts), first.where)

    def registrations(self) -> list[Registration]:
        where = self.token.where
        if self.accept_word("none"):
            return [Registration(None, None, where)]
        if not self.accept("{"):
            return [self.registration()]
        places = [self.registration()]
        while not self.accept("}"):
            self.expect(";")
            places.append(self.registration())
        return places

    def registration(self) -> Registration:
        bus = self.name("the bus, or 'none',")
        starts_value = self.token.kind in ("number", "string") or self.token.is_mark("<", "[", "-")
        is_word = self.token.kind == "name" and self.token.text not in ("as", "none", "empty")
        return Registration(bus.text, self.value() if starts_value or is_word else None, bus.where)

    # Attributes

    def attribute(self, entry: Entry) -> None:
        first, following = self.token, self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if first.kind == "name" and first.text in SCRIPTS:
            entry.scripts.append(self.script())
        elif first.kind == "name" and following.is_mark(":"):
            name = self.name("the name of an attribute")
            self.expect(":")
            entry.settings.append(Setting(name.text, self.value(), name.where))
        else:
            entry.connections.append(self.connection())

    def script(self) -> Script:
        kind = self.take()
        add = self.accept_word("add")
        self.expect(":")
        self.expect("{")
        statements: list[list[Token]] = [[]]
        while not self.accept("}"):
            if self.token.kind == "end" or self.token.is_mark("{"):
                self.refuse("a monitor statement")
            if self.accept(";"):
                statements.append([])
            else:
                statements[-1].append(self.take())
        if not all(statements):
            raise kind.where.error(f"an empty statement in {kind.text}", "remove a ';', or the whole block")
        return Script(kind.text, add, statements, kind.where)

    def connection(self) -> WireConnection:
        where = self.token.where
        bracketed = self.token.is_mark("[")
        default = self.token.is_mark("->")
        sources: Sequence[int | str | None] = [None] if default else self.wire_ends(bracketed, names=True)
        if not self.accept("->"):
            self.refuse("an attribute ('name: value') or a wire ('0 -> block@1')")
        if not bracketed and self.accept_word("none"):
            return WireConnection(sources, [], where)
        targets: list[tuple[Token, list[int]]] = []
        while not targets or self.accept("|"):
            target = self.name("the block that the wire goes to, or 'none',")
            if self.token.is_mark("#"):
                self.unsupported("a local input ('#')", "wire to an input of the block itself")
            self.expect("@")
            if bracketed != self.token.is_mark("["):
                self.refuse("a list of inputs in [ ]" if bracketed else "an input without [ ]")
            numbers = [end for end in self.wire_ends(bracketed, names=False) if isinstance(end, int)]
            targets.append((target, numbers))
            if len(numbers) != len(sources):
                raise target.where.error(f"{len(sources)} outputs to {len(numbers)} inputs", "name as many of each")
        return WireConnection(sources, targets, where)

    def wire_ends(self, bracketed: bool, names: bool) -> list[int | str]:
        if not bracketed:
            return self.wire_end(names)
        self.expect("[")
        ends = self.wire_end(names)
        while not self.accept("]"):
            self.expect(",")
            ends += self.wire_end(names)
        return ends

    def wire_end(self, names: bool) -> list[int | str]:
        if names and self.token.kind == "name":
            return [self.name("an output").text]
        first = self.wire_number()
        if not self.accept("-"):
            return [first]
        where, last = self.token.where, self.wire_number()
        if first == last:
            raise where.error("a range of one wire", "write its number alone")
        return [*range(first, last + 1)] if last > first else [*range(first, last - 1, -1)]

    def wire_number(self) -> int:
        if not isinstance(self.token.value, int):
            self.refuse("the number of a wire")
        if self.token.value > LAST_WIRE:
            raise self.token.where.error(f"no wire has the number {self.token.text}", f"{LAST_WIRE} is the last")
        number = self.token.value
        self.take()
        return number

    # Values

    def value(self) -> Value:
        token, where = self.token, self.token.where
        if token.kind == "string":
            return Value("string", self.take().value, where)
        if token.kind == "number" or token.is_mark("-"):
            return self.number()
        if token.is_mark("<"):
            return Value("range", self.range(), where)
        if token.is_mark("["):
            return self.list()
        if token.is_mark("{"):
            self.unsupported("a dictionary", "give a number, a string or a range")
        if token.is_mark("."):
            self.unsupported("a shortened enumeration value", "leave the attribute out")
        if token.kind == "name":
            return self.word()
        self.refuse("a value")

    def word(self) -> Value:
        token = self.token
        if token.text == "new":
            self.unsupported("an inline object ('new')", "declare the block as an entry of its own")
        if token.text in ("none", "empty"):
            return Value(self.take().text, None, token.where)
        if token.text in ("true", "false"):
            return Value("bool", self.take().text == "true", token.where)
        name = self.name("a value")
        if not self.token.is_mark("."):
            return Value("reference", name.text, token.where)
        parts = [name.text]
        while self.accept("."):
            parts.append(self.name("the rest of an enumeration value").text)
        return Value("enum", ".".join(parts), token.where)

    def number(self) -> Value:
        where, negative = self.token.where, self.accept("-")
        if not isinstance(self.token.value, (int, float)):
            self.refuse("a number")
        magnitude = self.token.value
        self.take()
        return Value("number", -magnitude if negative else magnitude, where)

    def range(self) -> tuple[int, int]:
        """`<0x100, 0x200>` or `<0x100, +0x100>`: the first address, and the one behind the last."""
        self.expect("<")
        begin = self.address()
        self.expect(",")
        relative = self.accept("+")
        last, end = self.token.where, self.address()
        if relative:
            end += begin
        if end < begin:
            raise last.error("a range that ends before it begins", "write the lower address first")
        self.expect(">")
        return begin, end

    def address(self) -> int:
        if not isinstance(self.token.value, int):
            self.refuse("an address")
        value = self.token.value
        self.take()
        return value

    def list(self) -> Value:
        where, values = self.token.where, []
        self.expect("[")
        while not self.accept("]"):
            if self.token.is_mark("["):
                self.unsupported("a list in a list", "write one list")
            if self.token.text == "none":
                self.refuse("a value that is not 'none'")
            values.append(self.value())
            if not self.token.is_mark("]"):
                self.expect(",")
        return Value("list", values, where)
