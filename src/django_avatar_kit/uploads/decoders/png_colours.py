"""What a PNG says of its colours: in cICP, iCCP, sRGB, or in gAMA and cHRM.

The first of these that makes sense counts, as the specification has it, and browsers do. cHRM
without gAMA says nothing.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from .. import colour_spaces
from .base import LARGEST_PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Numbers in gAMA and cHRM are so many times what they mean.
FACTOR = 100_000
#: Intents that sRGB may name.
INTENTS = 4
#: What a cICP of RGB in full range ends in. Of anything else, browsers do not know what to do.
RGB_IN_FULL_RANGE = b"\0\1"
#: Where every ICC profile has this word.
PROFILE_MARK = slice(36, 40), b"acsp"


def told_profile(chunks: Mapping[bytes, bytes], embedded: bytes | None) -> bytes | None:
    """The profile that the chunks ask for; None if it is sRGB, or they say nothing.

    ``embedded`` is what was in iCCP, unpacked.
    """
    code = chunks.get(b"cICP", b"")
    if len(code) == 4 and code[2:] == RGB_IN_FULL_RANGE:
        profile = colour_spaces.of_code_points(code[0], code[1])
        if profile is not None:
            return profile or None
    where, mark = PROFILE_MARK
    if embedded is not None and embedded[where] == mark:
        return embedded
    intent = chunks.get(b"sRGB", b"")
    if len(intent) == 1 and intent[0] < INTENTS:
        return None
    return _of_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")) or None


def _of_gamma(gamma: bytes, chromaticities: bytes) -> bytes | None:
    if len(gamma) != 4:
        return None
    pairs = None
    if len(chromaticities) == 8 * 4:
        x_and_y = [each / FACTOR for each in struct.unpack(">8I", chromaticities)]
        white, red, green, blue = zip(x_and_y[::2], x_and_y[1::2], strict=True)
        pairs = (white, red, green, blue)
    return colour_spaces.of_gamma(int.from_bytes(gamma, "big") / FACTOR, pairs)


def unpacked_profile(chunk: bytes) -> bytes | None:
    """The profile in an iCCP chunk; None if it is broken, or too large."""
    # A name, a zero, and the number of the only method there is.
    head = chunk.find(b"\0") + 1
    if not head or chunk[head : head + 1] != b"\0":
        return None
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(memoryview(chunk)[head + 1 :], LARGEST_PROFILE)
    except zlib.error:
        return None
    return profile if unpacking.eof else None
