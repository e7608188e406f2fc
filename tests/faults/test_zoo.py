"""Will this update work with that boot loader?"""

import json
import shlex
from collections import Counter
from pathlib import Path

import pytest
from images import BOOTLOADER_UART2, FULL, GZIP, REFERENCE, image, update_package, vendor
from made_sweeps import Parsed

from bk7238 import resources
from bk7238.cli import main
from bk7238.image import bootloader, split
from bk7238.sweep.plan import registry
from bk7238.sweep.point import Job
from bk7238.update.session import Settings

BUILT = resources.reference()
OTHER = resources.known_bad() / "trusting_boot.bin"
LAYOUTS = ["matching", "moved", "overlapping", "Tuya's"]


def zoo(*words):
    """The exit status, and the sweeps by their letters as `sweep.json` has them."""
    status = main(["zoo", *map(str, words)])
    folder = Path(words[-1])
    return status, {one.parent.name: json.loads(one.read_text()) for one in sorted(folder.glob("*/sweep.json"))}


def ends(saved, row):
    """Where each layout ends with the package of a row."""
    return {one["column"]: one["verdict"] for one in saved["outcomes"] if one["row"] == row}


def test_each_package_meets_each_layout():
    plan = registry.make("layouts", Job(image(), update_package("gzip"), Settings()))
    points = plan.points("full")
    rows = Counter(point.row for point in points)
    assert set(rows.values()) == {4} and next(iter(rows)) == "as it is" and len({point.id for point in points}) == 88
    assert [point.column for point in points[:4]] == LAYOUTS and points[0].faults == ()
    hostile = {point.row for point in registry.make("packages", plan.job).points("full")}
    assert {row for row in rows if row != "as it is"} == {row for row in hostile if not row.startswith("partition-")}
    found = []
    plan.explore(points[:2], found.append)
    assert [one.verdict for one in found] == ["new-app-runs", "old-app-runs"]
    assert "no header in its download partition at 0x133000; the package lies at 0x132000" in found[1].reason


def test_another_boot_loader_stands_in_front_of_the_app():
    made = split.with_boot_loader(image(REFERENCE), OTHER.read_bytes())
    assert made[0x11000:] == image(REFERENCE).data[0x11000:]
    assert bootloader.parse(made, "made.bin").data.startswith(OTHER.read_bytes())


@pytest.mark.full
def test_boot_loaders_are_side_by_side_on_one_page(tmp_path, capsys):
    files = BUILT / REFERENCE, BUILT / "reference_1.0.1_gzip_aes.rbl"
    status, saved = zoo(*files, "--bootloader", OTHER, "--processes", 2, "--artifacts", tmp_path)
    assert status == 0 and list(saved) == ["A", "B"]
    assert [one["image"] for one in saved.values()] == [REFERENCE, "reference_1.0.0-trusting_boot.bin"]
    for one in saved.values():
        verdicts = "new-app-runs", "old-app-runs", "bootloader-hangs", "new-app-runs"
        assert ends(one, "as it is") == dict(zip(LAYOUTS, verdicts, strict=True))
        assert set(ends(one, "package-key").values()) < {*verdicts, "old-app-retries-each-boot"}
        assert all(end["silent"] == [] for end in one["outcomes"] if "silent" in end)
    page = Parsed((tmp_path / "report.html").read_text())
    assert "Does the update work? The package as it is" in [one["text"] for one in page.all("h2")]
    assert capsys.readouterr().out.endswith(f"{tmp_path / 'report.html'}: 18 of 72 points end badly\n")
    point = saved["B"]["outcomes"][1]
    command = [*saved["B"]["replay"][1:], *(f"--fault={fault}" for fault in point["faults"]), "--json"]
    assert str(tmp_path / "B" / saved["B"]["image"]) in command, shlex.join(command)
    assert main(command) == 1
    assert json.loads(capsys.readouterr().out)["digest"] == point["digest"]


def test_what_cannot_be_tried_is_one_line(tmp_path, capsys):
    files = [str(BUILT / REFERENCE), str(BUILT / "reference_1.0.1_gzip_aes.rbl"), "--artifacts", str(tmp_path / "out")]
    app = str(BUILT / "app-1.0.0.bin")
    assert main(["zoo", *files, "--bootloader", app]) == 2
    said = capsys.readouterr().err
    assert "app" in said and said.count("\n") == 1 and not (tmp_path / "out").exists()
    assert main(["zoo", *files[:2]]) == 2
    assert "--artifacts" in capsys.readouterr().err


@pytest.mark.nightly
def test_vendors_boot_loaders(tmp_path):
    other = vendor(BOOTLOADER_UART2)
    status, saved = zoo(vendor(FULL), vendor(GZIP), "--bootloader", other, "--processes", 2, "--artifacts", tmp_path)
    assert status == 0 and [one["bootloader"] for one in saved.values()] == ["BK7238_1.0.15"] * 2
    for one in saved.values():
        verdicts = "new-app-runs", "old-app-runs", "brick", "new-app-runs"
        assert ends(one, "as it is") == dict(zip(LAYOUTS, verdicts, strict=True))
