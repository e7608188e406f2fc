"""How many examples a fuzz test takes: its own few in CI, 10,000 with `scripts/test --hypothesis-profile=long`."""

from __future__ import annotations

from hypothesis import settings

_USUAL = 100  # what hypothesis takes where nobody says otherwise


def examples(few: int) -> settings:
    """The decorator for a fuzz test that takes `few` examples in CI."""
    profile = settings.default.max_examples if settings.default is not None else _USUAL
    return settings(max_examples=profile if profile > _USUAL else few, deadline=None)
