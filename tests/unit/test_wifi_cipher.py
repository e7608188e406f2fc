"""Protected frames: plain in the firmware's memory, CCMP on the air, and dropped where the key does not fit."""

import pytest
from wifi_driver import (
    AC2,
    ACCESS_POINT,
    ACTIVE_FILTER,
    BROADCAST,
    MY_ADDRESS,
    RX_CNTRL,
    SOMEBODY,
    TX_TRIGGER,
    WifiDriver,
    data_from_ap,
    data_to_ap,
)

from bk7238.formats import ccmp, tkip

PAIRWISE, GROUP = bytes(range(16)), bytes(range(100, 116))
WEP, TKIP, CCMP = 1, 2, 3


@pytest.fixture
def bench():
    bench = WifiDriver()
    bench.rings()
    bench.add_key(24, ACCESS_POINT, cipher=CCMP, key=PAIRWISE)
    bench.add_key(1, BROADCAST, cipher=CCMP, key=GROUP)
    return bench


def plain_to_ap(text=b"secret", number=1):
    return data_to_ap(ccmp.ccmp_header(number, 0) + text, flags=0x41)


def plain_from_ap(text=b"secret", receiver=MY_ADDRESS, key_id=0):
    return data_from_ap(ccmp.ccmp_header(7, key_id) + text, receiver, flags=0x42)


def send(bench, frame, **options):
    thd = bench.thd(frame, policy=bench.policy(key_index=24), **options)
    bench.new_head(AC2, thd)
    bench.clock.advance(5_000)
    return thd


def test_a_protected_frame_is_encrypted(bench):
    thd = send(bench, plain_to_ap() + bytes(8))
    [sent] = bench.frames
    assert sent[24:32] == ccmp.ccmp_header(1, 0) and b"secret" not in sent
    assert ccmp.decrypt(PAIRWISE, sent)[32:] == b"secret"
    assert bench.tx_status(thd) == 0x8080_0000


@pytest.mark.parametrize("reason", ["not protected", "do not encrypt", "no key", "key without a cipher"])
def test_frames_that_go_out_as_they_are(bench, reason):
    frame = plain_to_ap() + bytes(8)
    if reason == "not protected":
        frame = data_to_ap(b"EAPOL")
    if reason == "no key":
        bench.mac.keys.entries.clear()
    if reason == "key without a cipher":
        bench.add_key(24, ACCESS_POINT)
    send(bench, frame, control2=1 << 30 if reason == "do not encrypt" else 0)
    assert bench.frames[0][4:] == frame[4:]


@pytest.mark.parametrize(("cipher", "name"), [(WEP, "WEP"), (5, "cipher 5")])
def test_other_ciphers_are_refused(bench, cipher, name):
    bench.add_key(24, ACCESS_POINT, cipher=cipher)
    thd = send(bench, plain_to_ap() + bytes(8))
    assert bench.frames == [] and bench.line(TX_TRIGGER), "the firmware learns that it was not sent"
    assert bench.tx_status(thd) == 0x8001_0000
    bench.hear(plain_from_ap() + bytes(8))
    assert not bench.rx_status(bench.rhds[1])
    assert len(bench.log.messages) == 2 and all(f"{name} is not modelled" in text for text in bench.log.messages)


def test_tkip_has_room_for_the_icv_and_leaves_michael_to_software(bench):
    bench.add_key(24, ACCESS_POINT, cipher=TKIP, key=PAIRWISE)
    plain = data_to_ap(tkip.tkip_header(1, 0) + b"secret" + b"michael!", flags=0x41)
    send(bench, plain + bytes(4))
    [sent] = bench.frames
    assert sent[24:32] == plain[24:32] and tkip.decrypt(PAIRWISE, sent)[32:] == b"secretmichael!"
    plain = data_from_ap(tkip.tkip_header(7, 0) + b"answermichael!", flags=0x42)
    assert bench.hear(tkip.encrypt(PAIRWISE, plain))
    assert bench.rx_status(bench.rhds[1]) == 0x020C_6019
    assert bench.received(bench.rhds[1]) == plain, "plain, with TKIP header and MIC, without the ICV"


def test_a_group_key_of_tkip_beside_a_pairwise_one_of_ccmp(bench):
    bench.add_key(1, BROADCAST, cipher=TKIP, key=GROUP)
    frame = data_from_ap(tkip.tkip_header(7, 1) + b"to allmichael!", BROADCAST, flags=0x42)
    bench.hear(tkip.encrypt(GROUP, frame))
    assert bench.received(bench.rhds[1]) == frame and bench.rx_status(bench.rhds[1]) == 0x020C_6419


def test_a_wrong_icv_is_dropped(bench):
    bench.add_key(24, ACCESS_POINT, cipher=TKIP, key=PAIRWISE)
    bad = tkip.encrypt(GROUP, data_from_ap(tkip.tkip_header(7, 0) + b"secretmichael!", flags=0x42))
    bench.hear(bad)
    assert not bench.rx_status(bench.rhds[1]) and "wrong MIC" in bench.log.messages[0]
    bench.mac.write(RX_CNTRL, ACTIVE_FILTER | 1 << 11)
    bench.hear(bad)
    assert bench.rx_status(bench.rhds[1]) & 0x1C == 0x04 and bench.received(bench.rhds[1]) == bad


def test_a_frame_without_room_for_ccmp_is_refused(bench):
    thd = send(bench, data_to_ap(b"1234567890", flags=0x41))
    assert bench.frames == [] and bench.tx_status(thd) == 0x8001_0000 and "no room" in bench.log.messages[0]


def test_a_unicast_frame_is_decrypted(bench):
    assert bench.hear(ccmp.encrypt(PAIRWISE, plain_from_ap()))
    assert bench.rx_status(bench.rhds[1]) == 0x020C_601D
    assert bench.received(bench.rhds[1]) == plain_from_ap(), "plain, with the CCMP header, without the MIC"


def test_a_group_frame_uses_the_key_that_it_names(bench):
    bench.add_key(2, BROADCAST, cipher=CCMP, key=bytes(16))
    frame = plain_from_ap(b"to all", BROADCAST, key_id=1)
    bench.hear(ccmp.encrypt(GROUP, frame))
    assert bench.rx_status(bench.rhds[1]) == 0x020C_641D, "and still tells who sent it"
    frame = plain_from_ap(b"to all", BROADCAST, key_id=2)
    bench.hear(ccmp.encrypt(bytes(16), frame))
    assert bench.received(bench.rhds[2]) == frame


def test_an_unprotected_frame_from_a_station_with_a_key(bench):
    bench.hear(data_from_ap(b"EAPOL"))
    assert bench.rx_status(bench.rhds[1]) == 0x020C_6001


def test_a_wrong_mic_is_dropped(bench):
    bad = ccmp.encrypt(GROUP, plain_from_ap())
    assert bench.hear(bad), "the acknowledgement is sent before the frame is decrypted"
    assert bench.mac.read(0x8078) == 0 and not bench.rx_status(bench.rhds[1])
    assert "wrong MIC" in bench.log.messages[0]
    bench.mac.write(RX_CNTRL, ACTIVE_FILTER | 1 << 11)
    bench.hear(bad)
    assert bench.rx_status(bench.rhds[1]) & 0x1C == 0x08 and bench.received(bench.rhds[1]) == bad


@pytest.mark.parametrize("transmitter", [ACCESS_POINT, SOMEBODY])
def test_a_missing_key_is_dropped(bench, transmitter):
    bench.add_key(24, ACCESS_POINT)
    frame = data_from_ap(ccmp.ccmp_header(1, 0) + bytes(20), flags=0x42, bssid=transmitter)
    bench.hear(frame)
    assert not bench.rx_status(bench.rhds[1]) and "no key" in bench.log.messages[0]
    bench.mac.write(RX_CNTRL, ACTIVE_FILTER | 1 << 11)
    bench.hear(frame)
    assert bench.rx_status(bench.rhds[1]) & 0x1C == 0x10


def test_a_station_without_a_key_of_its_own_uses_the_default(bench):
    bench.add_key(24, ACCESS_POINT, default=1)
    frame = plain_from_ap(key_id=1)
    bench.hear(ccmp.encrypt(GROUP, frame))
    assert bench.received(bench.rhds[1]) == frame


def test_decryption_can_be_switched_off(bench):
    bench.mac.write(RX_CNTRL, ACTIVE_FILTER | 1 << 1)
    frame = ccmp.encrypt(PAIRWISE, plain_from_ap())
    bench.hear(frame)
    assert bench.received(bench.rhds[1]) == frame and bench.rx_status(bench.rhds[1]) == 0x020C_6001
