"""`bk7238 lint`: each mistake with its file and line, and none where there is none."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import chip, resources
from bk7238.cli import main
from bk7238.lint.finding import toml_line

ROOT = Path(__file__).parents[2]

SCENARIO = """\
name = "many mistakes"
faults = [
    "network-stall@50%",
    "network-stal@50%", # line 4
]

[settings]
ssid = "Bench"
channel = 99 # line 9
colour = "red" # line 10

[[fault]]
kind = "brown-out"
when = 'uart="is erasing"'

[[fault]] # line 16
kind = "brown-out"
leave = "random"

[[step]]
wait = "IP up"

[[step]] # line 23
press = "nine"

[expect]
verdict = "new-app-run" # line 27
"""

TESTS = """\
import pytest
from pytest import mark

pytestmark = pytest.mark.bk7238(ssid="Workshop", chanel=11)


@pytest.mark.bk7238(channel=15)
@mark.fault("package-flip", "package-flop")
def test(dut):
    pass


@pytest.mark.bk7238("full.bin")
@pytest.mark.bk7238(image="nowhere.bin", router="wpa3", seed=some_number)
@pytest.mark.fault(kind="package-flip")
@pytest.mark.parametrize("how", ["torn"])
def test_more(dut, how):
    pass
"""


@pytest.fixture
def lint(tmp_path, monkeypatch, capsys):
    """Write the files of a project and look at it: the exit status and what is found, file and line and text."""

    def look(files, *words):
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.chdir(tmp_path)
        status = main(["lint", "--json", *words])
        found = json.loads(capsys.readouterr().out)
        return status, [(one["file"], one["line"], one["what"]) for one in found["findings"]]

    return look


def places(found):
    return [(file, line) for file, line, _ in found]


def test_each_mistake_of_a_scenario_has_its_line(lint):
    status, found = lint({"many.toml": SCENARIO})
    assert status == 1
    assert sorted(places(found)) == [("many.toml", line) for line in (4, 9, 10, 16, 23, 27)]
    said = {line: what for _, line, what in found}
    assert "is it network-stall" in said[4] and "channels go from 1 to 14" in said[9] and "has no 'colour'" in said[10]
    assert "no argument 'leave'" in said[16] and "press is a number" in said[23] and "new-app-runs" in said[27]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('faults = ["a"\n[expect]\nverdict = 3\n', 2, "Unclosed array"),
        ("[setting]\n[expect]\n", 1, "'setting' is unknown"),
        ('\n[expect]\nverdict = "brick"\nwhy = ""\n', 2, "[expect] has verdict and reason"),
        ('[settings]\ngateway = "127.0.0.1:80"\ntap = "bk0"\n', 1, "do not go together"),
        ("step = 3\n", 1, "each step is a table"),
        ('faults = ["network-stall@"]\n', 1, "nothing follows the @"),
    ],
)
def test_one_mistake_of_a_scenario(lint, text, line, said):
    status, ((file, at, what),) = lint({"one.toml": text})
    assert (status, file, at) == (1, "one.toml", line) and said in what


def test_other_toml_is_only_read_unless_it_is_named(lint):
    assert lint({"other.toml": "colour = 1\n", "pyproject.toml": "[tool.x]\nstep = 1\n"}) == (0, [])
    status, found = lint({}, "other.toml")
    assert status == 1 and places(found) == [("other.toml", 1)]


def test_markers(lint):
    status, found = lint({"test_it.py": TESTS, "helper.py": TESTS})
    assert status == 1
    assert sorted(places(found)) == [("test_it.py", line) for line in (4, 7, 8, 13, 14, 15)]
    said = {line: what for _, line, what in found}
    assert "no setting 'chanel'" in said[4] and "channels go" in said[7] and "package-flip" in said[8]
    assert "by name" in said[13] and "nowhere.bin: no such file" in said[14] and "as texts" in said[15]


def test_a_file_that_python_cannot_read(lint):
    assert places(lint({"test_it.py": "import pytest\ndef test(:\n"})[1]) == [("test_it.py", 2)]


def test_what_pytest_ini_names(lint):
    wrong = "[pytest]\naddopts = -ra\nbk7238_package = gone.rbl\nbk7238_image = reference_1.0.1_none_aes.rbl\n"
    status, found = lint({"pytest.ini": wrong})
    assert status == 1 and sorted(places(found)) == [("pytest.ini", 3), ("pytest.ini", 4)]
    right = "[pytest]\nbk7238_image = reference_1.0.0.bin\nbk7238_package = ../app.rbl\n"
    package = (resources.reference() / "reference_1.0.1_none_aes.rbl").read_bytes()
    assert lint({"pytest.ini": "", "tests/pytest.ini": right, "app.rbl": package}) == (0, [])


def test_packages(lint):
    package = (resources.reference() / "reference_1.0.1_none_aes.rbl").read_bytes()
    status, found = lint({"good.rbl": package, "cut.rbl": package[:-1], "none.rbl": b"x" * 200})
    assert status == 1 and {file for file, _, _ in found} == {"cut.rbl", "none.rbl"}
    assert {line for _, line, _ in found} == {None}


def test_chips(lint):
    text = (chip.usual().folder / "chip.toml").read_text()
    wrong = text.replace("jedec_id = 0xEF4016", 'jedec_id = "EF4016"')
    where = wrong[: wrong.index('"EF4016"')].count("\n") + 1
    status, found = lint({"mine/chip.toml": wrong, "mine/board.repl": ""})
    assert status == 1 and found == [("mine/chip.toml", where, "flash.4M.jedec_id: expected `int`, got `str`")]


def test_results(lint, tmp_path, capsys):
    files = ["reference_1.0.0.bin", "reference_1.0.1_none_aes.rbl"]
    assert main(["ota", *files, "--within", "100 ms", "--artifacts", str(tmp_path / "out")]) == 3
    capsys.readouterr()
    assert lint({}) == (0, [])
    changed = json.loads((tmp_path / "out" / "result.json").read_text())
    status, found = lint({"out/result.json": json.dumps({**changed, "verdict": "brock"})})
    assert status == 1 and "verdict: invalid enum value 'brock'" in found[0][2]
    del changed["evidence"]["app"]["bad_frames"]
    status, found = lint({"out/result.json": json.dumps(changed)})
    assert status == 1 and "evidence.app: object missing required field `bad_frames`" in found[0][2]


def test_folders_of_others_are_passed_over(lint):
    broken = "faults = 3"
    found = lint({".hidden/a.toml": broken, "node_modules/a.toml": broken, "env/pyvenv.cfg": "", "env/a.toml": broken})
    assert found == (0, [])


def test_for_people_each_finding_is_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_text("faults = 3\n")
    assert main(["lint"]) == 1
    assert capsys.readouterr().out == "wrong.toml:1: `faults` is a list of texts\n1 files, 1 findings\n"
    assert main(["lint", "nowhere"]) == 2
    assert "nowhere: no such file" in capsys.readouterr().err


def test_our_own_examples_have_no_findings(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["lint", "examples", "platform", "firmware"]) == 0, capsys.readouterr().out


def test_a_project_that_was_written_has_no_findings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    built = resources.reference()
    shutil.copy(built / "reference_1.0.0.bin", "product.bin")
    assert main(["init", "product.bin", "reference_1.0.1_none_aes.rbl", "--yes", "-o", "tests"]) == 0
    assert main(["lint", "tests"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "line"), [(("a",), 1), (("t", "c"), 5), (("t", "nothing"), 4), (("l", 1, "x"), 9), (("gone",), 1)]
)
def test_lines_of_keys(place, line):
    text = 'a = 1 # a\nb = """\n[t]"""\n[t]\nc = [\n  1,\n]\n[[l]]\n[[l]]\n'
    assert tomllib.loads(text) and toml_line(text, place) == line


@pytest.mark.parametrize(
    "text", ["".join(f"k{n} = 1\n" for n in range(1600)), "l = [\n" + "  'x',\n" * 1600 + "]\nk1599 = 1\n"]
)
def test_a_long_document_is_not_read_once_a_line(text, monkeypatch):
    read = []
    monkeypatch.setattr(tomllib, "loads", lambda part, loads=tomllib.loads: read.append(len(part)) or loads(part))
    assert toml_line(text, ("k1599",)) == text.count("\n", 0, text.index("k1599")) + 1
    assert len(read) < 20


@given(st.data())
def test_a_value_is_found_wherever_it_stands(data):
    """With texts, comments and brackets around it that look like what they are not."""
    odd = [
        'a{0} = "]\\"["',
        "b{0} = ']'",
        'c{0} = """\n]"\n[x{0}]""""',
        "d{0} = '''\n[\n'''",
        'e{0} = [ # ]\n "]",\n]',
        "[f{0}]",
        "",
        "# [",
    ]
    lines = [one.format(number) for number, one in enumerate(data.draw(st.lists(st.sampled_from(odd), max_size=8)))]
    before = "".join(f"{line}\n" for line in lines)
    text = before + "[[found]]\nat = 1\n" + "z = [\n]\n"
    assert toml_line(text, ("found", 0, "at")) == before.count("\n") + 2
