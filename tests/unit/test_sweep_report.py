"""The page of sweeps and the command that joins them: all that a sweep.json holds is hostile."""

import base64
import copy
import hashlib
import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples
from made_sweeps import EVIL, SAID, cuts, ends, layouts, network, outcome, packages, parsed, rendered, replays, sweep

from bk7238 import resources
from bk7238.cli import main
from bk7238.image import flash_image, package
from bk7238.sweep.plan import registry, shard
from bk7238.sweep.point import Job, Outcome, Point
from bk7238.sweep.report import saved
from bk7238.sweep.report.report import Report
from bk7238.sweep.report.sarif import sarif
from bk7238.sweep.report.summary import markdown
from bk7238.update.session import Settings


def test_a_replay_command_is_what_a_shell_takes():
    words = ["bk7238", "ota", "it's full.bin", "$(rm).rbl", "--psk=a passphrase"]
    cell = outcome("http-status:404@50%") | {"faults": ["http-status:404@50%", "a;b 'c'"]}
    (command,) = replays(parsed(sweep("network", [cell], replay=words)))
    assert shlex.split(command) == [*words, "--fault=http-status:404@50%", "--fault=a;b 'c'"]
    (command,) = replays(parsed(sweep("network", [cell], replay=words)), "view")
    assert shlex.split(command) == ["bk7238", "view", *words[2:], "--fault=http-status:404@50%", "--fault=a;b 'c'"]


def poisoned(value):
    """The same with evil in each text that is not a choice."""
    if isinstance(value, dict):
        kept = ("of", "column", "operations", "replay", "verdict")
        return {name: one if name in kept else poisoned(one) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one) for one in value]
    return value + EVIL if isinstance(value, str) else value


@pytest.mark.parametrize("made", [cuts(40, ends), network(), packages({"case": ("brick", SAID)}), layouts()])
def test_all_text_is_escaped(made):
    for line in made["outcomes"]:
        line |= {"did": ["did"], "silent": ["silent"], "story": ["0 s  story"], "digest": "digest"}
    evil = poisoned(made)
    if made["of"] != "install":
        evil["outcomes"][0]["column"] += EVIL
    evil["replay"].append(EVIL)
    evil["outcomes"][-1]["verdict"] += EVIL
    other = {**evil, "bootloader": EVIL}
    found = parsed(evil, other)
    html = rendered(evil, other)
    assert "<img" not in html and "</script><" not in html.replace("</script></body>", "")
    assert not {"\x1b", "\u202e", "\udc80"} & set(html)
    assert any("<img src=http://evil/" in one["text"] and "\\u001b" in one["text"] for one in found.all("article"))


def test_no_other_script_runs():
    found = parsed(network())
    script = found.all("script")[0]["text"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in found.all("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


# The command


def write(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "sweep.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def report(capsys, *arguments):
    status = main(["report", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert status in (0, 2) and "Traceback" not in err
    assert (err == "") if status == 0 else (out == "" and err.startswith("bk7238: ") and err.count("\n") == 1)
    return status, out + err


def test_the_command_joins_files_and_folders(tmp_path, capsys):
    one, two = write(tmp_path / "one", network()), write(tmp_path / "two", network(bootloader="BK7238_1.0.0"))
    target = tmp_path / "page.html"
    assert report(capsys, one, two / "sweep.json", "-o", target) == (0, f"{target}: 2 of 8 points end badly\n")
    assert target.read_text() == rendered(network(), network(bootloader="BK7238_1.0.0"))


def test_a_name_that_is_no_utf8_is_written_out(tmp_path, capsys):
    folder = write(tmp_path / "one", network(image="\udcff.bin", said="\u202ea&b"))
    assert report(capsys, folder, "-o", tmp_path / "page.html")[0] == 0
    html = (tmp_path / "page.html").read_text()
    assert "\\udcff.<wbr>bin" in html and "\\u202ea&amp;b" in html


BROKEN = {
    "no JSON": ("{", "no JSON"),
    "deep": ("[" * 100_000, "no JSON"),
    "no object": ("[]", "Expected `object`, got `array`"),
    "of": ({**network(), "of": "everything"}, "Expected one of join, download, install, rejoin, second, pairs"),
    "no outcomes": (
        {name: value for name, value in network().items() if name != "outcomes"},
        "field `outcomes`",
    ),
    "no flash": (sweep("install", []), "missing required field `flash_size`"),
    "verdict": (sweep("network", [outcome("a", 3)]), "Expected `str`, got `int` - at `$.outcomes[0].verdict`"),
    "operation": ({**cuts(2), "first": 2}, "Expected the number of an operation - at `$.outcomes[0].column`"),
    "partition": ({**cuts(2), "partitions": [["app", 2, 1]]}, "the end behind the start - at `$.partitions[0]`"),
    "another command": ({**network(), "replay": ["rm", "-r", "."]}, "a command of bk7238 ota - at `$.replay`"),
    "size": ({**cuts(2), "flash_size": -1}, "Expected `int` >= 0 - at `$.flash_size`"),
    "no hash": ({**network(), "image_sha256": 1}, "Expected `str`, got `int` - at `$.image_sha256`"),
    "name of a field": ({**network(), "\udc80\n" + "x" * 5000: 1}, "no saved sweep: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_sweep_is_refused_in_a_line(tmp_path, capsys, name):
    content, said = BROKEN[name]
    folder, good = write(tmp_path / "bad", content), write(tmp_path / "good", network())
    status, err = report(capsys, good, folder, "-o", tmp_path / "page.html")
    assert status == 2 and f"{folder / 'sweep.json'}: " in err and said in err and "give the sweep.json" in err
    assert not (tmp_path / "page.html").exists()


def test_other_mistakes_are_one_line(tmp_path, capsys):
    folder = write(tmp_path / "one", network())
    file = folder / "sweep.json"
    before = file.read_bytes()
    for arguments, said in [
        ((tmp_path / "none", "-o", tmp_path / "page.html"), "No such file"),
        ((tmp_path, "-o", tmp_path / "page.html"), "No such file"),
        ((folder, "-o", file), "that is one of the sweeps"),
        ((folder, "-o", tmp_path / "deep" / "page.html"), "name another file with -o"),
        ((folder, "-o", tmp_path), "name another file with -o"),
        ((folder,), "-o"),
        (("-o", tmp_path / "page.html"), "SWEEP"),
    ]:
        status, err = report(capsys, *arguments)
        assert status == 2 and said in err
    assert sorted(tmp_path.rglob("*")) == [folder, file] and file.read_bytes() == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(EVIL),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
MADE = [
    cuts(4, ends),
    cuts(3, of="pairs"),
    network(),
    {**network(), "of": "network-cuts"},
    packages({"case": ("brick", SAID)}),
    layouts(),
]


def places(value, at=()):
    """All places in an object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, one in inner for place in places(one, (*at, name)))]


@examples(100)
@given(st.data())
def test_mutated_sweeps_are_refused_or_shown(data):
    made = copy.deepcopy(data.draw(st.sampled_from(MADE)))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(made)[1:]))
        inner = made
        for name in path:
            inner = inner[name]
        if data.draw(st.booleans()):
            inner[last] = data.draw(VALUES)
        else:
            del inner[last]
    try:
        saved.parse(json.loads(json.dumps(made)))
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) < 200
    else:
        parsed(made, network())


@examples(100)
@given(st.binary(max_size=60))
def test_any_file_is_refused_in_a_line(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bk7238.host_files.read", lambda _path, _limit: data)
        with pytest.raises(saved.SavedError, match=r"any\.json: no "):
            saved.read(Path("any.json"))


def test_junit_is_well_formed_whatever_a_device_has_printed(tmp_path):
    built = resources.reference()
    files = flash_image.read(built / "reference_1.0.0.bin"), package.read(built / "reference_1.0.1_none_aes.rbl")
    plan = registry.make("packages", Job(*files, Settings()))
    reason = "".join(map(chr, range(0x20))) + "\x7f\udcfe\ufffe\U0001f600 ]]> <&"
    points = [Point("a\0b\x1b", (), "row", "column")]
    Report(plan, points, [Outcome(points[0].id, "brick\x08", reason)], "quick", 0.0).save(tmp_path)
    summary = (tmp_path / "summary.md").read_bytes().decode()
    assert "\\\\u0000" in summary and not set(summary) & (set(map(chr, range(0x20))) - {"\n"})
    (result,) = json.loads((tmp_path / "sweep.sarif").read_bytes())["runs"][0]["results"]
    assert result["ruleId"] == "brick\x08" and "\\u0000\\u0001" in result["message"]["text"]
    (case,) = ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    failure = case.find("failure")
    assert (case.get("name"), failure.get("message")) == (r"a\x00b\x1b", r"brick\x08")
    assert r"\x00\x01" in failure.text and "\x7f\\udcfe\\ufffe\U0001f600 ]]> <&\n" in failure.text


def test_sarif_has_a_result_for_each_way_to_end_badly():
    made = saved.parse(cuts(100, ends))
    (run,) = json.loads(sarif(made))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["brick"] and [one["ruleIndex"] for one in run["results"]] == [0]
    (result,) = run["results"]
    text = result["message"]["text"]
    assert "brick: because (3 cuts end so, first 40:before)" in text
    assert "bk7238 ota full.bin app.rbl --seed=7 --fault=power-cut:before@flash-op=40" in text
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "app.rbl"
    files = {one["location"]["uri"]: one["hashes"] for one in run["artifacts"]}
    assert files == {"full.bin": {"sha-256": "1a" * 32}, "app.rbl": {"sha-256": "2b" * 32}}
    (again,) = json.loads(sarif(saved.parse(cuts(100, ends, seed=8))))["runs"]
    assert again["results"][0]["partialFingerprints"] == result["partialFingerprints"], "the same alert as before"
    assert json.loads(sarif(saved.parse(cuts(3))))["runs"][0]["results"] == []


def test_the_summary_is_markdown_and_nothing_in_it_is_markup_of_others():
    made = saved.parse(cuts(100, ends, image=f"|a*b_`c`{EVIL}"))
    text = markdown(made)
    assert text.startswith("### 3 of 300 points end badly\n") and "| brick | 3 | no app runs any more |" in text
    assert "\n    bk7238 ota full.bin app.rbl --seed=7 --fault=power-cut:torn@flash-op=40\n" in text
    assert r"\|a\*b\_\`c\`\</script\>\<img src=http\://evil/" in text and "<img" not in text.replace(r"\<", "")
    assert f", SHA-256 {'1a' * 32} |" in text and f"| package | app.rbl, SHA-256 {'2b' * 32} |" in text
    assert "more: see report.html" in markdown(saved.parse(cuts(100, lambda *_: "brick")))
    assert markdown(saved.parse(cuts(3))).startswith("### None of 9 points ends badly\n")


@given(st.integers(0, 300), st.integers(1, 40))
def test_shards_are_all_points_once_and_in_order(number, parts):
    points = [Point(str(place), (), "", "") for place in range(number)]
    shards = [shard.parse(f"{place}/{parts}").of(points) for place in range(1, parts + 1)]
    assert [point for part in shards for point in part] == points
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "-1/3", "1/3/5", "one/two", "1/99999"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="is no K/N"):
        shard.parse(text)


def parts(of, number):
    """The shards of a made-up sweep."""
    places = [len(of["outcomes"]) * place // number for place in range(number + 1)]
    return [
        {**of, "shard": f"{place + 1}/{number}", "outcomes": of["outcomes"][places[place] : places[place + 1]]}
        for place in range(number)
    ]


def test_shards_are_joined_to_the_page_of_the_whole(tmp_path, capsys):
    whole = cuts(60, ends)
    folders = [write(tmp_path / str(place), part) for place, part in enumerate(parts(whole, 4))]
    other, target = write(tmp_path / "other", network()), tmp_path / "page.html"
    assert report(capsys, folders[2], other, folders[0], folders[3], folders[1], "-o", target)[0] == 0
    assert target.read_text() == rendered(network(), whole)
    assert report(capsys, other, *folders[:3], "-o", target)[1].endswith("these shards are missing: 4/4\n")
    assert report(capsys, *folders, folders[0], "-o", target)[1].endswith(
        "1/4 of the sweep of app.rbl is there twice\n"
    )
    two = write(tmp_path / "two", parts(whole, 2)[1])
    assert report(capsys, *folders, two, "-o", target)[0] == 2
