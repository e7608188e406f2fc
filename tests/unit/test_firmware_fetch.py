"""`bk7238 firmware fetch`, from a server of this machine with a certificate of its own."""

import datetime
import hashlib
import http.server
import ipaddress
import re
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bk7238 import firmware, host_files
from bk7238.cli import main
from bk7238.firmware import KnownFirmware

CONTENT = bytes(range(256)) * 2048
SUM = hashlib.sha256(CONTENT).hexdigest()


def certificate(folder):
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's")])
    begin = datetime.datetime(2020, 1, 1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class Files(http.server.BaseHTTPRequestHandler):
    """/whole and /ranges serve the content, /cut/N the whole of it but breaks off behind N bytes, /empty nothing of it,
    /to/URL redirects."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        kind, _, more = self.path[1:].partition("/")
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", more)
            self.end_headers()
        elif kind == "empty":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind in ("whole", "ranges", "cut"):
            begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if kind != "whole" else None
            self._send(int(begin[1]) if begin else 0, begin is not None, int(more) if kind == "cut" else len(CONTENT))
        else:
            self.send_error(404)

    def _send(self, begin, partial, end):
        self.send_response(206 if partial else 200)
        if partial:
            self.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        self.wfile.write(CONTENT[begin:end])


class Proxy(http.server.BaseHTTPRequestHandler):
    """Leads a connection to where CONNECT says."""

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        self.server.asked.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as other:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._copy, args=(other, self.connection))
            back.start()
            self._copy(self.connection, other)
            back.join()

    @staticmethod
    def _copy(source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def serving(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked, server.daemon_threads = [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    server = serving(Files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = f"https://127.0.0.1:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(monkeypatch, capsys):
    """Fetch full.bin from an address; the status, and what is said on stderr."""

    def run(url, sum=SUM):
        image = KnownFirmware("full.bin", sum, "a test's", "nowhere", None, url)
        monkeypatch.setattr(firmware, "manifest", lambda: [image])
        return main(["firmware", "fetch"]), capsys.readouterr().err

    return run


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "bk7238-sim" / "firmware"


def there(cache):
    return {path.name: path.read_bytes() for path in cache.iterdir()}


def test_a_file_comes_whole_and_only_once(fetch, server, cache, monkeypatch, capsys):
    written, write = [], host_files.write_in
    monkeypatch.setattr(
        host_files, "write_in", lambda folder, name, data: written.append(name) or write(folder, name, data)
    )
    assert fetch(f"{server.url}/whole") == (0, "")
    assert there(cache) == {"full.bin": CONTENT} and written == ["full.bin"]
    image = KnownFirmware("full.bin", SUM, "", "", cache / "full.bin", f"{server.url}/whole")
    monkeypatch.setattr(firmware, "manifest", lambda: [image])
    assert main(["firmware", "fetch", "full.bin"]) == 0
    assert "there already" in capsys.readouterr().out and len(server.asked) == 1


@pytest.mark.parametrize("kind", ["ranges", "whole"])
def test_it_goes_on_where_a_connection_broke(kind, fetch, server, cache):
    status, said = fetch(f"{server.url}/cut/100000")
    assert status == 1 and "100,000 bytes have come" in said and said.count("\n") == 1
    assert list(there(cache).values()) == [CONTENT[:100000]]
    assert fetch(f"{server.url}/{kind}") == (0, "")
    assert there(cache) == {"full.bin": CONTENT}
    assert server.asked[-1] == (f"/{kind}", "bytes=100000-")


def test_another_file_is_not_kept(fetch, server, cache):
    status, said = fetch(f"{server.url}/whole", "0" * 64)
    assert status == 1 and SUM in said and there(cache) == {}
    status, said = fetch(f"{server.url}/empty")
    assert status == 1 and hashlib.sha256().hexdigest() in said and there(cache) == {}


@pytest.mark.parametrize(
    ("path", "said"),
    [("missing", "status 404"), ("to/http://127.0.0.1/x", "only https"), ("to/ftp://127.0.0.1/x", "only https")],
)
def test_what_cannot_be_had_is_one_line(path, said, fetch, server):
    status, error = fetch(f"{server.url}/{path}")
    assert status == 1 and said in error and error.count("\n") == 1


def test_a_redirect_by_https_is_followed(fetch, server):
    assert fetch(f"{server.url}/to/{server.url}/whole") == (0, "")


def test_only_https(fetch, server):
    assert "only https" in fetch(server.url.replace("https", "http"))[1] and server.asked == []


def test_a_certificate_that_nobody_knows_is_refused(fetch, server, monkeypatch, cache):
    monkeypatch.delenv("SSL_CERT_FILE")
    status, said = fetch(f"{server.url}/whole")
    assert status == 1 and "CERTIFICATE_VERIFY_FAILED" in said and there(cache) == {}


def test_by_the_proxy_of_the_environment(fetch, server, monkeypatch):
    proxy = serving(Proxy)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
    assert fetch(f"{server.url}/whole") == (0, "")
    assert proxy.asked == [server.url.removeprefix("https://")]
    proxy.shutdown()
    proxy.server_close()


def test_no_more_is_taken_than_an_image_may_have(fetch, server, monkeypatch, cache):
    monkeypatch.setattr(host_files, "BINARY", 1000)
    assert "more than 1,000 bytes" in fetch(f"{server.url}/whole")[1] and there(cache) == {}


def test_a_link_in_the_place_of_the_part_is_not_followed(fetch, server, cache, tmp_path):
    cache.mkdir(parents=True)
    (tmp_path / "mine").write_bytes(b"mine")
    (cache / f"full.bin.{SUM[:16]}.part").symlink_to(tmp_path / "mine")
    assert fetch(f"{server.url}/ranges") == (0, "")
    assert (tmp_path / "mine").read_bytes() == b"mine" and there(cache) == {"full.bin": CONTENT}


def test_images_without_an_address_say_how_to_have_them(capsys):
    nameless = [image for image in firmware.manifest() if image.url is None]
    assert nameless and main(["firmware", "fetch", nameless[0].file]) == 2
    assert f"has no public address: {nameless[0].origin}" in capsys.readouterr().err
    assert main(["firmware", "fetch", "nothing.bin"]) == 2


def test_the_addresses_name_a_commit():
    pattern = r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/.+"
    addresses = {image.file: image.url for image in firmware.manifest() if image.url}
    assert len(addresses) == 6
    for file, url in addresses.items():
        assert re.fullmatch(pattern, url) and url.endswith(f"/{file}")
