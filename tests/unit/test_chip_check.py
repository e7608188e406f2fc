"""What is no image of this chip is refused in a line that says what was seen; what may be one is taken."""

import functools
import json
import random

import pytest
from images import FULL, vendor

from bk7238 import chip as chips
from bk7238 import resources
from bk7238.cli import main
from bk7238.formats import crc_framing, partitions
from bk7238.image import ImageError, bootloader, chip_check, flash_image

IMAGE, PACKAGE = (resources.reference() / name for name in ("reference_1.0.0.bin", "reference_1.0.1_none_aes.rbl"))
APP = 0x11000
FAMILY = {
    "bootloader_bk7231n_uart1_v1.0.15.bin": "boot loader without CRCs",
    "ESPHome-Kickstart-v25.05.28_bk7231n_app.ota.ug.bin": "Tuya's UG format",
}


@pytest.fixture(autouse=True, scope="module")
def looked_for_once():
    """What an image is scrambled with is looked for once, not for each command that is given it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chip_check, "coefficients", functools.lru_cache(maxsize=8)(chip_check.coefficients))
        yield


def reference() -> bytes:
    return IMAGE.read_bytes()


def scrambled(code: bytes) -> bytes:
    """As the other chips of the family store their code: each word under a key of its place."""
    keys = random.Random(7).getrandbits(8 * len(code))
    table = code.rfind(partitions.MAGIC)
    out = (int.from_bytes(code, "little") ^ keys).to_bytes(len(code), "little")
    return out if table < 0 else out[: table - 128] + code[table - 128 : table + 64] + out[table + 64 :]


def reframed(change) -> bytes:
    """The reference image with its logical bytes changed."""
    return crc_framing.frame(change(crc_framing.strip(reference())))


def named(name: bytes, at: int) -> bytes:
    """The reference image with a string put where its code is over."""
    return reframed(lambda code: code[:at] + name + code[at + len(name) :])


def scrambled_image() -> bytes:
    return reframed(lambda code: scrambled(code[:0x10000]) + scrambled(code[0x10000:]))


def rotated(by: int) -> bytes:
    data = reference()
    return data[by:] + data[:by]


REFUSED = {
    "empty": (lambda: b"", "the file is empty"),
    "random": (lambda: random.Random(1).randbytes(0x200000), "this has neither CRCs nor code"),
    "zeros": (lambda: bytes(0x200000), "every byte is 0x00"),
    "erased": (lambda: b"\xff" * 0x200000, "every byte is 0xff"),
    "text": (lambda: b"How to flash this device\n" * 9999, "this is a text"),
    "hex": (lambda: b":10010000214601360121470136007EFE09D2190140\r\n" * 99, "Intel HEX"),
    "package": (lambda: PACKAGE.read_bytes(), "this is an update package (RBL)"),
    "ug": (lambda: b"\x55\xaa\x55\xaa" + random.Random(1).randbytes(5000), "Tuya's UG format"),
    "raw": (lambda: crc_framing.strip(reference()), "this is a flash without its CRCs"),
    "app": (lambda: reference()[APP:], "no partition table with an `app` entry"),
    "cut at its beginning": (lambda: reference()[100:], "frames with right CRCs begin at 0x2"),
    "scrambled": (scrambled_image, "the code at 0x0 is scrambled or no ARM code; firmware of another chip"),
    "framed garbage": (
        lambda: crc_framing.frame(random.Random(2).randbytes(0xC000)) + reference()[0xCC00:APP] + bytes(0x121000),
        "scrambled or no ARM code",
    ),
    "another chip's app": (lambda: named(b"\0OpenBK7231N_1.17.0\0", 0x20000), "the app names itself BK7231N_1.17.0"),
    "another chip's loader": (
        lambda: reframed(lambda code: code.replace(b"BK7238_1.0.0", b"BK7259_1.0.0")),
        "the boot loader names itself BK7259_1.0.0",
    ),
    "rotated": (lambda: rotated(0x3039), "the boot loader begins at 0x12efc7"),
    "rotated by frames": (lambda: rotated(34 * 16), "the boot loader begins at 0x131de0"),
    "rotated to its app": (lambda: rotated(APP), "the boot loader begins at 0x121000"),
    "read twice": (
        lambda: reference().ljust(0x200000, b"\xff") * 2,
        "2 times the same 0x200000 bytes: a chip of 2 MiB",
    ),
    "read four times": (lambda: reference().ljust(0x200000, b"\xff") * 4, "4 times the same 0x200000 bytes"),
    "truncated": (lambda: reference()[:0x20000], "truncated at 0x20000"),
}


def refusal(capsys, *arguments) -> str:
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "") and err.startswith("bk7238: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_image_of_this_chip_is_refused_and_what_was_seen_is_said(kind, tmp_path, capsys):
    make, said = REFUSED[kind]
    path = tmp_path / "image.bin"
    path.write_bytes(make())
    with pytest.raises(ImageError) as error:
        flash_image.read(path)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert refusal(capsys, "run", path) == f"bk7238: {error.value}\n"


@pytest.mark.parametrize(
    "command",
    [
        ["run", "{}"],
        ["ota", "{}", PACKAGE],
        ["gdb", "{}"],
        ["sweep", "{}", PACKAGE],
        ["image", "info", "{}"],
        ["image", "check", "{}"],
        ["image", "partitions", "{}"],
        ["image", "split", "{}", "-o", "{}.folder"],
        ["image", "build", "--bootloader", "{}", "-o", "{}.built"],
    ],
    ids=lambda command: " ".join(command[:2]) if command[0] == "image" else command[0],
)
def test_every_command_that_takes_an_image_refuses_it(command, tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(scrambled_image())
    said = refusal(capsys, *(str(word).format(tmp_path / "image.bin") for word in command))
    assert "scrambled or no ARM code" in said
    assert [path.name for path in tmp_path.iterdir()] == ["image.bin"]


TAKEN = {
    "as it is": reference,
    "with a CRC of its first frame that is wrong": lambda: bytes((reference()[0] ^ 1,)) + reference()[1:],
    "with a blank first sector": lambda: b"\xff" * 0x1000 + reference()[0x1000:],
    "with a corrupt first sector": lambda: random.Random(5).randbytes(0x1000) + reference()[0x1000:],
    "with zeros over half its boot loader": lambda: bytes(0x3000) + reference()[0x3000:],
    "with vectors that crash": lambda: reframed(lambda code: scrambled(code[:64]) + code[64:]),
    "with a boot loader nobody knows": lambda: reframed(lambda code: code.replace(b"BK7238", b"my own")),
    "with an app that mentions another chip": lambda: named(b"\0not for BK7231N_1.0.1\0", 0x20000),
    "with a blank app": lambda: reference()[:APP] + b"\xff" * 0x121000,
    "with pictures in its app": lambda: named(random.Random(6).randbytes(0x40000), 0x20000),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_damaged_or_an_unknown_image_of_this_chip_is_taken(kind):
    assert flash_image.parse(TAKEN[kind](), "image.bin").app.physical_start == APP


def test_an_image_whose_vectors_crash_is_run_and_ends_with_status_1(tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(TAKEN["with vectors that crash"]())
    assert main(["run", str(tmp_path / "image.bin"), "--json"]) == 1
    out, err = capsys.readouterr()
    assert "crashes over and over" in json.loads(out)["end"] and "crashes over and over" in err


@pytest.mark.parametrize("kind", ["random", "scrambled", "zeros", "app"])
def test_force_takes_it(kind, tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(REFUSED[kind][0]())
    assert main(["run", str(tmp_path / "image.bin"), "--force", "--within", "0.01", "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["instructions"] > 0


@pytest.mark.parametrize("kind", ["scrambled", "another chip's app", "truncated"])
def test_force_describes_it(kind, tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(REFUSED[kind][0]())
    assert main(["image", "info", str(tmp_path / "image.bin"), "--force"]) == 0
    assert "0x0011000 to 0x0132000" in capsys.readouterr().out


def test_force_does_not_take_what_fits_no_flash(tmp_path, capsys):
    (tmp_path / "image.bin").write_bytes(bytes(0x400001))
    assert "more than the largest flash" in refusal(capsys, "run", tmp_path / "image.bin", "--force")


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILY)
def test_the_images_of_the_family_are_refused(name):
    with pytest.raises(ImageError) as error:
        flash_image.read(vendor(f"family/{name}"))
    assert FAMILY[name] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bootloader_bk7231n_1.0.1_enc.bin", "scrambled"),
        ("bootloader_bk7231n_uart2_v1.0.15.bin", "names itself BK7231_1.0.15"),
    ],
)
def test_boot_loaders_of_the_family_are_refused_as_the_usual_chips(name, said):
    with pytest.raises(ImageError, match=said):
        bootloader.read(vendor(f"family/{name}"), chip=chips.usual())
    assert bootloader.read(vendor(f"family/{name}"), force=True, chip=chips.usual()).table


@pytest.mark.full
def test_a_scrambled_boot_loader_without_crcs_is_read_as_the_plain_one():
    found, plain = (
        bootloader.read(vendor(f"family/bootloader_bk7231n_1.0.1{end}.bin"), chip=chips.load("bk7231n"))
        for end in ("_enc", "")
    )
    assert found.data == plain.data and found.partitions.keys() == {"bootloader", "app", "download"}
    assert bootloader.read(vendor("family/bootloader_bk7231n_1.0.1_enc.bin")).chip == found.chip


@pytest.mark.full
@pytest.mark.parametrize("uart", [1, 2])
def test_the_newer_boot_loader_is_one_of_the_bk7231n(uart):
    where = vendor(f"family/bootloader_bk7231n_uart{uart}_v1.0.15.bin")
    assert bootloader.read(where, chip=chips.load("bk7231n")).partitions["download"].physical_start == 0x132000


@pytest.mark.full
def test_the_vendor_image_is_taken_and_any_rotation_of_it_named():
    data = vendor(FULL).read_bytes()
    assert flash_image.parse(data, "full.bin").bootloader_version == "BK7238_1.0.15"
    for by in (1, 34, 0x1000, APP, 0x100000, len(data) - 1):
        with pytest.raises(ImageError, match=f"begins at {len(data) - by:#x} "):
            flash_image.parse(data[by:] + data[:by], "full.bin")
