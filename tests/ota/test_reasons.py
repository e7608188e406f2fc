"""Why an update did not happen: what the network knows, and the same failure three times, stand in the verdict."""

import socket

import pytest

from bk7238.network.events import HttpBodyProgress, Refused
from bk7238.update.verdict import Verdict

NAME = "reference_1.0.1_gzip_aes.rbl"
pytestmark = pytest.mark.bk7238(package=NAME)
TOTAL = 17_344
SERVER = "192.168.77.1"


def waits(dut):
    """The reason of a device that waits, whose app is what it was."""
    result = dut.expect_verdict("device-waits")
    assert result.flash[:0x132000] == dut.flash_before[:0x132000]
    return result


def hanging_up(share, name=b"Content-Length"):
    """The whole length is announced, and this share of the body comes."""
    return lambda body: ([b"%s: %d" % (name, len(body))], body[: int(len(body) * share)])


# After the verdict


def test_a_machine_runs_on_after_the_verdict(dut):
    result = dut.verdict()
    phases = list(result.phases)
    dut.run("65 s")
    assert dut.machine.now == result.virtual_seconds * 1e6 + 65_000_000
    assert dut.verdict() is dut.update.run() is result and result.verdict is Verdict.NEW_APP_RUNS
    assert result.phases == phases


@pytest.mark.full
@pytest.mark.parametrize(("settings", "verdict"), [({}, "new-app-runs"), ({"request": "missing.rbl"}, "device-waits")])
def test_a_soak(dut, settings, verdict):
    dut.configure(**settings)
    result = dut.verdict()
    dut.run("400 s")
    assert dut.now == pytest.approx(result.virtual_seconds + 400)
    assert dut.verdict() is dut.update.run() is result and result.verdict.value == verdict
    dut.send("version")
    dut.expect("reference app, version")


@pytest.mark.bk7238(request="missing.rbl")
def test_a_device_that_waits_may_be_helped_after_its_verdict(dut):
    """What happens after the verdict is not judged: the device gets its update at last."""
    result = dut.verdict()
    dut.expect("http_ota download failed")
    dut.send(f"http_ota http://{SERVER}/{NAME}")
    dut.expect("version 1.0.1")
    assert dut.verdict() is result and result.verdict is Verdict.DEVICE_WAITS


# The same failure again


def test_a_server_that_hangs_up_at_the_same_place_each_time(dut, server):
    server.answer(hanging_up(0.6))
    result = waits(dut)
    assert len(server.requests) == 3 and result.virtual_seconds < 30
    assert result.reason == (
        f"the device joined and the download did not complete (10406 of {TOTAL} bytes had arrived): the download from "
        f"{SERVER}:80 broke off at 10,406 of 17,344 bytes: closed by the server (3 times)"
    )
    assert [phase.name for phase in result.phases] == ["boot", "join", "download"]


def test_a_server_that_gets_further_each_time_is_not_judged(dut, server):
    shares = iter((0.3, 0.6, 1.0))
    server.answer(lambda body: hanging_up(next(shares))(body))
    dut.expect_verdict("new-app-runs")
    assert len(server.requests) == 3


def test_a_header_in_lower_case_is_a_header(dut, server):
    server.answer(hanging_up(1, b"content-length"))
    dut.expect_verdict("new-app-runs")


def test_a_header_in_lower_case_is_named_where_the_device_fails(dut, server):
    server.answer(hanging_up(0.4, b"content-length"))
    reason = waits(dut).reason
    assert "broke off at 6,937 of 17,344 bytes" in reason
    assert "200, a body without Content-Type of 17,344 bytes (its header is spelt 'content-length')" in reason


@pytest.mark.bk7238(within="300 s")
def test_a_device_that_restarts_by_itself_after_half_a_download_is_judged(dut, server):
    """As a firmware that takes half a package for a whole one: its boot loader complains, and it asks again."""
    server.answer(hanging_up(0.6))
    restarts = []

    def line(text):
        if "download failed" in text:
            restarts.append(dut.machine.now)
            dut.machine.clock.after(100_000, lambda: dut.send("reboot"))
        elif "IP up" in text and restarts:
            dut.machine.clock.after(100_000, lambda: dut.send(f"http_ota http://{SERVER}/{NAME}"))

    dut.machine.uart1.on_line.connect(line)
    result = dut.verdict()
    assert result.verdict is Verdict.DEVICE_WAITS and len(server.requests) == 3 and len(restarts) == 2
    assert "broke off at 10,406 of 17,344 bytes: closed by the server (3 times)" in result.reason
    assert "the bootloader printed: [E/OTA] " in result.reason and "Verify firmware CRC32" in result.reason


@pytest.mark.bk7238(request="missing.rbl")
def test_a_device_that_restarts_for_ever_is_judged(dut):
    dut.machine.uart1.on_line.connect(lambda line: dut.send("reboot") if line.startswith("IP up") else None)
    result = dut.verdict()
    assert result.verdict is Verdict.DEVICE_WAITS and dut.machine.resets == 3
    assert "the device restarted by itself (watchdog) (3 times)" in result.reason


@pytest.mark.fault("connection-close@20%", "connection-close@20%", "connection-close@30%", "connection-close@30%")
def test_single_faults_are_no_reason_to_give_up(dut):
    """Each of the four closes one connection; the device is asked three times, and comes through in the third."""
    dut.expect_verdict("new-app-runs")


@pytest.mark.fault("connection-reset@50%", "connection-refused@50%")
def test_what_one_fault_has_done_excuses_no_second_failure(dut):
    """The reset of a connection is over; what fails after it is the network's."""
    result = waits(dut)
    assert f"connection to {SERVER}:80 was refused: nothing listens on that port (2 times) (after " in result.reason


def test_a_repetition_is_no_progress(dut):
    story = dut.update.story
    story.phase = "download"

    def arrive(acknowledged):
        dut.run("1 ms")
        dut.update.judge.event(HttpBodyProgress(dut.machine.now, "", "/", acknowledged, TOTAL))
        return story.last_progress == dut.machine.now

    assert [arrive(count) for count in (4096, 8192, 4096, 8192, 8193)] == [True, True, False, False, True]


@pytest.mark.bk7238(request="missing.rbl", within="12 s")
def test_the_time_limit_names_the_last_cause(dut):
    result = dut.verdict()
    assert result.verdict is Verdict.TIME_LIMIT and result.verdict.exit_status == 3
    assert result.reason == (
        "12 virtual seconds passed in phase `download` without an end: "
        f"the server answered 404 to the device's request for /missing.rbl at {SERVER}:80 (2 times)"
    )


# What the network knows


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://{SERVER}:8080/x", f"connection to {SERVER}:8080 was refused: nothing listens on that port (3 times)"),
        (
            "http://192.168.77.99/x",
            "asks who has 192.168.77.99, and nobody answers: no host has this address (3 times)",
        ),
        ("http://10.1.2.3:81/x", "cannot reach 10.1.2.3:81 (net unreachable): it is in another network"),
        ("http://box.local/x", "the name server knows no box.local: names in .local are those of multicast DNS"),
        ("http://BOX.Local/x", "the name server knows no BOX.Local: names in .local are"),
    ],
)
def test_a_server_that_cannot_be_reached(dut, url, reason):
    dut.configure(request=url)
    found = waits(dut).reason
    assert f"the download did not complete: the {'name' if 'local' in url.lower() else 'device'}" in found
    assert reason in found


@pytest.mark.bk7238(request="http://ota.example/x")
def test_a_name_that_nobody_knows(dut):
    dut.bench.network.dns.names = {}
    assert "the name server knows no ota.example (3 times)" in waits(dut).reason


@pytest.mark.bk7238(request=f"http://box.local/{NAME}")
def test_a_name_in_local_that_another_host_has(dut):
    """It is found by multicast DNS, which this firmware does not ask."""
    dut.bench.network.dns.names = {"box.local": dut.bench.network.address}
    assert "the name server knows no box.local: names in .local are those of multicast DNS" in waits(dut).reason


def test_a_refused_lease(dut):
    dut.bench.network.dhcp._pool.clear()
    assert waits(dut).reason == "the device did not join: the DHCP server gave no lease: no address left"


def test_other_services_of_the_network_do_not_count(dut):
    """A device that asks for the time, or for a broker, in vain is not judged by it."""
    for second in range(1, 40):
        for protocol, port in (("udp", 123), ("tcp", 1883)):
            refused = Refused(second, "192.168.77.50", SERVER, protocol, port, "reset", 50_000 + second)
            dut.update.judge.event(refused)
    dut.expect_verdict("new-app-runs")


def test_a_gateway_without_a_server(dut):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dut.configure(gateway=f"127.0.0.1:{port}")
    result = waits(dut)
    assert (
        f"asked {SERVER}:{port}, which leads to 127.0.0.1:{port} of this machine: Connection refused" in result.reason
    )
    assert "is the server running? (3 times)" in result.reason and "reset by the server" not in result.reason


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("http-chunked", "answered 200, application/octet-stream without Content-Length (Transfer-Encoding: chunked)"),
        ("http-no-length", "200, application/octet-stream without Content-Length"),
        ("http-length:5000000", f"200, application/octet-stream of 5,017,344 bytes, but {NAME} has 17,344"),
        (
            "http-redirect",
            f"the server answered 302 (/elsewhere.rbl) to the device's request for /{NAME} at {SERVER}:80",
        ),
    ],
)
def test_the_answer_is_named(dut, fault, answer):
    dut.fault(fault)
    assert answer in waits(dut).reason


@pytest.mark.fault("http-wrong-file:size=5000")
def test_a_captive_portal_is_not_the_package(dut):
    result = dut.expect_verdict("old-app-runs")
    assert result.reason.startswith(f"text/html of 5,000 bytes came, not {NAME}; the bootloader printed: ")


@pytest.mark.fault("package-flip:0x1388")
def test_a_package_that_is_damaged_is_the_package(dut):
    result = dut.expect_verdict("old-app-retries-each-boot", "Verify firmware CRC32")
    assert "came, not" not in result.reason
