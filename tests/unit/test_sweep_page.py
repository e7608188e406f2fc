"""The page of sweeps, from sweeps that are made up: what it shows, and where."""

import re

import effort
import pytest
from made_sweeps import MODES, SAID, article, cuts, ends, layouts, network, outcome, packages, parsed, rendered, sweep

from bk7238.sweep.report import page, saved
from bk7238.sweep.report.page import verdicts
from bk7238.sweep.report.page.scale import Scale
from bk7238.update.verdict import Verdict


def test_the_title_says_the_outcome():
    assert parsed(cuts(5)).all("title")[0]["text"] == "None of 15 points ends badly: BK7238_1.0.15"
    both = parsed(network(), network(bootloader="BK7238_1.0.0"))
    assert both.all("title")[0]["text"] == "2 of 8 points end badly: BK7238_1.0.15, BK7238_1.0.0"
    assert both.all("h1")[0]["text"] == "2 of 8 points end badly"
    assert parsed(sweep("network", [])).all("h1")[0]["text"] == "Nothing was run"


def test_verdicts_are_counted_and_explained():
    found = parsed(network(), cuts(5))
    tile = found.all("ul", "tiles")[0]["text"]
    assert re.match(r"17 new-app-runs.*A 2B 15", tile) and "1 brick" in tile


def test_each_verdict_has_a_colour_a_word_and_a_meaning():
    sheet = (page.TEMPLATES / "page.css").read_text()
    for verdict in Verdict:
        assert f".{verdicts.style(verdict.value).split()[1]} {{" in sheet
        assert verdicts.word(verdict.value) and verdicts.meaning(verdict.value)
    assert verdicts.word("<new>") == "<new>" and verdicts.style("<new>") == "v"


def test_the_page_of_layouts_answers_whether_the_update_works_before_all_else():
    found = parsed(layouts(), layouts(bootloader="BK7238_1.0.0", image="other.bin", outcomes=[]))
    tables = [one["text"] for one in found.all("table")]
    answer = next(text for text in tables if text.startswith("boot loadermatchingmoved"))
    assert "A BK7238_1.0.15full.binnew-app-runs" in answer and "old-app-runsno header" in answer
    assert "B BK7238_1.0.0other.binnot runnot run" in answer and "package-key" not in answer
    assert next(text for text in tables if text.startswith("packagematchingmoved"))
    kinds = [one.get("class") or one["tag"] for one in found.elements]
    assert kinds.index("cases") < kinds.index("bad-ends") < kinds.index("matrix")
    assert "Does the update work?" not in rendered(sweep("layouts", []))


# Cuts


def test_neighbours_that_end_alike_are_one_bar():
    found = parsed(cuts(100, ends))
    bars = [bar["aria-label"] for bar in found.all("a") if "aria-label" in bar]
    assert sorted(bars) == sorted(
        [f"{how}, operations 1 to 39: new-app-runs (39 cuts)" for how in MODES]
        + [f"{how}, operation 40: brick (1 cut)" for how in MODES]
        + [f"{how}, operations 41 to 100: new-app-runs (60 cuts)" for how in ("before", "after")]
        + ["torn, operations 41 to 90: new-app-runs (50 cuts)", "torn, operations 91 to 100: old-app-runs (10 cuts)"]
    )
    said = article(found, "A", 271)  # operation 91, torn
    assert "The first of 10 cuts that end alike: torn, operations 91 to 100." in said
    assert "bk7238 ota full.bin app.rbl --seed=7 --fault=power-cut:torn@flash-op=91" in said
    assert "Ends that should not be: 3" in found.all("div", "bad-ends")[0]["text"]


def test_the_flash_is_a_picture():
    found = parsed(cuts(100))
    (picture,) = found.all("svg", "flash")
    assert picture["aria-label"] == "30 erases and 70 programs of the flash, over the operations"
    assert [name["text"] for name in found.all("div", "names")] == ["bootloader 0x0app 0x11000download 0x132000"]
    for kind, number in (("erase", 30), ("program", 70)):
        assert [path["d"].count("M") for path in found.all("path", kind)] == [number, 1]  # the picture, the key
    (figure,) = found.all("figure")
    assert figure["data-operations"].startswith("e11000+1000 e12000+1000 ") and figure["data-first"] == "1"


def test_addresses_keep_their_order():
    scale = Scale(saved.parse(cuts(100)))
    places = [scale(address) for address in (0, 0x10FFF, 0x11000, 0x11100, 0x12000, 0x132000, 0x1FFFFF, 0x200000)]
    assert places == sorted(set(places)) and places[0] == 0 and places[-1] == pytest.approx(1000)
    assert scale(0x2F000) - scale(0x11000) >= 99  # operated on: large enough to see


def test_samples_are_seen_to_be_samples():
    one = cuts(100)
    one["outcomes"] = [line for line in one["outcomes"] if int(line["column"]) % 10 == 0]
    found = parsed(one)
    assert len(found.all("path", "pale")) == 3
    assert "operations 10 to 100, not each of them was cut" in article(found, "A", 0)


def test_pairs_stand_alone():
    pairs = cuts(20, of="pairs")
    for line in pairs["outcomes"]:
        line["row"] = f"{line['row']}, torn"
    found = parsed(pairs)
    assert len(found.all("article")) == 60 and "alike" not in article(found, "A", 3)


def test_bad_ends_are_listed_up_to_200():
    found = parsed(cuts(100, lambda _operation, _how: "brick"))
    (listed,) = found.all("div", "bad-ends")
    assert "Ends that should not be: 300" in listed["text"] and "and 100 more" in listed["text"]
    assert len(found.all("article")) == 200


def test_boot_loaders_stand_side_by_side():
    found = parsed(cuts(10), cuts(12, bootloader="BK7238_1.0.0"), cuts(5, of="download"))
    assert [head["text"] for head in found.all("h2")] == [
        "Power cuts in the download",
        "Power cuts in the installation",
    ]
    assert [len(side["text"].split("cuts, all end well")) - 1 for side in found.all("div", "side")] == [1, 2]


@pytest.mark.full
@pytest.mark.parametrize("worst", [False, pytest.param(True, marks=pytest.mark.full)])
def test_9435_cuts_are_a_page_that_opens(worst):
    """The worst: no two neighbours end alike, and half of the cuts end badly."""
    alternating = lambda operation, _how: "brick" if operation % 2 else "new-app-runs"  # noqa: E731
    one = cuts(3145, alternating) if worst else cuts(3145)
    html = rendered(one)
    assert len(html) < (4_000_000 if worst else 400_000)
    half = cuts(1572, alternating) if worst else cuts(1572)
    assert effort.lines(lambda: rendered(one)) < 2.2 * effort.lines(lambda: rendered(half))


# The matrix


def cells(found):
    return [(cell.get("class", ""), cell["text"]) for cell in found.all("td") if "data-name" not in cell]


def test_the_matrix_is_a_table():
    found = parsed(network())
    assert [head["text"] for head in found.all("th", "fault")] == ["fault", "ap-gone", "wrong-key"]
    assert [head["text"] for head in found.all("th") if head.get("scope") == "col"][-2:] == ["power-on", "50%"]
    assert cells(found) == [
        ("v v-waits", "waits"),
        ("v v-new", "new app"),
        ("v v-brick bad", "brick"),
        ("v v-new silent", "new appnever fired"),
    ]
    assert "Never fired" in article(found, "A", 3) and "wrong-key@50%" in article(found, "A", 3)
    for text in ("gone", "ap-gone: at 0.000 s, off", "d1"):
        assert text in article(found, "A", 0)
    assert "0.000 s power on1.5 s joined" in article(found, "A", 1)


def test_two_matrices_are_one_with_their_differences_framed():
    other = network(bootloader="BK7238_1.0.0")
    other["outcomes"][1]["verdict"] = "old-app-runs"
    del other["outcomes"][3]
    found = parsed(network(), other)
    assert cells(found)[2:4] == [("first differs v v-new", "new app"), ("differs v v-old", "old app")]
    assert cells(found)[6:] == [("first v v-new silent", "new appnever fired"), ("", "\N{EN DASH}")]
    assert "In 1 cell, framed" in found.all("section")[0]["text"]
    assert [badge["text"] for badge in found.all("th") if badge.get("title")] == ["A", "B"] * 2


# Packages


OTHER = "the bootloader printed: [E/OTA] (verify) CRC32(11223344) failed / second"


def test_the_cases_in_which_boot_loaders_differ_come_first():
    one = packages({"same": ("old-app-runs", SAID), "words": ("old-app-runs", SAID), "end": ("old-app-runs", SAID)})
    two = packages({"same": ("old-app-runs", OTHER), "words": ("old-app-runs", "else"), "end": ("brick", OTHER)})
    two["bootloader"] = "BK7238_1.0.0"
    two["outcomes"].append(outcome("alone"))
    found = parsed(one, two)
    section = found.all("section")[0]["text"]
    order = ["Where the boot loaders differ", "In 1 case they end differently", "brick", "In 1 case they end alike"]
    order += ["else", "Where they agree (2)"]
    assert [section.index(text) for text in order] == sorted(section.index(text) for text in order)
    names = [head["text"] for head in found.all("th") if head.get("scope") == "row"]
    assert names == ["A", "B", "end", "words", "same", "alone"]
    assert {mark["text"] for mark in found.all("mark")} == {
        "marked",
        "else",
        "the bootloader printed:",
        "[E/OTA] (verify:12) CRC32(0a0b0c0d) failed",
        "second",
    }


def test_one_boot_loader_differs_from_none():
    found = parsed(packages({"case": ("old-app-runs", SAID)}))
    assert "differ" not in found.all("section")[0]["text"] and len(found.all("table", "cases")) == 1


def test_boot_loaders_that_agree():
    ends = {"case": ("old-app-runs", SAID)}
    found = parsed(packages(ends), packages({"case": ("old-app-runs", OTHER)}, bootloader="x"))
    assert "The boot loaders agree in 1 case." in found.all("section")[0]["text"]
