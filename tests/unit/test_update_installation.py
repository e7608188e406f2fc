"""Which partition a package is for, and whether it is what it was."""

import pytest
from boot.cases import APP, BOOTLOADER, DOWNLOAD, Device, app, pack
from images import built

from bk7238 import chip
from bk7238.formats import partitions, rbl
from bk7238.image import loaders, package
from bk7238.image.flash_view import FlashView
from bk7238.update import installation

VOICE = partitions.Partition("voice", "beken_onchip", 0x1E0000, 0x10000)


def view(data):
    return FlashView(chip.usual(), bytes(data))


def flash(*table):
    return bytearray(Device(table=table).flash(built("boot.bin")))


def test_the_partition_that_a_package_is_for():
    device = flash(DOWNLOAD, APP, VOICE)
    for name, wanted in (("app", "app"), ("voice", "voice"), ("nowhere", "app"), ("download", "app")):
        assert loaders.Loader().target(view(device), pack(app(100), partition=name), APP).name == wanted
    own = loaders.Loader().target(view(flash(DOWNLOAD, APP, BOOTLOADER)), pack(app(100), partition="bootloader"), APP)
    assert own.name == "app", "it is not replaced"
    assert loaders.Loader().target(view(device[:0x1E8000]), pack(app(100), partition="voice"), APP).name == "app", (
        "beyond"
    )


def test_a_footer_without_crcs():
    device, header = flash(DOWNLOAD, APP, VOICE), pack(app(100), partition="voice")[:96]
    device[0x1F0000 - 96 : 0x1F0000] = header
    before = view(device)
    assert before.footer(VOICE) == header
    device[0x1F0000 - 1] = 0
    assert installation.untouched(view(device), before, VOICE), "up to its footer"
    device[0x1E0000] = 0
    assert not installation.untouched(view(device), before, VOICE)


# Whether the old app runs


def test_what_lies_beyond_both_apps_is_not_the_app():
    device, header = flash(DOWNLOAD, APP, BOOTLOADER), rbl.unpack(pack(app(40000)))
    before = view(device)
    device[0x100000:0x100060] = pack(app(100))[:96]
    assert installation.is_old_app(view(device), before, APP, header)
    assert not installation.untouched(view(device), before, APP)


@pytest.mark.parametrize("at", [0x11000, 0x11000 + 20000, 0x11000 + 40000])
def test_an_app_that_has_changed_or_grown_is_not_the_old_one(at):
    device, header = flash(DOWNLOAD, APP, BOOTLOADER), rbl.unpack(pack(app(40000)))
    before = view(device)
    device[at] ^= 1
    assert not installation.is_old_app(view(device), before, APP, header)


def test_where_the_image_had_no_app_none_is_the_old_one():
    device = bytearray(Device(table=(DOWNLOAD, APP, BOOTLOADER), old=b"", footer=b"").flash(built("boot.bin")))
    assert not installation.is_old_app(view(device), view(device), APP, rbl.unpack(pack()))


# An app that nobody has scrambled


@pytest.mark.parametrize(("codec", "said"), [("bk7231n", "descrambles"), ("bk7231m", "")])
def test_an_app_that_is_written_as_it_was_packed(codec, said):
    one, raw = chip.load(codec), app(40000)
    made = package.parse(pack(raw), "app.rbl")
    device = FlashView(one, Device(table=(DOWNLOAD, APP, BOOTLOADER), old=raw).flash(built("boot.bin")))
    found = installation.damage(device, device, device.app, made)
    assert said in found and bool(said) == bool(found)
