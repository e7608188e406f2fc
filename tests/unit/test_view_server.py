"""Who may have the page of `bk7238 view`, and what it is told of what cannot be."""

import asyncio
import http.client
import io
import json
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import forked
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import Settings, flash_image, resources
from bk7238.air.capture import Capture
from bk7238.cli import main
from bk7238.view.desk import Desk
from bk7238.view.folder import RecordedDevice
from bk7238.view.live import LiveDevice, PageError, PageState
from bk7238.view.server import PageServer

REFERENCE = resources.reference() / "reference_1.0.0.bin"
ANSWERS = {"answer", "refused"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def served():
    """The port and the token of a page, served by another process."""
    with forked.popen(["view", REFERENCE], stdout=subprocess.PIPE, text=True) as process:
        found = re.fullmatch(r"open http://127\.0\.0\.1:(\d+)/([\w-]{32,})/\n", process.stdout.readline())
        yield int(found[1]), found[2]
        process.terminate()
        assert process.wait() in (0, 143)


def answer(port, path, **headers):
    """Status, headers and body of a GET request; a header that is None is left out."""
    headers = {name.replace("_", "-"): value for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.headers, b"" if response.status == 101 else response.read()
    finally:
        connection.close()


def test_the_page_needs_nothing_from_elsewhere(served):
    port, token = served
    for name in ("", "page.css", "page.js"):
        status, headers, body = answer(port, f"/{token}/{name}")
        assert status == 200 and body
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert not re.search(rb"https?://|//[a-z]+\.", body)


def test_who_has_no_token_or_comes_from_elsewhere_gets_403(served):
    port, token = served
    page, own, other = f"/{token}/", f"http://127.0.0.1:{port}", "http://example.com"
    refused = [
        ("/", {}),
        ("*", {}),
        (f"/{token[:-1]}/", {}),
        ("/page.js", {}),
        (page, {"Host": f"example.com:{port}"}),
        (page, {"Host": "127.0.0.1"}),
        (page, {"Host": None}),
        (page, {"Origin": other}),
        (page, {"Origin": "null"}),
        (page, {"Sec_Fetch_Site": "cross-site"}),
        ("/live", {**UPGRADE, "Origin": own}),
        (page + "live", UPGRADE),
        (page + "live", {**UPGRADE, "Origin": other}),
        (page + "live", {**UPGRADE, "Origin": own, "Host": f"example.com:{port}"}),
    ]
    for path, headers in refused:
        assert answer(port, path, **headers)[0] in ((400, 403) if headers.get("Host", "") is None else (403,)), headers
    assert answer(port, page, Origin=own)[0] == 200
    assert answer(port, page + "live", **UPGRADE, Origin=own)[0] == 101


class Page:
    """A page that talks to the server's application, without a browser."""

    def __init__(self, server):
        self.told, self._asked = [], asyncio.Queue()
        self._asked.put_nowait({"type": "websocket.connect"})
        path = server.url.partition(f":{server.port}")[2] + "live"
        headers = [(b"host", b"127.0.0.1:%d" % server.port), (b"origin", b"http://127.0.0.1:%d" % server.port)]
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "headers": headers, "query_string": b""}
        self._running = asyncio.ensure_future(
            server.app({**scope, "root_path": "", "subprotocols": []}, self._get, self._send)
        )

    async def _get(self):
        return await self._asked.get()

    async def _send(self, message):
        if "text" in message:
            self.told.append(json.loads(message["text"]))

    async def ask(self, text):
        """What it is answered, once it has been told what came of that."""
        before = len(self.told)
        self._asked.put_nowait({"type": "websocket.receive", "text": text})
        while True:
            answered = [place for place, one in enumerate(self.told) if place >= before and one.keys() & ANSWERS]
            if answered and len(self.told) > answered[0] + 1:
                return self.told[answered[0]]
            await asyncio.sleep(0)

    async def leave(self):
        self._asked.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self._running


@pytest.fixture
def device():
    return LiveDevice(Desk(flash_image.read(REFERENCE), None, Settings()), "reference_1.0.0.bin", "")


def test_a_second_page_follows_until_the_first_has_gone(device):
    async def visit():
        server = PageServer(device)
        first = Page(server)
        assert (await first.ask('{"do": "run"}'))["to"] == "run"
        second = Page(server)
        assert "another page" in (await second.ask('{"do": "pause"}'))["refused"]
        assert device.running and second.told[-1]["controls"] is False
        assert (await second.ask('{"do": "watch", "block": "cpu"}'))["to"] == "watch"
        await first.leave()
        assert second.told[-1]["controls"] is True
        assert (await second.ask('{"do": "pause"}'))["to"] == "pause"
        for nonsense in (
            "",
            "[",
            "[1]",
            "1",
            '{"do": {}}',
            '{"do": "goto"}',
            '{"do": "goto", "time": "1"}',
            "[" * 9999,
        ):
            assert "refused" in await second.ask(nonsense)
        await second.leave()

    asyncio.run(visit())


def test_while_nobody_looks_no_state_is_kept_and_the_way_back_is_from_the_power_on(device):
    desk = device.desk
    desk.advance(10_000)
    digest = desk.machine.digest()
    desk.advance(20_000)
    assert desk.history.states == []
    desk.goto(10_000)
    assert desk.machine.digest() == digest and (desk.history.end, desk.history.states) == (20_000, [])
    device.look_at(True)
    assert [one.snapshot.time for one in desk.history.states] == [10_000]


@pytest.fixture
def with_things(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(
        '[[thing]]\nname = "slider"\nkind = "slider"\nchannel = 1\n[[thing]]\nname = "mcu"\nkind = "peer"\nuart = 1\n'
    )
    settings = Settings(devices=[str(path)])
    return LiveDevice(Desk(flash_image.read(REFERENCE), None, settings), "reference_1.0.0.bin", "")


def test_what_cannot_be_done_with_a_thing_is_refused_in_one_line(with_things):
    desk, looks = with_things.desk, [thing.looks for thing in with_things.desk.things]
    for thing, control, value in (
        ("button", "push", None),
        ("slider", "hang", 1),
        ("slider", "set", None),
        ("slider", "set", float("nan")),
        ("slider", "set", 10**400),
        ("mcu", "say", "\ud800"),
        ("mcu", "say", "x" * 5000),
        ("mcu", ["say"], "x"),
    ):
        with pytest.raises(PageError) as refused:
            with_things.obey(PageState(), {"do": "thing", "thing": thing, "control": control, "value": value})
        assert "\n" not in str(refused.value) and str(refused.value)
    assert (desk.history.deeds, [thing.looks for thing in desk.things]) == ([], looks)


def test_what_cannot_be_is_refused_in_one_line(device):
    digest = device.desk.machine.digest()
    for wanted in (
        {"do": "type", "console": 3, "text": "x"},
        {"do": "type", "console": 1, "text": "\ud800"},
        {"do": "type", "console": 1, "text": "x" * 5000},
        {"do": "pin", "pin": 99, "level": 1},
        {"do": "pin", "pin": True, "level": 1},
        {"do": "speed", "speed": float("nan")},
        {"do": "goto", "time": -1},
        {"do": "goto", "time": 0, "history": 1},
        {"do": "fault", "fault": "no-such-fault"},
        {"do": "fault", "fault": "power-cut@\n"},
        {"do": "cut", "how": "gently"},
        {"do": "why"},
    ):
        with pytest.raises(PageError) as refused:
            device.obey(PageState(), wanted)
        assert "\n" not in str(refused.value) and str(refused.value)
    with pytest.raises(PageError):
        device.look(PageState(), {"do": "watch", "block": "no-such-block"})
    assert len(device.desk.histories) == 1 and device.desk.machine.digest() == digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ASKED = (
    "type",
    "pin",
    "goto",
    "speed",
    "fault",
    "cut",
    "link",
    "dissect",
    "watch",
    "save",
    "digest",
    "why",
    "pause",
    "x",
)
SAID = (
    "text",
    "console",
    "pin",
    "level",
    "press",
    "time",
    "history",
    "speed",
    "fault",
    "now",
    "how",
    "on",
    "sight",
    "block",
)


@given(st.fixed_dictionaries({"do": st.sampled_from(ASKED)}, optional=dict.fromkeys(SAID, JSON)))
def test_whatever_a_page_asks_is_done_or_refused(asked):
    page, device = PageState(), any_device()
    try:
        device.look(page, asked) or device.obey(page, asked)
    except PageError as error:
        assert "\n" not in str(error)
    json.dumps(device.news(page))


@cache
def any_device():
    return LiveDevice(Desk(flash_image.read(REFERENCE), None, Settings()), "reference_1.0.0.bin", "")


def test_the_registers_of_every_block_are_told():
    device, page = any_device(), PageState()
    for block in device.introduction()["blocks"]:
        device.look(page, {"do": "watch", "block": block})
        assert device.news(page)["registers"][0] == block


FILES = ("uart1.log", "uart2.log", "flash.bin", "air.pcapng", "result.json", "replay", "events.jsonl", "board.json")


def recorded(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        try:
            device = RecordedDevice(Path(folder))
        except ValueError as error:
            assert "\n" not in str(error)
            return
        page = PageState()
        json.dumps([device.introduction(), device.news(page)])
        device.look(page, {"do": "goto", "time": 0})
        for sight in range(min(3, device.news(page)["sights"][0])):
            with suppress(PageError):
                device.look(page, {"do": "dissect", "sight": sight})
        for block in [*device.introduction()["blocks"], "none"]:
            with suppress(PageError):
                device.look(page, {"do": "watch", "block": block})
            json.dumps(device.news(page))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FILES, st.binary(max_size=300))))
def test_a_folder_may_hold_any_bytes(files):
    recorded(files)


@given(st.dictionaries(st.sampled_from(("phases", "faults", "virtual_seconds", "verdict", "instructions")), JSON))
def test_a_result_may_be_any_json(result):
    recorded({"result.json": json.dumps(result).encode()})


@given(
    st.lists(st.tuples(st.sampled_from(("event", "flash", "story", "frame")), st.integers(), JSON, JSON)),
    st.fixed_dictionaries(
        {"access_points": st.just([]), "leases": st.just([]), "pins": JSON, "things": st.just([])},
        optional={"operations": JSON, "registers": st.dictionaries(st.text(), JSON)},
    ),
)
def test_what_happened_and_the_board_may_be_any_json(lines, board):
    events = "".join(json.dumps(line) + "\n" for line in lines).encode()
    recorded({"uart1.log": b"x", "events.jsonl": events, "board.json": json.dumps(board).encode()})


def test_what_is_nested_too_deeply_is_refused(tmp_path):
    deep = b"[" * 100_000
    for name in ("events.jsonl", "uart1.log", "board.json"):
        (tmp_path / name).write_bytes(deep)
    with pytest.raises(ValueError, match=r"board\.json"):
        RecordedDevice(tmp_path)


@given(st.lists(st.binary(max_size=60), max_size=4), st.data())
def test_a_capture_may_hold_any_frames_and_be_broken(frames, data):
    stream = io.BytesIO()
    capture = Capture(stream)
    for number, frame in enumerate(frames):
        capture.record(number, frame, 6, number % 2 == 0, 2, -50)
    whole = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    recorded({"air.pcapng": bytes(whole), "uart1.log": b"x"})


def test_without_what_serves_it_a_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bk7238.view.server", None)
    assert main(["view", str(REFERENCE)]) == 2
    assert "pip install 'bk7238-sim[view]'" in capsys.readouterr().err
