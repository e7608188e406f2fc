"""A vendor's firmware with a button and a relay: it reads the one and switches the other."""

import struct

import pytest
from images import FULL, vendor

from bk7238 import chip
from bk7238.families.openbeken import CONFIG_SIZE, config_crc
from bk7238.machine import Machine

BOARD = """\
key: Beken.PyDevice @ gpio 9 { model: "button:Button"; args: "bounces=2" }
lamp: Beken.PyDevice @ gpio 26 { model: "relay:Relay" }
"""
START = b"backlog SetPinRole 26 Rel; SetPinChannel 26 1; SetPinRole 9 Btn; SetPinChannel 9 1; SetChannel 1 1"


@pytest.mark.nightly
def test_openbeken_switches_a_relay_at_its_start_and_when_a_button_is_pressed(tmp_path):
    block = bytearray(CONFIG_SIZE)
    block[:3] = b"CFG"
    struct.pack_into("<I", block, 4, 5)
    block[0x5E0 : 0x5E0 + len(START)] = START
    block[3] = config_crc(block)
    (tmp_path / "devices.repl").write_text(BOARD)
    machine = Machine(vendor(FULL).read_bytes(), devices=[tmp_path / "devices.repl"])
    machine.flash.load(bytes(block), chip.usual().configuration("openbeken", 0x200000).start)
    key, lamp = machine.board.key, machine.board.lamp
    machine.run(until=1_500_000)
    assert [closed for _, closed in lamp.switchings] == [True]
    key.press()
    machine.run(until=1_700_000)
    key.release()
    machine.run(until=2_500_000)
    assert [closed for _, closed in lamp.switchings] == [True, False]
