"""A thousand odd uploads, all made by code and the same each time.

Each says whether it is taken, or with which error it is refused, and whether the marker is in it:
bytes that are no pixels, of which nothing may be found in any file that is stored.
"""

from __future__ import annotations

from functools import cache

from tests.support.corpus import avif, gif, heif, jpeg, others, png, png_damage, webp
from tests.support.corpus.base import EITHER, MARKER, TAKEN, Case

__all__ = ["EITHER", "GROUPS", "MARKER", "TAKEN", "Case", "everything", "of_group"]

_MODULES = {
    "jpeg": (jpeg,),
    "png": (png, png_damage),
    "webp": (webp,),
    "gif": (gif,),
    "avif": (avif,),
    "heif": (heif,),
    "others": (others,),
}
GROUPS = tuple(_MODULES)


@cache
def of_group(group: str) -> tuple[Case, ...]:
    """The cases of a format; those of "others" are of none that is taken, or of two."""
    return tuple(case for module in _MODULES[group] for case in module.cases())


def everything() -> list[Case]:
    return [case for group in GROUPS for case in of_group(group)]
