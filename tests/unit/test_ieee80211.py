"""802.11 frames, compared with scapy's view of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import ieee80211 as dot11
from bk7238.formats.ieee80211 import Header

scapy = pytest.importorskip("scapy.layers.dot11")

ADDRESS = st.binary(min_size=6, max_size=6)


def text(address):
    return address.hex(":")


@given(st.sampled_from([0, 4, 5, 8, 11, 12]), ADDRESS, ADDRESS, ADDRESS, st.integers(0, 0xFFF), st.integers(0, 15))
def test_management_headers_are_scapys(subtype, addr1, addr2, addr3, sequence, fragment):
    ours = Header(0, subtype, dot11.RETRY, 0, addr1, addr2, addr3, sequence, fragment)
    addresses = {"addr1": text(addr1), "addr2": text(addr2), "addr3": text(addr3)}
    theirs = scapy.Dot11(type=0, subtype=subtype, FCfield="retry", SC=sequence << 4 | fragment, **addresses)
    assert ours.pack() == bytes(theirs)
    assert dot11.parse(ours.pack() + b"body") == (ours, b"body")


@given(st.binary(min_size=1, max_size=100), st.integers(0, 7), st.booleans())
def test_data_frames_are_scapys(payload, tid, from_ds):
    destination, source, bssid = (bytes((2, 0, 0, 0, 0, n)) for n in (1, 2, 3))
    addresses = (destination, bssid, source) if from_ds else (bssid, source, destination)
    flags = dot11.FROM_DS if from_ds else dot11.TO_DS
    ours = Header(2, 8, flags, 0, *addresses, 77, qos=tid).pack()
    ours += dot11.msdu(destination + source + b"\x08\x00" + payload)
    frame = scapy.Dot11(ours)
    assert (frame.addr1, frame.addr2, frame.addr3) == tuple(map(text, addresses))
    assert tid == frame[scapy.Dot11QoS].TID
    assert frame.SC >> 4 == 77
    assert frame["LLC"].dsap == 0xAA and frame["SNAP"].code == 0x0800
    assert bytes(frame["SNAP"].payload) == payload
    header, body = dot11.parse(ours)
    assert dot11.ethernet(destination, source, body) == destination + source + b"\x08\x00" + payload
    assert header.qos == tid


def test_elements_are_scapys():
    data = dot11.element(0, b"Bench") + dot11.element(3, b"\6") + dot11.element(221, b"\0P\xf2\2\1")
    theirs = scapy.Dot11Elt(ID=0, info=b"Bench") / scapy.Dot11Elt(ID=3, info=b"\6")
    assert data.startswith(bytes(theirs))
    assert list(dot11.elements(data)) == [(0, b"Bench"), (3, b"\6"), (221, b"\0P\xf2\2\1")]
    assert dot11.find_element(data, 221, b"\0P\xf2\2") == b"\0P\xf2\2\1"
    assert dot11.find_element(data, 221, b"\0P\xf2\1") is None


def test_a_last_element_cut_short_is_left_out():
    assert list(dot11.elements(b"\0\3abc\1\4ab")) == [(0, b"abc")]
    assert list(dot11.elements(b"\0")) == []


def test_control_frames():
    poll = Header(1, dot11.PS_POLL, 0, 0xC001, b"\2aaaaa", b"\2bbbbb")
    assert len(poll.pack()) == 16
    assert dot11.parse(poll.pack()) == (poll, b"")
    header, rest = dot11.parse(bytes.fromhex("d4000000") + b"\2aaaaa")  # an acknowledgment has no transmitter
    assert (header.subtype, header.addr1, header.addr2, rest) == (13, b"\2aaaaa", dot11.NOBODY, b"")


def test_ht_control_and_fourth_address_are_part_of_the_header():
    header = Header(2, 8, dot11.ORDER | dot11.TO_DS | dot11.FROM_DS, addr4=b"\2cccc\1", qos=5, ht_control=b"abcd")
    assert dot11.parse(header.pack() + b"x") == (header, b"x")


@given(st.binary(max_size=80))
def test_any_bytes_are_a_frame_or_a_value_error(data):
    try:
        header, body = dot11.parse(data)
    except ValueError:
        return
    assert data.endswith(body)
    assert header.pack() == data[: len(data) - len(body)] or header.kind == dot11.CONTROL


@pytest.mark.parametrize("body", [b"", b"\xaa\xaa\x03\0\0\0\x08", b"\x42\x42\x03" + bytes(20)])
def test_a_body_without_snap_is_refused(body):
    with pytest.raises(ValueError, match="a data frame without LLC/SNAP"):
        dot11.ethernet(bytes(6), bytes(6), body)
