"""The committed bytes of the reference firmware are what its sources make."""

import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from bk7238 import resources
from bk7238.formats import crc_framing, rbl, rbl_body
from bk7238.image import flash_image, package

BUILT = resources.reference()
TESTS = Path(__file__).resolve().parents[1]
INVENTED = TESTS / "ota" / "invented"
LAMP = TESTS / "ota" / "lamp"
PACKAGES = [f"reference_1.0.1_{kind}_aes.rbl" for kind in ("none", "gzip", "lzma")]


@pytest.fixture
def make(tmp_path):
    """Builds the firmware for the chip of a folder, or some files of it; gives the folder of what was built."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("needs Debian's package gcc-arm-none-eabi")
    if shutil.which("make") is None:
        pytest.skip("needs Debian's package make")
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout.strip()
    if version != "12.2.1":
        pytest.skip(f"the committed bytes are those of arm-none-eabi-gcc 12.2.1, this is {version}")

    def made(chip, *more, files=()):
        folders = [f"OUT={tmp_path / 'made'}", f"WORK={tmp_path / 'work'}", f"CHIP={chip}"]
        targets = [tmp_path / "made" / name for name in files]
        command = ["make", "-s", "-C", BUILT.parent, *folders, f"PYTHON={sys.executable}", *more, *targets]
        subprocess.run(command, check=True)
        return tmp_path / "made"

    return made


@pytest.mark.full
def test_rebuilding_gives_the_committed_bytes(make):
    made = make(resources.platform() / "bk7238")
    names = sorted(path.name for path in BUILT.iterdir())
    assert sorted(path.name for path in made.iterdir()) == names
    assert [name for name in names if (made / name).read_bytes() != (BUILT / name).read_bytes()] == []


@pytest.mark.full
def test_rebuilding_for_the_invented_chip_gives_the_committed_bytes(make):
    made = make(INVENTED)
    names = sorted(path.name for path in INVENTED.iterdir() if path.suffix in (".bin", ".rbl"))
    assert len(names) == 2 and all((made / name).read_bytes() == (INVENTED / name).read_bytes() for name in names)


@pytest.mark.full
def test_rebuilding_another_app_gives_the_committed_bytes(make):
    names = {f"app-{version}.bin": f"lamp-{version}.bin" for version in ("1.0.0", "1.0.1")}
    made = make(resources.platform() / "bk7238", f"MAIN={LAMP / 'lamp.c'}", files=names)
    assert all((made / name).read_bytes() == (LAMP / committed).read_bytes() for name, committed in names.items())


@pytest.mark.full
@pytest.mark.parametrize("bug", ["rounding", "trusting"])
def test_rebuilding_a_boot_loader_with_a_bug_gives_the_committed_bytes(make, bug):
    made = make(resources.platform() / "bk7238", f"DEFINES=-D{bug.upper()}=1", files=["boot.bin"])
    assert (made / "boot.bin").read_bytes() == (resources.known_bad() / f"{bug}_boot.bin").read_bytes()


def test_the_image_holds_boot_loader_app_and_footer():
    image = flash_image.read(BUILT / "reference_1.0.0.bin")
    assert len(image.data) == image.app.physical_end == 0x132000
    assert crc_framing.bad_frames(image.data) == []
    logical = crc_framing.strip(image.data)
    boot, app = ((BUILT / name).read_bytes() for name in ("boot.bin", "app-1.0.0.bin"))
    assert logical.startswith(boot) and logical[0x10000 : 0x10000 + len(app)] == app
    footer = rbl.unpack(logical[0x11FFA0:0x120000])
    assert footer.crc_ok and footer.version == "1.0.0" and footer.raw_hash == rbl.fnv1a(app)


def test_key_and_iv_lie_where_the_vendors_do():
    boot = (BUILT / "boot.bin").read_bytes()
    assert boot[0x1F1C:0x1F2D] == rbl_body.IV.encode() + b"\0"
    assert boot[0x1F2D:0x1F4E] == rbl_body.KEY.encode() + b"\0"


def test_binaries_are_small():
    assert all((BUILT / name).stat().st_size < 48 << 10 for name in ("boot.bin", "app-1.0.0.bin", *PACKAGES))


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_sound(name):
    read = package.read(BUILT / name)
    assert read.damage == ()
    header = rbl.unpack(read.data)
    assert (header.encryption, header.version, header.raw_size) == (
        "aes",
        "1.0.1",
        (BUILT / "app-1.0.1.bin").stat().st_size,
    )
    assert zlib.crc32(read.data[96:]) == header.body_crc


@pytest.mark.parametrize(
    ("elf", "binary", "base"), [("boot.elf", "boot.bin", 0), ("app-1.0.0.elf", "app-1.0.0.bin", 0x10000)]
)
def test_elf_files_belong_to_the_binaries_and_name_no_machine(elf, binary, base):
    data = (BUILT / binary).read_bytes()
    with (BUILT / elf).open("rb") as stream:
        file = ELFFile(stream)
        for segment in file.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                at = segment["p_paddr"] - base
                assert data[at : at + segment["p_filesz"]] == segment.data()
        folders = {unit.get_top_DIE().attributes["DW_AT_comp_dir"].value for unit in file.get_dwarf_info().iter_CUs()}
    assert folders == {b"firmware/reference"}
    assert struct.unpack_from("<I", data, 0x20)[0] in range(base, base + len(data))
