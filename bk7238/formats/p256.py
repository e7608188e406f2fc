"""The elliptic curve P-256 (secp256r1), as the group that SAE calculates in.

A point is (x, y), the neutral element None. Nothing here takes the same time for every number: it is no code for
secrets. `cryptography` multiplies for ECDH and signatures only, and has no sum of two points.
Source: FIPS 186-4, D.1.2.3; formulas for Jacobian coordinates (X/Z^2, Y/Z^3) of curves with a = -3: "dbl-2001-b" and
"add-2007-bl" of the Explicit-Formulas Database.
"""

from __future__ import annotations

Point = tuple[int, int] | None

P = 0xFFFFFFFF_00000001_00000000_00000000_00000000_FFFFFFFF_FFFFFFFF_FFFFFFFF
"""The prime of the field."""
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
A = P - 3
B = 0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B
SIZE = 32
"""Bytes of a coordinate and of a scalar."""

_Jacobian = tuple[int, int, int]  # Z is 0 for the neutral element
_NEUTRAL = (1, 1, 0)


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
    return _affine(_sum(_jacobian(one), _jacobian(other)))


def multiply(factor: int, point: Point) -> Point:
    """The point added to itself `factor` times; `factor` is not negative."""
    base, result = _jacobian(point), _NEUTRAL
    for bit in bin(factor)[2:]:
        result = _double(result)
        if bit == "1":
            result = _sum(result, base)
    return _affine(result)


def _jacobian(point: Point) -> _Jacobian:
    return _NEUTRAL if point is None else (*point, 1)


def _affine(point: _Jacobian) -> Point:
    x, y, z = point
    if not z:
        return None
    inverse = pow(z, -1, P)
    return x * inverse**2 % P, y * inverse**3 % P


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    delta, gamma = z * z % P, y * y % P
    beta, alpha = x * gamma % P, 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P, ((y + z) ** 2 - gamma - delta) % P


def _sum(one: _Jacobian, other: _Jacobian) -> _Jacobian:
    x1, y1, z1 = one
    x2, y2, z2 = other
    if not z1 or not z2:
        return one if z1 else other
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, s1 = x1 * zz2 % P, y1 * z2 * zz2 % P
    h, r = (x2 * zz1 - u1) % P, 2 * (y2 * z1 * zz1 - s1) % P
    if not h:
        return _NEUTRAL if r else _double(one)
    i = 4 * h * h % P
    j, v = h * i % P, u1 * i % P
    x3 = (r * r - j - 2 * v) % P
    return x3, (r * (v - x3) - 2 * s1 * j) % P, ((z1 + z2) ** 2 - zz1 - zz2) * h % P
