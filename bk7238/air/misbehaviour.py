"""An access point that does not do its part: one that is silent, refuses, or throws stations out while they join.

The steps of joining are what the access point would answer or send: `authentication`, `association`, `message-1` and
`message-3` of the key handshake, and `group-1`, the first message of a group key handshake.
"""

from __future__ import annotations

from dataclasses import dataclass

AUTHENTICATION, ASSOCIATION = "authentication", "association"
MESSAGE_1, MESSAGE_3, GROUP_1 = "message-1", "message-3", "group-1"
STEPS = (AUTHENTICATION, ASSOCIATION, MESSAGE_1, MESSAGE_3, GROUP_1)


@dataclass(frozen=True)
class Misbehaviour:
    """At which step it is silent, at which it deauthenticates instead (with `reason`, an 802.11 reason code), and the
    802.11 status code with which it refuses every association, 0 for none. Raises ValueError for an unknown step and
    for a code that does not fit its two bytes."""

    silent_at: str | None = None
    deauthenticate_at: str | None = None
    reason: int = 1
    refuse: int = 0

    def __post_init__(self) -> None:
        for step in (self.silent_at, self.deauthenticate_at):
            if step is not None and step not in STEPS:
                raise ValueError(f"step {step!r} is unknown; there is {', '.join(STEPS)}")
        for code in (self.reason, self.refuse):
            if not 0 <= code <= 0xFFFF:
                raise ValueError(f"codes of 802.11 go from 0 to 65535, not {code}")


NONE = Misbehaviour()
