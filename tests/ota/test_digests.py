"""The documented demonstrations and sweeps end as they did: their digests stand in tests/digests.json.

Where one changes on purpose, `scripts/bench --check --write` writes it, and the commit says why.
"""

import pytest
from digests import Entry, entries

MARKS = {"quick": (), "full": (pytest.mark.full,), "nightly": (pytest.mark.nightly,)}


@pytest.mark.parametrize("entry", [pytest.param(one, id=one.name, marks=MARKS[one.set]) for one in entries()])
def test_the_digest_is_the_committed_one(entry: Entry):
    if entry.files() is None:
        pytest.skip(f"needs the vendor image {entry.image} and {entry.package} (see `bk7238 firmware list`)")
    assert entry.found() == entry.digest
