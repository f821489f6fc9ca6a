"""AVIF: the boxes and streams are measured here, the pixels decoded by Pillow's decoder."""

from __future__ import annotations

import math
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from PIL import AvifImagePlugin

from .. import colour_spaces
from ..rasters import BytesRaster, Raster
from . import av1
from .avif_boxes import Boxes
from .base import Decoder, Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..geometry import Size
    from .boxes import Extent

#: Each thread of the decoder takes memory of its own. The default is one for each core.
THREADS = 2
#: A stream has a frame of its own, and keeps up to eight others that it refers to.
MOST_KEPT = 9
#: Pixels that may be decoded for one that is shown: alpha, and some layers. And px in any case.
MOST_LAYERS, ANY_CASE = 8, 40_000_000
#: How many times over the bytes of a file may be read.
MOST_READ = 4
#: A type of item that libavif skips.
SKIPPED = b"skip"

#: Time: for each sample that is decoded, for film grain on it, and for each byte; see ``work()``.
#: Measured.
WORK_SAMPLE, WORK_GRAIN, WORK_BYTE = 1.2, 1.2, 24

# What follows is about memory; see ``need()``.
#: dav1d decodes whole blocks of so many px.
BLOCK_WIDTH = 128
#: Bytes that dav1d notes for the filters that come last, of each pixel and each sample. Fitted.
NOTES_PIXEL, NOTES_SAMPLE = 0.5, 0.13
#: Bytes of one more decoder with its threads, and what libavif notes of a frame of an animation.
#: Measured. It notes as much of so many of its chunks.
ANOTHER_DECODER, FRAME_NOTES, CHUNKS = 750_000, 120, 4


class Avif(Decoder):
    """An AVIF. Of an animation, the first frame.

    Its boxes tell the orientation, and its EXIF does not count: browsers do the same.
    """

    base_memory = int(1.8 * 1024 * 1024)

    def __init__(self, file: IO[bytes]) -> None:
        if not AvifImagePlugin.SUPPORTED:
            raise SyntaxError("a Pillow that was built without AVIF")
        file.seek(0)
        data = bytearray(file.read())
        self._length = len(data)
        for at in Boxes(memoryview(data)).exif:
            # libavif refuses a picture for broken EXIF.
            data[at : at + len(SKIPPED)] = SKIPPED
        # Read once more, as libavif will see them now.
        boxes = Boxes(memoryview(data))
        # Tiles that look alike may be one stream, which is decoded again for each.
        times = Counter(boxes.streams)
        found = av1.coded(_joined(data, list(times)))
        streams = [one for each in found for one in each]
        if not streams:
            raise SyntaxError("an AVIF without a picture")
        self._frames = boxes.frames + boxes.chunks // CHUNKS
        # Of the colours, and then of the alpha if there is one.
        samples = sorted((one.samples for one in streams), reverse=True)
        self._samples = samples[0], samples[1] if len(samples) > 1 else 1
        self._deep = any(one.deep for one in streams)
        self._grain = any(one.grain for one in streams)
        # Pixels of further frames that a stream keeps, as a tile that is made of layers does.
        self._references = max(
            (min(one.frames, MOST_KEPT) - 1) * math.prod(one.size) for one in streams
        )
        # With layers each tile has its own decoder, which keeps its planes until the last is done.
        self._decoders = len(boxes.streams) if boxes.has_layers else 1
        # Private in Pillow 12 and 13. The public load() makes an image of all pixels beside these.
        decoder: Any = vars(AvifImagePlugin)["_avif"].AvifDecoder
        self._decoder = decoder(data, AvifImagePlugin.DECODE_CODEC_CHOICE, THREADS)
        self.size, _, self.mode, profile, _, self.orientation, _ = self._decoder.get_info()
        told = colour_spaces.of_code_points(*boxes.colours) if boxes.colours else None
        self.profile = profile or told or None
        # What is shown may be made of parts, or scaled from more than the boxes say.
        self._coded = tuple(
            max(self.size[side], *(one.size[side] for one in streams)) for side in (0, 1)
        )
        self._decoded = sum(
            count * one.frames * math.prod(one.size)
            for each, count in zip(found, times.values(), strict=True)
            for one in each
        )
        if self._decoded > MOST_LAYERS * math.prod(self.size) + ANY_CASE:
            raise SyntaxError("an AVIF of far more pixels than it shows")

    def need(self, size: Size, _scale: float) -> Need:
        # The boxes may call grey what has colours, which is found out too late.
        mode = self.mode if self._samples[0] == 1 else self.mode.replace("L", "RGB")
        channels, has_alpha, pixels = len(mode), mode == "RGBA", math.prod(size)
        width, height = (
            math.ceil(side * coded / shown)
            for side, coded, shown in zip(size, self._coded, self.size, strict=True)
        )
        decoded = math.ceil(width / BLOCK_WIDTH) * BLOCK_WIDTH * height
        colours, alpha = self._samples
        planes = colours + alpha * has_alpha
        notes = planes * NOTES_SAMPLE + NOTES_PIXEL * (1 + has_alpha)
        # Grain makes another picture. So does alpha where libavif spreads it over the full range.
        pictures = planes * (1 + self._grain + (self._decoders > 1)) + has_alpha
        references = math.ceil(self._references * pixels / math.prod(self.size))
        peak = decoded * (pictures * (1 + self._deep) + notes)
        peak += references * (colours * (1 + self._deep) + NOTES_PIXEL)
        # RGB or RGBA made of the planes, and the copy that Pillow makes of that.
        peak += pixels * 2 * channels
        read = 2 * self._length + FRAME_NOTES * self._frames
        read += ANOTHER_DECODER * (self._decoders - 1)
        return Need(int(peak) + read, channels * pixels, direct=False)

    def work(self, size: Size, _scale: float) -> float:
        planes = self._samples[0] + self._samples[1] * (self.mode == "RGBA")
        each = planes * (WORK_SAMPLE + WORK_GRAIN * self._grain) * (1 + self._deep)
        work = each * self._decoded + WORK_BYTE * self._length + math.prod(self.size)
        return work * math.prod(size) / math.prod(self.size)

    def decode(self, _scale: float) -> Raster:
        data = self._decoder.get_frame(0)[0]
        # Frees the planes that the picture was made of.
        del self._decoder
        if len(data) != len(self.mode) * self.size[0] * self.size[1]:
            raise SyntaxError("an AVIF of another kind than it says")
        return BytesRaster(data, self.size, self.mode)


def _joined(data: bytearray, streams: Sequence[Sequence[Extent]]) -> list[bytes]:
    """Streams of AV1, each of which may lie in the file in several parts."""
    found = [[memoryview(data)[start:end] for start, end in extents] for extents in streams]
    # Parts may overlap.
    if sum(len(part) for parts in found for part in parts) > MOST_READ * len(data):
        raise SyntaxError("an AVIF that uses the same bytes again and again")
    return [b"".join(parts) for parts in found]
