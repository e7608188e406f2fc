"""Packages that are on the device already, in front of an app of which nothing is known: only the start is observed."""

import patched
import pytest
from boot.cases import pack
from boot.reference import APP_START
from boot.reference import image as whole
from images import FULL, vendor

from bk7238.cli import main
from bk7238.image import flash_image, package

OLD, NEW = patched.without_evidence("1.0.0"), patched.without_evidence("1.0.1")


@pytest.fixture
def unknown(make_dut):
    """Makes a device with an app that nothing is known of, and a package of another."""

    def make(new=None, **settings):
        files = {"image": patched.image(OLD), "package": new or patched.update(NEW)}
        return make_dut(**{**files, "delivered": True, **settings})

    return make


def test_the_installation_is_observed(unknown):
    dut = unknown()
    assert dut.update.family.name == "none"
    observed = "has run for 10 virtual seconds without a reset and printed 5 lines"
    result = dut.expect_verdict("new-app-runs", observed)
    assert "family is not known, so that no more than its start was observed" in result.reason
    assert (result.from_version, result.to_version) == ("1.0.0", "1.0.1")
    assert (result.banner_versions, result.footer_versions) == ((None, None), ("1.0.0", "1.0.1"))
    assert result.flash[0x11000:0x20000] != whole()[0x11000:0x20000]
    assert not result.versions_differ
    again = unknown().verdict()
    assert (again.digest, again.instructions) == (result.digest, result.instructions)


def test_it_need_not_be_asked_for_and_can_be(unknown):
    known = {"image": patched.image({}), "new": patched.update({})}
    assert unknown(**known).update.family.name == "beken-sdk"
    unknown(**known, profile="none").expect_verdict("new-app-runs")


def test_on_the_command_line(tmp_path, capsys):
    old, new = tmp_path / "old.bin", tmp_path / "new.rbl"
    old.write_bytes(patched.image(OLD).data)
    new.write_bytes(patched.update(NEW).data)
    assert main(["ota", str(old), str(new), "--delivered"]) == 0
    out = capsys.readouterr().out
    assert "profile none" in out and "new-app-runs: 1.0.0 -> 1.0.1\n" in out
    assert main(["ota", str(old), str(new)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.full
def test_the_vendors_boot_loader_is_observed_as_well(unknown):
    data = vendor(FULL).read_bytes()[:APP_START] + patched.image(OLD).data[APP_START:]
    result = unknown(image=flash_image.parse(data, "mixed.bin")).expect_verdict("new-app-runs")
    assert result.banner_versions == (None, None) and result.to_version == "1.0.1"


def test_without_a_delivered_package_the_family_is_asked_for(unknown):
    with pytest.raises(ValueError, match=r"patched.bin: the app is of no family .*use --delivered, which needs none"):
        _ = unknown(delivered=False).machine


def test_a_package_that_the_boot_loader_refuses(unknown):
    dut = unknown(faults=["package-flip:0x1388"])
    result = dut.expect_verdict("old-app-retries-each-boot", "Verify firmware CRC32")
    assert (result.from_version, result.to_version) == ("1.0.0", None)
    assert result.footer_versions == ("1.0.0", "1.0.0")


RESET = 0x108  # of the reference app, after its vectors and its name


def starting_with(code):
    """A package of the app that has this code at its start."""
    app = bytearray(patched.app("1.0.1", NEW))
    app[RESET : RESET + len(code)] = code
    return package.parse(pack(bytes(app), "gzip", version="1.0.1"), "x.rbl")


def words(*code):
    return b"".join(word.to_bytes(4, "little") for word in code)


WAIT = (0xEE070F90, 0xEAFFFFFD)  # for interrupts, for ever


def test_an_app_that_says_nothing(unknown):
    unknown(starting_with(words(*WAIT))).expect_verdict("new-app-runs", "printed no lines")


@pytest.mark.full
def test_an_app_that_resets_again_and_again_is_not_running(unknown):
    # The two keys of the watchdog with a period of 1 ms.
    keys = words(0xE59F0010, 0xE59F1010, 0xE5801000, 0xE59F100C, 0xE5801000, *WAIT[1:], 0x802900, 0x5A0001, 0xA50001)
    unknown(starting_with(keys)).expect_verdict("brick", "3 resets in a row without a running app")


def test_an_app_that_hangs_in_its_handler_is_not_running(unknown):
    # The handler of undefined instructions is put into 0x40000C, then there is one; the handler waits for ever.
    crash = words(0xE59F0010, 0xE28F1004, 0xE5801000, 0xE7F000F0, *WAIT, 0x40000C)
    why = "the app was started and did not stay up for 60 virtual seconds"
    result = unknown(starting_with(crash)).expect_verdict("brick", why)
    assert "undefined instruction at 0x00010114" in result.reason
