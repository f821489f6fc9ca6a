"""ICC profiles of colour spaces that a file describes in numbers instead of by a profile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What stands for sRGB, which needs no profile. None stands for “the file does not say”.
SRGB = b""

Pair = tuple[float, float]
Chromaticities = tuple[Pair, Pair, Pair, Pair]
"""x and y of white, red, green and blue, as CIE 1931 has them."""
Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]
"""Row by row."""

D65 = (0.3127, 0.3290)
BT709: Chromaticities = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3: Chromaticities = (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT2020: Chromaticities = (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))

#: By the code points of ITU-T H.273. What is missing is unknown, or no space of a screen.
PRIMARIES: Mapping[int, Chromaticities] = {1: BT709, 9: BT2020, 12: DISPLAY_P3}
#: Parameters of a curve, as ICC numbers them: all of sRGB's, or an exponent alone.
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
#: By the same code points. Those of television get the curve of sRGB, as browsers show them. The
#: missing ones are of more light than sRGB has.
TRANSFERS: Mapping[int, Sequence[float]] = {
    **dict.fromkeys((1, 6, 13, 14, 15), SRGB_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
}
#: Types of ICC's curves, by how many parameters they have.
CURVE_TYPES = {1: 0, 5: 3}

#: What a PNG of sRGB says of its gamma, and how far off it may be. libpng uses the same share.
SRGB_GAMMA, ALMOST = 1 / 2.2, 0.05
LEAST_GAMMA, MOST_GAMMA = 0.1, 10.0
#: Chromaticities that differ by no more than this are the same, rounded in another way.
CLOSE = 0.002
#: The three primaries together are white, which is 1. No part of one is far beyond that.
MOST = 4.0

#: The light of ICC profiles, as XYZ; and Bradford's cone responses, by which colours under another
#: light are adapted to it.
D50: Vector = (0.9642, 1.0, 0.8249)
BRADFORD: Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)


def of_gamma(gamma: float, chromaticities: Chromaticities | None) -> bytes | None:
    """The profile of what a PNG says in gAMA and cHRM; None if it makes no sense.

    ``gamma`` is the exponent by which light became a value: 1 for linear light.
    """
    if not LEAST_GAMMA <= gamma <= MOST_GAMMA:
        return None
    if chromaticities is None or _are_close(chromaticities, BT709):
        if abs(gamma / SRGB_GAMMA - 1) <= ALMOST:
            return SRGB
        chromaticities = BT709
    return _profile(chromaticities, (1 / gamma,))


def of_code_points(primaries: int, transfer: int) -> bytes | None:
    """The profile of a pair of code points; None if one is unknown, or says nothing."""
    if primaries not in PRIMARIES or transfer not in TRANSFERS:
        return None
    if (primaries, TRANSFERS[transfer]) == (1, SRGB_CURVE):
        return SRGB
    return _profile(PRIMARIES[primaries], TRANSFERS[transfer])


def _are_close(one: Chromaticities, other: Chromaticities) -> bool:
    pairs = zip(one, other, strict=True)
    return all(abs(a[at] - b[at]) <= CLOSE for a, b in pairs for at in (0, 1))


# --- light ------------------------------------------------------------------------------------


def _under_d50(chromaticities: Chromaticities) -> Matrix | None:
    """XYZ of red, green and blue under D50; None if no screen can have these primaries."""
    try:
        white, *primaries = ((x / y, 1.0, (1 - x - y) / y) for x, y in chromaticities)
        # How much of each primary gives white together.
        shares = _solved(tuple(zip(*primaries, strict=True)), white)
        scales = [to / own for to, own in zip(_cones(D50), _cones(white), strict=True)]
    except ZeroDivisionError:
        return None
    found = []
    for share, primary in zip(shares, primaries, strict=True):
        cones = [share * scale * own for scale, own in zip(scales, _cones(primary), strict=True)]
        found.append(_solved(BRADFORD, cones))
    return tuple(found) if all(abs(part) <= MOST for each in found for part in each) else None


def _cones(xyz: Sequence[float]) -> Vector:
    return tuple(sum(a * b for a, b in zip(row, xyz, strict=True)) for row in BRADFORD)


def _solved(matrix: Matrix, values: Sequence[float]) -> Vector:
    """x where ``matrix`` · x is ``values``, by Cramer's rule. May raise ``ZeroDivisionError``."""
    whole = _determinant(matrix)
    rows = list(zip(matrix, values, strict=True))
    replaced = [
        tuple((*row[:at], value, *row[at + 1 :]) for row, value in rows) for at in range(3)
    ]
    return tuple(_determinant(each) / whole for each in replaced)


def _determinant(matrix: Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


# --- the file ---------------------------------------------------------------------------------


def _profile(chromaticities: Chromaticities, curve: Sequence[float]) -> bytes | None:
    """An ICC profile of version 4: three primaries, and one curve for all of them."""
    primaries = _under_d50(chromaticities)
    if primaries is None:
        return None
    tags = {b"wtpt": _xyz(D50)}
    for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags |= {letter + b"XYZ": _xyz(primary), letter + b"TRC": _curve(curve)}
    at, table = 132 + 12 * len(tags), struct.pack(">I", len(tags))
    for name, data in tags.items():
        table += name + struct.pack(">II", at, len(data))
        at += len(data)
    head = struct.pack(">I4xI", at, 0x04200000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    head = (head + bytes(28) + _fixed(D50)).ljust(128, b"\0")
    return head + table + b"".join(tags.values())


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _curve(parameters: Sequence[float]) -> bytes:
    kind = CURVE_TYPES[len(parameters)]
    return b"para" + struct.pack(">4xH2x", kind) + _fixed(parameters)


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
