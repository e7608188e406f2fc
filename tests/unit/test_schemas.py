"""The schemas that editors are given: what they take, and refuse, is what is read."""

import json
import tomllib
from pathlib import Path

import generated
import jsonschema
import msgspec
import pytest

from bk7238 import chip
from bk7238.cli import main
from bk7238.faults import all_kinds
from bk7238.lint.schemas import all_schemas
from bk7238.lint.tables import toml

ROOT = Path(__file__).parents[2]
SCHEMAS = all_schemas()
FILES = sorted(path for folder in ("examples", "firmware/reference/bad") for path in (ROOT / folder).rglob("*.toml"))


def valid(name, table):
    return jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"]).is_valid(table)


def test_those_that_are_there_are_of_these_types(monkeypatch):
    generated.check("schemas", monkeypatch)


def test_they_are_the_same_with_every_msgspec(monkeypatch):
    def other(_kind):
        return {"description": "One line,\n    and one more.", "propertyNames": {"enum": ["a"]}, "items": [{}, 1]}

    monkeypatch.setattr(msgspec.json, "schema", other)
    made = {"description": "One line,\nand one more.", "items": [{}, 1]}
    assert made.items() <= all_schemas()["chip.schema.json"].items()
    assert "propertyNames" not in all_schemas()["result.schema.json"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_they_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_scenarios_and_things_that_are_there(path):
    table = tomllib.loads(path.read_text())
    assert valid("things" if "thing" in table else "scenario", table)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('[settings]\nseed = 3\nwithin = "2 min"\nchannel = "11"\nht = true\nserve = ["pyproject.toml"]\n', True),
        ("[settings]\ncolour = 1\n", False),
        ("[settings]\nht = 1\n", False),
        ("[settings]\nssid = 1\n", False),
        ('[settings]\nengine = "qemu"\n', False),
        ('[settings]\nrouter = "wpa2"\npsk = "correct horse"\n', True),
        ('[[step]]\nsend = ""\n[[step]]\npin = 26\nlevel = "open"\n', True),
        ('[[step]]\nwait = ""\n', False),
        ("[[step]]\npin = 26\nlevel = 2\n", False),
        ("[[step]]\npress = 9\nwithin = 3\n", False),
        ('[[fault]]\nkind = "package-key"\nwhen = "1s"\n', False),
        ('[[fault]]\nkind = "network-stall"\nduration = "20s"\nwhen = "50%"\n', True),
        ('[[fault]]\nkind = "network-stall"\nlength = "20s"\n', False),
        ('[[fault]]\nkind = "frame-loss"\nframes = "beacon"\n', True),
        ('[[fault]]\nkind = "partition-table"\ndownload.offset = 0x133000\n', True),
        ('[[fault]]\nwhen = "50%"\n', False),
        ('[expect]\nverdict = "brick"\nreason = "x"\n', True),
        ('[expect]\nverdict = "brock"\n', False),
        ("faults = [1]\n", False),
        ("colour = 1\n", False),
    ],
)
def test_a_schema_and_the_reader_are_of_one_mind(text, right, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "it.toml").write_text(text)
    assert valid("scenario", tomllib.loads(text)) == right
    assert [str(one) for one in toml(tmp_path / "it.toml", named=True)] == [] or not right
    assert bool(list(toml(tmp_path / "it.toml", named=True))) != right


def test_each_kind_of_fault_and_what_it_needs_is_in_the_schema():
    kinds = SCHEMAS["scenario.schema.json"]["properties"]["fault"]["items"]["oneOf"]
    assert [one["properties"]["kind"]["const"] for one in kinds[:-1]] == list(all_kinds().own)
    assert not valid("scenario", {"fault": [{"kind": "server-file"}]}) or "server-file" not in all_kinds()
    assert valid("scenario", {"fault": [{"kind": "acmes-own", "anything": 1}]})


def test_chips():
    folders = [*(one.folder for one in chip.known()), ROOT / "tests/ota/invented"]
    for folder in folders:
        assert valid("chip", tomllib.loads((folder / "chip.toml").read_text()))
    assert not valid("chip", {"name": "BK7238"})


def test_a_result(capsys):
    main(["ota", "reference_1.0.0.bin", "reference_1.0.1_none_aes.rbl", "--json", "--within", "100 ms"])
    result = json.loads(capsys.readouterr().out)
    assert valid("result", result)
    assert not valid("result", {**result, "phases": [1]})
    assert not valid("result", {**result, "verdict": "brock"})
