"""How faults are written: what is read, what is refused and with which words."""

from pathlib import Path

import generated
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238.faults import Fault, FaultError, Spec, all_kinds, moment, parse
from bk7238.faults.arguments import Argument, words
from bk7238.faults.fault import make
from bk7238.faults.run import Faults
from bk7238.faults.scenario import from_toml, read
from bk7238.faults.spec import from_table

ROOT = Path(__file__).resolve().parents[2]

RIGHT = {
    "network-stall@50%": Spec("network-stall", (), "50%"),
    "power-cut:torn@flash-op=1200": Spec("power-cut", (("", "torn"),), "flash-op=1200"),
    "ap-gone:15s@3s": Spec("ap-gone", (("", "15s"),), "3s"),
    "partition-table:download.offset=0x133000": Spec("partition-table", (("download.offset", "0x133000"),)),
    'power-cut@uart="OTA Write: 50%, @ 1"': Spec("power-cut", (), 'uart="OTA Write: 50%, @ 1"'),
    'http-wrong-file:text="a,b=\\"c\\"@d"': Spec("http-wrong-file", (("text", 'a,b="c"@d'),)),
}


@pytest.mark.parametrize("text", RIGHT)
def test_specs_are_read_and_written(text):
    assert parse(text) == RIGHT[text]
    assert parse(str(RIGHT[text])) == RIGHT[text]


WRONG = {
    "": "does not begin with a kind",
    "@50%": "does not begin with a kind",
    "Network-Stall": "does not begin with a kind",
    "network-stall@": "nothing follows the @",
    "network-stall:@50%": "no argument follows the colon",
    "ap-gone:15s,": "is no value",
    "ap-gone:1=2": "is no name of an argument",
    'ap-gone:"15s': "the quotes",
    "two\nlines": "one line",
    "network-stal@50%": "is it network-stall",
    "zzz": "`bk7238 faults` lists them",
    "network-stall@150%": "more than the whole download",
    "network-stall@soon": "is no moment; there is 50%",
    "network-stall@flash-op=0": "are counted from 1",
    "ap-gone:1h": "duration is a time such as",
    "ap-gone:1s,2s": "takes 1 arguments without a name",
    "ap-gone:duration=1s,duration=2s": "given twice",
    "ap-gone:foo=1": "it has no argument 'foo'; there is duration",
    "rssi": "dbm is missing",
    "rssi:5": "from -127 to 0",
    "power-cut:torn": "write @flash-op=N",
    "power-cut:sideways@flash-op=1": "before, torn, random, after, scattered,",
    "power-cut:undefined@flash-op=1": "is about the status register; write @status-write=N",
    "power-cut:torn@status-write=1": "a write of the status register does not end torn",
    "power-cut@status-write=0": "are counted from 1",
    "power-cut:off=1s,back=2s": "give one of them",
    "battery-pull:within=0s": "within is longer than nothing",
    "package-key@50%": "leave out @50%",
    "package-size": "other than 0",
    "partition-table": "say what changes",
    "partition-table:download=1": "is no PARTITION.FIELD",
    "partition-table:app.colour=1": "there is no field 'colour'",
    "partition-table:app.offset=x": "a number of 32 bits",
    "partition-table:app.magic=abc": "magic has 4 bytes",
    "flash-area:other": "give `at`",
    "http-status:200": "from 400 to 599",
    "flash-stuck-bit:0x100,8": "bit goes from 0 to 7",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_in_one_line(text):
    with pytest.raises(FaultError) as raised:
        Faults([text], seed=0)
    assert WRONG[text] in str(raised.value) and "\n" not in str(raised.value)


@given(
    st.text(max_size=60) | st.from_regex(r"[a-z-]{1,20}(:[a-z=,\"\\0-9.]{0,20})?(@[a-z=\"0-9%]{0,12})?", fullmatch=True)
)
def test_any_text_is_a_fault_or_one_line(text):
    try:
        spec = parse(text)
        again = parse(str(spec))
        assert again == spec
        make(spec, all_kinds(), "0")
    except FaultError as error:
        assert "\n" not in str(error)


@given(
    st.from_regex(r"[a-z]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True),
    st.lists(
        st.tuples(
            st.just("") | st.from_regex(r"[a-z]{1,6}(\.[a-z]{1,6})?", fullmatch=True),
            st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20),
        ),
        max_size=4,
    ),
)
def test_what_is_written_is_read_again(kind, arguments):
    spec = Spec(kind, tuple(arguments))
    assert parse(str(spec)) == spec


@given(st.text(max_size=30))
def test_any_moment_is_one_or_one_line(text):
    try:
        assert isinstance(moment.parse(text), moment.Moment)
    except FaultError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("kind", all_kinds().own)
def test_a_table_of_a_scenario_gives_every_argument(kind):
    names = [argument.name for argument in all_kinds()[kind].declared()]
    spec = from_table({"kind": kind, **dict.fromkeys(names, "x")})
    assert spec.kind == kind and spec.arguments == tuple((name, "x") for name in names)


@pytest.mark.parametrize("name", ["kind", "when"])
def test_an_argument_that_a_table_cannot_give_is_refused_where_it_is_declared(name):
    with pytest.raises(TypeError, match=f"no argument is called '{name}'"):
        type("Own", (Fault,), {name: Argument(words, default="", doc="x")})


def test_a_table_of_a_scenario_is_the_same_fault():
    table = {"kind": "partition-table", "download": {"offset": 0x133000}}
    assert from_table(table) == Spec("partition-table", (("download.offset", "1257472"),))
    one = from_toml(
        {"faults": ["network-stall@50%"], "fault": [{"kind": "power-cut", "how": "torn", "when": "flash-op=3"}]}
    )
    assert [str(spec) for spec in one.faults] == ["network-stall@50%", "power-cut:how=torn@flash-op=3"]
    assert not one.expects


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faults = 3", "list of texts"),
        ("fault = 3", "[[fault]]"),
        ("foo = 3", "'foo' is unknown"),
        ("[[fault]]\nwhen='3s'", "has no kind"),
        ("[[fault]]\nkind='power-cut'\nwhen=3", "`when` is text"),
        ("[[fault]]\nkind='rssi'\ndbm=[1]", "neither text nor a number"),
        ("[expect]\nfoo='x'", "[expect] has"),
        ("settings = 3", "the settings are a table"),
        ("[settings]\ncolour='red'", "[settings] has no 'colour', but ap_psk, "),
        ("[settings]\nfaults=['package-key']", "[settings] has no 'faults'"),
        ("[settings]\nchannel=15", "[settings] channel: channels go from 1 to 14"),
        ("[settings]\nwithin=1979-05-27", "[settings] within cannot be"),
        ("faults = oops\n", "line 1"),
        ("faults = " + "[" * 5000, "nested too deeply"),
        ("faults = " + "{a=" * 5000, "nested too deeply"),
        ("[[fault]]\nkind='power-cut'\nwhen='3s\\n'".replace("'", '"'), "one line of printable text"),
        ("[[fault]]\nkind='http-wrong-file'\ntext='a\\u001bb'".replace("'", '"'), "one line of printable text"),
        ("[[fault]]\nkind='rssi'\n'd\\nbm'=1".replace("'", '"'), "one line of printable text"),
        ("[[fault]]\nkind='partition-table'\ndownload.'x\\r'=1".replace("'", '"'), "one line of printable text"),
    ],
)
def test_bad_scenarios_name_the_file(tmp_path, text, message):
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    with pytest.raises(FaultError) as raised:
        read(path)
    assert "scenario.toml" in str(raised.value) and message in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(FaultError, match="No such file"):
        read(tmp_path / "none.toml")


def test_a_number_of_thousands_of_digits_is_said_in_a_line(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text("fault = " + "9" * 5000)
    with pytest.raises(FaultError, match=r"scenario\.toml: ") as raised:
        read(path)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 500


def test_the_reference_is_up_to_date(monkeypatch):
    generated.check("fault-reference", monkeypatch)


def test_every_kind_describes_itself():
    for name, kind in all_kinds().items():
        assert name == kind.NAME and kind.SECTION and kind.FIRES and (kind.__doc__ or "").strip().endswith(".")
