"""The path of an HTTP request, in the one form in which what is offered and what is asked for are compared.

That form is decoded text: percent-encoding undone (RFC 3986, section 2.1) and the query left out, bytes that are no
UTF-8 as `os.fsdecode` has them. So a file is offered at "/" and its name, whatever characters are in it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

_SCHEME = b"http://"
_LEGAL = "/?:@!$&'()*+,;=%"  # in a path and its query, beside letters, digits and -._~


def decoded(target: bytes) -> str:
    """The path that a request's target asks for."""
    path = target.partition(b"?")[0]
    if path[: len(_SCHEME)].lower() == _SCHEME:  # as to a proxy (RFC 9112, section 3.2.2)
        path = b"/" + path[len(_SCHEME) :].partition(b"/")[2]
    return unquote_to_bytes(path).decode("utf-8", "surrogateescape")


def quoted(path: str) -> str:
    """The percent-encoded form of a decoded path: all but letters, digits, `-._~` and `/`."""
    return quote(path.encode("utf-8", "surrogateescape"))


def escaped(text: str) -> str:
    """A path and query as a user writes them, with what may not stand in a URL percent-encoded. What is encoded
    already stays as it is."""
    text = re.sub("%(?![0-9A-Fa-f]{2})", "%25", text)
    return quote(text.encode("utf-8", "surrogateescape"), safe=_LEGAL)


def shown(path: str) -> str:
    """A decoded path on one line, for people: what cannot be printed is percent-encoded."""
    return "".join(one if one.isprintable() else quoted(one) for one in path)
