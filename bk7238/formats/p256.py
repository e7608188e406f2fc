"""The elliptic curve P-256 (secp256r1), as the group that SAE calculates in.

A point is (x, y), the neutral element None. Nothing here takes the same time for every number: it is no code for
secrets. `cryptography` has no sum of two points, and of a product it gives the x that ECDH agrees on.
Source: FIPS 186-4, D.1.2.3; Okeya and Sakurai, CHES 2001, for the y of a product.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

Point = tuple[int, int] | None

P = 0xFFFFFFFF_00000001_00000000_00000000_00000000_FFFFFFFF_FFFFFFFF_FFFFFFFF
"""The prime of the field."""
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
A = P - 3
B = 0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B
SIZE = 32
"""Bytes of a coordinate and of a scalar."""

_CURVE = ec.SECP256R1()


def right_side(x: int) -> int:
    """y^2 of a point with this x."""
    return (x * x * x + A * x + B) % P


def square_root(value: int) -> int | None:
    """One of the two square roots modulo `P`; None where there is none."""
    root = pow(value, (P + 1) // 4, P)
    return root if root * root % P == value % P else None


def is_on_curve(x: int, y: int) -> bool:
    """Whether the two are coordinates of a point."""
    return 0 <= x < P and 0 <= y < P and y * y % P == right_side(x)


def negative(point: Point) -> Point:
    """The point that makes the neutral element with this one."""
    return None if point is None else (point[0], -point[1] % P)


def add(one: Point, other: Point) -> Point:
    """The sum of two points."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    elif y1 == y2:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        return None
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(factor: int, point: Point) -> Point:
    """The point added to itself `factor` times. Raises ValueError for what is no point of the curve."""
    factor %= ORDER
    if point is None or not factor:
        return None
    if factor in (1, ORDER - 1):
        return point if factor == 1 else negative(point)
    x, y = point
    public = ec.EllipticCurvePublicNumbers(x, y, _CURVE).public_key()
    here, after = (_x(number, public) for number in (factor, factor + 1))
    # The slope from the point to its product gives the x of their sum, and so the one y of the product.
    squares = right_side(here) + y * y - (after + here + x) * (here - x) ** 2
    return here, squares * pow(2 * y, -1, P) % P


def _x(factor: int, public: ec.EllipticCurvePublicKey) -> int:
    return int.from_bytes(ec.derive_private_key(factor, _CURVE).exchange(ec.ECDH(), public), "big")
