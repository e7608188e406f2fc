"""The scenarios of the examples end as they say, on both boot loaders."""

import json
from dataclasses import replace
from pathlib import Path

import boards
import patched
import pytest
from images import FULL, GZIP, image, vendor

from bk7238 import resources
from bk7238.cli import main
from bk7238.faults import scenario
from bk7238.image import bootloader, split

SCENARIOS = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.toml"))
mark = pytest.mark
BEKENS, TUYAS = 0x132000, 0x12A000  # where a layout has `download`
TABLE = {"download": {"offset": TUYAS, "length": 0xA6000}, "app": {"length": 0x108700}}  # Tuya's


def reference(_folder):
    """Image and package of the reference firmware."""
    return [resources.reference() / f"reference_{name}" for name in ("1.0.0.bin", "1.0.1_gzip_aes.rbl")]


def reference_of_tuyas(folder):
    """The reference firmware built for Tuya's layout, whose boot loader has that, too."""
    words = {BEKENS.to_bytes(4, "little"): TUYAS.to_bytes(4, "little")}
    made = patched.image(words)
    loader = bootloader.parse(made.data, made.name)
    table = [replace(one, **TABLE.get(one.name, {})) for _, one in loader.table]
    data = split.with_boot_loader(made, loader.with_table(table).data)
    return written(folder, data, patched.update(words).data)


def written(folder, image, package):
    """An image and a package as files."""
    paths = [folder / "image.bin", folder / "package.rbl"]
    for path, data in zip(paths, (image, package), strict=True):
        path.write_bytes(data)
    return paths


def vendors(_folder):
    """OpenBeken of the BK7238."""
    return [vendor(FULL), vendor(GZIP)]


def vendors_of_tuyas(folder):
    """OpenBeken of the BK7231N, which is built for Tuya's layout."""
    whole = image(boards.N.file)
    return written(folder, whole.data, boards.update(whole).data)


FIRMWARE = {"reference": (reference, reference_of_tuyas), "vendor": (vendors, vendors_of_tuyas)}


def test_the_problems_of_guides_and_threads_are_there():
    assert [path.stem for path in SCENARIOS] == [
        "bekens-layout-behind-tuyas-boot-loader",
        "download-partition-moved",
        *(f"download-stops-at-{share}-percent" for share in (1, 50, 99)),
        "tuyas-layout-behind-bekens-boot-loader",
    ]


@pytest.mark.full
@pytest.mark.parametrize(
    ("path", "firmware"),
    [
        *(pytest.param(path, "reference", id=f"{path.stem}-reference") for path in SCENARIOS),
        # Where the download stops is test_radio_and_network's on this firmware.
        *(
            pytest.param(path, "vendor", id=f"{path.stem}-vendor", marks=[mark.full] + [mark.nightly] * (place > 0))
            for place, path in enumerate(SCENARIOS)
        ),
    ],
)
def test_it_ends_as_it_says(path, firmware, capsys, tmp_path):
    image, package = map(str, FIRMWARE[firmware][path.stem.startswith("tuyas")](tmp_path))
    status = main(["ota", image, package, "--scenario", str(path), "--json"])
    result = json.loads(capsys.readouterr().out)
    wanted = scenario.read(path)
    assert status == 0 and wanted.verdict == result["verdict"] and wanted.reason in result["reason"]
    assert result["faults"][0]["fired"] and result["faults_never_fired"] == []
    assert result["evidence"]["app"]["unchanged"], "the old app stands in the flash"


def test_a_scenario_that_ends_otherwise_fails(tmp_path, capsys):
    """The table says what it said before, and the update succeeds."""
    file = tmp_path / "wrong.toml"
    moved = next(path for path in SCENARIOS if path.stem == "download-partition-moved")
    file.write_text(moved.read_text().replace("0x133000", "0x132000"))
    image, package = map(str, reference(tmp_path))
    assert main(["ota", image, package, "--scenario", str(file)]) != 0
    assert "wrong.toml: the verdict is new-app-runs, old-app-runs was expected" in capsys.readouterr().err
