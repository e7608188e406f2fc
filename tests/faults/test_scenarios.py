"""The scenarios of the examples end as they say, on both boot loaders."""

import json
from pathlib import Path

import pytest
from images import FULL, GZIP, vendor

from bk7238 import resources
from bk7238.cli import main
from bk7238.faults import scenario

SCENARIOS = sorted((Path(__file__).parents[2] / "examples" / "scenarios").glob("*.toml"))
mark = pytest.mark
FIRMWARE = {
    "reference": lambda: [resources.reference() / f"reference_{name}" for name in ("1.0.0.bin", "1.0.1_gzip_aes.rbl")],
    "vendor": lambda: [vendor(FULL), vendor(GZIP)],
}


def test_the_two_problems_of_the_vendors_guide_are_there():
    assert [path.stem for path in SCENARIOS] == [
        "download-partition-moved",
        *(f"download-stops-at-{share}-percent" for share in (1, 50, 99)),
    ]


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
def test_it_ends_as_it_says(path, firmware, capsys):
    image, package = map(str, FIRMWARE[firmware]())
    status = main(["ota", image, package, "--scenario", str(path), "--json"])
    result = json.loads(capsys.readouterr().out)
    wanted = scenario.read(path)
    assert status == 0 and wanted.verdict == result["verdict"] and wanted.reason in result["reason"]
    assert result["faults"][0]["fired"] and result["faults_never_fired"] == []
    assert result["evidence"]["app"]["unchanged"], "the old app stands in the flash"


def test_a_scenario_that_ends_otherwise_fails(tmp_path, capsys):
    """The table says what it said before, and the update succeeds."""
    file = tmp_path / "wrong.toml"
    file.write_text(SCENARIOS[0].read_text().replace("0x133000", "0x132000"))
    image, package = map(str, FIRMWARE["reference"]())
    assert main(["ota", image, package, "--scenario", str(file)]) != 0
    assert "wrong.toml: the verdict is new-app-runs, old-app-runs was expected" in capsys.readouterr().err
