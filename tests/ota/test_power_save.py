"""Power save with the real firmware: it dozes between beacons, and what is sent to it waits at the access point."""

import struct

import pytest
from images import FULL, image

from bk7238 import chip
from bk7238.bench.settings import Settings
from bk7238.families import openbeken
from bk7238.families.family import Instructions
from bk7238.formats import ieee80211 as dot11
from bk7238.image.flash_view import FlashView
from bk7238.network import ipv4
from bk7238.network.checksum import checksum
from bk7238.network.events import PingAnswered
from bk7238.testing import Dut, Flash
from bk7238.update.life import Life
from bk7238.update.verdict import Verdict

pytestmark = pytest.mark.full

INTERVAL = 102_400
ASLEEP_FROM = 7_500_000
COMMAND = b"addEventHandler WiFiState 4 PowerSave 1"
DEVICE_IP, GATEWAY_IP = bytes((192, 168, 77, 50)), bytes((192, 168, 77, 1))


def sleeper() -> dict[int, bytes]:
    """A configuration that turns power save on as soon as the device is on the network."""
    profile = openbeken.OpenBeken()
    blank = FlashView(chip.usual(), b"\xff" * 0x200000)
    ((address, block),) = profile.configure(blank, Instructions(b"Bench", "", "")).items()
    block = bytearray(block)
    block[0x5E0 : 0x5E0 + len(COMMAND)] = COMMAND
    block[3] = openbeken.config_crc(block)
    return {address: bytes(block)}


class Sleeper:
    """The device asleep for eight seconds, in which it is sent eight pings at odd moments."""

    def __init__(self) -> None:
        self.dut = Dut(image(FULL), None, Settings(seed=1))
        for address, data in sleeper().items():
            Flash(self.dut).load(data, address)
        self.asked = {}
        self.states = []  # of the MAC, at the end of each frame
        self.dut.bench.air.on_frame.connect(self._passed)
        for number in range(1, 9):
            at = ASLEEP_FROM + 1_000_000 * number + 11_000 * number
            self.dut.machine.clock.after(at, lambda number=number: self._ping(number))
        self.dut.machine.run(until=ASLEEP_FROM + 10_000_000)

    def frames(self, control: tuple[int, ...], *, ours: bool):
        """The frames with one of these first bytes, once it sleeps."""
        late = (frame for frame in self.dut.frames if frame.time > ASLEEP_FROM and frame.from_device == ours)
        return [frame for frame in late if frame.data[0] in control]

    def _passed(self, time, *_frame):
        self.states.append((time, self.dut.machine.board.wifi.control.STATE_CNTRL.currentState))

    def _ping(self, number: int) -> None:
        self.asked[number] = self.dut.machine.now
        echo = struct.pack("!BBHHH", 8, 0, 0, 9, number) + b"are you awake?"
        echo = echo[:2] + checksum(echo).to_bytes(2, "big") + echo[4:]
        bench = self.dut.bench
        (station,) = bench.access_point.stations.members()
        packet = ipv4.build(GATEWAY_IP, DEVICE_IP, ipv4.ICMP, echo, number)
        bench.access_point.send(station.address + bench.network.mac + b"\x08\x00" + packet, self.dut.machine.now)

    def answers(self) -> dict[int, int]:
        """When the device's echo replies came, by number."""
        found = {}
        for frame in self.dut.frames:
            header, body = dot11.parse(frame.data)
            if not frame.from_device or header.kind != dot11.DATA or header.subtype & dot11.NULL_BIT:
                continue
            packet = body[8:]
            if body[6:8] == b"\x08\x00" and packet[9] == ipv4.ICMP and packet[20] == 0:
                found.setdefault(int.from_bytes(packet[26:28], "big"), frame.time)
        return found


@pytest.fixture(scope="module")
def bench():
    return Sleeper()


def test_it_says_that_it_sleeps_and_dozes_most_of_the_time(bench):
    nulls = [frame.data[1] for frame in bench.frames((0x48, 0xC8), ours=True)]
    assert nulls and any(flags & dot11.POWER_MANAGEMENT for flags in nulls)
    assert len(bench.frames((0x80,), ours=False)) == 10_000_000 // INTERVAL
    assert bench.dut.machine.board.wifi.doze.DOZE_CNTRL_2.wakeUpSW == 0


def test_it_hears_every_beacon_that_it_wakes_up_for(bench):
    """Awake at the end of each beacon: the MAC woke up ahead of the TBTT."""
    awake = {time: state == 3 for time, state in bench.states}
    beacons = [frame.time for frame in bench.frames((0x80,), ours=False)]
    assert sum(awake[time] for time in beacons) >= 0.95 * len(beacons)


def test_what_is_sent_meanwhile_waits_and_arrives(bench):
    answers = bench.answers()
    assert sorted(bench.asked) == list(range(1, 9))
    for number, asked in bench.asked.items():
        assert number in answers, f"ping {number} was not answered"
        assert answers[number] - asked < 2 * INTERVAL
    indicated = [
        dot11.find_element(dot11.parse(frame.data)[1][12:], dot11.TIM) for frame in bench.frames((0x80,), ours=False)
    ]
    assert sum(tim[3] == 0x02 for tim in indicated) >= 6  # association 1 has something waiting


def test_the_devices_clock_is_right(bench):
    """The firmware counts its seconds right through its sleep."""
    lines = [line for line in bench.dut.machine.uart2.text.splitlines() if "POWERSAVE" in line and "Time " in line]
    seconds = [int(line.split("Time ")[1].split(",")[0]) for line in lines]
    assert seconds == sorted(seconds) and abs(seconds[-1] - bench.dut.machine.now / 1e6) < 1.5


@pytest.mark.nightly
def test_it_answers_for_an_hour_and_listens_to_every_third_beacon():
    """A DTIM every three beacons, a ping each virtual minute, and nothing that has to be waited for."""
    dut = Dut(image(FULL), None, Settings(seed=1, dtim=3))
    for address, data in sleeper().items():
        Flash(dut).load(data, address)
    dut.run("20 s")
    answered = []
    dut.bench.air.on_event.connect(lambda event: answered.append(event) if isinstance(event, PingAnswered) else None)
    life = Life(dut.bench)
    dut.run("60min")
    assert life.close()[0] is Verdict.BACK and not life.outages and len(answered) >= 59
    assert not dut.bench.access_point.counters["expired"]
