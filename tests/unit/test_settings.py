"""Settings: what is written for one reads as the same everywhere, and what a command line says of them comes back."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

import generated
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bk7238 import cli, flash_image, package, resources
from bk7238.air.misbehaviour import STEPS, Misbehaviour
from bk7238.air.routers import ROUTERS
from bk7238.bench import command, values
from bk7238.bench.settings import OPTIONS, Settings
from bk7238.engine.engine import NAMES
from bk7238.faults import Spec, all_kinds, parse
from bk7238.faults.fault import make
from bk7238.network.host_server import Forward, GatewayServer, HostServer
from bk7238.sweep.plan import registry
from bk7238.sweep.point import Job
from bk7238.sweep.report.report import Report

ROOT = Path(__file__).resolve().parents[2]
INVENTED = ROOT / "tests" / "ota" / "invented"
SERVED = [ROOT / "README.md", ROOT / "docs" / "faults.md"]

# Each field's values, of which None is one for those that may be left out

words = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=20)
ssids = st.binary(min_size=1, max_size=32).filter(lambda ssid: 0 not in ssid)
passphrases = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63)
keys = st.binary(min_size=32, max_size=32).map(bytes.hex)
codes = st.integers(0, 0xFFFF)
misbehaviours = st.builds(
    Misbehaviour, st.none() | st.sampled_from(STEPS), st.none() | st.sampled_from(STEPS), codes, codes
)
paths = words.filter(lambda path: values._SCHEME.match(path) is None)
requests = paths | st.builds("http://{}/{}".format, st.sampled_from(["h.example", "10.0.0.1:81", "[::1]"]), words)
requests = requests.filter(lambda request: not {"\r", "\n"} & set(request))
hosts = st.sampled_from(["127.0.0.1", "::1", "127.3.2.1"])
forwards = st.builds(
    Forward,
    st.sampled_from(["127.0.0.1", "0.0.0.0", "::1"]),
    st.integers(0, 65_535),
    st.integers(1, 65_535),
    st.sampled_from(["tcp", "udp"]),
)
ports = st.integers(1, 65_535)
servers = st.lists(
    st.builds(
        GatewayServer,
        st.builds(HostServer, hosts, ports),
        ports,
        st.sampled_from(["", "broker.lan", "x"]),
        st.sampled_from(["tcp", "udp"]),
    ),
    max_size=3,
    unique_by=lambda server: (server.name, server.port, server.protocol),
)
outside = st.one_of(
    st.fixed_dictionaries({"serve": st.lists(st.sampled_from(SERVED), unique=True)}),
    st.fixed_dictionaries({"gateway": servers}),
    st.builds(
        lambda port: {"gateway": [GatewayServer(HostServer("192.0.2.1", port), port)], "gateway_anywhere": True}, ports
    ),
    st.fixed_dictionaries({"forward": st.lists(forwards)}),
    st.fixed_dictionaries({"tap": st.none() | words}),
)
INSIDE = {
    "profile": words,
    "ssid": ssids,
    "ap_ssid": st.none() | ssids,
    "psk": st.none() | passphrases | keys,
    "ap_psk": st.none() | st.just("") | passphrases | keys,
    "router": st.none() | st.sampled_from(list(ROUTERS)),
    "hidden": st.booleans(),
    "channel": st.integers(1, 14),
    "ht": st.booleans(),
    "ht40": st.booleans(),
    "n_only": st.booleans(),
    "b_only": st.booleans(),
    "wmm": st.booleans(),
    "country": st.none() | st.sampled_from(["DE", "JP", "US"]),
    "dtim": st.integers(1, 255),
    "misbehaviour": misbehaviours,
    "request": st.none() | requests,
    "update_by": st.none() | words,
    "ota_password": st.none() | words,
    "date": st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)).map(
        lambda date: date.replace(microsecond=0).isoformat()
    ),
    "chip": st.sampled_from([None, "bk7238", str(INVENTED)]),
    "flash_key": st.none() | st.tuples(*[st.integers(0, (1 << 32) - 1)] * 4),
    "flash_size": st.none() | st.sampled_from([0x80000, 0x200000, 0x400000]) | st.integers(0, 1 << 31),
    "devices": st.lists(st.sampled_from([str(one) for one in SERVED]), max_size=3).map(tuple),
    "engine": st.sampled_from(NAMES),
    "seed": st.integers(),
    "within": st.floats(1e-6, 999_999.0),
    "faults": st.lists(words, max_size=3).map(tuple),
    "delivered": st.booleans(),
    "as_is": st.booleans(),
}


def suited(given):
    """A router's setting has a passphrase where it needs one, and none where it is open; 802.11b has no 802.11n, and
    channel 14 nothing else."""
    if given.get("channel") == 14:
        given = {**given, "b_only": True}
    if given.get("b_only"):
        given = {name: value for name, value in given.items() if name not in ("ht", "ht40", "n_only")}
    if (given.get("router") or "").startswith("wpa3"):
        given = {name: value for name, value in given.items() if "psk" not in name or len(value or "") != 64}
    if given.get("router") == "open":
        return {**given, "ap_psk": None}
    if given.get("router") and not (given.get("ap_psk") or (given.get("ap_psk") is None and given.get("psk"))):
        return {**given, "ap_psk": "correct horse"}
    return given


inside = st.fixed_dictionaries({}, optional=INSIDE).map(suited)
choices = st.builds(lambda one, other: Settings(**one, **other), inside, outside)


PARSER = cli.parser(("ota",))


def read(arguments):
    """What the real command line makes of these arguments of `ota`."""
    return command.read(PARSER.parse_args(["ota", "image.bin", "package.rbl", *arguments]))


def test_every_field_is_tried():
    tried = set(INSIDE) | {"serve", "gateway", "gateway_anywhere", "forward", "tap"}
    assert tried == {field.name for field in fields(Settings)} == set(OPTIONS)


@given(choices)
def test_settings_to_command_line_to_settings(settings):
    line = shlex.join(command.words(settings))
    assert read(shlex.split(line)) == settings


@given(choices, st.sampled_from(list(OPTIONS)))
def test_none_is_what_is_usual_and_needs_no_word(settings, name):
    usual = getattr(Settings(), name)
    needed = {
        "gateway": ("gateway_anywhere",),
        "gateway_anywhere": ("gateway",),
        "b_only": ("channel",),
        **dict.fromkeys(("psk", "ap_psk"), ("router",)),
    }
    others = needed.get(name, ())
    settings = replace(settings, **dict.fromkeys((name, *others)))
    assert getattr(settings, name) == usual
    assert not any(word.partition("=")[0] == command.flag(name) for word in command.words(settings))
    assert read(command.words(settings)) == settings


@given(choices)
def test_what_was_read_reads_as_the_same(settings):
    assert replace(settings) == settings


def test_through_a_shell():
    """Bytes that are no UTF-8, quotes, blanks, a line end, and each other field that is written as a word."""
    settings = Settings(
        profile="open beken",
        ssid=b"caf\xc3\xa9 \xff'\"$HOME `x`\n\\",
        ap_ssid=b"-x",
        psk='correct "horse" $(x)',
        ap_psk="",
        router="open",
        hidden=True,
        channel=13,
        ht=True,
        misbehaviour="silent-at=message-1,reason=5",
        request="http://h/a b?c=\u00fc%20",
        serve=SERVED,
        chip=INVENTED,
        flash_size="4M",
        seed=-7,
        within="250 ms",
        faults=[Spec("package-key"), 'http-status:"5,0"@50%'],
        delivered=True,
    )
    program = """
import sys
from bk7238 import cli, flash_image, package, resources
from bk7238.bench import command
print(ascii(command.read(cli.parser(['ota']).parse_args(sys.argv[1:]))))
"""
    line = shlex.join([sys.executable, "-c", program, "ota", "image.bin", "package.rbl", *command.words(settings)])
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.rstrip("\n") == ascii(settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"serve": {"/more.txt": b"more"}}, "serve: /more.txt is served from memory: no command can say it"),
        ({"serve": {"/other.md": SERVED[0]}}, "serve: /other.md is served from memory"),
        ({"faults": [make(parse("package-key"), all_kinds(), "0")]}, "faults: a PackageKey made in Python: no command"),
        ({"request": "a\0b"}, "request: no command can say 'a\\x00b'"),
        ({"profile": "\udcc3\udca9"}, "profile: no command can say '\\udcc3\\udca9'"),
        ({"profile": "\ud800"}, "profile: no command can say '\\ud800'"),
    ],
)
def test_what_no_command_can_say_is_refused(settings, said):
    with pytest.raises(ValueError, match="no command can say") as error:
        command.words(Settings(**settings))
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


@pytest.mark.parametrize("time", ["20s", "20 s", "20", "20.0", "20000ms", "20000 ms", "2e1"])
def test_a_time_is_written_in_the_same_way_everywhere(time):
    assert read(["--within", time]) == read([f"--within={time}"]) == Settings(within=time) == Settings(within=20)
    assert cli.parser().parse_args(["run", "image.bin", "--within", time, "--after", time]).after == 20.0


@pytest.mark.parametrize("time", ["20s", "20 s", "20000ms"])
def test_a_faults_time_is_written_in_the_same_way(time):
    fault = make(parse(f"network-stall:{time}@{time}"), all_kinds(), "")
    assert (fault.duration, fault.when.time) == (20_000_000, 20_000_000)


def test_a_text_is_what_it_stands_for():
    server = GatewayServer(HostServer("127.0.0.1", 80), 80)
    assert Settings(ssid="caf\u00e9", gateway="localhost:80", flash_size="4m", seed="0x10") == Settings(
        ssid="caf\u00e9".encode(),
        gateway=(server,),
        flash_size=0x400000,
        seed=16,
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gateway": "127.0.0.1:80", "tap": "bk0"}, "--gateway and --tap do not go together"),
        ({"tap": "bk0", "serve": SERVED}, "--tap and --serve do not go together"),
        ({"gateway_anywhere": True}, "--gateway-anywhere needs --gateway"),
        (
            {"router": "wpa4"},
            "router: 'wpa4' is no router's setting; there is open, wpa, mixed, wpa2, ",
        ),
        ({"router": "wpa3", "psk": 32 * "a1"}, "--router wpa3 needs a passphrase: SAE makes nothing of a key"),
        ({"channel": 14}, "channel 14 is for 802.11b's rates alone (b_only)"),
        ({"b_only": True, "ht40": True}, "802.11b's rates only has no 802.11n"),
        ({"country": "Germany"}, "country: a country is a code of two capital letters such as DE, not 'GERMANY'"),
        ({"dtim": 0}, "dtim: a DTIM comes every 1 to 255 beacons, not every 0"),
        ({"router": "wpa3"}, "--router wpa3 needs a passphrase: --psk P, or --ap-psk P"),
        ({"router": "wpa2", "psk": "correct horse", "ap_psk": ""}, "--router wpa2 needs a passphrase"),
        ({"router": "open", "ap_psk": "correct horse"}, "--router open and --ap-psk do not go together"),
        ({"gateway": GatewayServer(HostServer("192.0.2.1", 80), 80)}, "192.0.2.1 is not on this machine"),
        ({"misbehaviour": "silent-at=never"}, "misbehaviour: step 'never' is unknown"),
        ({"misbehaviour": "reason=65536"}, "misbehaviour: codes of 802.11 go from 0 to 65535"),
        ({"misbehaviour": "reason=1,reason=2"}, "misbehaviour: 'reason=2': a misbehaviour is made of"),
        ({"misbehaviour": "refuse=x"}, "misbehaviour: 'x' is no whole number"),
        ({"faults": 5}, "faults cannot be 5"),
        ({"chip": 7238}, "chip cannot be 7238"),
        ({"chip": "bk9999"}, "chip: no chip 'bk9999' is known; there is bk7238"),
        ({"flash_key": "4X"}, "flash_key: '4X' is no key; write four words of 32 bits in hexadecimal"),
        ({"flash_key": (1, 2, 3)}, "flash_key: (1, 2, 3) are no four numbers of 32 bits"),
        ({"flash_size": "4X"}, "flash_size: for a flash '4X' is no size; write 65536, 0x10000 or 64K"),
    ],
)
def test_what_cannot_be_is_refused_in_python_too(settings, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        Settings(**settings)
    assert "\n" not in str(error.value)


def test_the_tables_of_the_docs_are_up_to_date(monkeypatch):
    generated.check("option-tables", monkeypatch)
    assert command.table().count("\n") == 1 + len(OPTIONS)


def test_a_scenarios_settings_give_way_to_the_command_lines(tmp_path, capsys):
    built, path = resources.reference(), tmp_path / "scenario.toml"
    path.write_text('[settings]\nseed = 3\nwithin = "100 ms"\n')
    arguments = ["ota", str(built / "reference_1.0.0.bin"), str(built / "reference_1.0.1_none_aes.rbl"), "--json"]
    for more, seed in ([], 3), (["--seed=4"], 4), (["--seed=0"], 0):
        assert cli.main([*arguments, "--scenario", str(path), *more]) == 3
        result = json.loads(capsys.readouterr().out)
        assert (result["seed"], result["virtual_seconds"]) == (seed, 0.1)


def test_each_command_has_its_options_from_the_declarations():
    """But for those that mean something else there: the faults that a sweep tries."""
    others = {("sweep", "--fault")}
    (verbs,) = (one for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
    found = set()
    for verb, parser in verbs.choices.items():
        for name in OPTIONS:
            action = parser._option_string_actions.get(command.flag(name))
            if action is not None:
                assert (action.dest == name and action.default is argparse.SUPPRESS) != (
                    (verb, command.flag(name)) in others
                )
                found.add(verb)
    assert found == {"demo", "gdb", "init", "live", "monitor", "ota", "run", "sweep", "view", "zoo"}


def test_a_sweep_says_all_settings_in_its_replay_or_is_refused():
    built = resources.reference()
    files = flash_image.read(built / "reference_1.0.0.bin"), package.read(built / "reference_1.0.1_none_aes.rbl")
    settings = Settings(psk="correct horse", misbehaviour="deauthenticate-at=group-1", serve=SERVED[:1], seed=3)
    report = Report(registry.make("packages", Job(*files, settings)), [], [], "quick", 0.0)
    replay = list(report.as_json()["replay"])
    assert replay[:2] == ["bk7238", "ota"] and read(replay[4:]) == replace(settings, delivered=True)
    with pytest.raises(ValueError, match="no command can say it"):
        registry.make("packages", Job(*files, Settings(serve={"/more.txt": b"more"})))
