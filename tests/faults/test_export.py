"""The flash of a cut as a file, and a run that goes on from it."""

import json
import shlex
import shutil

import pytest

from bk7238 import resources
from bk7238.cli import main
from bk7238.testing import carried_out
from bk7238.view.server import PageServer
from faults.reference.trunk import put, undisturbed

BUILT = resources.reference()
FILES = [str(BUILT / "reference_1.0.0.bin"), str(BUILT / "reference_1.0.1_none_aes.rbl")]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    modes = ["--mode=torn", "--mode=before"]
    assert main(["sweep", *FILES, "--processes=1", "--json", *modes, f"--artifacts={folder}"]) == 0
    return folder


@pytest.mark.full
@pytest.mark.parametrize("how", ["before", "torn"])
def test_the_flash_of_a_cut_is_what_the_fault_leaves_and_the_run_goes_on(sweep, tmp_path, capsys, how):
    trunk, file = undisturbed(), tmp_path / "flash.bin"
    points = [one["id"] for one in json.loads((sweep / "sweep.json").read_text())["outcomes"]]
    point = next(one for one in points[4:] if one.endswith(how))
    assert main(["export", str(sweep), point, "-o", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    number = int(point.split(":")[0])
    operation = trunk.operations[number - 1]
    at, length = operation.address, operation.length
    before = carried_out(trunk.before, trunk.operations[: number - 1])
    torn = put(before, (at, operation.done(before[at : at + length])[: length // 2]))
    assert file.read_bytes() == {"before": before, "torn": torn}[how]
    assert main([*shlex.split(told["command"])[1:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "new-app-runs"


def test_a_point_is_shown_on_a_page(sweep, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(PageServer, "serve", lambda server: shown.append(server._shown.desk))
    one = json.loads((sweep / "sweep.json").read_text())["outcomes"][-1]
    assert main(["view", str(sweep), "--replay", one["id"]]) == 0
    assert capsys.readouterr().out.startswith("open http://127.0.0.1:")
    (desk,) = shown
    assert list(desk.history.faults) == one["faults"] and desk.settings.delivered
    while not desk.advance(1 << 50):
        pass
    assert desk.history.result.verdict == one["verdict"]


def test_what_cannot_be_exported_is_one_line_and_writes_nothing(sweep, tmp_path, capsys):
    file = tmp_path / "flash.bin"
    value = json.loads((sweep / "sweep.json").read_text())
    (tmp_path / "sweep.json").write_text(json.dumps(value | {"replay": [*value["replay"], "--gateway=127.0.0.1:80"]}))
    for folder, point, said in [
        (sweep, "9999:torn", "it has no point '9999:torn'; its first is "),
        (tmp_path, value["outcomes"][0]["id"], "reach beyond the simulated network (--gateway)"),
        (tmp_path / "nothing", "1:torn", "No such file"),
    ]:
        for words in (["export", str(folder), point, "-o", str(file)], ["view", str(folder), "--replay", point]):
            assert main(words) == 2
            error = capsys.readouterr().err
            assert said in error and error.count("\n") == 1
    assert not file.exists()


@pytest.mark.parametrize("option", ["--device", "--chip"])
def test_code_that_a_sweep_leads_to_is_loaded_where_it_is_trusted(sweep, tmp_path, capsys, option):
    """Who wrote a sweep.json may be anybody."""
    if option == "--device":
        lead = tmp_path / "board.repl"
        lead.write_text('button: Beken.PyDevice @ gpio 9\n    model: "planted:Planted"\n')
    else:
        lead = tmp_path / "bk7238"
        shutil.copytree(resources.platform() / "bk7238", lead)
    loaded = tmp_path / "loaded"
    model = f"open({str(loaded)!r}, 'w').close()\nfrom bk7238.things.button import Button as Planted\n"
    (tmp_path / "planted.py").write_text(model)
    value = json.loads((sweep / "sweep.json").read_text())
    (tmp_path / "sweep.json").write_text(json.dumps(value | {"replay": [*value["replay"], f"{option}={lead}"]}))
    words = [str(tmp_path), value["outcomes"][0]["id"], "-o", str(tmp_path / "flash.bin")]
    for verb in (["export", *words], ["verify", str(tmp_path)], ["view", str(tmp_path), f"--replay={words[1]}"]):
        assert main(verb) == 2
        said = capsys.readouterr().err
        assert f"its runs load code by way of {lead}; say --trust" in said and said.count("\n") == 1
    assert not loaded.exists()
    assert main(["export", *words, "--trust"]) == 0
    assert loaded.exists() == (option == "--device")


@pytest.mark.parametrize("delivered", [False, True])
def test_a_flash_that_was_in_use_is_left_as_it_is(make_dut, delivered):
    dut = make_dut(as_is=True, delivered=delivered)
    flash = dut.machine.flash.data
    assert flash == dut.image.data.ljust(len(flash), b"\xff")
