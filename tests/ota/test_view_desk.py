"""A device on the desk: who looks changes nothing, what was is gone back to, and what is saved gives the same again."""

import subprocess
import sys

import pytest
from debugging import Gdb
from images import FULL, GZIP, vendor

from bk7238 import Settings, Update, flash_image, package, resources
from bk7238.view.desk import TYPE, Deed, Desk
from bk7238.view.live import LiveDevice, PageState

IMAGE, PACKAGE = (str(resources.reference() / name) for name in ("reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl"))
FAR = 1 << 50
THINGS = """\
[[thing]]
name = "button"
kind = "button"
pin = 9
pressed = 1

[[thing]]
name = "relay"
kind = "relay"
pin = 14

[[thing]]
name = "light"
kind = "led"
pin = 15

[[thing]]
name = "lamp"
kind = "lamp"
red = 4
blue = 0

[[thing]]
name = "slider"
kind = "slider"
channel = 1
volts = 1.2

[[thing]]
name = "mcu"
kind = "peer"
uart = 1
"""


def files():
    return flash_image.read(resources.reference() / IMAGE), package.read(resources.reference() / PACKAGE)


def judged(desk):
    while not desk.advance(FAR):
        pass
    return desk.history.result


def fresh(**settings):
    return Update(*files(), Settings(**settings)).run()


@pytest.mark.full
def test_who_looks_and_goes_back_changes_nothing():
    desk = Desk(*files(), Settings())
    device, reader = LiveDevice(desk, IMAGE, PACKAGE), PageState()
    device.obey(reader, {"do": "run"})
    while device.running:
        device.turn(FAR)
        device.news(reader)
        for block in ("cpu", *desk.machine.board.names) if desk.now % 2_000_000 < 20_000 else ():
            device.look(reader, {"do": "watch", "block": block})
    plain = fresh()
    assert (desk.history.result.verdict, desk.history.result.digest) == (plain.verdict, plain.digest)
    end, sights = desk.now, list(desk.history.seen.sights)
    frame = next(number for number, sight in enumerate(sights) if sight.data)
    assert "###[ 802.11 ]###" in device.look(reader, {"do": "dissect", "sight": frame})["dissected"]
    printed = bytes(desk.machine.uart1.output)
    desk.goto(end - 5_000_000)
    assert len(desk.machine.uart1.output) < len(printed) and desk.history.seen.cursor < len(sights)
    desk.goto(end)
    assert desk.machine.digest() == plain.digest and desk.machine.uart1.output == printed
    assert desk.history.seen.sights == sights and desk.history.seen.cursor == len(sights)


def passes(tmp_path, text):
    """Carry a saved test out as anybody would."""
    path = tmp_path / "test_saved.py"
    path.write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, text + done.stdout


@pytest.mark.full
def test_a_fault_in_the_past_is_another_history_and_the_run_of_its_test(tmp_path):
    desk = Desk(*files(), Settings(faults=["frame-loss:2%"]))
    device, reader = LiveDevice(desk, IMAGE, PACKAGE), PageState()
    first = judged(desk)
    assert first.digest == fresh(faults=["frame-loss:2%"]).digest
    install = next(phase for phase in first.phases if phase.name == "install")
    desk.goto(install.start + 40_000)
    device.obey(reader, {"do": "cut", "how": "torn"})
    device.obey(reader, {"do": "fault", "fault": "frame-loss:5%", "now": True})
    second = judged(desk)
    assert desk.history.number == 1 and desk.history.parent == 0
    faults = desk.history.all_faults(9)
    assert [one["fired"] > 0 for one in second.faults] == [True] * 3
    plain = fresh(faults=faults)
    assert (second.verdict, second.reason, second.digest) == (plain.verdict, plain.reason, plain.digest)
    assert second.digest != first.digest
    device.obey(reader, {"do": "type", "console": 1, "text": "version\r"})
    desk.advance(desk.now + 200_000)
    passes(tmp_path, device.obey(reader, {"do": "save"})["text"])
    time, _ = desk.history.why
    device.obey(reader, {"do": "why"})
    assert desk.now == time == max(firing["time"] for one in second.faults for firing in one["firings"])
    desk.goto(FAR, 0)
    assert desk.machine.digest() == first.digest


@pytest.mark.full
def test_what_is_typed_pressed_and_switched_is_in_the_test(tmp_path):
    desk = Desk(files()[0], None, Settings())
    device, reader = LiveDevice(desk, IMAGE, ""), PageState()
    desk.advance(2_000_000)
    device.obey(reader, {"do": "type", "console": 1, "text": "version\r"})
    device.obey(reader, {"do": "pin", "pin": 9, "level": 0, "press": True})
    desk.advance(3_000_000)
    device.obey(reader, {"do": "link", "on": False})
    desk.advance(4_000_000)
    digest = desk.machine.digest()
    desk.goto(1_000_000)
    desk.goto(4_000_000)
    assert desk.machine.digest() == digest and len(desk.histories) == 1
    passes(tmp_path, device.obey(reader, {"do": "save"})["text"])
    desk.goto(1_500_000)
    desk.act(Deed(desk.now, TYPE, "x", 1))
    assert len(desk.histories) == 2 and desk.history.fork == desk.now


@pytest.mark.full
def test_things_are_used_in_a_branch_and_by_its_test(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(THINGS)
    desk = Desk(files()[0], None, Settings(devices=[str(path)]))
    device, reader = LiveDevice(desk, IMAGE, ""), PageState()

    def use(thing, control, **value):
        device.obey(reader, {"do": "thing", "thing": thing, "control": control, **value})

    def looks():
        return {thing["name"]: thing["looks"] for thing in device.news(reader)["status"]["things"]}

    desk.advance(2_000_000)
    first, digest = looks(), desk.machine.digest()
    assert first["lamp"] == {"colour": "#000000", "red": 0.0, "blue": 0.0} and not first["button"]["down"]
    desk.goto(1_000_000)
    use("button", "push")
    assert desk.machine.board.gpio.level(9) == 1
    use("slider", "set", value=0.4)
    use("mcu", "say", value="version\r\n")
    assert (desk.history.parent, desk.history.fork, len(desk.history.deeds)) == (0, 1_000_000, 3)
    assert looks()["button"] == {"down": True}
    desk.advance(2_000_000)
    branch = looks()
    assert desk.machine.board.gpio.level(9) == 0 and branch["button"] == {"down": False}
    assert branch["slider"] == {"volts": 0.4} and branch["mcu"]["said"] == "version\r\n"
    passes(tmp_path, device.obey(reader, {"do": "save"})["text"])
    desk.goto(2_000_000, 0)
    assert looks() == first and desk.machine.digest() == digest
    desk.goto(1_500_000, 1)
    desk.goto(2_000_000)
    assert looks() == branch


@pytest.mark.full
def test_a_fault_that_cannot_be_leaves_all_as_it_is():
    desk = Desk(*files(), Settings())
    desk.advance(1_000_000)
    desk.goto(900_000)
    digest = desk.machine.digest()
    for fault in (
        "wrong-key@1500000us",
        "wrong-key",
        "partition-table:nothing.entry=missing",
        "power-cut:back=1s,off=1s",
    ):
        with pytest.raises(ValueError, match=fault[:9]):
            desk.fault(fault)
    assert (len(desk.histories), desk.history.deeds, desk.machine.digest()) == (1, [], digest)
    assert not desk.fault("network-stall@50%")
    assert (desk.now, desk.history.faults, desk.history.parent) == (0, ("network-stall@50%",), 0)
    assert judged(desk).digest == fresh(faults=["network-stall@50%"]).digest


@pytest.mark.nightly
def test_a_vendors_app_is_taken_back_by_five_seconds(tmp_path):
    image, rbl = vendor(FULL), vendor(GZIP)
    desk = Desk(flash_image.read(image), package.read(rbl), Settings())
    desk.looked_at = True
    device, reader = LiveDevice(desk, str(image), str(rbl)), PageState()
    digest, end = judged(desk).digest, desk.now
    assert desk.history.result.verdict == "new-app-runs"
    desk.goto(end - 5_000_000)
    desk.goto(end)
    assert desk.machine.digest() == digest
    desk.goto(end - 5_000_000)
    device.obey(reader, {"do": "cut"})
    assert judged(desk).digest != digest
    passes(tmp_path, device.obey(reader, {"do": "save"})["text"])


@pytest.mark.full
def test_a_debugger_has_a_history_of_its_own():
    desk = Desk(*files(), Settings())
    desk.advance(1_000_000)
    digest = desk.machine.digest()
    device, reader = LiveDevice(desk, IMAGE, PACKAGE), PageState()
    said = device.obey(reader, {"do": "debug"})["said"]
    host, port = desk.gdb.address
    assert host == "127.0.0.1" and said.endswith(f"{host}:{port}") and desk.history.number == 1
    client = Gdb(desk.gdb)
    client.ask("qSupported:swbreak+;hwbreak+")
    pc = desk.machine.engine.register("pc")
    assert client.pc == pc and client.ask("?").startswith("T05")
    assert client.ask("s").startswith("T05") and client.pc != pc
    desk.turn()
    device.obey(reader, {"do": "undebug"})
    client.close()
    assert desk.gdb is None and desk.now == 1_000_000 and desk.machine.digest() == digest


@pytest.mark.full
def test_a_run_that_reaches_the_host_is_shown_and_not_taken_back():
    desk = Desk(files()[0], None, Settings(gateway=["127.0.0.1:9"]))
    desk.looked_at = True
    desk.advance(100_000)
    for refused in (lambda: desk.goto(0), lambda: desk.fault("network-stall@50%"), desk.debug):
        with pytest.raises(ValueError, match="cannot"):
            refused()
    assert desk.fault("power-cut@150ms")
    desk.advance(300_000)
    assert desk.machine.resets == 1 and desk.history.states == [] and len(desk.histories) == 1
