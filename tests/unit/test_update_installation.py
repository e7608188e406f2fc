"""Which partition a package is for, and whether it is what it was."""

from boot.cases import APP, BOOTLOADER, DOWNLOAD, Device, app, pack
from images import built

from bk7238 import chip
from bk7238.formats import partitions
from bk7238.image import loaders
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
