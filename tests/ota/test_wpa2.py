"""The whole update over WPA2-PSK on real firmware, and how it ends where the network does not let the device in."""

import pytest
from images import GZIP, LZMA, VENDOR

from bk7238.air.misbehaviour import Misbehaviour
from bk7238.formats import ieee80211 as dot11
from bk7238.testing import Air
from ota import expected

pytestmark = [pytest.mark.full, VENDOR]

PSK = "correct horse"
LONGEST = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCXYZ[\\]^_`abcxyz{|}~ and mor"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param(GZIP, {"psk": "8letters"}, marks=pytest.mark.nightly, id="gzip-8"),
        pytest.param(LZMA, {"psk": LONGEST, "channel": 11, "seed": 1}, marks=pytest.mark.nightly, id="lzma-63"),
        pytest.param(
            GZIP,
            {"psk": LONGEST, "ssid": b"thirty-two bytes of printable SS", "ht": True, "hidden": True},
            id="gzip-63-ht-hidden",
        ),
        pytest.param(
            LZMA,
            {"psk": "x" * 8, "ssid": "Caf\u00e9".encode(), "channel": 1, "ht": True},
            marks=pytest.mark.nightly,
            id="lzma-8-ht",
        ),
    ],
)
def test_update(make_dut, name, settings):
    assert len(LONGEST) == 63
    dut = make_dut(package=name, **settings)
    air = Air(dut)
    result = dut.expect_verdict("new-app-runs")
    assert expected.differences(result.flash, expected.after_update(dut.flash_before, dut.package.data)) == []
    clear = [frame.data for frame in air.frames if is_data_in_the_clear(frame.data)]
    assert len(clear) == 8, "the messages of two handshakes and nothing else"
    assert all(dot11.parse(frame)[1][6:8] == b"\x88\x8e" for frame in clear)
    assert [event.number for event in air.events("HandshakeMessage")] == [1, 2, 3, 4] * 2
    assert not dut.bench.access_point.security.counters


def is_data_in_the_clear(frame: bytes) -> bool:
    header, _ = dot11.parse(frame)
    return header.kind == dot11.DATA and not header.subtype & dot11.NULL_BIT and not header.flags & dot11.PROTECTED


@pytest.mark.nightly
@pytest.mark.bk7238(psk=PSK)
def test_the_group_key_changes_during_the_download(dut, air):
    keys = dut.bench.access_point.security
    for second in (12, 16, 20):
        dut.machine.clock.after(second * 1_000_000, lambda: keys.rekey(dut.machine.now))
    dut.expect_verdict("new-app-runs")
    assert len(air.events("GroupRekeyed")) == 3 and not air.events("StationLeft")


@pytest.mark.bk7238(psk=PSK)
def test_the_device_is_thrown_out_during_the_download(dut, ap, air):
    """It comes back, and the download goes on."""
    while air.expect("HttpBodyProgress", within="60 s").acknowledged <= 100_000:
        pass
    ap.deauthenticate(7)
    dut.expect_verdict("new-app-runs")
    assert [event.number for event in air.events("HandshakeMessage")][4:8] == [1, 2, 3, 4]


# How it ends where the network does not let the device in

WRONG_KEY = (
    "the device did not join: the MIC of message 2 of the key handshake is wrong: "
    "the device's passphrase is not the one of the access point"
)
UNSUITABLE = (
    "the device did not join: the device finds the network and does not try to join it: "
    "what it was told does not suit what the access point offers"
)


NIGHTLY = [
    {"silent_at": "association"},
    {"silent_at": "message-1"},
    {"refuse": 1},
    {"deauthenticate_at": "association"},
    {"deauthenticate_at": "message-1", "reason": 2},
]
"""Further ones of a kind that the others show."""


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"psk": PSK, "ap_psk": "something else"}, WRONG_KEY),
        ({"ap_psk": PSK}, UNSUITABLE),
        *(
            pytest.param(
                {"psk": PSK, "misbehaviour": Misbehaviour(**what)},
                "the device did not join: the access point " + reason,
                marks=[pytest.mark.nightly] * (what in NIGHTLY),
            )
            for what, reason in [
                ({"silent_at": "authentication"}, "does not answer the device's authentication"),
                ({"silent_at": "association"}, "does not answer the device's association request"),
                ({"silent_at": "message-1"}, "does not send message 1 of the key handshake"),
                ({"silent_at": "message-3"}, "does not answer message 2 of the key handshake with message 3"),
                ({"refuse": 17}, "refused the device's association with status 17"),
                ({"refuse": 1}, "refused the device's association with status 1"),
                ({"deauthenticate_at": "authentication"}, "deauthenticates the device at authentication, reason 1"),
                ({"deauthenticate_at": "association"}, "deauthenticates the device at association, reason 1"),
                (
                    {"deauthenticate_at": "message-1", "reason": 2},
                    "deauthenticates the device at message 1 of the key handshake, reason 2",
                ),
                (
                    {"deauthenticate_at": "message-3", "reason": 15},
                    "deauthenticates the device at message 3 of the key handshake, reason 15",
                ),
            ]
        ),
    ],
    ids=lambda value: value.rsplit(":", 1)[-1].strip().replace(" ", "-")[-50:] if isinstance(value, str) else "",
)
def test_a_network_that_does_not_let_the_device_in(dut, settings, reason):
    dut.configure(**settings)
    result = dut.expect_verdict("device-waits")
    assert result.reason == reason and result.verdict.exit_status == 1 and result.virtual_seconds < 70


@pytest.mark.parametrize(("message", "sent_by_device"), [(1, False), (2, True), (3, False), (4, True)])
@pytest.mark.bk7238(psk=PSK)
def test_messages_that_are_always_lost(dut, air, message, sent_by_device):
    names = {0x008A: 1, 0x010A: 2, 0x13CA: 3, 0x030A: 4}
    lost = []

    def lose(frame, _now, _channel, _sent):
        header, body = dot11.parse(frame)
        if header.kind == 2 and body[6:8] == b"\x88\x8e" and names.get(int.from_bytes(body[13:15], "big")) == message:
            lost.append(frame)
            return None
        return frame

    air.model.frames.insert(lose)
    result = dut.expect_verdict("device-waits")
    assert len(lost) >= 3
    if sent_by_device:  # nobody acknowledges it: the firmware gives up first
        given_up = f"ended the association in the key handshake, after message {message - 1}, with reason 1"
        assert result.reason == f"the device did not join: the device {given_up}"
    else:
        assert (
            result.reason
            == f"the device did not join: the device does not answer message {message} of the key handshake"
        )
