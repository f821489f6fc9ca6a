"""ICC profiles built by hand: of screens, by three primaries and a curve; and of inks, by a table.

The numbers are those that Apple, Adobe and HP put into their profiles, where they have any.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

from tests.support import colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.colours import Triple

#: XYZ of red, green and blue under D50.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.1571, 0.06657, 0.78407),
)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
VERSION_2, VERSION_4 = 0x02400000, 0x04200000


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(exponent: float) -> bytes:
    """A curve."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


#: The curve of sRGB: by its formula, as Apple writes it, and as a table, as HP and cameras do.
SRGB_FORMULA = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_TABLE = b"curv\0\0\0\0" + struct.pack(
    ">I1024H", 1024, *(round(65535 * colours.linear(place / 1023)) for place in range(1024))
)
WHITE = xyz(*colours.D50)


def profile(
    tags: dict[bytes, bytes],
    *,
    space: bytes = b"RGB ",
    connection: bytes = b"XYZ ",
    kind: bytes = b"mntr",
    version: int = VERSION_4,
) -> bytes:
    tags = {b"wtpt": WHITE, **tags}
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    head = struct.pack(">I4xI", start + len(data), version) + kind + space + connection
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*colours.D50)
    return head.ljust(128, b"\0") + table + data


def of_screen(
    primaries: Sequence[Triple] = DISPLAY_P3,
    curve: bytes = SRGB_FORMULA,
    *,
    kind: bytes = b"mntr",
    version: int = VERSION_4,
    more: dict[bytes, bytes] | None = None,
) -> bytes:
    tags = {
        name: xyz(*each) for name, each in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(tags | (more or {}), kind=kind, version=version)


def of_grey(exponent: float, *, connection: bytes = b"XYZ ") -> bytes:
    return profile({b"kTRC": gamma(exponent)}, space=b"GRAY", connection=connection)


# --- inks -------------------------------------------------------------------------------------

#: Points of the table for each ink.
GRID = 5
#: L* of all inks together, and how much light each ink alone leaves of red, green and blue.
BLACK = 10.0
LEFT: tuple[Triple, ...] = (
    (0.10, 0.58, 0.80),
    (0.75, 0.08, 0.38),
    (0.98, 0.86, 0.06),
    (0.02, 0.02, 0.02),
)


def lab_of_inks(inks: Sequence[float]) -> Triple:
    """What a printer makes of inks from 0 to 1: under D50, black as deep as ``BLACK``."""
    light = [1.0, 1.0, 1.0]
    for amount, left in zip(inks, LEFT, strict=True):
        light = [own * (1 - amount * (1 - part)) for own, part in zip(light, left, strict=True)]
    red, green, blue = light
    lightness, a, b = colours.lab(colours.srgb_of_light((red, green, blue)))
    return BLACK + (100 - BLACK) * lightness / 100, 0.8 * a, 0.8 * b


def table_of_inks() -> list[Triple]:
    steps = [step / (GRID - 1) for step in range(GRID)]
    return [lab_of_inks(inks) for inks in itertools.product(steps, repeat=4)]


def of_inks(*, version: int = VERSION_2) -> bytes:
    """A profile of CMYK whose table has 16 bits."""
    identity = fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    points = b"".join(
        struct.pack(">3H", *(round(value) for value in (
            own[0] / 100 * 0xFF00, (own[1] + 128) * 256, (own[2] + 128) * 256
        )))
        for own in table_of_inks()
    )  # fmt: skip
    straight = struct.pack(">2H", 0, 0xFFFF)
    head = b"mft2\0\0\0\0" + bytes((4, 3, GRID, 0)) + identity + struct.pack(">2H", 2, 2)
    table = head + straight * 4 + points + straight * 3
    return profile(
        {b"A2B0": table}, space=b"CMYK", connection=b"Lab ", kind=b"prtr", version=version
    )


def srgb_of_inks(inks: Sequence[float], table: Sequence[Triple]) -> Triple:
    """What the table says between its points, with black as the black of the screen."""
    lab = [0.0, 0.0, 0.0]
    cells = [min(GRID - 2, int(amount * (GRID - 1))) for amount in inks]
    parts = [amount * (GRID - 1) - cell for amount, cell in zip(inks, cells, strict=True)]
    for corner in itertools.product((0, 1), repeat=4):
        share, place = 1.0, 0
        for cell, part, step in zip(cells, parts, corner, strict=True):
            share *= part if step else 1 - part
            place = place * GRID + cell + step
        if share:
            lab = [own + share * at for own, at in zip(lab, table[place], strict=True)]
    return _on_screen((lab[0], lab[1], lab[2]), table[-1][0])


def _on_screen(lab: Triple, black: float) -> Triple:
    """Light is scaled, so that none is left where all inks are: black point compensation."""
    (_x, darkest, _z) = colours.xyz_of_lab((black, 0, 0))
    x, y, z = (
        (own - darkest * white) / (1 - darkest)
        for own, white in zip(colours.xyz_of_lab(lab), colours.D50, strict=True)
    )
    return colours.srgb_of_light(colours.times(colours.FROM_XYZ_D50, (x, y, z)))
