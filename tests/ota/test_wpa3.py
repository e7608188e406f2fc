"""The whole update with each setting of a router, on real firmware, whose supplicant nobody here has written."""

import random

import pytest
from images import VENDOR, vendor

from bk7238.air.sae import SaeOptions
from bk7238.air.wpa2 import Wpa2
from bk7238.cli.recording import captured
from bk7238.formats import ieee80211 as dot11
from bk7238.formats import rsn
from bk7238.peripherals.wifi import keys
from bk7238.testing import Air
from ota import expected

pytestmark = [pytest.mark.nightly, VENDOR]

PSK = "correct horse"


def associations(air):
    """What the device asked for, each time that it associated."""
    frames = [frame.data for frame in air.frames if frame.data[0] == dot11.ASSOCIATION_REQUEST << 4]
    return [rsn.parse(dot11.find_element(data[28:], dot11.RSN)) for data in frames]


@pytest.mark.parametrize(
    ("router", "akm", "group"),
    [
        ("mixed", rsn.PSK, rsn.TKIP),
        ("wpa2", rsn.PSK, rsn.CCMP),
        ("wpa3-transition", rsn.SAE, rsn.CCMP),
        ("wpa3", rsn.SAE, rsn.CCMP),
    ],
)
def test_update(make_dut, tshark, tmp_path, router, akm, group):
    dut = make_dut(psk=PSK, router=router)
    air = Air(dut)
    with captured(tmp_path, dut.bench.air):
        result = dut.expect_verdict("new-app-runs")
        assert air.arping(), "by a frame to all"
    assert expected.differences(result.flash, expected.after_update(dut.flash_before, dut.package.data)) == []
    fields = (part for suites in ("gcs", "pcs", "akms") for part in ("-e", f"wlan.rsn.{suites}.type"))
    seen = tshark(tmp_path, "-Y", "wlan.fc.type_subtype == 0", "-T", "fields", *fields)
    assert {tuple(map(int, row.split())) for row in seen} == {(group[3], rsn.CCMP[3], akm[3])}
    protected = "wlan.fc.protected == 1 && wlan.fc.type == 2"
    assert len(tshark(tmp_path, "-Y", f"{protected} && llc")) > 700
    assert tshark(tmp_path, "-Y", f"{protected} && !llc") == [], "all of it is decrypted"
    asked = associations(air)
    assert {(one.group, one.pairwise, one.management) for one in asked} == {(group, (rsn.CCMP,), (akm,))}
    waits = [event.status for event in air.events("StationRefused")]
    assert waits == ([30] if akm == rsn.SAE else []), "the one that restarted is asked for whether it is there"
    assert [bool(one.pmkids) for one in asked] == [False, False, True][: 2 + len(waits)]
    assert [event.number for event in air.events("HandshakeMessage")] == [1, 2, 3, 4] * 2
    security = dut.bench.access_point.security
    assert not security.counters and len(set(security.pmks)) == {rsn.PSK: 1, rsn.SAE: 2}[akm] + (
        router == "wpa3-transition"
    )


@pytest.mark.bk7238(psk=PSK, router="wpa")
def test_tkip_alone(dut):
    """This build's supplicant has no HMAC-MD5."""
    result = dut.expect_verdict(
        "device-waits", "the device ended the association in the key handshake, after message 1"
    )
    assert "Sending EAPOL-Key 2/4 failed" in dut.machine.uart2.text and result.verdict.exit_status == 1


@pytest.mark.parametrize("chip", ["N", "T"])
def test_tkip_of_firmware_that_has_it(make_dut, chip):
    """By the MAC's own RC4 and the firmware's Michael, both ways and to all."""
    image = vendor(f"OpenBK7231{chip}_QIO_1.18.300.bin")
    dut = make_dut(image=image, package=False, profile="openbeken", psk=PSK, router="wpa")
    air = Air(dut)
    air.expect("LeaseGranted", within="40 s")
    assert air.arping()
    [asked] = [
        rsn.parse_wpa(dot11.find_element(frame.data[28:], dot11.VENDOR, rsn.WPA))
        for frame in air.frames
        if frame.data[0] == dot11.ASSOCIATION_REQUEST << 4
    ]
    assert (asked.group, asked.pairwise) == (rsn.TKIP, (rsn.TKIP,))
    kinds = {key.cipher for key in dut.machine.board.wifi.keys.entries.values()}
    assert kinds == {keys.TKIP} and not dut.bench.access_point.security.counters


@pytest.mark.bk7238(psk=PSK, ap_psk="battery staple", router="wpa3")
def test_another_password(dut):
    assert "the confirm of SAE is wrong" in dut.expect_verdict("device-waits").reason


@pytest.mark.parametrize(
    ("router", "to", "effect"),
    [
        ("wpa2", "station", "loses its association"),
        ("wpa2", "everybody", "loses its association"),
        ("wpa3", "station", "ignores it"),
        ("wpa3", "everybody", "loses its association"),
    ],
)
def test_a_forged_deauthentication(make_dut, router, to, effect):
    """The firmware looks for protection in frames to itself alone."""
    dut = make_dut(psk=PSK, router=router, faults=[f"forged-deauthenticate:{to}@50%"])
    result = dut.expect_verdict("new-app-runs")
    assert [firing.what.partition(",")[0] for firing in dut.fired().firings][1:] == [effect]
    assert expected.differences(result.flash, expected.after_update(dut.flash_before, dut.package.data)) == []


def elsewhere(dut, options):
    """A network with SAE of these options: what its access point answered to commits, by status."""
    air = Air(dut)
    security = Wpa2(PSK, random.Random(1), offered=rsn.WPA3_SAE, sae=options)
    air.access_point("Bench", security=security, bssid=bytes.fromhex("02aabbccdd02"), channel=1)
    return air, lambda: [
        int.from_bytes(frame.data[28:30], "little")
        for frame in air.frames
        if frame.data[0] == dot11.AUTHENTICATION << 4 and not frame.from_device and frame.data[26:28] == b"\1\0"
    ]


@pytest.mark.bk7238(psk=PSK, ap_ssid="Elsewhere")
def test_hunting_and_pecking(dut):
    air, commits = elsewhere(dut, SaeOptions(by_hash=False))
    air.expect("HandshakeCompleted", within="30 s")
    assert commits() == [0]


@pytest.mark.bk7238(psk=PSK, ap_ssid="Elsewhere")
def test_a_token(dut):
    """The device brings it; its two commits and what follows take it longer than its own limit, and it starts over."""
    _, commits = elsewhere(dut, SaeOptions(threshold=0))
    dut.run("16 s")
    assert commits()[:2] == [76, 126]
