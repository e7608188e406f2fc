"""Why an update did not happen: what the network knows, and the same failure three times, stand in the verdict."""

import socket

import pytest

from bk7238.image import package
from bk7238.network import host_server
from bk7238.network.events import HttpBodyProgress, Refused
from bk7238.testing import Dut
from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update
from ota.answers import Answers, hanging_up
from ota.test_reference_firmware import reference, reference_package

NAME = "reference_1.0.1_gzip_aes.rbl"
TOTAL = 17_344
SERVER = "192.168.77.1"


def update(prepare=lambda update: None, **settings):
    made = Update(reference(), reference_package("gzip"), Settings(**settings))
    prepare(made)
    return made


def waits(made):
    """The reason of a device that waits, whose app is what it was."""
    before = bytes(made.machine.flash.data)
    result = made.run()
    assert result.verdict is Verdict.DEVICE_WAITS, result.reason
    assert result.flash[:0x132000] == before[:0x132000]
    return result


# After the verdict


def test_a_machine_runs_on_after_the_verdict():
    made = update()
    result = made.run()
    phases = list(result.phases)
    made.machine.run(until=made.machine.now + 65_000_000)
    assert made.machine.now == result.virtual_seconds * 1e6 + 65_000_000
    assert made.run() is result and result.verdict is Verdict.NEW_APP_RUNS
    assert result.phases == phases


@pytest.mark.full
@pytest.mark.parametrize(("settings", "verdict"), [({}, "new-app-runs"), ({"request": "missing.rbl"}, "device-waits")])
def test_a_soak(settings, verdict):
    dut = Dut(reference(), reference_package("gzip"), Settings(**settings))
    result = dut.verdict()
    dut.run("400 s")
    assert dut.now == pytest.approx(result.virtual_seconds + 400)
    assert dut.verdict() is dut.update.run() is result and result.verdict.value == verdict
    dut.send("version")
    dut.expect("reference app, version")


def test_a_device_that_waits_may_be_helped_after_its_verdict():
    """What happens after the verdict is not judged: the device gets its update at last."""
    dut = Dut(reference(), reference_package("gzip"), Settings(request="missing.rbl"))
    result = dut.verdict()
    dut.expect("http_ota download failed")
    dut.send(f"http_ota http://{SERVER}/{NAME}")
    dut.expect("version 1.0.1")
    assert dut.verdict() is result and result.verdict is Verdict.DEVICE_WAITS


# The same failure again


def test_a_server_that_hangs_up_at_the_same_place_each_time():
    made = update()
    server = Answers(made, hanging_up(0.6))
    result = waits(made)
    assert server.given == 3 and result.virtual_seconds < 30
    assert result.reason == (
        f"the device joined and the download did not complete (10406 of {TOTAL} bytes had arrived): the download from "
        f"{SERVER}:80 broke off at 10,406 of 17,344 bytes: closed by the server (3 times)"
    )
    assert [phase.name for phase in result.phases] == ["boot", "join", "download"]


def test_a_server_that_gets_further_each_time_is_not_judged():
    made = update()
    shares = iter((0.3, 0.6, 1.0))
    server = Answers(made, lambda body: hanging_up(next(shares))(body))
    assert made.run().verdict is Verdict.NEW_APP_RUNS and server.given == 3


def test_a_header_in_lower_case_is_a_header():
    made = update()
    Answers(made, hanging_up(1, b"content-length"))
    assert made.run().verdict is Verdict.NEW_APP_RUNS


def test_a_header_in_lower_case_is_named_where_the_device_fails():
    made = update()
    Answers(made, hanging_up(0.4, b"content-length"))
    reason = waits(made).reason
    assert "broke off at 6,937 of 17,344 bytes" in reason
    assert "200, a body without Content-Type of 17,344 bytes (its header is spelt 'content-length')" in reason


def test_a_device_that_restarts_by_itself_after_half_a_download_is_judged():
    """As a firmware that takes half a package for a whole one: its boot loader complains, and it asks again."""
    dut = Dut(reference(), reference_package("gzip"), Settings(within=300.0))
    server = Answers(dut.update, hanging_up(0.6))
    restarts = []

    def line(text):
        if "download failed" in text:
            restarts.append(dut.machine.now)
            dut.machine.clock.after(100_000, lambda: dut.send("reboot"))
        elif "IP up" in text and restarts:
            dut.machine.clock.after(100_000, lambda: dut.send(f"http_ota http://{SERVER}/{NAME}"))

    dut.machine.uart1.on_line(line)
    result = dut.verdict()
    assert result.verdict is Verdict.DEVICE_WAITS and server.given == 3 and len(restarts) == 2
    assert "broke off at 10,406 of 17,344 bytes: closed by the server (3 times)" in result.reason
    assert "the bootloader printed: [E/OTA] " in result.reason and "Verify firmware CRC32" in result.reason


def test_a_device_that_restarts_for_ever_is_judged():
    dut = Dut(reference(), reference_package("gzip"), Settings(request="missing.rbl"))
    dut.machine.uart1.on_line(lambda line: dut.send("reboot") if line.startswith("IP up") else None)
    result = dut.verdict()
    assert result.verdict is Verdict.DEVICE_WAITS and dut.machine.resets == 3
    assert "the device restarted by itself (watchdog) (3 times)" in result.reason


def test_single_faults_are_no_reason_to_give_up():
    """Each of the four closes one connection; the device is asked three times, and comes through in the third."""
    faults = ["connection-close@20%", "connection-close@20%", "connection-close@30%", "connection-close@30%"]
    result = update(faults=faults).run()
    assert (result.verdict, result.silent) == (Verdict.NEW_APP_RUNS, []), result.reason


def test_what_one_fault_has_done_excuses_no_second_failure():
    """The reset of a connection is over; what fails after it is the network's."""
    result = waits(update(faults=["connection-reset@50%", "connection-refused@50%"]))
    assert result.silent == []
    assert f"connection to {SERVER}:80 was refused: nothing listens on that port (2 times) (after " in result.reason


def test_a_repetition_is_no_progress():
    made = update()
    story = made.story
    story.phase = "download"

    def arrive(acknowledged):
        made.machine.run(until=made.machine.now + 1000)
        made.judge.event(HttpBodyProgress(made.machine.now, "", "/", acknowledged, TOTAL))
        return story.last_progress == made.machine.now

    assert [arrive(count) for count in (4096, 8192, 4096, 8192, 8193)] == [True, True, False, False, True]


def test_the_time_limit_names_the_last_cause():
    result = update(request="missing.rbl", within=12.0).run()
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
def test_a_server_that_cannot_be_reached(url, reason):
    assert f"the download did not complete: the {'name' if 'local' in url.lower() else 'device'}" in (
        found := waits(update(request=url)).reason
    )
    assert reason in found


def test_a_name_that_nobody_knows():
    made = update(lambda update: setattr(update.network.dns, "names", {}), request="http://ota.example/x")
    assert "the name server knows no ota.example (3 times)" in waits(made).reason


def test_a_name_in_local_that_the_name_server_was_given():
    made = update(request=f"http://box.local/{NAME}")
    made.network.dns.names = {"box.local": made.network.address}
    assert made.run().verdict is Verdict.NEW_APP_RUNS


def test_a_refused_lease():
    reason = waits(update(lambda update: update.network.dhcp._pool.clear())).reason
    assert reason == "the device did not join: the DHCP server gave no lease: no address left"


def test_other_services_of_the_network_do_not_count():
    """A device that asks for the time, or for a broker, in vain is not judged by it."""
    made = update()
    for second in range(1, 40):
        for protocol, port in (("udp", 123), ("tcp", 1883)):
            refused = Refused(second, "192.168.77.50", SERVER, protocol, port, "reset", 50_000 + second)
            made.judge.event(refused)
    assert made.run().verdict is Verdict.NEW_APP_RUNS


def test_a_gateway_without_a_server():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = waits(update(gateway=host_server.Server("127.0.0.1", port)))
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
def test_the_answer_is_named(fault, answer):
    result = waits(update(faults=[fault]))
    assert result.silent == [] and answer in result.reason


def test_a_captive_portal_is_not_the_package():
    result = update(faults=["http-wrong-file:size=5000"]).run()
    assert (result.verdict, result.silent) == (Verdict.OLD_APP_RUNS, [])
    assert result.reason.startswith(f"text/html of 5,000 bytes came, not {NAME}; the bootloader printed: ")


def test_a_package_that_is_damaged_is_the_package():
    body = bytearray(reference_package("gzip").data)
    body[5000] ^= 1
    result = Update(reference(), package.parse(bytes(body), "damaged.rbl"), Settings()).run()
    assert "came, not" not in result.reason and "Verify firmware CRC32" in result.reason
