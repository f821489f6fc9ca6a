"""AVIF: Pillow's decoder, without the picture that Pillow makes of what it gives."""

from __future__ import annotations

import re
from typing import IO

from PIL.AvifImagePlugin import AvifImageFile

from . import exact, memory
from .rasters import BytesRaster, Raster

# A box of four bytes; the third has the flags that tell what the planes are made of.
CONFIGURATION = re.compile(rb"av1C\x81.(.)", re.DOTALL)
DEEP, GREY, HALF_ACROSS, HALF_DOWN = 0x40, 0x10, 0x08, 0x04


class Avif:
    """An AVIF, opened, which does not decode it yet. Of a sequence, the first picture."""

    format = "AVIF"

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        data = file.read()
        self._length = len(data)
        flags = [found[1][0] for found in CONFIGURATION.finditer(data)]
        self._samples = max(map(_samples, flags), default=3)
        self._deep = any(flag & DEEP for flag in flags) or not flags
        file.seek(0)
        del data
        image = AvifImageFile(file)
        self.size: exact.Size = image.size
        self._raw = self.mode = image.mode
        self.exif: bytes = image.info.get("exif", b"")
        self.profile: bytes | None = image.info.get("icc_profile")
        self._decoder = image._decoder

    def divisor(self, _scale: float) -> int:
        """There is no smaller decode."""
        return 1

    def need(self, size: exact.Size, _scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        return memory.avif(
            size, file=self._length, samples=self._samples, deep=self._deep, raw=self._raw
        )

    def spare(self) -> None:
        """There is no way that takes less memory."""

    def decode(self, _scale: float) -> Raster:
        """At full size."""
        data = self._decoder.get_frame(0)[0]
        # With it go the planes that the picture was made of.
        del self._decoder
        return BytesRaster(data, self.size, self._raw)


def _samples(flags: int) -> float:
    """Of a pixel's colours, as the planes hold them."""
    if flags & GREY:
        return 1
    return 1 + 2 / (1 + bool(flags & HALF_ACROSS)) / (1 + bool(flags & HALF_DOWN))
