"""What a network with a password answers to the RSN element of an association request (IEEE 802.11-2020, 9.4.1.9)."""

from __future__ import annotations

from bk7238.formats import rsn

PROTECTION_POLICY = 31
INVALID_ELEMENT = 40
WRONG_GROUP_CIPHER, WRONG_PAIRWISE_CIPHER, WRONG_MANAGEMENT, WRONG_VERSION = 41, 42, 43, 44
WRONG_INTEGRITY_CIPHER, INVALID_PMKID = 46, 53


def judge(asked: rsn.Rsn, offered: rsn.Rsn) -> int:
    """The status code for what the station's element says, in a network that offers what `offered` says. 0 lets the
    station in."""
    if asked.version != rsn.VERSION:
        return WRONG_VERSION
    if asked.group != offered.group:
        return WRONG_GROUP_CIPHER
    if len(asked.pairwise) != 1 or asked.pairwise[0] not in offered.pairwise:
        return WRONG_PAIRWISE_CIPHER
    if len(asked.management) != 1 or asked.management[0] not in offered.management:
        return WRONG_MANAGEMENT
    if asked.protects_management and offered.protects_management and asked.group_management not in (b"", rsn.BIP_CMAC):
        return WRONG_INTEGRITY_CIPHER
    return 0 if _agree_on_protection(asked, offered) else PROTECTION_POLICY


def _agree_on_protection(asked: rsn.Rsn, offered: rsn.Rsn) -> bool:
    """Whether management frames are protected where one side requires it. Those of SAE are where the network can."""
    both = asked.protects_management and offered.protects_management
    required = (asked.capabilities | offered.capabilities) & rsn.FRAME_PROTECTION_REQUIRED
    return both or not (required or (offered.protects_management and asked.management == (rsn.SAE,)))
