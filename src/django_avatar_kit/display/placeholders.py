"""The colour behind a picture that is still loading, as a class of ``avatar_kit/avatar.css``.

A strict content security policy refuses ``style="…"``. So the average colour of a picture, which
its name tells, is rounded to one of 64 that the stylesheet lists.
"""

from __future__ import annotations

from ..formats import FORMATS, OPAQUE_MASTER
from ..names import MASTER

#: Shades of red, green and blue, 64 apart: the average colour is missed by 32 of 255 at the most.
SHADES = 4
PREFIX = "avatar-kit-color-"

_OPAQUE = FORMATS[OPAQUE_MASTER].extension


def placeholder_of(key: str | None) -> str:
    """The class for a picture, by the key of its master.

    "" for one that may be transparent somewhere, where the colour would stay, and for a file from
    before the kit.
    """
    match = MASTER.fullmatch(key or "")
    if match is None or match[11] != _OPAQUE or match[9] == "fit":
        return ""
    channels = bytes.fromhex(match[10])
    return PREFIX + "".join(str(channel * SHADES // 256) for channel in channels)
