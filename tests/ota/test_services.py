"""OpenBeken and the services of its simulated network: the time, and a broker that is the same in every run."""

from datetime import datetime

import pytest
from images import FULL

from bk7238 import testing

PSK = "a passphrase"
pytestmark = [pytest.mark.nightly, pytest.mark.bk7238(image=FULL, update=False, psk=PSK, date="2031-05-04T03:02:01")]


def test_it_gets_its_time_from_the_network(dut):
    dut.join()
    for command in ("startDriver NTP", f"ntp_setServer {dut.network.address}"):
        assert dut.http.get(f"/cm?cmnd={command}").status == 200
    local = dut.expect(r"local Time (\S+ \S+)", within="90 s")[1]
    [asked] = testing.Air(dut).events("TimeAsked")
    assert (local, asked.client) == (asked.date[:19], dut.address) and local.startswith("2031-05-04 03:02:")
    dut.run("10 s")
    status = dut.http.get("/cm?cmnd=Status 7").json()["StatusTIM"]["UTC"]
    passed = datetime.fromisoformat(status) - datetime.fromisoformat("2031-05-04T03:02:01")
    assert abs(passed.total_seconds() - dut.now) < 2


def test_it_lives_with_a_broker_and_does_the_same_again(make_dut):
    digests = []
    for _ in range(2):
        dut = make_dut()
        broker = dut.network.broker(name="broker.lan")
        dut.join()
        dut.http.get("/cfg_mqtt_set?host=broker.lan&port=1883&client=lamp&group=lamps&user=&password=")
        broker.expect("lamp/connected", "online", within="60 s")
        assert broker.clients == ["lamp"]
        assert broker.publish("cmnd/lamp/POWER", "ON") == 1
        broker.expect("stat/lamp/RESULT", '{"POWER":"ON"}')
        digests.append(dut.machine.digest())
    assert digests[0] == digests[1] and "+" not in digests[0]
