"""Images scrambled with coefficients that no chip here has: named as such, their key recovered, and read."""

import functools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import EACH_BOARD, REFERENCE, built, vendor
from test_chip_check import looked_for_once  # noqa: F401

from bk7238 import Settings, Update, chip, flash_image, package, resources
from bk7238.bench import command
from bk7238.cli import main
from bk7238.formats import crc_framing, scrambling
from bk7238.formats.codec import ScrambledCrcFrames
from bk7238.formats.descrambling import candidates, turns
from bk7238.image import chip_check
from bk7238.sweep.point import Job

words = st.integers(0, (1 << 32) - 1)
keys = st.tuples(words, words, words, words)
KEY = (0x12345678, 0x9ABCDEF0, 0x0BADCAFE, 0x13572468)


def scrambled(data, key):
    """The bytes of a plain flash, scrambled as a chip with this key reads it; what is erased stays so."""
    framed = bytearray(ScrambledCrcFrames(key).encode(crc_framing.strip(data), 0)[: len(data)])
    for at in crc_framing.erased_frames(data):
        framed[at : at + crc_framing.FRAME] = b"\xff" * crc_framing.FRAME
    return bytes(framed)


def alike(one, other):
    """Whether these scramble whatever a flash may hold alike."""
    return scrambling.mask(0, one) == scrambling.mask(0, other) and turns(one) == turns(other)


@functools.cache
def unknown(key=KEY):
    return scrambled(built(REFERENCE), key)


@EACH_BOARD
@pytest.mark.full
def test_the_key_of_a_vendors_image_is_recovered(board, monkeypatch):
    """Where no chip is known whose it could be."""
    whole, own = vendor(board.file).read_bytes(), chip.load(board.chip).codec.coefficients
    monkeypatch.setattr(chip, "known", tuple)
    found = chip_check.coefficients.__wrapped__(whole)
    assert found is not None and alike(found, own)


@given(keys)
@settings(max_examples=10)
def test_the_key_of_an_image_is_recovered(key):
    found = chip_check.coefficients(unknown.__wrapped__(key))
    assert found is not None and alike(found, key)


@pytest.mark.full
@given(keys, st.integers(0, 0x3FF), st.integers(0, 99))
@settings(max_examples=50)
def test_words_that_come_again_are_enough(key, page, seed):
    """8 KiB from anywhere, among random words a zero in two: another key may be found, but one that reads them."""
    rng = random.Random(seed)
    numbers = range(256 * page, 256 * page + 256)
    plain = {one: b"".join(rng.choice([bytes(4), rng.randbytes(4)]) for _ in range(8)) for one in numbers}
    framed = {number: scrambling.scramble(data, 32 * number, key) for number, data in plain.items()}
    found = next(candidates(bytes(32 * numbers.start) + b"".join(framed.values()), numbers))
    assert plain == {number: scrambling.scramble(data, 32 * number, found) for number, data in framed.items()}


def test_no_key_is_found_where_no_code_comes_of_any():
    assert chip_check.coefficients(b"") is None
    assert chip_check.coefficients(crc_framing.frame(bytes(range(256)) * 256)) is None
    assert list(candidates(b"", [])) == []


@pytest.mark.parametrize("name", ["bk7238", "bk7231m"])
def test_plain_code_has_the_key_of_a_chip_that_scrambles_nothing(name):
    assert chip_check.coefficients(built(REFERENCE)) == scrambling.NONE == chip.load(name).codec.coefficients


@pytest.fixture
def path(tmp_path):
    (tmp_path / "image.bin").write_bytes(unknown())
    return tmp_path / "image.bin"


def refusal(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "") and err.startswith("bk7238: ") and err.count("\n") == 1
    return err


PACKAGE = resources.reference() / "reference_1.0.1_none_aes.rbl"
COMMANDS = {
    "run": ["run", "{}", "--within", "0.1"],
    "ota": ["ota", "{}", PACKAGE, "--within", "0.1"],
    "image info": ["image", "info", "{}"],
    "image check": ["image", "check", "{}", PACKAGE],
    "image partitions": ["image", "partitions", "{}"],
    "image split": ["image", "split", "{}", "-o", "{}.folder"],
    "image build": ["image", "build", "--bootloader", "{}", "-o", "{}.built"],
    "init": ["init", "{}", PACKAGE, "--yes", "-o", "{}.tests"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_the_option_with_which_it_reads_the_image(command, path, capsys):
    line = [str(word).format(path) for word in COMMANDS[command]]
    said = refusal(capsys, *line)
    assert "scrambled with coefficients of no chip that is known; --flash-key " in said
    option = said.partition("--flash-key ")[2].split()[0]
    assert main([*line, "--flash-key", option]) != 2, capsys.readouterr().err


def test_the_map_says_how_the_code_is_scrambled(path, capsys):
    assert main(["image", "info", str(path), "--flash-key", scrambling.text(KEY)]) == 0
    assert f"  scrambled    with {scrambling.text(KEY)}\n" in capsys.readouterr().out
    assert main(["image", "info", str(path), "--json", "--flash-key", scrambling.text(KEY)]) == 0
    assert json.loads(capsys.readouterr().out)["coefficients"] == list(KEY)


def test_with_its_key_it_boots_to_the_end_of_the_plain_one(path, capsys):
    said = []
    for image_path, option in ((path, ["--flash-key", scrambling.text(KEY)]), (resources.reference() / REFERENCE, [])):
        assert main(["run", str(image_path), "--within", "0.2", *option]) == 0
        said.append([line for line in capsys.readouterr().out.splitlines() if " uart" in line])
    assert said[0] == said[1] != []


@pytest.mark.parametrize("key", [scrambling.NONE, KEY], ids=scrambling.text)
def test_the_wrong_chip_or_key_of_known_scrambling_is_named(key, tmp_path, capsys):
    """A plain image read with a key, and one that is scrambled as a chip's is, as another's."""
    (tmp_path / "image.bin").write_bytes(scrambled(built(REFERENCE), chip.load("bk7231n").codec.coefficients))
    said = refusal(capsys, "run", tmp_path / "image.bin", "--flash-key", scrambling.text(key))
    assert "the code is scrambled as that of bk7231n and bk7231t is" in said
    said = refusal(capsys, "run", resources.reference() / REFERENCE, "--flash-key", scrambling.text(KEY))
    assert "the code is not scrambled" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is no key"), ("510fb093", "is no key"), ("x" * 32, "is no key"), ("0" * 33, "is no key")],
)
def test_what_is_no_key(text, said, path, capsys):
    assert said in refusal(capsys, "run", path, f"--flash-key={text}")


@pytest.mark.parametrize(
    "text",
    [
        "123456789abcdef00badcafe13572468",
        "12345678 9ABCDEF0 0badcafe 13572468",
        "0x12345678,0x9abcdef0,0x0badcafe,0x13572468",
        "12345678-9abcdef0-0badcafe-13572468",
    ],
)
def test_how_a_key_may_be_written(text):
    assert Settings(flash_key=text) == Settings(flash_key=KEY) and Settings(flash_key=text).flash_key == KEY


def test_an_image_and_settings_of_different_keys_do_not_go_together():
    found = flash_image.parse(unknown(), "image.bin", key=KEY)
    assert found.chip != chip.usual() and found.chip.flash_key == KEY and found.chip.word == "bk7238"
    with pytest.raises(ValueError, match="the settings name another"):
        Settings(flash_key=(1, 2, 3, 1 << 24)).check_chip(found.chip)
    Settings(flash_key=KEY).check_chip(found.chip)
    Settings().check_chip(found.chip)


def test_the_device_of_a_test_has_it(make_dut, path):
    dut = make_dut(image=path, flash_key=scrambling.text(KEY), update=False)
    assert bytes(dut.bench.machine.board.sctrl.efuse.data[:16]) == b"".join(one.to_bytes(4, "little") for one in KEY)
    dut.expect("chip id=7238")


def test_a_saved_run_of_a_named_chip_with_a_key_goes_on(tmp_path):
    found, update = flash_image.parse(unknown(), "image.bin", key=KEY), package.read(PACKAGE)
    run = Update(found, update, Settings(chip="bk7238", flash_key=KEY, within="100 ms"))
    run.begin()
    run.machine.run(until=50_000)
    run.save(tmp_path / "there.run")
    assert Update.load(tmp_path / "there.run").run().digest == run.run().digest


def test_a_sweeps_replay_says_chip_and_key():
    found = flash_image.parse(unknown(), "image.bin", key=KEY)
    named = Job(found, package.read(PACKAGE), Settings()).settings
    assert command.words(named) == ["--chip=bk7238", f"--flash-key={scrambling.text(KEY)}"]
