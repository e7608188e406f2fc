"""The date of the power-on, which the time server tells: the usual one, and between which it may lie."""

from __future__ import annotations

from datetime import UTC, datetime

USUAL = "2026-01-01T00:00:00"
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The last one is excluded. Timestamps go on after 2036, in NTP's next era."""
