"""Builds of Beken's SDK as they differ: what the banner names, how the console shows itself, and one without any."""

import json

import patched
import pytest
from images import FULL, GZIP, vendor

from bk7238.cli import main
from bk7238.image import flash_image, package
from bk7238.update.result import Verdict
from bk7238.update.session import Settings, Update

SDK = b"SDK Rev: 3.0.78 1e0e16eabc"
SILENT = {b"[THD]cli\n": b"\n"}  # no line when the console's thread is created
NO_PROMPT = {**SILENT, b"\n$ ": b"\n"}


def sdk(version):
    return {patched.BANNER[version]: SDK}


def test_the_sdks_version_is_not_the_apps():
    image = patched.image(sdk("1.0.0"), footer="2M.1220")
    result = Update(image, patched.update(sdk("1.0.1"), header="2.0.0"), Settings()).run()
    assert result.verdict is Verdict.NEW_APP_RUNS, result.reason
    assert (result.from_version, result.to_version) == ("2M.1220", "2.0.0")
    assert result.banner_versions == ("3.0.78", "3.0.78")
    assert result.footer_versions == ("2M.1220", "2.0.0")
    found = result.as_json()
    assert (found["banner_versions"], found["footer_versions"]) == (["3.0.78", "3.0.78"], ["2M.1220", "2.0.0"])


def test_the_apps_own_version_is_the_banners():
    result = Update(patched.image({}, footer="2M.1220"), patched.update({}, header="2.0.0"), Settings()).run()
    assert (result.from_version, result.to_version) == result.banner_versions == ("1.0.0", "1.0.1")
    assert result.footer_versions == ("2M.1220", "2.0.0") and result.versions_differ


def test_an_update_that_is_refused_has_the_old_versions():
    damaged = bytearray(patched.update(sdk("1.0.1"), header="2.0.0").data)
    damaged[5000] ^= 1
    update = package.parse(bytes(damaged), "damaged.rbl")
    result = Update(patched.image(sdk("1.0.0"), footer="1.0.0"), update, Settings()).run()
    assert result.verdict in (Verdict.OLD_APP_RUNS, Verdict.OLD_APP_RETRIES)
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.0")
    assert (result.banner_versions, result.footer_versions) == (("3.0.78", "3.0.78"), ("1.0.0", "1.0.0"))


@pytest.mark.parametrize(("footer", "shown"), [("2M.1220", True), ("1.0.0", False)])
def test_both_pairs_are_printed_where_they_differ(footer, shown, tmp_path, capsys):
    image, update = tmp_path / "image.bin", tmp_path / "new.rbl"
    image.write_bytes(patched.image({}, footer=footer).data)
    update.write_bytes(patched.update({}, header="1.0.1").data)
    assert main(["ota", str(image), str(update)]) == 0
    out = capsys.readouterr().out
    assert "new-app-runs: 1.0.0 -> 1.0.1\n" in out
    line = "  versions: banner 1.0.0 -> 1.0.1; footer 2M.1220 -> 1.0.1\n"
    assert (line in out) is shown and ("versions:" in out) is shown
    assert main(["ota", str(image), str(update), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["footer_versions"] == [footer, "1.0.1"] and found["banner_versions"] == ["1.0.0", "1.0.1"]


def test_a_console_that_does_not_say_that_it_is_ready():
    old, new = {**SILENT, **sdk("1.0.0")}, {**SILENT, **sdk("1.0.1")}
    update = Update(patched.image(old), patched.update(new), Settings())
    assert update.family.name == "beken-sdk"
    result = update.run()
    assert result.verdict is Verdict.NEW_APP_RUNS, result.reason
    assert "[THD]" not in update.machine.uart1.text


@pytest.mark.full
def test_a_delivered_app_without_a_console():
    old, new = {**NO_PROMPT, **sdk("1.0.0")}, {**NO_PROMPT, **sdk("1.0.1")}
    result = Update(patched.image(old), patched.update(new), Settings(delivered=True)).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert result.reason.startswith("the new app runs and did not join again: no console came")
    assert result.reason.endswith("(--profile none waits for no console)")
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.1")
    observed = Update(patched.image(old), patched.update(new), Settings(delivered=True, profile="none")).run()
    assert observed.verdict is Verdict.NEW_APP_RUNS


def test_an_app_without_a_console():
    old = {**NO_PROMPT, **sdk("1.0.0")}
    result = Update(patched.image(old), patched.update({}), Settings()).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert result.reason == (
        "the device did not join: no console came, that is no line `[THD]cli` and no prompt when return was typed, so "
        "nothing was typed: it was not told to join"
    )


@pytest.mark.full
def test_a_real_build_of_the_sdk_without_its_console():
    image, update = flash_image.read(vendor(FULL)), package.read(vendor(GZIP))
    result = Update(image, update, Settings(profile="beken-sdk")).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert "no console came, that is no line `[THD]cli` and no prompt when return was typed" in result.reason
    assert result.banner_versions[0].startswith("3.0.") and result.from_version == "2M.1220"


@pytest.mark.full
def test_a_console_that_does_not_know_the_command():
    result = Update(patched.image({b"http_ota\0": b"HTTP_OTA\0"}), patched.update({}), Settings()).run()
    assert result.verdict is Verdict.DEVICE_WAITS
    assert "the console answers \"command 'http_ota' not found\"" in result.reason
