"""The remote protocol, spoken byte by byte: packets, registers, memory, stops, clients that come and go."""

import http.client
import select
import socket
import tracemalloc
import xml.etree.ElementTree as xml

import pytest
from debugging import (
    ADD_ONE,
    AGAIN,
    GPIO,
    LONG,
    LONG_END,
    RAM,
    STORE_WORD,
    UNDEFINED_WORD,
    Gdb,
    attached,
    machine,
    state,
)
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples

from bk7238.debug import attach, packets
from bk7238.debug.memory_packets import MemoryPackets
from bk7238.debug.target import NAMES


@pytest.fixture
def gdb():
    with attached(machine()) as client:
        yield client


# Packets


def test_packets_are_acknowledged_and_asked_for_again(gdb):
    assert gdb.raw(b"$qC#00", 1) == b"-"
    assert gdb.raw(b"noise$qC#b4", 8) == b"+$QC1#c5"
    assert gdb.raw(b"-", 7) == b"$QC1#c5", "sent again"
    assert gdb.raw(b"$cut off$qC#b4", 8).endswith(b"+$QC1#c5"), "the rest of a packet that was cut off is lost"
    assert gdb.ask("QStartNoAckMode") == "OK"
    assert gdb.raw(b"$qC#00", 7) == b"$QC1#c5", "without acknowledgments nobody looks at the checksum"


def test_a_packet_may_come_in_pieces(gdb):
    assert gdb.raw(b"$q") == b"" and gdb.raw(b"C#b") == b"" and gdb.raw(b"4", 8) == b"+$QC1#c5"


@given(st.binary())
def test_escaping_can_be_undone(data):
    escaped = packets.escape(data)
    assert packets.unescape(escaped) == data and not set(escaped) & set(b"#$*")


def test_unknown_packets_get_the_empty_answer(gdb):
    for payload in ("vMustReplyEmpty", "qUnknown", "jx", "QNonStop:1", "qTStatus"):
        assert gdb.ask(payload) == ""


def test_malformed_packets_get_an_error(gdb):
    for payload in (
        "m",
        "m1",
        "mx,4",
        "p",
        "pff",
        "Z9,0,0",
        "Z0,x,4",
        "vCont;q",
        "P3=12",
        "M0,4:00",
        "Gxyz",
        "vCont;r1",
    ):
        assert gdb.ask(payload).startswith("E"), payload
    assert gdb.ask("?").startswith("T")


# What the target is


def test_the_description_and_the_memory_map_are_what_gdb_reads(gdb):
    text = ""
    while not text.endswith("</target>"):
        part = gdb.ask(f"qXfer:features:read:target.xml:{len(text):x},200")
        assert part[0] in "ml"
        text += part[1:]
    names = [register.get("name") for register in xml.fromstring(text.split("]>")[-1]).iter("reg")]
    assert names == NAMES and {"spsr_svc", "sp_irq", "r8_fiq"} < set(names)
    assert 'type="flash"' in gdb.ask("qXfer:memory-map:read::0,1000")
    assert gdb.ask("qXfer:memory-map:read::0,1000").count('type="ram"') > 2
    assert gdb.ask("qXfer:features:read:other.xml:0,100") == "E00"


def test_registers_with_the_banked_ones(gdb):
    values = gdb.ask("g")
    assert len(values) == 8 * 17
    gdb.ask("P1=78563412")
    assert gdb.register(1) == 0x12345678
    irq, sp = NAMES.index("sp_irq"), 13
    before = gdb.register(sp)
    gdb.ask(f"P{irq:x}=efbeadde")
    assert gdb.register(irq) == 0xDEADBEEF and gdb.register(sp) == before
    assert gdb.register(16) & 0x1F == 0x13, "looking changes no mode"
    gdb.ask("P10=d2000000")
    assert gdb.register(sp) == 0xDEADBEEF and gdb.register(NAMES.index("sp_svc")) == before
    gdb.ask("G" + "01000000" * 15 + "30000000" + "d3000000")
    assert gdb.register(14) == 1 and gdb.pc == AGAIN


def test_memory_and_its_edges(gdb):
    assert gdb.ask("m0,4") == machine().engine.bus.read(0, 4).hex()
    assert gdb.ask(f"M{RAM:x},3:0a0b0c") == "OK" and gdb.ask(f"m{RAM:x},4") == "0a0b0c00"
    assert gdb.ask(b"X%x,3:" % RAM + packets.escape(b"#}*")) == "OK" and gdb.ask(f"m{RAM:x},3") == b"#}*".hex()
    assert gdb.ask("m43fffc,8") == "00" * 8 and gdb.ask("mfffffff0,10").startswith("E")
    assert gdb.ask("M10,1:00").startswith("E."), "the flash is no RAM"
    assert gdb.ask("vFlashErase:3000,1000") == "OK" and gdb.ask("vFlashWrite:3004:data") == "OK"
    assert gdb.ask("vFlashDone") == "OK" and bytes.fromhex(gdb.ask("m3000,c")) == b"\xff" * 4 + b"data" + b"\xff" * 4


def test_peripherals_are_read_without_their_side_effects():
    device = machine()
    device.uart1.send(b"Q")
    device.board.uart1.CONFIG.rx_enable = 1
    with attached(device) as gdb:
        gdb.ask(f"Z0,{LONG_END:x},4")
        gdb.ask("c")
        before = device.board.snapshot()
        received = gdb.word(0x80210C)
        assert received == ord("Q") << 8 and gdb.word(0x80210C) == received
        assert device.board.snapshot() == before
        assert gdb.monitor("read 0x80210c") == f"0x0080210c: {received:#x}\n"
        assert gdb.word(0x80210C) == 0, "read for good"


# Stopping and going on


def test_software_and_hardware_breakpoints(gdb):
    for kind, name in ((0, "swbreak"), (1, "hwbreak")):
        assert gdb.ask(f"Z{kind},{STORE_WORD:x},4") == "OK"
        for _ in range(3):
            assert f"{name}:" in gdb.ask("vCont;c") and gdb.pc == STORE_WORD
        assert gdb.ask(f"z{kind},{STORE_WORD:x},4") == "OK"
    gdb.ask(f"Z0,{ADD_ONE:x},2")
    gdb.ask("c")
    assert gdb.pc == ADD_ONE and gdb.register(16) & 0x20, "in Thumb code"


def test_the_servers_own_breakpoint_is_none_of_gdbs(gdb):
    debugger = gdb.server.debugger
    debugger.set_own_break(STORE_WORD)
    for insert, said in (("", False), ("Z", True), ("z", False), ("Z", True)):
        if insert:
            gdb.ask(f"{insert}0,{STORE_WORD:x},4")
        answer = gdb.ask("c")
        assert answer.startswith("T05") and gdb.pc == STORE_WORD and ("swbreak" in answer) == said
    debugger.clear_own_break(STORE_WORD)
    assert "swbreak" in gdb.ask("c"), "GDB's is still there"
    gdb.ask(f"z0,{STORE_WORD:x},4")
    assert gdb.ask("c").startswith("T04"), "none is left"


def test_steps_and_ranges(gdb):
    gdb.ask(f"Z0,{LONG:x},4")
    gdb.ask("c")
    gdb.ask("s")
    assert gdb.pc == LONG + 4
    gdb.ask("vCont;s:1")
    assert gdb.pc == LONG + 8
    assert gdb.ask(f"vCont;r{LONG:x},{LONG_END:x}:1").startswith("T05") and gdb.pc == LONG_END


@pytest.mark.parametrize(("kind", "name"), [(2, "watch"), (3, "rwatch"), (4, "awatch")])
def test_watchpoints(gdb, kind, name):
    gdb.ask(f"Z{kind},{RAM:x},4")
    assert f";{name}:{RAM:x};" in gdb.ask("c")
    assert gdb.pc == (STORE_WORD if kind != 3 else STORE_WORD + 8)
    gdb.ask(f"z{kind},{RAM:x},4")
    gdb.ask(f"Z{kind},{GPIO:x},4")
    assert f";{name}:{GPIO:x};" in gdb.ask("c")
    assert gdb.pc == (LONG_END if kind != 3 else LONG_END + 4)


def test_an_interrupt_stops_and_time_stands_still():
    device = machine()
    with attached(device) as gdb:
        gdb.monitor("catch off")
        gdb.send("c")
        gdb.until(lambda: device.now > 0)
        now = device.now
        gdb.socket.sendall(packets.INTERRUPT)
        assert gdb.answer().startswith("T02")
        stopped = device.now
        for _ in range(5):
            gdb.server.turn(0)
        assert device.now == stopped >= now
        assert device.engine.stops.midway, "before an instruction"


def test_a_crash_stops_unless_it_is_left_to_the_guest(gdb):
    assert gdb.ask("c").startswith("T04") and gdb.pc == UNDEFINED_WORD
    assert gdb.word(RAM + 16) == 0, "its exception has not been entered"
    assert gdb.ask("c").startswith("T04") and gdb.word(RAM + 16) == 1
    assert gdb.monitor("catch off").startswith("crashes are left")
    machine = gdb.server.debugger.machine
    begun = machine.now
    gdb.send("c")
    gdb.until(lambda: machine.now > begun + 5_000)
    gdb.socket.sendall(packets.INTERRUPT)
    assert gdb.answer().startswith("T02") and gdb.word(RAM + 16) > 5


def test_backwards(gdb):
    gdb.ask(f"Z0,{AGAIN:x},4")
    for _ in range(4):
        gdb.ask("c")
    assert gdb.register(4) == 3
    assert gdb.ask("bs").startswith("T05") and gdb.pc == UNDEFINED_WORD - 4
    assert "swbreak" in gdb.ask("bc") and gdb.register(4) == 2
    gdb.ask(f"z0,{AGAIN:x},4")
    assert "replaylog:begin" in gdb.ask("bc") and gdb.pc == 0
    assert "replaylog:begin" in gdb.ask("bs")
    assert gdb.ask("bx") == ""


def test_a_run_under_the_debugger_is_the_run_without_it():
    plain, device = machine(), machine()
    plain.run(until=100_000)
    with attached(device) as gdb:
        gdb.monitor("catch off")
        for kind, address in ((0, 0x3000), (1, 0x2000), (2, RAM + 0x800)):
            gdb.ask(f"Z{kind},{address:x},4")
        gdb.send("c")
        gdb.until(lambda: device.now > 0)
        gdb.socket.sendall(packets.INTERRUPT)
        gdb.answer()
    device.run(until=100_000)
    assert device.engine.position > 0 and state(device) == state(plain)


# Clients that come and go


def test_a_second_client_is_refused_politely(gdb):
    second = socket.create_connection(gdb.server.address)
    gdb.until(lambda: bool(select.select([second], [], [], 0)[0]))
    said = b""
    while data := second.recv(1000):
        said += data
    assert b"$E.another debugger is attached" in said
    assert gdb.ask("qC") == "QC1", "the first one has noticed nothing"
    second.close()


def test_detach_lets_it_run_attach_stops_it_and_vanishing_pauses_it():
    device = machine()
    with attach.serve(device) as server:
        first = Gdb(server)
        first.ask(f"Z0,{AGAIN:x},4")
        first.ask("c")
        assert first.ask("D") == "OK"
        first.close()
        begun = device.now
        first.until(lambda: device.now > begun)
        assert not device.engine.stops.breakpoints
        second = Gdb(server)
        assert second.ask("?").startswith("T05")
        stopped = device.now
        second.send("c")
        second.close()
        second.until(lambda: server._client is None)
        paused = device.now
        for _ in range(5):
            server.turn(0)
        assert device.now == paused and not server.running and paused >= stopped
        third = Gdb(server)
        third.send("k")
        third.until(lambda: server.over)
        third.close()


def test_it_listens_here_and_nowhere_else():
    with attach.serve(machine()) as server:
        assert server.address[0] == "127.0.0.1"
    with attach.serve(machine(), host="127.0.0.2") as server:
        assert server.address[0] == "127.0.0.2", "an address that was asked for"
    with attach.serve(machine(), host="::1") as server:
        assert server.address[0] == "::1"
        client = Gdb(server)
        assert client.ask("?").startswith("T")
        client.close()


# What nobody would send

PIECES = st.sampled_from(
    (
        b"\x03 $ # } * m M X Z0, z4, vCont; qXfer: vFile:open: vFile:pread: features:read:target.xml: qRcmd, P G 0,4 : "
        b", = bs ffffffff,ffffffff T R H s ? - + vFlashWrite: vFlashErase: vFlashDone QStartNoAckMode"
    ).split()
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=12), st.booleans())
def test_malformed_packets_break_nothing(pieces, framed):
    with attach.serve(SHARED) as server:
        client = Gdb(server)
        client.until(lambda: server._client is not None)
        data = b"".join(pieces)
        client.raw(packets.frame(packets.escape(data)) if framed else data)
        client.close()
        client.until(lambda: server._client is None)
        again = Gdb(server)
        assert again.ask("?").startswith("T")
        again.close()


SHARED = machine()


def test_a_web_page_drives_nothing():
    """A browser sends a request of the kind text/plain to any port, whatever page asks for it."""
    device = machine()
    with attach.serve(device) as server:
        server.running = True
        packet = packets.frame(f"M{RAM:x},4:01020304".encode()).decode()
        page = http.client.HTTPConnection(*server.address)
        page.request("POST", "/", packet, {"Content-Type": "text/plain", "Origin": "http://example.com"})
        while server._client is None:
            server.turn(0)
        while server._client is not None:
            server.turn(0)
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            page.getresponse()
        page.close()
        assert device.engine.bus.read(RAM, 4) == bytes(4)
        assert server.running, "it goes on as if nobody had come"
        client = Gdb(server)
        assert client.ask("?").startswith("T")
        client.close()


@pytest.mark.parametrize("beginning", [b"\x16\x03\x01\x02\x00\x01", b"QUERY / HTTP/1.1\r\n\r\n", b"\n", b"#", b"\0"])
def test_what_does_not_begin_as_a_debugger_does_drives_nothing(beginning):
    """TLS and methods of one's own, too: what a browser sends may hold a packet in any place but the first."""
    device = machine()
    with attach.serve(device) as server, socket.create_connection(server.address) as stranger:
        stranger.sendall(beginning + packets.frame(f"M{RAM:x},4:01020304".encode()))
        while server._client is None:
            server.turn(0)
        for _ in range(100):
            server.turn(0)
        assert server._client is None
        assert device.engine.bus.read(RAM, 4) == bytes(4) and not server.over


@given(st.binary(max_size=20))
def test_a_debugger_is_known_by_its_first_byte(rest):
    for beginning in (b"+", b"$", b"\x03", b"-", b"$GET ", b"+$POST "):
        assert packets.is_debuggers(beginning + rest)


def test_a_length_is_looked_at_before_anything_is_made(gdb):
    gdb.ask("?")
    tracemalloc.start()
    try:
        assert gdb.ask("vFlashErase:0,ffffffff").startswith("E.")
        assert gdb.ask("vFlashErase:fffffffffffffff0,4000000").startswith("E.")
        assert gdb.ask("vFlashErase:0,8000000").startswith("E.")
        for address in (1 << 20, 1 << 40):
            assert gdb.ask(b"vFlashWrite:%x:data" % (address * 64)).startswith("E."), "and at once"
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_what_is_kept_for_the_flash_is_no_more_than_the_flash(gdb):
    memory = MemoryPackets(gdb.server.debugger)
    part, size = b"x" * packets.LONGEST, gdb.server.debugger.target.flash_size()
    for number in range(size // len(part)):
        assert memory.binary(b"vFlashWrite:%x:" % number + part) == packets.OK
    with pytest.raises(ValueError, match="beyond the flash"):
        memory.binary(b"vFlashWrite:0:" + part + part)


NUMBERS = st.one_of(st.integers(0, 1 << 13), st.integers(0, (1 << 64) - 1), st.sampled_from((RAM, GPIO, 1 << 32)))
FORMS = ("m{:x},{:x}", "M{:x},{:x}:00", "X{:x},{:x}:", "vFlashErase:{:x},{:x}", "vFlashWrite:{:x}:{:x}")
FORMS += tuple(f"{z}{kind},{{:x}},{{:x}}" for z in "Zz" for kind in range(5))


@pytest.mark.full
@examples(40)
@given(st.lists(st.tuples(st.sampled_from(FORMS), NUMBERS, NUMBERS), max_size=6))
def test_every_address_and_length_gets_an_answer(asked):
    with attached(SHARED) as client:
        for form, address, length in asked:
            answer = client.ask(form.format(address, length))
            if answer[:1] != "E":
                assert address < 1 << 32
                assert answer == "OK" or len(answer) <= 2 * min(length, packets.LONGEST)


def interrupted(gdb, payload):
    gdb.ask("QStartNoAckMode")
    gdb.acknowledging = False
    gdb.send(payload)
    gdb.socket.sendall(packets.INTERRUPT)
    return gdb.answer()


def test_an_interrupt_ends_a_long_way_to_go(gdb):
    gdb.monitor("catch off")
    assert interrupted(gdb, b"qRcmd," + b"goto +99999999999".hex().encode()) == "OK"
    assert "interrupted" in gdb.text and "instruction " in gdb.text
    assert gdb.ask("?").startswith("T") and gdb.ask("s").startswith("T05")


@pytest.mark.parametrize("packet", ["bs", "bc"])
def test_an_interrupt_ends_the_way_back(gdb, packet):
    gdb.ask(f"Z0,{LONG_END:x},4")
    gdb.ask("c")
    debugger = gdb.server.debugger
    here, debugger.timeline.unwanted = debugger.timeline.position, lambda: True
    assert gdb.ask(packet).startswith("T02") and debugger.timeline.position <= here
    assert not debugger.timeline.replaying


def test_a_client_that_vanishes_ends_a_long_way_to_go(gdb):
    gdb.monitor("catch off")
    gdb.send(b"qRcmd," + b"goto +99999999999".hex().encode())
    gdb.close()
    gdb.until(lambda: gdb.server._client is None)
