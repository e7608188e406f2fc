"""The comparison itself: it must show the first difference, and only differences."""

from __future__ import annotations

from renode.recording import first_difference, first_missing_line


def test_first_event_that_differs_is_shown() -> None:
    difference = first_difference("flash", [("erase", 0), ("program", 1)], [("erase", 0), ("program", 2)])
    assert difference == "flash event 1: unicorn ('program', 1), renode ('program', 2)"


def test_run_that_ended_earlier_does_not_differ() -> None:
    assert first_difference("flash", [1, 2, 3], [1, 2]) is None


def test_lines_may_change_places_and_lose_a_character() -> None:
    one = ["a line of one task", "a line of another", "idle 5/s", "Info:OTA:begin"]
    other = ["a line of another", "a lne of one task", "idle 777/s", "Info:OTA:begin"]
    assert first_missing_line("uart2", one, other) is None


def test_line_that_is_missing_is_shown() -> None:
    lines = [f"this is line {number} of many that are all of them different {number * 7}" for number in range(60)]
    lines = [line.replace("different", "different" * (index % 5 + 1)) for index, line in enumerate(lines)]
    broken = [*lines[:20], *lines[21:]]
    broken.insert(20, "something else altogether")
    difference = first_missing_line("uart2", lines, broken)
    assert difference is not None
    assert "uart2 line 20" in difference or "is missing" in difference


def test_status_line_that_lost_its_first_character_is_left_out_as_well() -> None:
    one = ["a line of one task", "Info:GEN:sta:1", "a line of another"]
    other = ["a line of one task", "nfo:GEN:sta:1", "a line of another"]
    assert first_missing_line("uart2", one, other) is None
    assert first_missing_line("uart2", other, one) is None


def test_a_line_may_go_on_in_a_status_line_that_lost_its_end() -> None:
    rest = [f"line {'abcdefg'[number % 7] * 9} {'hijkl'[number % 5] * 9}" for number in range(35)]
    one = ["Info:MAIN:Time 5, idle 5/s, socks 2/24", "[Flash]id:0xeb6015", *rest]
    other = ["Info:MAIN:Time 5, idl[Flash]id:0xeb6015", "e 5/s, secondsWithNoPing -1, socks 2/24", *rest]
    assert first_missing_line("uart2", one, other) is None
    assert first_missing_line("uart2", other, one) is None
    assert first_missing_line("uart2", one, [other[1], *rest]) is not None
