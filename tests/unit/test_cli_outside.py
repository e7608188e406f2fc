"""--serve, --gateway, --tap and --fetch: a bad one gives one line and status 2, and nothing is written."""

import pytest
from test_cli import files, refused  # noqa: F401

from bk7238 import testing
from bk7238.bench import values
from bk7238.families.delivery import HttpPull
from bk7238.families.family import Family
from bk7238.image import flash_image, package
from bk7238.network import http_path
from bk7238.network.host_server import GatewayServer, HostServer
from bk7238.update import session


def arguments(files, command):  # noqa: F811
    image, update = str(files.folder / "image.bin"), str(files.folder / "package.rbl")
    return ["ota", image, update] if command == "ota" else ["run", image, "--ssid", "Bench"]


HOSTILE = [
    "a b (1).rbl",
    "100%25.rbl",
    "a+b&c.rbl",
    "what?.rbl",
    "#1 'q\".rbl",
    "\u00fc.rbl",
    "u\u0308.rbl",
    "\udcfe.rbl",
]
WRONG = {
    "a URL": (["--gateway", "http://127.0.0.1:80"], "HOST:PORT alone"),
    "no port": (["--gateway", "127.0.0.1"], "HOST:PORT"),
    "port": (["--gateway", "127.0.0.1:99999"], "1 to 65535"),
    "name": (["--gateway", "example.com:80"], "names are not looked up"),
    "not here": (["--gateway", "192.0.2.1:80"], "--gateway-anywhere"),
    "alone": (["--gateway-anywhere"], "needs --gateway"),
    "two": (["--gateway", "127.0.0.1:80", "--tap", "bk0"], "do not go together"),
    "serve and gateway": (["--gateway", "127.0.0.1:80", "--serve", "SERVED"], "do not go together"),
    "no file": (["--serve", "nothing.rbl"], "No such file"),
    "twice": (["--serve", "SERVED", "--serve", "SERVED"], "another file"),
    "interface": (["--tap", "an interface"], "interface name"),
}


@pytest.mark.parametrize("command", ["ota", "run"])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_options(name, command, files, capsys, monkeypatch):  # noqa: F811
    # A tiny image is not of a family that can be configured: recognised here, so that the options are what is wrong.
    monkeypatch.setattr(session.recognise, "choose", lambda *_arguments, **_options: Anything())
    given, message = WRONG[name]
    served = files("served.rbl", b"x")
    options = [served if option == "SERVED" else option for option in given]
    if name == "interface" and command == "ota":
        options += ["--request", "http://10.0.0.1/x"]
    artifacts = ["--artifacts", str(files.folder / "out")]
    assert message in refused(capsys, files.folder, *arguments(files, command), *options, *artifacts)


class Anything(Family):
    name = "anything"
    deliveries = (HttpPull(),)


@pytest.mark.parametrize("option", [["--gateway", "127.0.0.1:80"], ["--tap", "bk0"], ["--serve", "SERVED"]])
def test_run_needs_an_access_point_with_them(option, files, capsys):  # noqa: F811
    served = files("served.rbl", b"x")
    options = [served if word == "SERVED" else word for word in option]
    assert "--ssid" in refused(capsys, files.folder, "run", str(files.folder / "image.bin"), *options)


@pytest.mark.parametrize("url", ["http://device/", "https://192.168.4.1/", "192.168.4.1"])
def test_fetch_wants_a_numeric_url(url, files, capsys):  # noqa: F811
    message = refused(capsys, files.folder, "run", str(files.folder / "image.bin"), "--fetch", url)
    assert url in message or "device" in message


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"request": "fw.rbl?version=1&n=%20"}, "http://192.168.77.1/fw.rbl?version=1&n=%20"),
        ({"request": "app%20one.rbl"}, "http://192.168.77.1/app%20one.rbl"),
        ({"request": 'a "b" (1)\u00fc#2 100%.rbl'}, "http://192.168.77.1/a%20%22b%22%20(1)%C3%BC%232%20100%25.rbl"),
        ({"request": "a?%41.rbl", "serve": {"/a?%41.rbl": b""}}, "http://192.168.77.1/a%3F%2541.rbl"),
        ({"request": "http://h.example/a b?c=%20\udcff"}, "http://h.example/a%20b?c=%20%FF"),
        ({"request": "http://[::1]:81"}, "http://[::1]:81"),
        ({}, "http://192.168.77.1/app%20one.rbl"),
        ({"request": "/sub/two.rbl"}, "http://192.168.77.1/sub/two.rbl"),
        ({"gateway": GatewayServer(HostServer("127.0.0.1", 8000), 8000)}, "http://192.168.77.1:8000/app%20one.rbl"),
        ({"gateway": GatewayServer(HostServer("127.0.0.1", 80), 80), "request": "x"}, "http://192.168.77.1/x"),
        ({"request": "http://10.0.0.1:81/y?z=1"}, "http://10.0.0.1:81/y?z=1"),
    ],
)
def test_what_the_device_is_told(settings, url, files, monkeypatch):  # noqa: F811
    told = []

    class Recorder(Anything):
        def configure(self, _flash, instructions):
            told.append(instructions.url)
            return {}

    monkeypatch.setattr(session.recognise, "choose", lambda *_arguments, **_options: Recorder())
    path = files.folder / "app one.rbl"
    path.write_bytes((files.folder / "package.rbl").read_bytes())
    image = flash_image.read(files.folder / "image.bin")
    update = session.Update(image, package.read(path), session.Settings(**settings))
    assert told == [url]
    assert update.machine.digest().endswith("+gateway") is ("gateway" in settings)


def test_what_is_offered_under_a_name_is_found_by_it(files, monkeypatch):  # noqa: F811
    """What --serve and the package offer, against what the device is told to ask for."""
    monkeypatch.setattr(session.recognise, "choose", lambda *_arguments, **_options: Anything())
    body = (files.folder / "package.rbl").read_bytes()
    paths = [files.folder / name for name in HOSTILE]
    for path in paths:
        path.write_bytes(path.name.encode("utf-8", "surrogateescape"))
    served = values.served(paths)
    update_package = package.parse(body, "the package & its \udcff.rbl")
    update = session.Update(
        flash_image.read(files.folder / "image.bin"), update_package, session.Settings(serve=served)
    )
    for name, offered in [(None, body), *((path.name, path.read_bytes()) for path in paths)]:
        update.settings = session.Settings(serve=served, request=name)
        url = update._url()
        assert url.isascii() and not set(url) & set(' "<>\\^`{|}#')
        path = http_path.decoded(url.removeprefix("http://192.168.77.1").encode())
        assert update.network.http.body(path) == offered


@pytest.mark.parametrize(
    ("request_", "remedy"),
    [
        ("https://192.168.77.1/a.rbl", "plain HTTP; write http://HOST/FILE"),
        ("HTTPS://h/a", "write http://HOST/FILE"),
        ("ftp://h/a.rbl", "write http://HOST/FILE"),
        ("file:///tmp/a.rbl", "write http://HOST/FILE"),
        ("//h/a.rbl", "write http://HOST/FILE"),
        ("HTTP://192.168.77.1/a.rbl", "http:// in small letters"),
        ("http:/192.168.77.1/a.rbl", "begin it with http://"),
        (" http://192.168.77.1/a.rbl", "begin it with http://"),
        ("http://", "no host"),
        ("http:///a.rbl", "no host"),
        ("http://h:0/a", "no host and port"),
        ("http://h:99999/a", "no host and port"),
        ("http://a b/c", "no host"),
        ("http://b\u00fccher.example/a", "in ASCII"),
        ("http://[::1/a", "no host"),
    ],
)
def test_a_request_that_no_device_can_make(request_, remedy, files, capsys):  # noqa: F811
    image, update = files.folder / "image.bin", files.folder / "package.rbl"
    message = refused(capsys, files.folder, "ota", str(image), str(update), "--request", request_)
    assert remedy in message and "--request" in message


def test_it_is_refused_everywhere(files, capsys):  # noqa: F811
    image, update, wrong = files.folder / "image.bin", files.folder / "package.rbl", "https://h/a.rbl"
    for command in ("sweep", "gdb"):
        assert "plain HTTP" in refused(capsys, files.folder, command, str(image), str(update), "--request", wrong)
    device = testing.Dut(flash_image.read(image), package.read(update), session.Settings())
    with pytest.raises(ValueError, match=r"^request: .* plain HTTP"):
        device.configure(request=wrong)
    with pytest.raises(ValueError, match="plain HTTP"):
        session.Update(device.image, device.package, session.Settings(request=wrong, profile="openbeken"))


def test_files_are_served_next_to_the_package(files, monkeypatch):  # noqa: F811
    monkeypatch.setattr(session.recognise, "choose", lambda *_arguments, **_options: Anything())
    image = flash_image.read(files.folder / "image.bin")
    update_package = package.read(files.folder / "package.rbl")
    update = session.Update(image, update_package, session.Settings(serve={"/more.txt": b"more"}))
    assert update.network.http.files == {"/package.rbl": update_package.data, "/more.txt": b"more"}


def test_a_tap_needs_a_whole_url(files, monkeypatch):  # noqa: F811
    monkeypatch.setattr(session.recognise, "choose", lambda *_arguments, **_options: Anything())
    image = flash_image.read(files.folder / "image.bin")
    with pytest.raises(ValueError, match="--request http://"):
        session.Update(image, package.read(files.folder / "package.rbl"), session.Settings(tap="bk0"))
