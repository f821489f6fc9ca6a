"""Conversion of a decoded picture to sRGB, through its ICC profile where it has one."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageCms

from .decoders.base import is_bad_data

#: Modes of Pillow, by the colour space of a profile.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
OPAQUE = (255, 255)
#: A mask of the pixels whose alpha is 0.
INVISIBLE = [255] + [0] * 255

#: The intent that the makers of profiles provide for photographs. Profiles of screens and cameras
#: have one table for all intents. Those of printers always have this one, and theirs for others
#: may be missing. Black ink is black on the screen, too, instead of the dark grey that it is on
#: paper.
INTENT, FLAGS = ImageCms.Intent.PERCEPTUAL, ImageCms.Flags.BLACKPOINTCOMPENSATION
#: Levels of 255. A profile that changes no colour by more than this is sRGB in other words: that
#: of most cameras, which need no conversion then. It takes a third of the time of an upload.
SAME = 2
#: Transforms take as long to build as they take for some hundred thousand pixels. Those of the
#: profiles that came last are kept, if these are small, as those of telephones are (in bytes).
KEPT, LARGEST_KEPT = 4, 16 * 1024

#: The tags of processing in floating point, which may have thousands of steps: a few kilobytes of
#: them take minutes. Browsers do not read them, so their name is changed in the table of tags.
HEAD, TAG, MOST_TAGS = 132, 12, 100
IN_STEPS, UNKNOWN = b"D2B", b"d2b"

Transform = tuple[str, ImageCms.ImageCmsTransform]
"""From pixels of this mode to RGB in sRGB."""

_every_16th = range(0, 256, 17)
_PROBE = Image.frombytes(
    "RGB",
    (64, 64),
    bytes(v for r in _every_16th for g in _every_16th for b in _every_16th for v in (r, g, b)),
)
_RAMP = Image.frombytes("L", (256, 1), bytes(range(256)))


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in RGB; in RGBA only if some pixel is not opaque.

    Invisible pixels are black: an editor may have left there what somebody has erased.
    """
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    if alpha is not None:
        image = image.convert(image.mode.removesuffix("A"))
    converted = _converted(image, profile) if profile else None
    if converted is None:
        converted = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is not None and alpha.getextrema() != OPAQUE:
        converted.paste((0, 0, 0), mask=alpha.point(INVISIBLE))
        converted.putalpha(alpha)
    return converted


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """In sRGB; None if the profile is that, is broken, or belongs to another kind of picture."""
    try:
        found = _kept(profile) if len(profile) <= LARGEST_KEPT else _transform(profile)
        if found is None:
            return None
        mode, transform = found
        if image.mode == "L" and mode in {"L", "RGB"}:
            # A table of 256 values: fast, and all three channels stay the same.
            ramp = transform.apply(_RAMP.convert(mode))
            return image.point(ramp.getchannel("G").tobytes()).convert("RGB")
        return transform.apply(image) if image.mode == mode else None
    except Exception as error:
        if not is_bad_data(error):
            raise
        return None


def _transform(profile: bytes) -> Transform | None:
    """None if it would change nothing, or belongs to no kind of picture."""
    if IN_STEPS in (head := profile[: HEAD + TAG * MOST_TAGS]):
        profile = head.replace(IN_STEPS, UNKNOWN) + profile[len(head) :]
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = MODES.get(source.profile.xcolor_space.strip())
    if mode is None:
        return None
    # Grey is converted by a table in any case, so it may be slow and exact: LittleCMS' shortcut
    # is off by ten levels in the shadows of linear light.
    flags = FLAGS | ImageCms.Flags.NOOPTIMIZE if mode == "L" else FLAGS
    transform = ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=INTENT, flags=flags
    )
    if mode == "RGB":
        changes = ImageChops.difference(_PROBE, transform.apply(_PROBE))
        if max(changes.tobytes()) <= SAME:
            return None
    return mode, transform


_kept = lru_cache(maxsize=KEPT)(_transform)
