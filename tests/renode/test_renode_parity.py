"""Both engines run the same firmware: what they print, write into the flash and send is the same, in the same order."""

from __future__ import annotations

import pytest
from images import FULL, GZIP, vendor

from bk7238.image import flash_image, package
from bk7238.machine import Machine
from bk7238.update.result import Result, Verdict
from bk7238.update.session import Settings, Update
from renode.conftest import HOST_LIMIT
from renode.recording import Recording, first_difference, first_missing_line

ENGINES = ("unicorn", "renode")
BOOT = 100_000  # virtual microseconds in which the boot loader has started the app, and that has begun to print
pytestmark = pytest.mark.usefixtures("needs_renode")


def boot(engine: str) -> Recording:
    recording = Recording()
    machine = Machine(flash_image.read(vendor(FULL)).data, engine=engine)
    recording.watch(machine)
    machine.run(until=BOOT)
    return recording


def update(engine: str, psk: str | None) -> tuple[Recording, Result]:
    recording = Recording()
    session = Update(flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), Settings(engine=engine, psk=psk))
    if engine == "renode":
        session.machine.engine.host_limit = 4 * HOST_LIMIT  # type: ignore[attr-defined]
    recording.watch(session.machine)
    recording.listen(session.air)
    return recording, session.run()


def test_boot_loader_starts_the_app_and_prints_the_same() -> None:
    unicorn, renode = map(boot, ENGINES)
    assert renode.uart1[0].endswith("BK7238_1.0.15")
    assert "go os_addr(0x10000)" in renode.uart1[-1]
    assert renode.uart1 == unicorn.uart1
    assert any("SDK Rev" in line for line in renode.uart2)


@pytest.mark.parametrize("psk", [None, "correct horse"], ids=["open", "wpa2"])
def test_update_is_the_same_on_both_engines(psk: str | None) -> None:
    (unicorn, expected), (renode, result) = (update(engine, psk) for engine in ENGINES)
    assert (result.verdict, result.to_version) == (Verdict.NEW_APP_RUNS, "2.00.777")
    assert (result.verdict, result.from_version, result.to_version) == (
        expected.verdict,
        expected.from_version,
        expected.to_version,
    )
    differences = [
        first_difference("flash", unicorn.flash, renode.flash),
        first_difference("management frame", unicorn.management, renode.management),
        first_difference("HTTP", unicorn.requests, renode.requests),
        first_difference("uart1", unicorn.uart1, renode.uart1),
    ]
    if psk is None:
        # With WPA2 the device computes its key for three seconds while other tasks print: their lines change places
        # further than NEIGHBOURS.
        differences += [
            first_missing_line("uart2 of unicorn", unicorn.uart2, renode.uart2),
            first_missing_line("uart2 of renode", renode.uart2, unicorn.uart2),
        ]
    assert [difference for difference in differences if difference] == []
    assert min(len(unicorn.flash), len(renode.flash)) > 5_000
    assert len(unicorn.management) == len(renode.management)
    messages = [event for event in renode.management if event[0] == "EAPOL"]
    assert len(messages) == (0 if psk is None else 8), "two joins of four messages"
    assert len(unicorn.requests) == len(renode.requests) == 1
