"""Colours: of an owner, and which of them can be read against which."""

from __future__ import annotations

import colorsys
import hashlib
from functools import cache
from typing import Any

from ..lazy import unwrap
from .owners import link_of

#: WCAG 2.2, success criterion 1.4.3 (AA): letters against their background.
CONTRAST = 4.5

#: Colours of owners: 24 hues, 15 degrees apart, are about as many as can be told apart at a
#: glance, and few enough that the hue says next to nothing about the key it comes from.
HUES = 24
#: Degrees from one to the next.
STEP = 360 // HUES


def identity_of(owner: Any) -> str:
    """A text that stands for the owner, the same in every process; "" for nobody.

    A profile has that of its user, loaded or not.
    """
    owner = unwrap(owner)
    if owner is None:
        return ""
    model, key = type(owner), owner.pk
    link = link_of(model)
    if link is not None and (linked := owner.__dict__.get(link.attname)) is not None:
        model, key = link.related_model, linked
    # A model, its proxies and its children share their keys, and so the text.
    model = model._meta.concrete_model or model
    while getattr(relation := model._meta.pk.remote_field, "parent_link", False):
        model = relation.model
    return f"{model._meta.label_lower}:{key}"


def hue(owner: Any) -> int:
    """A colour for the owner, as an angle in degrees (a multiple of 15); always the same one.

    It is taken from a hash, so that neither keys nor names can be read from it.
    """
    identity = identity_of(owner)
    if not identity:
        return 0
    digest = hashlib.blake2b(identity.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % HUES * STEP


@cache
def color_of(hue: int) -> str:
    """The background for a hue, as ``#rrggbb``: as light as white letters on it allow."""
    # In percent: 60 is light enough that every hue has to come down from it.
    lightness = 60
    while True:
        # Fully saturated, initials would draw more attention than the pictures beside them.
        rgb = colorsys.hls_to_rgb(hue % 360 / 360, lightness / 100, 0.5)
        channels = [round(channel * 255) for channel in rgb]
        # The contrast to white, whose luminance is 1.
        if 1.05 / (_luminance(channels) + 0.05) >= CONTRAST:
            return "#{:02x}{:02x}{:02x}".format(*channels)
        lightness -= 1


def _luminance(channels: list[int]) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2.2 defines it."""
    linear = [
        value / 12.92 if (value := channel / 255) <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
