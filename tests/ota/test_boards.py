"""OpenBeken of each chip, from the boot loader to the updated app, on its board."""

import hashlib
import json

import boards
import pytest
from boot.foretold import foretold
from images import EACH_BOARD, NIGHTLY_BOARDS, REFERENCE, image, vendor

from bk7238 import chip, firmware, resources, testing
from bk7238.bench.settings import Settings
from bk7238.cli import main
from bk7238.image import build, chip_check, split
from bk7238.image.loaders.boot import End
from bk7238.sweep.plan.cuts import InstallationCuts
from bk7238.sweep.point import Job

WHOLE = [board for board in boards.BOARDS if board != boards.T]  # whose images are
FORETOLD = [pairing for pairing in boards.PAIRINGS if pairing.board != boards.T]  # the others are run to be judged
EACH_PAIRING = pytest.mark.parametrize("pairing", boards.PAIRINGS, ids=lambda pairing: pairing.name)


def test_every_row_has_the_hash_of_an_image_that_is_known():
    known = {one.file: one.sha256 for one in firmware.manifest()}
    rows = boards.entries()
    assert [row["chip"] for row in rows] == [board.chip for board in boards.BOARDS]
    assert {row["chip"] for row in rows} == {one.word for one in chip.known()}
    for row in rows:
        assert row["sha256"] == known[row["image"]]
        assert all(row[column] for column in boards.COLUMNS), row["chip"]


def test_every_row_of_another_boot_loader_has_both_hashes():
    known = {one.file: one.sha256 for one in firmware.manifest()}
    rows = boards.pairings()
    assert [row["name"] for row in rows] == [pairing.name for pairing in boards.PAIRINGS]
    for row in rows:
        assert row["sha256"] == known[row["image"]] and len(row["loader_sha256"]) == 64
        assert row["digest, open"] and row["updates, open"], row["name"]


def test_the_page_says_what_was_seen():
    page = boards.FILE.parents[1] / "docs" / "boards.md"
    assert page.read_text().splitlines() == list(boards.page(boards.entries(), boards.pairings())), "run scripts/boards"


@pytest.mark.full
@EACH_BOARD
def test_chip_and_firmware_are_recognised(board):
    found = image(board.file)
    assert found.chip.word == board.chip and chip_check.objection(found.view) == ""
    assert sorted(found.partitions) == ["app", "bootloader", "download"]


@pytest.mark.full
@EACH_BOARD
def test_it_boots_to_the_banner(board, capsys):
    banner = f"version {boards.OLD}"
    status = main(["run", str(vendor(board.file)), "--until", banner, "--within", "2", "--json"])
    assert (status, json.loads(capsys.readouterr().out)["resets"]) == (0, 0)


@pytest.mark.full
@pytest.mark.parametrize("board", WHOLE, ids=lambda board: board.chip)
def test_split_and_build_give_the_same_bytes(board):
    whole = image(board.file)
    parts = split.split(whole)
    assert boards.OLD.encode() in parts.app and build.build(parts) == whole.data


@pytest.mark.full
@EACH_BOARD
def test_on_another_board_it_is_refused_in_a_line(board, capsys):
    for other in (other.chip for other in boards.BOARDS if other != board):
        refused(capsys, vendor(board.file), "--chip", other)


def refused(capsys, path, *options):
    """What is said of an image that is not run."""
    status = main(["run", str(path), "--within", "1", *options])
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1), options
    return err


@pytest.mark.parametrize("other", [one.word for one in chip.known() if one.word != chip.USUAL])
def test_the_reference_image_on_another_board_is_refused_in_a_line(other, capsys):
    said = refused(capsys, resources.reference() / REFERENCE, "--chip", other)
    assert "names itself BK7238_1.0.0" in said or "the code is not scrambled" in said


LENGTHS = [0, 1, 33, 34, 1000, 0x1000, 0x3FFF, 0x10000, 0x10FFF, 0x11000, 0x11022, 0x20000]


FILES = [REFERENCE, *(pytest.param(one.file, marks=pytest.mark.full) for one in boards.BOARDS)]


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_image_is_refused_in_a_line(name, tmp_path, capsys):
    whole, path = image(name), tmp_path / "truncated.bin"
    data = whole.data[: whole.app.physical_end]
    for length in (*LENGTHS, len(data) // 2, len(data) * 9 // 10 // 34 * 34, len(data) - 0x1000, len(data) - 1):
        path.write_bytes(data[:length])
        refused(capsys, path)
        if length >= 0x11000:
            assert "truncated at" in refused(capsys, path, "--chip", whole.chip.word)


@pytest.mark.nightly
@pytest.mark.parametrize("network", boards.NETWORKS)
@EACH_BOARD
def test_it_updates_itself_over_the_air(board, network, make_dut):
    whole = image(board.file)
    row = next(one for one in boards.entries() if one["chip"] == board.chip)
    assert hashlib.sha256(vendor(board.file).read_bytes()).hexdigest() == row["sha256"]
    dut = make_dut(image=whole, package=boards.update(whole), psk=boards.NETWORKS[network], within=boards.LIMIT)
    result = dut.expect_verdict("new-app-runs")
    assert (result.from_version, result.to_version) == (boards.OLD, boards.NEW)
    assert ("wrote no footer" in result.reason) != board.seals
    assert result.digest == row[f"digest, {network}"]


@pytest.mark.full
@NIGHTLY_BOARDS
def test_a_minute_on_its_network(board):
    """No reset, no crash, and no access beyond those of the page that nothing claims."""
    row = next(one for one in boards.entries() if one["chip"] == board.chip)
    found = boards.minute(image(board.file))
    assert (found.resets, found.crashes, found.unclaimed) == (0, [], row["unclaimed"])


@pytest.mark.full
@NIGHTLY_BOARDS
def test_a_device_of_the_kit(board, make_dut):
    """It joins, answers a browser and switches a pin."""
    dut = make_dut(image=image(board.file), update=False)
    dut.join()
    assert "</html>" in dut.http.get("/index").text
    dut.http.get("/cm?cmnd=SetPinRole 26 Rel")
    dut.http.get("/cm?cmnd=SetPinChannel 26 1")
    for command, level in (("POWER ON", 1), ("POWER OFF", 0)):
        assert dut.http.get(f"/cm?cmnd={command}").status == 200
        dut.pins[26].expect(level, within="1 s")


@pytest.mark.nightly
@EACH_BOARD
def test_a_sweep_of_its_installation(board, make_dut):
    dut = make_dut(image=image(board.file), package=boards.update(image(board.file)), delivered=True)
    report = testing.sweep(dut, "quick", modes=("torn",))
    assert len(report.outcomes) > 5 and report.bad == []


@pytest.mark.full
@pytest.mark.parametrize("pairing", FORETOLD, ids=lambda pairing: pairing.name)
def test_what_another_boot_loader_will_do_is_foretold(pairing):
    whole = pairing.image()
    update = boards.update(whole).data
    told = foretold(whole.data, update, on=whole.chip)
    ends = {"new-app-runs": End.INSTALLED, "old-app-runs": End.KEPT, "brick": End.BRICKED}
    assert told.end is ends[pairing.ends] and (told.end is End.INSTALLED or pairing.says in told.cause)


@pytest.mark.full
@pytest.mark.parametrize(
    ("board", "said"),
    [
        (boards.M, ["writes packages to 0x12a000, the boot loader looks for them at 0x132000"]),
        (boards.N, ["writes packages to 0x12a000", "no update can be installed: the boot loader writes the app as"]),
    ],
    ids=["bk7231m", "bk7231n"],
)
def test_one_that_does_not_fit_is_warned_of_when_the_image_is_built(board, said, tmp_path, capsys):
    split.write(split.split(image(board.file)), tmp_path)
    loader = vendor("bootloader_bk7231n_uart1_v1.0.15.bin")
    line = ["--bootloader", str(loader), "--app", str(tmp_path / "app.bin"), "-o", str(tmp_path / "made.bin")]
    assert main(["image", "build", "--chip", board.chip, *line]) == 0
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == len(said) and all(text in warning for text, warning in zip(said, warnings, strict=True))


@pytest.mark.nightly
@EACH_PAIRING
def test_another_boot_loader_does_what_its_row_says(pairing, make_dut):
    whole = pairing.image()
    row = next(one for one in boards.pairings() if one["name"] == pairing.name)
    assert hashlib.sha256(vendor(pairing.file).read_bytes()).hexdigest() == row["loader_sha256"]
    result = make_dut(image=whole, package=boards.update(whole), within=boards.LIMIT).expect_verdict(pairing.ends)
    assert pairing.says in result.reason and result.digest == row["digest, open"]


@pytest.mark.full
@EACH_BOARD
def test_what_its_own_boot_loader_will_do_is_run_and_no_reinstallation(board, capsys, tmp_path):
    whole, path = image(board.file), tmp_path / "update.rbl"
    path.write_bytes(boards.update(whole).data)
    assert main(["image", "check", str(vendor(board.file)), str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["end"] == "installed"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("board", "tier"),
    [(board, "pr" if board == boards.N else "quick") for board in boards.BOARDS if board != boards.BK7238],
    ids=lambda value: getattr(value, "chip", value),
)
def test_power_cuts_in_the_installation_end_in_the_new_app(board, tier):
    whole = image(board.file)
    plan = InstallationCuts(Job(whole, boards.update(whole), Settings()))
    points, found = plan.points(tier), []
    plan.explore(points, found.append)
    assert sorted(one.id for one in found) == sorted(point.id for point in points)
    assert {one.verdict for one in found} == {"new-app-runs"}
    assert {"wrote no footer" in one.reason for one in found} == {not board.seals}
