"""The remote library that Robot Framework is offered: our keywords beside Renode's, and why one failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from xmlrpc.client import ServerProxy, dumps

import pytest

from bk7238 import resources
from bk7238.robot.keywords import Keywords
from bk7238.robot.server import HOST, STOP, Remote, listen

BUILT = resources.reference()
IMAGE, PACKAGE = BUILT / "reference_1.0.0.bin", BUILT / "reference_1.0.1_none_aes.rbl"


class Renodes:
    names = ("ExecuteCommand", STOP)

    def run(self, name: str, arguments: list[Any]) -> Any:
        if name != "ExecuteCommand":
            raise ValueError(f"there is no {name}")
        return f"did {' '.join(arguments)}"

    def failure(self, error: BaseException) -> str:
        return str(error)


@pytest.fixture
def keyword() -> Callable[..., tuple[str, Any]]:
    """`keyword(name, *arguments)`: status, and what it returned or why it failed."""
    remote = Remote(Keywords(None, None), Renodes())  # type: ignore[arg-type]

    def run(name: str, *arguments: Any) -> tuple[str, Any]:
        answer = remote.run_keyword(name, list(arguments))
        return answer["status"], answer["return"] if answer["status"] == "PASS" else answer["error"]

    return run


def test_a_web_page_drives_nothing() -> None:
    done: list[str] = []

    class Watched(Renodes):
        def run(self, name: str, arguments: list[Any]) -> Any:
            done.append(name)
            return super().run(name, arguments)

    with listen(0, Remote(Keywords(IMAGE, PACKAGE), Watched())) as server:  # type: ignore[arg-type]
        statuses = []
        for headers in ({"Origin": "https://example.org"}, {}):
            asking = threading.Thread(target=server.handle_request)
            asking.start()
            connection = HTTPConnection(*server.server_address[:2])
            body = dumps(("ExecuteCommand", ["start"]), "run_keyword")
            connection.request("POST", "/", body, {"Content-Type": "text/plain", **headers})
            statuses.append(connection.getresponse().status)
            connection.close()
            asking.join()
    assert statuses == [403, 200]
    assert done == ["ExecuteCommand"]


def test_over_the_wire() -> None:
    remote = Remote(Keywords(IMAGE, PACKAGE), Renodes())  # type: ignore[arg-type]
    with listen(0, remote) as server:

        def serve() -> None:
            while not remote.stopped:
                server.handle_request()

        thread = threading.Thread(target=serve)
        thread.start()
        with ServerProxy(f"http://{HOST}:{server.server_address[1]}") as suite:
            names = suite.get_keyword_names()
            assert {"configure", "package", "fault", "join", "verdict", "ExecuteCommand"} <= set(names)  # type: ignore[arg-type]
            assert len({str(name).lower() for name in names}) == len(names)  # type: ignore[union-attr,arg-type]
            assert "device" in str(suite.get_keyword_documentation("configure"))
            did = suite.run_keyword("ExecuteCommand", ["sysbus", "cpu"])
            assert did == {"status": "PASS", "return": "did sysbus cpu"}
            suite.run_keyword(STOP, [])
        thread.join(60)
        assert not thread.is_alive()


def test_a_device_is_configured_step_by_step(keyword: Callable[..., tuple[str, Any]]) -> None:
    assert keyword("configure", f"image={IMAGE}", f"package={PACKAGE}", "ssid=A b", "psk=correct=horse") == ("PASS", "")
    assert keyword("package", str(PACKAGE)) == ("PASS", "")
    assert keyword("fault", "http-status:status=404") == ("PASS", "")
    dut = keyword.__closure__[0].cell_contents._ours["verdict"].__self__._dut  # type: ignore[attr-defined]
    assert (dut.settings.engine, dut.settings.ssid, dut.settings.psk) == ("renode", b"A b", "correct=horse")
    assert [str(fault) for fault in dut.settings.faults] == ["http-status:status=404"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["configure"], "name the image=FILE and the package=FILE"),
        (["configure", "image=none.bin", f"package={PACKAGE}"], "none.bin"),
        (["configure", f"image={IMAGE}", f"package={PACKAGE}", "colour=red"], "there is no setting 'colour'"),
        (["join"], "begin with Configure"),
        (["fault"], "fault: missing a required argument: 'spec'"),
        (["fault", "a", "b"], "fault: too many positional arguments"),
        (["run_command"], "there is no run_command"),
    ],
)
def test_a_keyword_that_cannot_says_why(keyword: Callable[..., tuple[str, Any]], call: list[str], said: str) -> None:
    status, error = keyword(*call)
    assert status == "FAIL"
    assert said in error
