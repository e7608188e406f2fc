"""Packages in Tuya's UG and in LibreTiny's UF2: opened, made, compared with ltchiptool, and refused where hostile."""

import io
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import built, vendor
from test_image_pack import LTCHIPTOOL

from bk7238 import chip as chips
from bk7238.cli import main
from bk7238.formats import uf2, ug
from bk7238.formats.uf2 import SCHEMES, Uf2, Uf2Part, Uf2Tag
from bk7238.image import envelope, flash_image, package, unpack
from bk7238.image.package import PackageError

RBL = built("reference_1.0.1_gzip_aes.rbl")
N = chips.load("bk7231n")
KICKSTART = {chip: f"family/ESPHome-Kickstart-v25.05.28_bk7231{chip}_app.ota.ug.bin" for chip in "nt"}
NAMES = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=15)
PARTS = st.builds(
    Uf2Part,
    st.dictionaries(st.sampled_from(SCHEMES), NAMES, min_size=1),
    st.integers(0, 1 << 31),
    st.binary(min_size=1, max_size=900),
)
FILES = st.builds(
    Uf2,
    st.integers(1, 0xFFFF_FFFF),
    st.dictionaries(st.sampled_from([Uf2Tag.VERSION, Uf2Tag.BOARD, Uf2Tag.FIRMWARE]), st.binary(max_size=40)),
    st.lists(PARTS, max_size=3).map(tuple),
)


@given(st.binary(max_size=300), st.text(st.characters(codec="ascii", min_codepoint=33), max_size=ug.VERSION_SIZE))
def test_a_ug_round_trip(content, version):
    found = ug.unpack(ug.pack(content, version))
    assert (found.content, found.version, found.size) == (content, version, len(content))
    assert found.sums_ok == (True, True) and found.end_ok


@given(FILES)
def test_a_uf2_round_trip(content):
    found = uf2.unpack(uf2.pack(content))
    assert (found.family, found.parts) == (content.family, content.parts)
    assert found.tags == {**content.tags, Uf2Tag.OTA_PART_LIST: found.tags[Uf2Tag.OTA_PART_LIST]}


@pytest.mark.parametrize("kind", envelope.ENVELOPES)
def test_a_package_within_is_the_package(kind):
    data = envelope.ENVELOPES[kind](RBL, N)
    found = package.parse(data, "x")
    assert (found.data, found.damage) == (RBL, ()) and found.within(kind, N) is data
    assert package.parse(RBL, "x").within(kind, N) == data, "as it is made, where it came without"
    result = unpack.unpack(found)
    assert result.app == unpack.unpack(package.parse(RBL, "x")).app and result.wrong == []


def test_what_a_ug_says_wrongly_is_damage():
    data = bytearray(ug.pack(RBL, "1.0.1"))
    for at, said in ((20, "UG content sum"), (4, "UG header sum"), (31, "UG end mark")):
        changed = bytes(data[:at]) + bytes((data[at] ^ 1,)) + bytes(data[at + 1 :])
        found = package.parse(changed, "x")
        assert any(said in line for line in found.damage) and unpack.unpack(found).wrong
    assert "UG size" in package.parse(bytes(data) + b"\0", "x").damage[0]


@pytest.mark.parametrize("kind", envelope.ENVELOPES)
@given(changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6), cut=st.integers(0, 600))
def test_a_hostile_envelope_gives_a_package_or_one_line(kind, changes, cut):
    data = bytearray(envelope.ENVELOPES[kind](RBL[:900], N))
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        found = package.parse(bytes(data[: len(data) - cut]), "hostile")
    except PackageError as error:
        assert "\n" not in str(error) and str(error).startswith("hostile: ")
    else:
        assert len(found.data) <= len(data)


def test_a_uf2_for_another_writer_or_chip_is_refused():
    flasher = uf2.pack(Uf2(1, {}, (Uf2Part({"flasher": "app"}, 0, RBL),)))
    with pytest.raises(PackageError, match=r"no package \(RBL\) in it that a device writes itself; it has app"):
        package.parse(flasher, "x")
    with pytest.raises(envelope.EnvelopeError, match="no UF2 family is known of the BK7231N"):
        envelope.in_uf2(RBL, replace(N, uf2_family=None))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((512, struct.pack("<I", 0)), "has not the magic numbers"),
        ((512 + 20, struct.pack("<I", 9)), "says that it is number 9"),
        ((512 + 16, struct.pack("<I", 477)), "477 bytes of 476"),
        ((512 + 28, struct.pack("<I", 5)), "families"),
        ((32, b"\x03"), "a tag of 3 bytes"),
    ],
)
def test_what_is_wrong_with_a_uf2_is_said(change, said):
    data = bytearray(envelope.in_uf2(RBL, N))
    at, new = change
    data[at : at + len(new)] = new
    with pytest.raises(uf2.Uf2Error, match=said):
        uf2.unpack(bytes(data))


def run(capsys, *words):
    status = main([str(word) for word in words])
    return (status, *capsys.readouterr())


def test_the_command_packs_and_unpacks_them(tmp_path, capsys):
    app = tmp_path / "app.bin"
    app.write_bytes(built("app-1.0.1.bin"))
    for kind, says in (("ug", "UG version"), ("uf2", "UF2 family      0x7b3ef230 (bk7231m, bk7231n)")):
        words = ["-v", "1.0.1", "-p", "app", "--envelope", kind, "--chip", "bk7231n"]
        assert run(capsys, "image", "pack", "-f", app, *words)[0] == 0
        status, out, _ = run(capsys, "image", "unpack", tmp_path / f"app.{kind}", "-o", tmp_path / "again.bin")
        assert status == 0 and says in out and (tmp_path / "again.bin").read_bytes() == app.read_bytes()
        status, out, err = run(capsys, "image", "info", tmp_path / f"app.{kind}")
        assert (status, out, err.count("\n")) == (2, "", 1) and "image build --bootloader BOOTLOADER --package" in err


@pytest.mark.full
@pytest.mark.parametrize("chip", KICKSTART)
def test_a_real_ug_is_an_app_that_an_image_is_built_of(chip, tmp_path, capsys):
    path, whole = vendor(KICKSTART[chip]), vendor(f"family/OpenBK7231{chip.upper()}_QIO_1.18.300.bin")
    found = package.read(path)
    assert found.damage == () and unpack.unpack(found).wrong == []
    made = tmp_path / "full.bin"
    assert run(capsys, "image", "build", "--bootloader", whole, "--package", path, "-o", made)[0] == 0
    assert flash_image.read(made).chip.word == f"bk7231{chip}"


@LTCHIPTOOL
def test_ltchiptool_reads_a_uf2_and_its_own_is_read():
    import ltchiptool  # noqa: F401  (uf2tool and it import each other, which works in this order alone)
    from uf2tool.models import UF2
    from uf2tool.models.enums import Tag as Theirs

    theirs = UF2(io.BytesIO(envelope.in_uf2(RBL, N)))
    theirs.read(block_tags=False)
    assert theirs.family.short_name == "BK7231N" and theirs.tags[Theirs.VERSION] == b"1.0.1"
    assert b"".join(block.data or b"" for block in theirs.data) == RBL
    out = io.BytesIO()
    again = UF2(out)
    again.family, again.tags = theirs.family, dict(theirs.tags)
    again.store(0, RBL, {Theirs.OTA_PART_INFO: bytes.fromhex("100000") + b"download\0"})
    again.write()
    assert envelope.opened(out.getvalue())[0] == RBL
    assert out.getvalue()[512:] == envelope.in_uf2(RBL, N)[512:], "all blocks but the first, which has a greeting"
