"""What a device does on its network, in five tests. Nothing updates it."""

import pytest
from scapy.layers.inet import TCP

pytestmark = pytest.mark.bk7238(update=False, ssid="Workshop", psk="correct horse")


def command(dut, text):
    """What OpenBeken's web server answers to a command."""
    return dut.http.get(f"/cm?cmnd={text}").json()


def test_it_comes_back_after_the_router_was_off(dut, air):
    dut.join()
    dut.router.restart(off="15 s", channel=11)
    assert dut.router.stations == []
    air.expect("LeaseGranted", within="60 s")
    assert len(dut.router.stations) == 1 and dut.http.get("/index").status == 200


def test_its_configuration_survives_a_power_cut(dut, air, power):
    dut.join()
    command(dut, "ShortName attic-lamp")
    dut.run("5 s")  # it writes its flash when nothing has changed for a while
    power.cycle()
    air.expect("LeaseGranted", within="20 s")
    assert "attic-lamp" in dut.http.get("/index").text


def test_a_pin_follows_a_command(dut):
    dut.join()
    command(dut, "SetPinRole 26 Rel")
    command(dut, "SetPinChannel 26 1")
    assert command(dut, "POWER ON") == {"POWER": "ON"}
    dut.pins[26].expect(1, within="1 s")

    command(dut, "POWER OFF")
    dut.pins[26].expect(0, within="1 s")


def test_its_page_answers(dut):
    dut.join()
    page = dut.http.get("/")
    assert page.url.endswith("/index") and page.headers["content-type"] == "text/html"
    assert "</html>" in page.text


def test_it_reaches_its_broker(dut, air):
    def mqtt(_peer, data):
        return bytes.fromhex("20020000") if data[0] >> 4 == 1 else None  # CONNACK for CONNECT

    dut.join()
    broker = dut.network.listen(1883, mqtt, name="broker.lan")
    dut.http.get("/cfg_mqtt_set?host=broker.lan&port=1883&client=attic-lamp")
    broker.expect(b"MQTT", within="60 s")
    broker.expect(rb"attic-lamp/connected.*online")
    assert any(packet[TCP].dport == 1883 for packet in air.packets if TCP in packet)
