"""Which family an app is of: each by several kinds of evidence, so that none of them is indispensable."""

import json

import pytest
from images import FULL, GZIP, built, vendor

from bk7238.cli import main
from bk7238.families import recognise
from bk7238.families.known import FAMILIES
from bk7238.formats import crc_framing
from bk7238.image import flash_image, package, unpack

OPENBEKEN, BEKEN_SDK = FAMILIES["openbeken"], FAMILIES["beken-sdk"]
OTHER_CHIPS = ["OpenBK7231M", "OpenBK7231U", "OpenBK7252", "OpenBK7252N"]  # those whose code is not scrambled
# The texts of an app of Beken's SDK whose console is compiled out, and of one that has it.
TABLE = b"Bootloader\0Application\0RF Firmware\0NET info\0"
NO_CONSOLE = b"SDK Rev: %s\0[FUNC]rwnxl_init\0chip id=%x\0txdesc flush\0" + TABLE
CLIENT = b"http_ota download failed.\0ota write to 0x%x\0write over\0"
REAL_SDK = NO_CONSOLE + b"[THD]%s:[tcb]%x\0sta_Command\0http_ota\0" + CLIENT


def blanked(data, kind, start, end):
    """The image without a kind of evidence in the logical bytes of its app; the CRCs of its frames are right."""
    logical = crc_framing.strip(data[start:end])
    for text in kind.texts:
        logical = logical.replace(text, b"\x01" * len(text))
    return data[:start] + crc_framing.frame(logical) + data[end:]


def assert_each_kind_can_go(data, name, family):
    image = flash_image.parse(data, name, force=True)
    found = recognise.of_image(image)
    assert found.family is family, found.seen
    assert len(found.evidence[family.name]) > recognise.ENOUGH
    for kind in family.evidence:
        changed = flash_image.parse(
            blanked(data, kind, image.app.physical_start, image.app.physical_end), name, force=True
        )
        left = recognise.of_image(changed)
        assert kind.name not in left.evidence[family.name]
        assert left.family is family, f"without {kind.name}: {left.seen}"
        assert recognise.choose("auto", changed) is family


def test_the_reference_image_without_any_one_kind():
    assert_each_kind_can_go(built("reference_1.0.0.bin"), "reference_1.0.0.bin", BEKEN_SDK)


def test_the_map_says_which_evidence_it_found(tmp_path, capsys):
    image = tmp_path / "reference.bin"
    image.write_bytes(built("reference_1.0.0.bin"))
    assert main(["image", "info", str(image)]) == 0
    assert "  evidence     console commands (sta_Command, http_ota), HTTP client (" in capsys.readouterr().out
    assert main(["image", "info", str(image), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["family"] == "Beken SDK" and list(found["evidence"]) == ["Beken SDK"]
    assert found["evidence"]["Beken SDK"]["console commands"] == ["sta_Command", "http_ota"]
    assert len(found["evidence"]["Beken SDK"]) >= 3


@pytest.mark.full
@pytest.mark.parametrize("name", [FULL, *(f"family/{chip}_QIO_1.18.300.bin" for chip in OTHER_CHIPS)])
def test_a_vendor_image_without_any_one_kind(name):
    assert_each_kind_can_go(vendor(name).read_bytes(), name, OPENBEKEN)


@pytest.mark.full
def test_the_app_in_a_package():
    assert recognise.recognise(unpack.unpack(package.read(vendor(GZIP))).app).family is OPENBEKEN


@pytest.mark.parametrize("code", [REAL_SDK, NO_CONSOLE])
def test_an_app_of_the_sdk_that_has_no_text_of_its_own(code):
    found = recognise.recognise(code)
    assert found.family is BEKEN_SDK
    for kind in BEKEN_SDK.evidence:
        left = code
        for text in kind.texts:
            left = left.replace(text, b"\x01" * len(text))
        assert recognise.recognise(left).family is BEKEN_SDK, kind.name


def test_families_are_weighed_against_each_other():
    openbeken = NO_CONSOLE + b"OpenBK7238\0openshwprojects\0AddEventHandler\0SetPinRole\0backlog\0"
    assert recognise.recognise(openbeken).family is OPENBEKEN, "it is built on the SDK"
    assert recognise.recognise(REAL_SDK + b"replaces OpenBK7238").family is BEKEN_SDK
    unsure = recognise.recognise(NO_CONSOLE + b"OpenBK7238")
    assert unsure.family is None and unsure.title == "unknown"
    assert "of OpenBeken: product name (OpenBK7); of Beken SDK: revisions (SDK Rev:)" in unsure.seen


@pytest.mark.parametrize(
    ("code", "title", "seen"),
    [
        (b"", "no app", "there is no app"),
        (b"\xff" * 64, "no app", "there is no app"),
        (bytes(64), "unknown", "nothing of OpenBeken or Beken SDK or ESPHome"),
        (b"sta_Command\0http_ota\0", "unknown", "of Beken SDK: console commands (sta_Command, http_ota)"),
        (b"sta_Command\0", "unknown", "nothing of OpenBeken or Beken SDK or ESPHome"),
    ],
)
def test_what_was_seen_where_it_is_not_enough(code, title, seen):
    found = recognise.recognise(code)
    assert (found.family, found.title, found.seen) == (None, title, seen)


def test_each_family_has_three_kinds_of_evidence_and_a_delivery():
    for family in FAMILIES.values():
        assert len(family.evidence) > recognise.ENOUGH
        assert family.delivery(None) is family.deliveries[0]
