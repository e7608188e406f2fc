"""Updates that are brought to the device: sent to a TCP port, and uploaded to OpenBeken's web server.

No firmware at hand listens on a plain port: there the reference firmware's network end is that of the network's models,
which put what has come where the firmware puts a download, and restart the device as it does.
"""

import random

import pytest
from images import FULL, GZIP, image, update_package, vendor
from test_family_esphome import Ota

from bk7238.families import esphome_api, esphome_ota
from bk7238.families.beken_sdk import BekenSdk
from bk7238.families.delivery import HttpPull, TcpPush
from bk7238.families.esphome import EsphomePush
from bk7238.image import flash_image, package
from bk7238.machine.snapshot import Snapshots
from bk7238.network import events as told
from bk7238.network import ipv4
from bk7238.network.addresses import ip_text, mac_text
from bk7238.network.network import Network
from bk7238.network.tcp_segment import parse
from bk7238.update.session import Settings, Update

PORT = 5_000
HEAD = 4  # bytes of the preamble


class Listening:
    """Behind the access point: the network, and in the place of the device what listens on its port. It takes a package
    of the length that comes first, or resets the connection after `most` bytes."""

    ports = (PORT,)  # of the device that are here; it listens on the first, and refuses the others

    def __init__(self, machine, network, most=0):
        self.machine, self.network, self.most = machine, network, most
        self.device, self.events, self.on_change = None, network.events, network.on_change
        self.data, self.lost = bytearray(), 0

    @property
    def deadline(self):
        times = [self.network.deadline, self.device.deadline if self.device else None]
        return min((time for time in times if time is not None), default=None)

    def poll(self, now):
        return self._passed(self.network.poll(now), now) + self._answered(
            self.device.poll(now) if self.device else [], now
        )

    def receive(self, frame, now):
        return self._passed(self.network.receive(frame, now), now)

    def _passed(self, frames, now):
        """The frames that are for the device itself."""
        passed = []
        for frame in frames:
            port = None
            if frame[12:14] == b"\x08\x00" and frame[23] == ipv4.TCP:
                packet = ipv4.parse(frame[14:])
                port = parse(packet.payload, packet.source, packet.destination).destination_port
            if port not in self.ports:
                passed.append(frame)
                continue
            if self.device is None:
                names = {"address": ip_text(packet.destination), "mac": mac_text(frame[:6])}
                self.device = Network(random.Random(1), **names)
                self.device.tcp.listen(self.ports[0], self)
            passed += self._answered(self.device.receive(frame, now), now)
        return passed

    def _answered(self, frames, now):
        return [one for frame in frames for one in self.receive(frame, now)]

    # What listens

    def accept(self, connection, _client):
        self.connection = connection
        self.data.clear()
        return self

    def received(self, data, now):
        self.data += data
        size = int.from_bytes(self.data[:HEAD], "big")
        if self.lost < self.most and len(self.data) > 8_000:
            self.lost += 1
            self.connection.abort(now)
        elif len(self.data) == HEAD + size:
            self.connection.send(b"OK")
            self.taken(bytes(self.data[HEAD:]))

    def taken(self, content):
        """It has the package, keeps it, and restarts."""
        self.machine.flash.load(content, image().partitions["download"].physical_start)
        self.machine.clock.after(500_000, self.machine.power_cycle)

    def ended(self, _now):
        self.connection.close()

    def opened(self, now, *more):
        pass

    def closed(self, reason, now):
        pass

    drained = idle = opened


class WithPassword(Listening):
    """What listens is ESPHome's update protocol, with a password."""

    ports = (esphome_ota.PORT, esphome_api.PORT)

    def accept(self, connection, client):
        self.ota = Ota(password=b"a secret", digest="sha256")
        return self.ota.accept(connection, client)

    def poll(self, now):
        """Take what has come once it is all there."""
        if self.device is not None and self.ota.wants == "nothing":
            self.ota.wants = "a restart"
            self.taken(package.parse(bytes(self.ota.data), "brought.uf2").data)
        return super().poll(now)


@pytest.fixture
def pushed(monkeypatch):
    """Runs an update of the reference firmware by push, which breaks off so many times."""
    push = TcpPush(PORT, lambda data: len(data).to_bytes(HEAD, "big"), b"OK")
    monkeypatch.setattr(BekenSdk, "deliveries", (HttpPull(), push))

    def run(breaks=0, **settings):
        events, told_of = [], []
        update = Update(
            image(),
            update_package(),
            Settings(update_by="push", **settings),
            told_of.append,
            plug=lambda machine, network: Listening(machine, network, breaks),
        )
        update.air.on_event.connect(events.append)
        return update.run(), events, told_of

    return run


def test_a_push_is_a_download(pushed):
    result, events, told_of = pushed()
    assert result.verdict.value == "new-app-runs", result.reason
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.1")
    names = [phase.name for phase in result.phases]
    assert names[:4] == ["boot", "join", "download", "restart"] and names[-2:] == ["install", "rejoin"]
    shares = [one.share for one in told_of if one.share is not None]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert any(one.text == f"the package is brought to 192.168.77.50:{PORT}" for one in told_of)
    assert not [event for event in events if isinstance(event, told.HttpRequested)], "nobody told it a URL"


@pytest.mark.parametrize(
    ("password", "verdict", "said"),
    [
        pytest.param("a secret", "new-app-runs", "has joined again", marks=pytest.mark.full),
        ("another", "device-waits", "the device refused the password: the password is wrong (3 times)"),
        pytest.param(
            None,
            "device-waits",
            "the device asks for a password: give it with --ota-password (3 times)",
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_device_with_a_password(monkeypatch, password, verdict, said):
    monkeypatch.setattr(BekenSdk, "deliveries", (EsphomePush(),))
    update = Update(image(), update_package(), Settings(ota_password=password), plug=WithPassword)
    result = update.run()
    assert result.verdict.value == verdict and result.reason.endswith(said), result.reason


@pytest.mark.full
def test_one_that_breaks_off_is_tried_again(pushed):
    result, events, _ = pushed(breaks=2)
    assert result.verdict.value == "new-app-runs", result.reason
    assert len([event for event in events if isinstance(event, told.PushBegan)]) == 3


@pytest.mark.full
def test_one_that_breaks_off_again_and_again_is_an_end(pushed):
    result, _, _ = pushed(breaks=9)
    assert result.verdict.value == "device-waits"
    assert "the download did not complete" in result.reason and result.reason.endswith("reset by the peer (3 times)")
    assert f"the package on its way to 192.168.77.50:{PORT} broke off at " in result.reason


@pytest.mark.full
def test_a_place_in_the_package_is_a_moment(pushed):
    result, events, _ = pushed(faults=("power-cut@50%",))
    assert result.silent == [] and len(result.faults) == 1
    half = len(update_package().data) / 2
    first = next(one for one in events if isinstance(one, told.PushProgress) and one.acknowledged >= half)
    assert result.faults[0]["firings"][0]["time"] == first.time


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"update_by": "web"}, "Beken SDK takes its updates by http or push, not by web"),
        ({"update_by": "push", "request": "x"}, "--request does not go with an update by push"),
        ({"ota_password": "x"}, "--ota-password does not go with an update by http, which asks for none"),
        ({"update_by": "push", "tap": "bk0"}, "--tap does not go with an update by push"),
    ],
)
@pytest.mark.usefixtures("pushed")
def test_what_does_not_go_together(settings, said):
    with pytest.raises(ValueError, match=said):
        Update(image(), update_package(), Settings(**settings))


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["", "power-cut@50%"])
def test_openbeken_takes_an_upload(fault):
    faults = (fault,) if fault else ()
    update = Update(
        flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), Settings(update_by="web", faults=faults)
    )
    events = []
    update.air.on_event.connect(events.append)
    result = update.run()
    assert result.verdict.value == "new-app-runs" and result.silent == [], result.reason
    assert (result.from_version, result.to_version) == ("1.18.300", "2.00.777")
    pushed = [event.target for event in events if isinstance(event, told.Pushed)]
    assert pushed == ["http://192.168.77.50/api/ota", "http://192.168.77.50/index?restart=1"]
    assert len([event for event in events if isinstance(event, told.PushBegan)]) == 1 + len(faults)


@pytest.mark.nightly
def test_an_upload_that_goes_no_further_has_its_cause():
    settings = Settings(update_by="web", faults=("network-stall@25%",))
    result = Update(flash_image.read(vendor(FULL)), package.read(vendor(GZIP)), settings).run()
    assert result.verdict.value == "device-waits"
    assert "the download did not complete" in result.reason and "bytes had arrived" in result.reason
    assert "the device does not answer http://192.168.77.50/api/ota; network-stall@25%" in result.reason


@pytest.mark.full
def test_what_is_under_way_goes_back_in_time(monkeypatch):
    """The reference firmware does not answer on that port: the connection is tried again and again."""
    monkeypatch.setattr(BekenSdk, "deliveries", (TcpPush(PORT),))
    update = Update(image(), update_package(), Settings())
    frames = []
    update.air.on_frame.connect(lambda now, frame, _channel, _ours: frames.append((now, frame)))
    snapshots = Snapshots(update.machine)
    update.begin()
    update.machine.run(until=6_000_000)
    assert update.network.hosts[0].exchange is not None
    snapshot = snapshots.take()
    ends = []
    for _ in range(2):
        frames.clear()
        update.machine.run(until=14_000_000)
        ends.append((update.machine.digest(), tuple(frames), update.network.hosts[0].exchange.target))
        snapshots.restore(snapshot)
    assert ends[0] == ends[1]
    assert sum(b"\x13\x88" in frame for _, frame in ends[0][1]) >= 1, "it tries port 5000 again"
