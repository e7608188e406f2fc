"""The TAP behind the access point, in a network namespace of its own; skipped where the system does not allow that."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bk7238.network import tap

ROOT = Path(__file__).resolve().parents[2]

# Runs in the namespace: a station behind an access point pings this machine's end of the TAP, which the kernel answers.
SCRIPT = """
import random, struct, subprocess, sys
sys.path[:0] = [{root!r}, {tests!r}]
from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.network import arp, icmp, ipv4
from bk7238.network.checksum import checksum
from bk7238.network.tap import TapInterface
from station import MAC, Station

# Wall time for the TAP: it runs ahead, so that nothing is waited for, until it is stopped. While it stands, each poll
# waits for the kernel, longer each time: until there is something, however busy the host is.
class Clock:
    now, step = 0.0, 1.0

    def __call__(self):
        self.now += self.step
        return self.now


clock = Clock()
wire = TapInterface("bk0", clock=clock)
for command in ("ip addr add 192.168.50.1/24 dev bk0", "ip link set bk0 up"):
    subprocess.run(command.split(), check=True)
station = Station(Medium([AccessPoint(b"Bench", network=wire, rng=random.Random(1))]))
station.join()
mine, theirs = bytes((192, 168, 50, 9)), bytes((192, 168, 50, 1))


def answer(ethernet, kind):
    station.data(ethernet)
    clock.step = 0.0
    for _ in range(200):
        for frame in station.ethernet(5_000):
            if frame[12:14] == kind and frame[:6] == MAC:
                clock.step = 1.0
                return frame
    sys.exit(f"no answer of kind {{kind.hex()}}; {{dict(wire.counters)}}")


question = arp.Arp(arp.REQUEST, MAC, mine, bytes(6), theirs).pack()
kernel = arp.parse(answer(b"\\xff" * 6 + MAC + b"\\x08\\x06" + question, b"\\x08\\x06")[14:]).sender_mac
echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"through the TAP"
echo = echo[:2] + checksum(echo).to_bytes(2, "big") + echo[4:]
reply = answer(kernel + MAC + b"\\x08\\x00" + ipv4.build(mine, theirs, ipv4.ICMP, echo, 1), b"\\x08\\x00")
packet = ipv4.parse(reply[14:])
assert (packet.source, packet.payload[0], packet.payload[8:]) == (theirs, 0, b"through the TAP")
try:
    TapInterface("bk0")
except ValueError as error:
    print(error)
try:
    TapInterface("lo")
except ValueError as error:
    print(error)
subprocess.run("ip link set bk0 down".split(), check=True)
station.data(b"\\xff" * 6 + MAC + b"\\x08\\x06" + question)
print(sum(wire.counters.values()), "lost")
"""


def namespace(script: str) -> subprocess.CompletedProcess:
    if shutil.which("unshare") is None:
        pytest.skip("needs Debian's package util-linux")
    if shutil.which("ip") is None:
        pytest.skip("needs Debian's package iproute2")
    probe = 'import os; os.close(os.open("/dev/net/tun", os.O_RDWR))'
    for unshare in (["unshare", "--map-root-user", "--net"], ["unshare", "--net"]):  # the other one is root's alone
        allowed = subprocess.run([*unshare, sys.executable, "-c", probe], capture_output=True, text=True)
        if not allowed.returncode:
            return subprocess.run([*unshare, sys.executable, "-c", script], capture_output=True, text=True)
    pytest.skip(f"this kernel gives no network namespace with a TAP: {allowed.stderr.strip().splitlines()[-1]}")


def test_a_station_reaches_the_kernel_and_back():
    script = SCRIPT.format(root=str(ROOT), tests=str(ROOT / "tests" / "unit"))
    done = namespace(script)
    assert done.returncode == 0, done.stderr
    busy, no_tap, lost = done.stdout.splitlines()
    assert busy == "bk0: another program uses it"
    assert no_tap == "lo: there is an interface of that name, and it is no TAP"
    assert int(lost.split()[0]) > 0


@pytest.mark.parametrize("name", ["", "a name", "sixteen-or-more-c", "tap/0", "tap%d", "\u00fc" * 8])
def test_names_that_no_interface_has(name):
    with pytest.raises(ValueError, match="interface name"):
        tap.TapInterface(name)


def test_no_right_is_one_line(monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("bk7238.network.tap._DEVICE", "/dev/null")
    monkeypatch.setattr(fcntl, "ioctl", refuse)
    with pytest.raises(ValueError, match="ip tuntap add dev tap0 mode tap user") as error:
        tap.TapInterface("tap0")
    assert "\n" not in str(error.value)


def test_no_device_is_one_line(monkeypatch):
    monkeypatch.setattr("bk7238.network.tap._DEVICE", "/nowhere/tun")
    with pytest.raises(ValueError, match="/nowhere/tun: No such file"):
        tap.TapInterface("tap0")
