"""Builds of Beken's SDK as they differ: what the banner names, how the console shows itself, and one without any."""

import json

import patched
import pytest
from images import VENDOR

from bk7238.cli import main

SDK = b"SDK Rev: 3.0.78 1e0e16eabc"
SILENT = {b"[THD]cli\n": b"\n"}  # no line when the console's thread is created
NO_PROMPT = {**SILENT, b"\n$ ": b"\n"}


def sdk(version):
    return {patched.BANNER[version]: SDK}


def test_the_sdks_version_is_not_the_apps(make_dut):
    image = patched.image(sdk("1.0.0"), footer="2M.1220")
    result = make_dut(image=image, package=patched.update(sdk("1.0.1"), header="2.0.0")).expect_verdict("new-app-runs")
    assert (result.from_version, result.to_version) == ("2M.1220", "2.0.0")
    assert result.banner_versions == ("3.0.78", "3.0.78")
    assert result.footer_versions == ("2M.1220", "2.0.0")
    found = result.as_json()
    assert (found["banner_versions"], found["footer_versions"]) == (["3.0.78", "3.0.78"], ["2M.1220", "2.0.0"])


def test_the_apps_own_version_is_the_banners(make_dut):
    result = make_dut(image=patched.image({}, footer="2M.1220"), package=patched.update({}, header="2.0.0")).verdict()
    assert (result.from_version, result.to_version) == result.banner_versions == ("1.0.0", "1.0.1")
    assert result.footer_versions == ("2M.1220", "2.0.0") and result.versions_differ


def test_an_update_that_is_refused_has_the_old_versions(make_dut):
    update = patched.update(sdk("1.0.1"), header="2.0.0")
    dut = make_dut(image=patched.image(sdk("1.0.0"), footer="1.0.0"), package=update, faults=["package-flip:0x1388"])
    result = dut.expect_verdict("old-app-retries-each-boot")
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.0")
    assert (result.banner_versions, result.footer_versions) == (("3.0.78", "3.0.78"), ("1.0.0", "1.0.0"))


@pytest.mark.parametrize("footer", ["2M.1220", "1.0.0"])
def test_both_pairs_are_printed(footer, tmp_path, capsys):
    image, update = tmp_path / "image.bin", tmp_path / "new.rbl"
    image.write_bytes(patched.image({}, footer=footer).data)
    update.write_bytes(patched.update({}, header="1.0.1").data)
    assert main(["ota", str(image), str(update)]) == 0
    out = capsys.readouterr().out
    assert "new-app-runs: 1.0.0 -> 1.0.1\n" in out
    assert f"  versions: banner 1.0.0 -> 1.0.1; footer {footer} -> 1.0.1\n" in out
    assert main(["ota", str(image), str(update), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["footer_versions"] == [footer, "1.0.1"] and found["banner_versions"] == ["1.0.0", "1.0.1"]


def test_a_console_that_does_not_say_that_it_is_ready(make_dut):
    old, new = {**SILENT, **sdk("1.0.0")}, {**SILENT, **sdk("1.0.1")}
    dut = make_dut(image=patched.image(old), package=patched.update(new))
    assert dut.update.family.name == "beken-sdk"
    dut.expect_verdict("new-app-runs")
    assert "[THD]" not in dut.machine.uart1.text


@pytest.mark.full
def test_a_delivered_app_without_a_console(make_dut):
    old, new = {**NO_PROMPT, **sdk("1.0.0")}, {**NO_PROMPT, **sdk("1.0.1")}
    files = {"image": patched.image(old), "package": patched.update(new), "delivered": True}
    result = make_dut(**files).expect_verdict("device-waits")
    assert result.reason.startswith("the new app runs and did not join again: no console came")
    assert result.reason.endswith("(--profile none waits for no console)")
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.1")
    make_dut(**files, profile="none").expect_verdict("new-app-runs")


def test_an_app_without_a_console(make_dut):
    old = {**NO_PROMPT, **sdk("1.0.0")}
    result = make_dut(image=patched.image(old), package=patched.update({})).expect_verdict("device-waits")
    assert result.reason == (
        "the device did not join: no console came, that is no line `[THD]cli` and no prompt when return was typed, so "
        "nothing was typed: it was not told to join"
    )


@pytest.mark.full
@VENDOR
@pytest.mark.bk7238(profile="beken-sdk")
def test_a_real_build_of_the_sdk_without_its_console(dut):
    why = "no console came, that is no line `[THD]cli` and no prompt when return was typed"
    result = dut.expect_verdict("device-waits", why)
    assert result.banner_versions[0].startswith("3.0.") and result.from_version == "2M.1220"


@pytest.mark.full
def test_a_console_that_does_not_know_the_command(make_dut):
    dut = make_dut(image=patched.image({b"http_ota\0": b"HTTP_OTA\0"}), package=patched.update({}))
    dut.expect_verdict("device-waits", "the console answers \"command 'http_ota' not found\"")
