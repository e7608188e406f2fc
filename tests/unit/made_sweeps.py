"""Sweeps that are made up, as sweep.json has them, and their page, taken apart."""

from html.parser import HTMLParser

from bk7238.sweep.report import page, saved

EVIL = "</script><img src=http://evil/ onerror='x'>\"&\x1b[31m\u202e\udc80"
MODES = ("before", "torn", "after")
SAID = "the bootloader printed: [E/OTA] (verify:12) CRC32(0a0b0c0d) failed / second"
VOID = {"meta", "wbr", "br", "img", "input", "link"}


def sweep(of, outcomes, **other):
    return {
        "of": of,
        "noun": "cuts",
        "said": "",
        "image": "full.bin",
        "package": "app.rbl",
        "bootloader": "BK7238_1.0.15",
        "seed": 7,
        "tier": "full",
        "simulator": "bk7238-sim 0.1.0 (0a1b2c3d), unicorn 2.1.4",
        "image_sha256": "1a" * 32,
        "package_sha256": "2b" * 32,
        "replay": ["bk7238", "ota", "full.bin", "app.rbl", "--seed=7"],
        "outcomes": outcomes,
        **other,
    }


def outcome(id, verdict="new-app-runs", reason="well", row=None, column="delivered", **other):
    return {
        "id": id,
        "verdict": verdict,
        "reason": reason,
        "row": row or id,
        "column": column,
        "faults": [id],
        **other,
    }


def cuts(number, ends=lambda _operation, _how: "new-app-runs", **other):
    """An installation of so many operations, each of them cut."""
    operations = [
        ["erase", 0x11000 + 0x1000 * place, 0x1000] if place < 30 else ["program", 0x11000 + 0x100 * place, 0x100]
        for place in range(number)
    ]
    outcomes = [
        outcome(f"{operation}:{how}", ends(operation, how), "because", how, str(operation))
        | {"faults": [f"power-cut:{how}@flash-op={operation}"]}
        for operation in range(1, number + 1)
        for how in MODES
    ]
    parts = [["bootloader", 0, 0x11000], ["app", 0x11000, 0x132000], ["download", 0x132000, 0x1E0000]]
    flash = {"first": 1, "operations": operations, "partitions": parts, "flash_size": 0x200000}
    return {**sweep("install", outcomes, **flash), **other}


def ends(operation, how):
    return "brick" if operation == 40 else "old-app-runs" if operation > 90 and how == "torn" else "new-app-runs"


def network(**other):
    cells = [
        outcome("ap-gone", "device-waits", "gone", column="power-on", digest="d1", did=["ap-gone: at 0.000 s, off"]),
        outcome("ap-gone@50%", "new-app-runs", "back", "ap-gone", "50%", story=["0.000 s  power on", "1.5 s  joined"]),
        outcome("wrong-key", "brick", "keys", column="power-on"),
        outcome("wrong-key@50%", "new-app-runs", "x", "wrong-key", "50%", silent=["wrong-key@50%"]),
    ]
    return sweep("network", cells, **other)


def packages(ends, **other):
    return sweep("packages", [outcome(case, *end) for case, end in ends.items()], **other)


def layouts(**other):
    made = [
        outcome("as it is@matching", "new-app-runs", SAID, "as it is", "matching") | {"faults": []},
        outcome("as it is@moved", "old-app-runs", "no header", "as it is", "moved"),
        outcome("package-key@matching", "old-app-retries-each-boot", "wrong", "package-key", "matching"),
        outcome("package-key@moved", "brick", "lost", "package-key", "moved"),
    ]
    return {**sweep("layouts", made), **other}


class Parsed(HTMLParser):
    """The elements of a page, each with its attributes and its text, and whether they are nested as they should be."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        assert len(dict(attributes)) == len(attributes)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        assert tag in ("path", "rect")
        self.elements.append({"tag": tag, "text": "", **dict(attributes)})

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, style=""):
        return [e for e in self.elements if e["tag"] == tag and set(style.split()) <= set(e.get("class", "").split())]


def rendered(*sweeps):
    """The page of these."""
    return page.html([saved.parse(one) for one in sweeps])


def parsed(*sweeps):
    """The page of these, which is whole, needs nothing else, and whose links all lead somewhere."""
    html = rendered(*sweeps)
    html.encode()
    found = Parsed(html)
    ids = [element["id"] for element in found.elements if "id" in element]
    assert len(ids) == len(set(ids))
    for element in found.elements:
        assert not {"src", "srcset", "xlink:href", "action"} & set(element) and element["tag"] not in ("link", "img")
        assert not any(name.startswith("on") for name in element)
        assert "href" not in element or element["href"].removeprefix("#") in ids
    assert "url(" not in html and "@import" not in html
    assert len(found.all("script")) == 1 and len(found.all("style")) == 1
    return found


def article(found, letter, place):
    """What is said of a point."""
    (one,) = [element for element in found.all("article") if element["id"] == f"{letter}-{place}"]
    return one["text"]


def replays(found, verb=""):
    """The commands, by the point that they are of; those of that verb, or all but those that show a page."""
    texts = [element["text"] for element in found.all("pre")]
    return [text for text in texts if (text.split()[1:2] == [verb]) or (not verb and text.split()[1:2] != ["view"])]
