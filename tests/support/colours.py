"""Colours in plain floating point, by published matrices and formulas. No colour management.

Pictures are compared with what is computed here. A colour is red, green and blue from 0 to 1, or
L*, a* and b* under D65.
"""

from __future__ import annotations

import math

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

#: Linear light of Display P3 and of Adobe RGB (1998), in that of sRGB.
FROM_DISPLAY_P3: Matrix = (
    (1.2249401, -0.2249402, 0.0),
    (-0.0420569, 1.0420571, 0.0),
    (-0.0196376, -0.0786361, 1.0982735),
)
FROM_ADOBE_RGB: Matrix = (
    (1.3982832, -0.3982831, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, -0.0429383, 1.0429383),
)
#: Linear light of sRGB as XYZ under D65, and XYZ under D50 (as in ICC profiles) as linear sRGB.
TO_XYZ: Matrix = (
    (0.4123908, 0.3575843, 0.1804808),
    (0.2126390, 0.7151687, 0.0721923),
    (0.0193308, 0.1191948, 0.9505322),
)
FROM_XYZ_D50: Matrix = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
D65: Triple = (0.95047, 1.0, 1.08883)
D50: Triple = (0.9642, 1.0, 0.8249)
ADOBE_GAMMA = 563 / 256


def times(matrix: Matrix, colour: Triple) -> Triple:
    one, two, three = (sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix)
    return one, two, three


def linear(value: float) -> float:
    """Light of a value of sRGB."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded(light: float) -> float:
    """The value of sRGB for some light, which is limited to what a screen can show."""
    light = min(1.0, max(0.0, light))
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def srgb_of_light(light: Triple) -> Triple:
    red, green, blue = (encoded(each) for each in light)
    return red, green, blue


def from_display_p3(colour: Triple) -> Triple:
    red, green, blue = (linear(each) for each in colour)
    return srgb_of_light(times(FROM_DISPLAY_P3, (red, green, blue)))


def from_adobe_rgb(colour: Triple) -> Triple:
    red, green, blue = (each**ADOBE_GAMMA for each in colour)
    return srgb_of_light(times(FROM_ADOBE_RGB, (red, green, blue)))


def xyz_of_lab(lab: Triple, white: Triple = D50) -> Triple:
    middle = (lab[0] + 16) / 116
    steps = (middle + lab[1] / 500, middle, middle - lab[2] / 200)
    x, y, z = (
        own * (step**3 if step > 6 / 29 else 3 * (6 / 29) ** 2 * (step - 4 / 29))
        for own, step in zip(white, steps, strict=True)
    )
    return x, y, z


def lab(colour: Triple) -> Triple:
    """L*, a*, b* of a colour of sRGB."""
    red, green, blue = (linear(each) for each in colour)
    xyz = times(TO_XYZ, (red, green, blue))
    x, y, z = (_lightness(own / white) for own, white in zip(xyz, D65, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _lightness(share: float) -> float:
    return share ** (1 / 3) if share > (6 / 29) ** 3 else share / (3 * (6 / 29) ** 2) + 4 / 29


def ciede2000(one: Triple, other: Triple) -> float:
    """ΔE2000 of two colours in L*a*b*. From about 1 on, a trained eye may see a difference.

    The steps and names are those of Sharma, Wu and Dalal (2005).
    """
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn, mean_h = _hues(h1, h2, grey=c1 * c2 == 0)
    delta_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * math.cos(math.radians(mean_h - 30))
        + 0.24 * math.cos(math.radians(2 * mean_h))
        + 0.32 * math.cos(math.radians(3 * mean_h + 6))
        - 0.20 * math.cos(math.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / math.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    r_c = 2 * math.sqrt(mean_c**7 / (mean_c**7 + 25**7))
    r_t = -r_c * math.sin(math.radians(60 * math.exp(-(((mean_h - 275) / 25) ** 2))))
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return math.sqrt(light**2 + chroma**2 + hue**2 + r_t * chroma * hue)


def _hues(h1: float, h2: float, *, grey: bool) -> tuple[float, float]:
    """The turn from one hue to the other the short way, and the hue in the middle, in degrees."""
    if grey:
        return 0, h1 + h2
    turn = (h2 - h1 + 180) % 360 - 180
    if abs(h1 - h2) <= 180:
        return h2 - h1, (h1 + h2) / 2
    return turn, ((h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2)
