"""How many examples a property takes: its own few in CI, at most 10 in the quick set, 10,000 with
`scripts/test --hypothesis-profile=long`."""

from __future__ import annotations

from hypothesis import settings

_USUAL = 100  # what hypothesis takes where nobody says otherwise


def examples(few: int) -> settings:
    """The decorator for a property that takes `few` examples in CI."""
    profile = settings.default.max_examples if settings.default is not None else _USUAL
    return settings(max_examples=profile if profile > _USUAL else min(few, profile), deadline=None)
