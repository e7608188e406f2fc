"""What the files of a sweep say of how it was made, and what a product may call bad."""

import json
from xml.etree import ElementTree

import pytest
from made_sweeps import Parsed

from bk7238 import resources
from bk7238.cli import main
from bk7238.update.run_file import versions

BUILT = resources.reference()
SWEEP = ("sweep", "reference_1.0.0.bin", "reference_1.0.1_gzip_aes.rbl", "--of", "packages", "--processes", "2")
FILES = ("sweep.json", "junit.xml", "report.html", "sweep.sarif", "summary.md")


def swept(folder, *options):
    """The exit status and the files of a sweep, and sweep.json read."""
    status = main([*SWEEP, *options, "--artifacts", str(folder)])
    return status, [(folder / name).read_bytes() for name in FILES], json.loads((folder / "sweep.json").read_text())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A sweep without more options, at no date."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        return swept(tmp_path_factory.mktemp("plain"))


@pytest.mark.full
def test_equal_sweeps_make_equal_bytes(plain, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    _, first, saved = plain
    assert first == swept(tmp_path / "second")[1]
    assert saved["date"] == "" and b"timestamp" not in first[1]


def test_what_was_run_and_with_what(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    status, (_, junit, html, *_), saved = swept(tmp_path, "--fail-on", "old-app-runs")
    assert status == 1 and saved["verdicts"]["old-app-runs"] == saved["bad"] == 1
    assert (saved["simulator"], saved["date"]) == (versions(), "2023-11-14T22:13:20Z")
    page = html.decode()
    for text in (versions(), saved["date"], saved["image_sha256"], saved["package_sha256"]):
        assert text in page
    suite = ElementTree.fromstring(junit)
    assert suite.get("timestamp") == saved["date"] and suite.get("failures") == "1"
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties == {name: saved[name] for name in ("simulator", "image_sha256", "package_sha256")}
    (point,) = [one for one in saved["outcomes"] if one["verdict"] == "old-app-runs"]
    assert "banner " in point["versions"] and "footer 1.0.0 -> 1.0.0" in point["versions"]
    # linked from the top, before all else, and the first that is told of
    elements = Parsed(page).elements
    tags = [element.get("class") or element["tag"] for element in elements]
    assert tags.index("bad-ends") < tags.index("main")
    told = next(element for element in elements if element["tag"] == "article")
    assert point["id"] in told["text"] and point["versions"] in told["text"]
    (link,) = [element for element in elements if element.get("href") == f"#{told['id']}"][:1]
    assert tags.index("bad-ends") < elements.index(link) < tags.index("main")


def test_without_fail_on_it_is_good_enough(plain):
    status, _, saved = plain
    assert (status, saved["bad"], saved["fail_on"]) == (0, 0, [])


@pytest.mark.parametrize(("verdict", "status"), [("new-app-runs", 0), ("brick", 1)])
def test_a_fulfilled_expectation_says_so(verdict, status, tmp_path, capsys):
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(f'[expect]\nverdict = "{verdict}"\n')
    words = ("ota", *SWEEP[1:3], "--delivered", "--scenario", str(scenario))
    assert main([*words]) == status
    out, err = capsys.readouterr()
    assert (f"  as expected by {scenario}: {verdict}\n" in out) == (not status) == (not err)
    assert "  versions: banner not seen -> 1.0.1; footer 1.0.0 -> 1.0.1\n" in out
    assert main([*words, "--json"]) == status
    assert json.loads(capsys.readouterr().out)["as_expected"] == (not status)
