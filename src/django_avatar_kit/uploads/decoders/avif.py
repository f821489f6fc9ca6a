"""AVIF: Pillow's decoder, without the picture that Pillow makes of what it gives."""

from __future__ import annotations

import math
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from PIL import AvifImagePlugin

from .. import memory
from ..rasters import BytesRaster, Raster
from . import av1, base
from .avif_boxes import Boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .avif_boxes import Place

#: Each thread of the decoder takes memory of its own, and by default there is one for each core.
THREADS = 2
#: A stream has a frame of its own, and keeps up to eight others that it refers to.
MOST_KEPT = 9
#: All that is decoded, in px: alpha and four layers of what is shown; and so many in any case.
MOST_LAYERS, ANY_CASE = 8, 40_000_000
#: Chunks of an animation that take as much memory as a frame.
CHUNKS = 4
#: How often the bytes of a file may be read.
MOST_READ = 4
#: A type of item that nobody knows.
NOTHING = b"skip"


class Avif:
    """An AVIF, opened, which does not decode it yet. Of a sequence, the first picture.

    As for browsers, which way up it is stands in its boxes, and nothing in its EXIF counts.
    """

    format = "AVIF"

    def __init__(self, file: IO[bytes]) -> None:
        if not AvifImagePlugin.SUPPORTED:
            raise SyntaxError("a Pillow that was built without AVIF")
        file.seek(0)
        data = bytearray(file.read())
        self._length = len(data)
        for at in Boxes(memoryview(data)).exif:
            # libavif refuses a picture for a broken one.
            data[at : at + len(NOTHING)] = NOTHING
        # Read once more, now that they are what libavif will see.
        boxes = Boxes(memoryview(data))
        # Tiles that look alike may be one and the same, which is decoded again for each.
        times = Counter(boxes.streams)
        found = av1.coded(_joined(data, list(times)))
        streams = [one for each in found for one in each]
        if not streams:
            raise SyntaxError("an AVIF without a picture")
        self._noted = boxes.frames + boxes.chunks // CHUNKS
        # Of the colours, and then of the alpha if there is one.
        samples = sorted((one.samples for one in streams), reverse=True)
        self._samples = samples[0], samples[1] if len(samples) > 1 else 1
        self._deep = any(one.deep for one in streams)
        self._grain = any(one.grain for one in streams)
        # A tile of many, say, that is put together from layers.
        self._beside = max(
            (min(one.frames, MOST_KEPT) - 1) * math.prod(one.size) for one in streams
        )
        self._decoders = len(boxes.streams) if boxes.has_layers else 1
        decoder: Any = vars(AvifImagePlugin)["_avif"].AvifDecoder
        self._decoder = decoder(data, AvifImagePlugin.DECODE_CODEC_CHOICE, THREADS)
        size, _frames, mode, profile, _exif, way, _xmp = self._decoder.get_info()
        self.size: base.Size = size
        self.orientation: int = way
        self._raw = self.mode = mode
        self.profile: bytes | None = profile or None
        # What is shown may be made of parts, or scaled from more than the file says.
        self._coded = (
            max(size[0], *(one.size[0] for one in streams)),
            max(size[1], *(one.size[1] for one in streams)),
        )
        decoded = sum(
            count * one.frames * math.prod(one.size)
            for each, count in zip(found, times.values(), strict=True)
            for one in each
        )
        if decoded > MOST_LAYERS * math.prod(size) + ANY_CASE:
            raise SyntaxError("an AVIF of far more pixels than it shows")

    def divisor(self, _scale: float) -> int:
        """There is no smaller decode."""
        return 1

    def need(self, size: base.Size, _scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        coded = tuple(
            math.ceil(side * coded / shown)
            for side, coded, shown in zip(size, self._coded, self.size, strict=True)
        )
        return memory.avif(
            size,
            coded=(coded[0], coded[1]),
            file=self._length,
            frames=self._noted,
            decoders=self._decoders,
            beside=math.ceil(self._beside * math.prod(size) / math.prod(self.size)),
            samples=self._samples,
            deep=self._deep,
            grain=self._grain,
            # The file may call grey what has colours, which is found out too late.
            raw=self._raw if self._samples[0] == 1 else self._raw.replace("L", "RGB"),
        )

    def spare(self) -> None:
        """There is no way that takes less memory."""

    def decode(self, _scale: float) -> Raster:
        """At full size."""
        data = self._decoder.get_frame(0)[0]
        # With it go the planes that the picture was made of.
        del self._decoder
        if len(data) != len(self._raw) * self.size[0] * self.size[1]:
            raise SyntaxError("an AVIF of another kind than it says")
        return BytesRaster(data, self.size, self._raw)


def _joined(data: bytearray, streams: Sequence[Sequence[Place]]) -> list[bytes]:
    """Streams of AV1, each of which may lie in the file in several parts."""
    found = [[memoryview(data)[start:end] for start, end in places] for places in streams]
    # Some of them may be part of others.
    if sum(len(part) for parts in found for part in parts) > MOST_READ * len(data):
        raise SyntaxError("an AVIF that uses the same bytes again and again")
    return [b"".join(parts) for parts in found]
