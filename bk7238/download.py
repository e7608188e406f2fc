"""A file from the Internet, where a user asks for one: by https alone, checked, and gone on with where it broke off.

Proxies are those of the environment (https_proxy, no_proxy), certificates those of the host or of SSL_CERT_FILE.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bk7238 import host_files

_CHUNK = 1 << 16
_PATIENCE = 30.0  # host seconds without a byte, after which a server is given up


class DownloadError(Exception):
    """A file that could not be had; the message is one line that says why, and what to do."""


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, sha256: str, folder: Path, name: str, tell: Callable[[int, int | None], None]) -> Path:
    """Have a file in a folder that we fill, which has this SHA-256. `tell` is told how many bytes have come, and of how
    many where the server says that. What came before a connection broke stays beside it, and the next call goes on
    there. Returns its path. Raises DownloadError; OSError where the folder cannot be written."""
    _check(url)
    folder.mkdir(parents=True, exist_ok=True)
    part = f"{name}.{sha256[:16]}.part"
    data = _begun(folder / part)
    try:
        _receive(url, data, tell)
    except BaseException as error:
        if data:
            host_files.write_in(folder, part, data)
        if not isinstance(error, (http.client.HTTPException, OSError)):
            raise
        why = f"status {error.code}" if isinstance(error, urllib.error.HTTPError) else _why(error)
        if not data:
            raise DownloadError(f"{url}: {why}; look at your connection, and at https_proxy behind a proxy") from None
        raise DownloadError(f"{url}: {why}; {len(data):,} bytes have come: the same command goes on there") from None
    found = hashlib.sha256(data).hexdigest()
    (folder / part).unlink(missing_ok=True)
    if found != sha256:
        raise DownloadError(f"{url}: its SHA-256 is {found}, not {sha256}: this is another file, nothing is kept")
    host_files.write_in(folder, name, data)
    return folder / name


def _check(url: str) -> None:
    if not url.startswith("https://"):
        raise DownloadError(f"{url}: only https is fetched, which nobody on the way can change")


def _begun(part: Path) -> bytearray:
    """What came the last time; nothing where that is no file of ours."""
    try:
        return bytearray(host_files.read(part, host_files.BINARY)) if not part.is_symlink() else bytearray()
    except OSError:
        return bytearray()


def _receive(url: str, data: bytearray, tell: Callable[[int, int | None], None]) -> None:
    """Append what the server has behind this data, or all of it where it does not go on within a file."""
    request = urllib.request.Request(url, headers={"User-Agent": "bk7238-sim"})
    if data:
        request.add_header("Range", f"bytes={len(data)}-")
    try:
        response = urllib.request.build_opener(_OnlyHttps).open(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not data:  # there is nothing behind it: perhaps it was whole
            raise
        return
    with response:
        if response.headers.get("Content-Range", "").split("-")[0] != f"bytes {len(data)}":
            data.clear()
        rest = response.headers.get("Content-Length")
        total = len(data) + int(rest) if rest and rest.isdigit() else None
        tell(len(data), total)
        while chunk := response.read(_CHUNK):
            data += chunk
            tell(len(data), total)
            if len(data) > host_files.BINARY:
                data.clear()
                raise DownloadError(f"{url}: more than {host_files.BINARY:,} bytes, which no image has")
        if total is not None and len(data) < total:
            raise OSError(f"the connection ended after {len(data):,} of {total:,} bytes")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return " ".join(str(getattr(reason, "strerror", None) or reason or type(error).__name__).split())
