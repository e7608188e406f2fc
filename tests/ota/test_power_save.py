"""Power save with the real firmware: it dozes between beacons, and what is sent to it waits at the access point."""

import random
import struct

import pytest
from images import FULL, vendor

from bk7238 import chip
from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.formats import ieee80211 as dot11
from bk7238.image.flash_view import FlashView
from bk7238.machine import Machine
from bk7238.network import ipv4
from bk7238.network.checksum import checksum
from bk7238.network.network import Network
from bk7238.update.profiles import Instructions, openbeken

pytestmark = pytest.mark.full

INTERVAL = 102_400
ASLEEP_FROM = 7_500_000
COMMAND = b"addEventHandler WiFiState 4 PowerSave 1"
DEVICE_IP, GATEWAY_IP = bytes((192, 168, 77, 50)), bytes((192, 168, 77, 1))


def sleeper() -> dict[int, bytes]:
    """A configuration that turns power save on as soon as the device is on the network."""
    profile = openbeken.OpenBeken()
    blank = FlashView(chip.load(), b"\xff" * 0x200000)
    ((address, block),) = profile.configure(blank, Instructions(b"Bench", "", "")).items()
    block = bytearray(block)
    block[0x5E0 : 0x5E0 + len(COMMAND)] = COMMAND
    block[3] = openbeken.config_crc(block)
    return {address: bytes(block)}


class Bench:
    def __init__(self) -> None:
        self.machine = Machine(vendor(FULL).read_bytes(), seed=1)
        for address, data in sleeper().items():
            self.machine.flash.load(data, address)
        self.network = Network(random.Random(1))
        self.access_point = AccessPoint(b"Bench", network=self.network, rng=random.Random(2))
        self.air = Medium([self.access_point])
        self.machine.connect_air(self.air)
        self.frames = []
        self.states = []
        self.air.on_frame(self._passed)

    def _passed(self, time, frame, channel, ours):
        self.frames.append((time, frame, ours))
        self.states.append((time, self.machine.board.wifi.control.STATE_CNTRL.currentState))

    def ping(self, number: int) -> None:
        echo = struct.pack("!BBHHH", 8, 0, 0, 9, number) + b"are you awake?"
        echo = echo[:2] + checksum(echo).to_bytes(2, "big") + echo[4:]
        (station,) = self.access_point.stations.members()
        packet = ipv4.build(GATEWAY_IP, DEVICE_IP, ipv4.ICMP, echo, number)
        self.access_point.send(station.address + self.network.mac + b"\x08\x00" + packet, self.machine.now)

    def answers(self) -> dict[int, int]:
        """When the device's echo replies came, by number."""
        found = {}
        for time, frame, ours in self.frames:
            header, body = dot11.parse(frame)
            if not ours or header.kind != dot11.DATA or header.subtype & dot11.NULL_BIT:
                continue
            packet = body[8:]
            if body[6:8] == b"\x08\x00" and packet[9] == ipv4.ICMP and packet[20] == 0:
                found.setdefault(int.from_bytes(packet[26:28], "big"), time)
        return found


@pytest.fixture(scope="module")
def bench():
    """The device asleep for eight seconds, in which it is sent eight pings at odd moments."""
    bench = Bench()
    bench.asked = {}

    def ask(number: int) -> None:
        bench.asked[number] = bench.machine.now
        bench.ping(number)

    for number in range(1, 9):
        at = ASLEEP_FROM + 1_000_000 * number + 11_000 * number
        bench.machine.clock.after(at, lambda number=number: ask(number))
    bench.machine.run(until=ASLEEP_FROM + 10_000_000)
    return bench


def test_it_says_that_it_sleeps_and_dozes_most_of_the_time(bench):
    nulls = [frame[1] for time, frame, ours in bench.frames if ours and frame[0] in (0x48, 0xC8) and time > ASLEEP_FROM]
    assert nulls and any(flags & dot11.POWER_MANAGEMENT for flags in nulls)
    kept = [frame for time, frame, ours in bench.frames if not ours and frame[0] == 0x80 and time > ASLEEP_FROM]
    assert len(kept) == 10_000_000 // INTERVAL
    assert bench.machine.board.wifi.doze.DOZE_CNTRL_2.wakeUpSW == 0


def test_it_hears_every_beacon_that_it_wakes_up_for(bench):
    """Awake at the end of each beacon: the MAC woke up ahead of the TBTT."""
    awake = {time: state == 3 for time, state in bench.states}
    beacons = [time for time, frame, ours in bench.frames if not ours and frame[0] == 0x80 and time > ASLEEP_FROM]
    assert sum(awake[time] for time in beacons) >= 0.95 * len(beacons)


def test_what_is_sent_meanwhile_waits_and_arrives(bench):
    answers = bench.answers()
    assert sorted(bench.asked) == list(range(1, 9))
    for number, asked in bench.asked.items():
        assert number in answers, f"ping {number} was not answered"
        assert answers[number] - asked < 2 * INTERVAL
    indicated = [
        dot11.find_element(dot11.parse(frame)[1][12:], dot11.TIM)
        for time, frame, ours in bench.frames
        if not ours and frame[0] == 0x80 and time > ASLEEP_FROM
    ]
    assert sum(tim[3] == 0x02 for tim in indicated) >= 6  # association 1 has something waiting


def test_the_devices_clock_is_right(bench):
    """The firmware counts its seconds right through its sleep."""
    lines = [line for line in bench.machine.uart2.text.splitlines() if "POWERSAVE" in line and "Time " in line]
    seconds = [int(line.split("Time ")[1].split(",")[0]) for line in lines]
    assert seconds == sorted(seconds) and abs(seconds[-1] - bench.machine.now / 1e6) < 1.5
