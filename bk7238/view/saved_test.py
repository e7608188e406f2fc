"""A history of the desk as a test for pytest, which gives the same run from its power-on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from bk7238.bench.settings import OPTIONS, Settings
from bk7238.view.desk import FAULT, LINK, PIN, THING, TYPE, Deed, Desk


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["python"] = repr
    return environment.get_template("saved_test.py.jinja")


def saved_test(desk: Desk, image: str, package: str) -> str:
    """The text of a test of the desk's history: to its verdict, and on to this moment where something was done since
    then, or there is no verdict yet. `image` and `package` (empty: none) are how the files are called."""
    history, result = desk.history, desk.history.result
    judged = desk.deeds_done if result is None else history.judged_deeds
    before, after = history.deeds[:judged], history.deeds[judged : desk.deeds_done]
    moment = result is None or bool(after)
    marked = {"image": image, **({"package": package} if package else {"update": False}), **_unusual(desk.settings)}
    return _template().render(
        marked=marked,
        faults=(*history.faults, *(deed.text for deed in (*before, *after) if deed.kind == FAULT)),
        before=_lines(before),
        after=_lines(after),
        result=result,
        moment=(desk.now, desk.machine.digest()) if moment else None,
        updates=bool(package),
    )


def _lines(deeds: list[Deed]) -> list[tuple[int, str]]:
    """The statements that do these, but for the faults, and when."""
    return [(deed.time, _line(deed)) for deed in deeds if deed.kind != FAULT]


def _unusual(settings: Settings) -> dict[str, object]:
    """The settings that are not as usual, as they are written, but for the faults."""
    usual, found = Settings(), {}
    for name, option in OPTIONS.items():
        value = getattr(settings, name)
        if name != "faults" and value is not None and value != getattr(usual, name):
            found[name] = option.write(value) if option.metavar else value
    return found


def _line(deed: Deed) -> str:
    """The statement that does it."""
    thing = deed.text, deed.control, deed.value
    return {
        TYPE: f"dut.machine.uart{deed.number}.send({deed.text.encode()!r})",
        PIN: f"dut.pins[{deed.number}] = {deed.level}",
        THING: f"dut.things.do({', '.join(repr(one) for one in thing if one is not None)})",
        LINK: f"dut.router.{'on' if deed.level else 'off'}()",
    }[deed.kind]
