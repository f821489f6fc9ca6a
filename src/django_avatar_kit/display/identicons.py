"""Identicons: a symmetric figure for each owner, from a hash, and the SVG that shows it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from .colors import HUES, STEP, color_of, hue, identity_of
from .initials import SILHOUETTE

#: Cells in a row and a column. The left half and the middle column are drawn from the hash, and
#: the right half mirrors the left.
CELLS = 5
_HALF = CELLS // 2 + 1
_DRAWN = CELLS * _HALF
#: Cells of the drawn half that may be filled: a figure is neither a few dots nor nearly a square.
_FILLED = range(5, 11)
#: Side of a cell in the view box of 64 × 64. All cells together fit into its inner circle.
_SIDE = 8
_MARGIN = (64 - CELLS * _SIDE) // 2

_CODE = re.compile("[0-9a-f]{5}")

#: Where all 16 figures of a hash are too sparse or too dense, as one hash in 10^15 has it.
_ANY_FIGURE = 0b101_010_111_010_101


def code_of(owner: Any, salt: str = "") -> str:
    """Figure and colour of an owner's identicon, as five hexadecimal digits for a URL.

    The figure is a keyed hash, so that nobody can try which owner it belongs to. ``salt`` is the
    key, the site's ``SECRET_KEY`` without one.
    """
    identity = identity_of(owner)
    if not identity:
        return "00000"
    figure = _figure_of(identity, salt or settings.SECRET_KEY)
    return f"{figure * (HUES) + hue(owner) // STEP:05x}"


def drawing_of(code: str) -> str | None:
    """What stands inside the ``<svg>``, whose view box is 64 × 64; None for no code of the kit.

    That of nobody is the silhouette that initials have as well.
    """
    if not _CODE.fullmatch(code):
        return None
    figure, step = divmod(int(code, 16), HUES)
    return _drawing(figure, step * STEP) if figure < 1 << _DRAWN else None


@lru_cache(maxsize=4096)
def _figure_of(identity: str, key: str | bytes) -> int:
    made = salted_hmac("django_avatar_kit.identicon", identity, key, algorithm="sha256").digest()
    pairs = zip(made[::2], made[1::2], strict=True)
    figures = ((high << 8 | low) & ((1 << _DRAWN) - 1) for high, low in pairs)
    return next((each for each in figures if each.bit_count() in _FILLED), _ANY_FIGURE)


@lru_cache(maxsize=4096)
def _drawing(figure: int, hue: int) -> str:
    if not figure:
        return SILHOUETTE
    path = "".join(
        f"M{_MARGIN + start * _SIDE} {_MARGIN + row * _SIDE}"
        f"h{(end - start) * _SIDE}v{_SIDE}h-{(end - start) * _SIDE}z"
        for row in range(CELLS)
        for start, end in _runs(figure >> row * _HALF)
    )
    return (
        f'<rect width="64" height="64" fill="{color_of(hue)}"/>'
        f'<path fill="#fff" shape-rendering="crispEdges" d="{path}"/>'
    )


def _runs(half: int) -> list[tuple[int, int]]:
    """First filled column, and the column behind the last, of each run in a row.

    ``half`` has a bit for the middle column (1) and each of those outwards (2, 4).
    """
    filled = [bool(half >> abs(column - CELLS // 2) & 1) for column in range(CELLS)]
    starts = [i for i in range(CELLS) if filled[i] and (i == 0 or not filled[i - 1])]
    ends = [i + 1 for i in range(CELLS) if filled[i] and (i == CELLS - 1 or not filled[i + 1])]
    return list(zip(starts, ends, strict=True))
