"""Both engines run the same firmware: what they print, write into the flash and send is the same, in the same order."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from boards import BOARDS, Board
from boards import update as package_of
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.engine.engine import make
from bk7238.image import FlashImage, Package, flash_image, package
from bk7238.machine import Machine
from bk7238.update.result import Result
from bk7238.update.session import Settings, Update
from bk7238.update.verdict import Verdict
from renode.conftest import HOST_LIMIT, PLATFORM
from renode.recording import Recording, first_difference, first_missing_line

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ("unicorn", "renode")
BANNER = 1_500_000  # virtual microseconds in which OpenBeken has started everything
BOOT = 100_000  # virtual microseconds in which the boot loader has started the app, and that has begun to print
pytestmark = pytest.mark.usefixtures("needs_renode")


def boot(engine: str) -> Recording:
    recording = Recording()
    machine = Machine(flash_image.read(vendor(FULL)).data, engine=engine)
    recording.watch(machine)
    machine.run(until=BOOT)
    return recording


def update(engine: str, image: FlashImage, offered: Package, psk: str | None = None) -> tuple[Recording, Result]:
    recording = Recording()
    session = Update(image, offered, Settings(engine=engine, psk=psk))
    if engine == "renode":
        session.machine.engine.host_limit = 4 * HOST_LIMIT  # type: ignore[attr-defined]
    recording.watch(session.machine)
    recording.listen(session.air)
    return recording, session.run()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.chip)
def test_each_board_boots_to_its_banner_with_the_same_consoles(board: Board) -> None:
    image = flash_image.read(vendor(board.file))
    seen = {}
    for engine in ENGINES:
        recording, machine = Recording(), Machine(image.data, engine=engine, chip=image.chip)
        recording.watch(machine)
        machine.run(until=BANNER)
        seen[engine] = recording
    unicorn, renode = seen.values()
    assert any("Main_Init_After_Delay done" in line for line in unicorn.uart2)
    # A Thumb call takes an instruction less in Renode: other rounds of the idle task, and two tasks may change places.
    ours, theirs = (sorted(re.sub(r"idle \d+/s", "idle", line) for line in one.uart2) for one in (unicorn, renode))
    assert (renode.uart1, theirs) == (unicorn.uart1, ours)
    assert renode.flash == unicorn.flash


def test_boot_loader_starts_the_app_and_prints_the_same() -> None:
    unicorn, renode = map(boot, ENGINES)
    assert renode.uart1[0].endswith("BK7238_1.0.15")
    assert "go os_addr(0x10000)" in renode.uart1[-1]
    assert renode.uart1 == unicorn.uart1
    assert any("SDK Rev" in line for line in renode.uart2)


# At 0: add r0, pc, #1; bx r0. In Thumb at 8: movs r0, #0; loop: bl next; next: adds r0, #1; b loop.
CALLS = (0xE28F0001, 0xE12FFF10, 0xF0002000, 0x3001F800, 0x0000E7FB)


@pytest.mark.parametrize(("engine", "instructions"), [("unicorn", 4), ("renode", 3)])
def test_thumb_call_is_one_instruction_in_renode_and_two_here(engine: str, instructions: int) -> None:
    """As FIDELITY says; everything else counts the same."""
    machine = make(engine, PLATFORM, 0)
    machine.bus.write(0, struct.pack(f"<{len(CALLS)}I", *CALLS))
    machine.run(until=1_000)
    assert machine.register("r0") == (machine.instructions - 3) // instructions


def test_boot_takes_what_fidelity_says_on_each_engine() -> None:
    page = " ".join((ROOT / "docs" / "FIDELITY.md").read_text(encoding="utf-8").split())
    said = re.search(r"names its version ([\d.]+) ms after power-on in Renode and ([\d.]+) ms in the embedded", page)
    assert said is not None
    found = {engine: time_of(engine, flash_image.read(vendor(FULL)).data, "OpenBK7238, version") for engine in ENGINES}
    assert [f"{found[engine] / 1e3:.1f}" for engine in ("renode", "unicorn")] == [*said.groups()]


def test_boot_without_thumb_calls_is_alike() -> None:
    image = (resources.reference() / "reference_1.0.0.bin").read_bytes()
    times = [time_of(engine, image, "[THD]cli") for engine in ENGINES]
    assert abs(times[0] - times[1]) <= 5  # microseconds


def time_of(engine: str, image: bytes, text: str) -> int:
    """The microsecond in which a line with this text has been printed."""
    machine, seen = Machine(image, engine=engine), []

    def line(printed: str) -> None:
        if text in printed:
            seen.append(machine.now)
            machine.stop()

    machine.uart1.on_line.connect(line)
    machine.uart2.on_line.connect(line)
    machine.run(until=2_000_000)
    return int(seen[0])


@pytest.mark.parametrize("psk", [None, "correct horse"], ids=["open", "wpa2"])
def test_update_is_the_same_on_both_engines(psk: str | None) -> None:
    image, offered = flash_image.read(vendor(FULL)), package.read(vendor(GZIP))
    (unicorn, expected), (renode, result) = (update(engine, image, offered, psk) for engine in ENGINES)
    assert_same_end(expected, result)
    differences = events(unicorn, renode)
    if psk is None:
        # With WPA2 the device computes its key for three seconds while other tasks print: their lines change places
        # further than NEIGHBOURS.
        differences += consoles(unicorn, renode)
    assert differences == []
    assert min(len(unicorn.flash), len(renode.flash)) > 5_000
    assert len(unicorn.management) == len(renode.management)
    messages = [event for event in renode.management if event[0] == "EAPOL"]
    assert len(messages) == (0 if psk is None else 8), "two joins of four messages"
    assert len(unicorn.requests) == len(renode.requests) == 1


@pytest.mark.nightly
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.chip)
def test_update_of_each_board_is_the_same_on_both_engines(board: Board) -> None:
    image = flash_image.read(vendor(board.file))
    (unicorn, expected), (renode, result) = (update(engine, image, package_of(image)) for engine in ENGINES)
    assert_same_end(expected, result)
    assert events(unicorn, renode) + consoles(unicorn, renode) == []
    assert len(unicorn.requests) == len(renode.requests) == 1


def assert_same_end(expected: Result, result: Result) -> None:
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "2.00.777")
    for name in ("verdict", "reason", "from_version", "to_version"):
        assert getattr(result, name) == getattr(expected, name)


def events(unicorn: Recording, renode: Recording) -> list[str]:
    """The first difference of each kind of event."""
    differences = (
        first_difference("flash", unicorn.flash, renode.flash),
        first_difference("management frame", unicorn.management, renode.management),
        first_difference("HTTP", unicorn.requests, renode.requests),
        first_difference("uart1", unicorn.uart1, renode.uart1),
    )
    return [difference for difference in differences if difference]


def consoles(unicorn: Recording, renode: Recording) -> list[str]:
    """A line of the app's console on either engine that the other has not nearby."""
    differences = (
        first_missing_line("uart2 of unicorn", unicorn.uart2, renode.uart2),
        first_missing_line("uart2 of renode", renode.uart2, unicorn.uart2),
    )
    return [difference for difference in differences if difference]
