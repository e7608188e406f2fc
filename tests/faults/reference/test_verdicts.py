"""What the verdict says of several faults, and of devices that die or come back late."""

import pytest

from bk7238.update.verdict import Verdict

WAITS, HANGS, NEW = Verdict.DEVICE_WAITS, Verdict.BOOTLOADER_HANGS, Verdict.NEW_APP_RUNS
NO_APP = "the bootloader did not start the app for 60 virtual seconds"
STUCK = "flash-stuck-bit:at=0x12000,bit=0,value=1"


@pytest.mark.parametrize(
    ("faults", "ended", "said"),
    [
        ((f"{STUCK}@0.5s", "power-cut@0.6s"), HANGS, NO_APP),
        ((f"{STUCK}@25%", "power-cut@50%"), HANGS, NO_APP),
        ((f"{STUCK}@100%", "power-cut@1.16s"), HANGS, NO_APP),
        (("flash-stuck-bit:at=0x12100,bit=2,value=1@1.55s", "power-cut@1.8s"), HANGS, NO_APP),
    ],
)
def test_a_device_that_died_does_not_wait(dut, faults, ended, said):
    """Whatever it had been doing before."""
    dut.configure(faults=faults)
    result = dut.verdict()
    assert (result.verdict, result.silent) == (ended, []) and result.reason.startswith(said)


@pytest.mark.full
@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (
            ("dhcp-silent", "rssi:-60@30s"),
            ["did not join: dhcp-silent, DHCP server: did not answer; then rssi:-60@30s"],
        ),
        (("network-stall@50%", "beacons-lost@10s"), ["network-stall@50%, network: ", "; then beacons-lost@10s"]),
        (
            ("http-status:404@50%", "connection-reset@50%"),
            [" (after connection-reset@50% at ", ", http-status:404@50% at "],
        ),
    ],
)
def test_all_faults_that_fired_are_named(dut, faults, said):
    dut.configure(faults=faults)
    result = dut.verdict()
    assert (result.verdict, result.silent) == (WAITS, [])
    for text in said:
        assert text in result.reason


@pytest.mark.full
@pytest.mark.parametrize(
    ("faults", "made_good"),
    [
        (("connection-reset@50%", 'dhcp-silent@uart="100%"'), "the connection broke"),
        (("deauthenticate@0.95s", "network-stall@50%"), "ended the association"),
    ],
)
def test_a_failure_that_was_made_good_is_not_the_cause(dut, faults, made_good):
    dut.configure(faults=faults)
    result = dut.verdict()
    assert (result.verdict, result.silent) == (WAITS, []) and made_good not in result.reason


@pytest.mark.parametrize(("to", "whom"), [("station", "02:42:4b:72:38:01"), ("everybody", "ff:ff:ff:ff:ff:ff")])
def test_a_forged_deauthentication_is_named_where_the_device_does_not_come_back(dut, to, whom):
    dut.configure(faults=[f"forged-deauthenticate:{to}@50%", "ap-gone@50%"])
    said = f"; forged-deauthenticate:{to}@50%, air: deauthenticated {whom} in the access point's name, reason 1; "
    dut.expect_verdict(WAITS.value, said)
    assert dut.faults[0].count == 1


def test_what_a_forged_deauthentication_leads_to_is_told(dut):
    dut.configure(faults=["forged-deauthenticate:reason=4@50%"])
    dut.expect_verdict(NEW.value)
    sent, effect = dut.fired().firings
    assert sent.what.endswith("in the access point's name, reason 4")
    assert effect.what == "loses its association, and begins anew" and effect.time > sent.time


@pytest.mark.parametrize("duration", ["5s", "15s"])
def test_a_network_that_will_be_back_is_waited_for(dut, duration):
    dut.configure(faults=[f"ap-gone:{duration}"])
    result = dut.verdict()
    assert (result.verdict, result.silent) == (NEW, [])
    assert result.faults[0]["fired"] == 2 and result.virtual_seconds > float(duration[:-1])


def test_a_network_that_is_gone_for_ever_is_not(dut):
    dut.configure(faults=["ap-gone"])
    result = dut.verdict()
    assert (result.verdict, result.faults[0]["fired"]) == (WAITS, 1)
    assert result.reason.endswith("(3 scans); nothing is in the air (after ap-gone at 0.000 s)")


@pytest.mark.parametrize(
    ("faults", "versions"),
    [(("brown-out",), (None, "1.0.1")), (("package-key",), ("1.0.0", None)), (("power-cut@100ms",), (None, "1.0.1"))],
)
def test_the_versions_of_a_package_that_was_delivered(dut, faults, versions):
    dut.configure(faults=faults, delivered=True)
    result = dut.verdict()
    assert (result.from_version, result.to_version) == versions
