"""What of a boot loader's words is a complaint, and which partition a package is for."""

from boot.cases import APP, BOOTLOADER, DOWNLOAD, Device, app, pack
from boot.reference import built

from bk7238 import chip
from bk7238.formats import partitions
from bk7238.image.flash_view import FlashView
from bk7238.update import explain

FORCED = (
    "[E/OTA] (rt_ota_check_upgrade:438) Get 'app' partition firmware header failed! "
    "This partition will be forced to upgrade."
)
NO_DEVICE = (
    "[E/FAL] (fal_partition_read:396) Partition read error! Don't found flash device(nand) of the partition(app)."
)
UNSET = NO_DEVICE.replace("nand", "\ufffd\ufffd").replace("app", "\ufffd\ufffd")
FAILED = "[E/OTA] (ota_main:144) OTA upgrade failed!"
VOICE = partitions.Partition("voice", "beken_onchip", 0x1E0000, 0x10000)


def test_remarks_are_no_complaints():
    assert explain.printed([FORCED, UNSET, FAILED, FAILED]) == [FAILED]
    assert explain.printed([NO_DEVICE]) == [NO_DEVICE]


def view(data):
    return FlashView(chip.usual(), bytes(data))


def flash(*table):
    return bytearray(Device(table=table).flash(built("boot.bin")))


def test_the_partition_that_a_package_is_for():
    device = flash(DOWNLOAD, APP, VOICE)
    for name, wanted in (("app", "app"), ("voice", "voice"), ("nowhere", "app"), ("download", "app")):
        assert explain.target(view(device), pack(app(100), partition=name), APP).name == wanted
    own = explain.target(view(flash(DOWNLOAD, APP, BOOTLOADER)), pack(app(100), partition="bootloader"), APP)
    assert own.name == "app", "it is not replaced"
    assert explain.target(view(device[:0x1E8000]), pack(app(100), partition="voice"), APP).name == "app", "beyond"


def test_a_footer_without_crcs():
    device, header = flash(DOWNLOAD, APP, VOICE), pack(app(100), partition="voice")[:96]
    device[0x1F0000 - 96 : 0x1F0000] = header
    before = view(device)
    assert before.footer(VOICE) == header
    device[0x1F0000 - 1] = 0
    assert explain.untouched(view(device), before, VOICE), "up to its footer"
    device[0x1E0000] = 0
    assert not explain.untouched(view(device), before, VOICE)
