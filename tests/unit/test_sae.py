"""SAE against the vectors of IEEE 802.11-2020, annex J.10, which are those of hostap's own unit tests, too, and P-256
against the arithmetic of `cryptography`."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from bk7238.formats import p256, sae, wpa_keys
from bk7238.formats.p256 import ORDER, P

G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
PASSWORD = b"mekmitasdigoat"
ONE, OTHER = bytes.fromhex("4d3f2fffe387"), bytes.fromhex("a5d8aa958e3c")
RANDOM = 0x992465FD3DAA3C60AA6565B7F62A2A7F2E12DD12F198FAF4FBED89D7FF1ACE94
MASK = 0x9507A90F777A044D6A0830B91EA3D5DD70BECE44E1ACFFB86983B5E1BF9FB322
COMMIT = bytes.fromhex(
    "13002e2c0f0db52440ad146d967114ce005ce1eab0aa2c2e5c2871b774f6c2575c65d5ad9e00829707aa36ba8b859738fc961d08243505f47c"
    "035376d7ac4bc8d7b95083bf43827d0fc31ed778dd3671fd21a46d1091d64b6f9a1e1272621325dbe1"
)
PEER = bytes.fromhex(
    "1300591b96f3397fb945100848e7b550543b6720d88337ee93fc49fd6df7e08b5223e71b9bb048d3873f20556953a96c91536fd8ee6ca9b4a6"
    "8a148b056a909be03e83ae208f60f8ef5537858074db06687032399862999b511e0a1552a5fea317c2"
)
KCK = "1e733f6d9bd53256287304338831b09a39406d121017073a5c30db36f36cb81a"
PMK = "4e4dfab1a2dd8ac1a91790f953faaa452ae5c6873ab75b63605ba663f8a7fe59"
PMKID = "8747a600eea3f9f22475df58ca1e5498"

SCALARS = st.integers(2, ORDER - 1)


def test_hunting_and_pecking_of_the_standard():
    mine = sae.secret(sae.hunt_and_peck(PASSWORD, ONE, OTHER), RANDOM, MASK)
    assert mine.commit.pack(False) == COMMIT
    assert sae.keys(mine, sae.parse_commit(PEER, False)) == tuple(map(bytes.fromhex, (KCK, PMK, PMKID)))


def test_hash_to_element_of_the_standard():
    pt = sae.hash_to_element(b"byteme", PASSWORD, b"psk4internet")
    pwe = sae.tie(pt, bytes.fromhex("00095b66ec1e"), bytes.fromhex("000b6bd90246"))
    assert pwe == (
        0xC93049B9E64000F848201649E999F2B5C22DEA69B5632C9DF4D633B8AA1F6C1E,
        0x73634E94B53D82E7383A8D258199D9DC1A5EE8269D060382CCBF33E614FF59A0,
    )


def test_the_pairwise_keys_of_the_standard():
    """Annex J.13 (802.11az), where 32 bytes more are derived than an access point needs."""
    pmk = bytes.fromhex("def43e5567e01ca6649265f19a290eeff8bd888f6c1d9cc9d10f04bd378f3cad")
    addresses = bytes.fromhex("00904c01c107") + bytes.fromhex("c0ffd4a8dbc1")
    snonce = bytes.fromhex("404b012ffb43ed0fb43ea1f287c91f2506d21b4a92d74b5ea50c943350ce8671")
    anonce = bytes.fromhex("be7a1ca284347b5bd67dbd2dfdb4d99f1afae0b88ba18e008718417e4b27ef5f")
    assert wpa_keys.kdf(pmk, "Pairwise key expansion", addresses + snonce + anonce, 80).hex() == (
        "cd7b9e7555362df0b63568484a8112f599cad3588da0f1e63fd190191039bb4b9e2e9377e7532e737a1bc250fe194a03"
        "6c7fb97ceb55b01acff00f070942bdf5291feb4bee38e0365b25a250bb2ac9ff"
    )


@given(SCALARS)
def test_products_are_those_of_another_library(factor):
    numbers = ec.derive_private_key(factor, ec.SECP256R1()).public_key().public_numbers()
    assert p256.multiply(factor, G) == (numbers.x, numbers.y)


@given(SCALARS, SCALARS)
def test_the_group(one, other):
    p, q = p256.multiply(one, G), p256.multiply(other, G)
    assert p256.add(p, q) == p256.add(q, p) == p256.multiply((one + other) % ORDER, G)
    assert p256.add(p, p) == p256.multiply(2, p)
    assert p256.add(p, p256.negative(p)) is None and p256.add(p, None) == p == p256.add(None, p)
    assert p256.multiply(ORDER, p) is None and p256.multiply(0, p) is None and p256.is_on_curve(*p)


@given(st.binary(min_size=48, max_size=48))
def test_every_number_leads_to_a_point(data):
    assert p256.is_on_curve(*sae.map_to_curve(data))


def test_the_number_that_the_map_cannot_invert_for_leads_to_a_point():
    assert p256.is_on_curve(*sae.map_to_curve(bytes(48)))


@given(st.binary(min_size=8, max_size=63), st.booleans(), st.tuples(SCALARS, SCALARS, SCALARS, SCALARS))
def test_both_sides_come_to_the_same_keys(password, by_hash, numbers):
    pwe = sae.hunt_and_peck(password, ONE, OTHER)
    if by_hash:
        pwe = sae.tie(sae.hash_to_element(b"Bench", password), OTHER, ONE)
    one, other = sae.secret(pwe, *numbers[:2]), sae.secret(pwe, *numbers[2:])
    keys = sae.keys(one, sae.parse_commit(other.commit.pack(by_hash), by_hash))
    assert keys == sae.keys(other, sae.parse_commit(one.commit.pack(by_hash), by_hash))
    message = sae.confirm(keys.kck, 1, one.commit, other.commit)
    assert sae.confirm_matches(message, keys.kck, one.commit, other.commit)
    if one.commit != other.commit:
        assert not sae.confirm_matches(message, keys.kck, other.commit, one.commit)
    assert not sae.confirm_matches(message[:-1], keys.kck, one.commit, other.commit)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x13\x00", b"\x14\x00\x15\x00"]), st.booleans())
def test_a_commit_is_read_as_it_was_written(token, rejected, by_hash):
    commit = sae.parse_commit(COMMIT, False)
    written = sae.Commit(commit.scalar, commit.element, token, rejected if by_hash else b"")
    assert sae.parse_commit(written.pack(by_hash), by_hash) == written
    assert sae.asked_token(sae.token_request(token, by_hash), by_hash) == token
    assert sae.rejected_groups(written) == [
        int.from_bytes(written.rejected[i : i + 2], "little") for i in range(0, len(written.rejected), 2)
    ]


@pytest.mark.parametrize(
    ("body", "by_hash", "error"),
    [
        (b"", False, ValueError),
        (b"\x13", False, ValueError),
        (b"\x14\0" + COMMIT[2:], False, sae.WrongGroup),
        (COMMIT[:-1], False, ValueError),
        (COMMIT[:-1], True, ValueError),
        (COMMIT[:-1] + b"\0", False, ValueError),  # no point
        (COMMIT[:2] + bytes(31) + b"\1" + COMMIT[34:], False, ValueError),
        (COMMIT[:2] + ORDER.to_bytes(32, "big") + COMMIT[34:], False, ValueError),
        (COMMIT[:34] + P.to_bytes(32, "big") + COMMIT[66:], False, ValueError),
        (COMMIT + bytes((255, 2, 33, 65)), True, sae.UnknownIdentifier),
    ],
)
def test_what_is_no_commit(body, by_hash, error):
    with pytest.raises(error):
        sae.parse_commit(body, by_hash)


def test_a_commit_that_leads_to_no_key():
    """The peer's element takes away what its scalar makes of the password element."""
    mine = sae.secret(sae.hunt_and_peck(PASSWORD, ONE, OTHER), RANDOM, MASK)
    element = p256.negative(p256.multiply(7, mine.password))
    with pytest.raises(ValueError, match="no key"):
        sae.keys(mine, sae.Commit(7, element))
    with pytest.raises(ValueError, match="no commit"):
        sae.secret(mine.password, 2, ORDER - 2)
