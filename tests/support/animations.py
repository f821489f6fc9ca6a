"""Animations byte by byte, so that each has exactly the timing and disposal that a test is about.

A frame is a rectangle of one colour, perhaps with a transparent hole in it.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from tests.support.images import BLUE, GREEN, RED, SIGNATURE, chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Box = tuple[int, int, int, int]
Pixel = tuple[int, int, int, int]
SIZE = (16, 12)
WHOLE = (0, 0, *SIZE)
NOTHING: Pixel = (0, 0, 0, 0)
FORMATS = ("gif", "png", "webp")


@dataclass(frozen=True, kw_only=True)
class Frame:
    colour: tuple[int, ...] = RED
    box: Box = WHOLE
    """Left, top, right, bottom."""
    hole: Box | None = None
    """What of it is transparent, in px of the canvas."""
    duration: int = 100
    """In ms."""
    disposal: Literal["keep", "clear", "restore"] = "keep"
    blends: bool = True

    @property
    def size(self) -> tuple[int, int]:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    def image(self) -> Image.Image:
        image = Image.new("RGBA", self.size, (*self.colour, 255)[:4])
        if self.hole:
            left, top, right, bottom = self.hole
            image.paste(
                NOTHING,
                (left - self.box[0], top - self.box[1], right - self.box[0], bottom - self.box[1]),
            )
        return image


THREE = (Frame(colour=RED), Frame(colour=GREEN), Frame(colour=BLUE))


def make(format: str, frames: Sequence[Frame] = THREE, *, plays: int = 0) -> bytes:
    """An animation on a canvas of ``SIZE``, shown so many times (0 for ever)."""
    builders: dict[str, Callable[..., bytes]] = {"gif": gif, "png": png, "webp": webp}
    return builders[format](frames, plays=plays)


def played(frames: Sequence[Frame]) -> list[list[Pixel]]:
    """What is seen at each step, px by px, as the specifications say it."""
    canvas = [NOTHING] * (SIZE[0] * SIZE[1])
    seen = []
    for frame in frames:
        before = list(canvas)
        places = [
            x + SIZE[0] * y
            for y in range(frame.box[1], min(frame.box[3], SIZE[1]))
            for x in range(frame.box[0], min(frame.box[2], SIZE[0]))
        ]
        image = frame.image()
        for place in places:
            x, y = place % SIZE[0] - frame.box[0], place // SIZE[0] - frame.box[1]
            pixel: Any = image.getpixel((x, y))
            canvas[place] = _over(pixel, canvas[place]) if frame.blends else pixel
        seen.append(list(canvas))
        if frame.disposal == "restore":
            canvas = before
        elif frame.disposal == "clear":
            for place in places:
                canvas[place] = NOTHING
    return seen


def _over(above: Pixel, below: Pixel) -> Pixel:
    alpha = above[3] / 255 + below[3] / 255 * (1 - above[3] / 255)
    if not alpha:
        return NOTHING
    red, green, blue = (
        round((a * above[3] / 255 + b * below[3] / 255 * (1 - above[3] / 255)) / alpha)
        for a, b in zip(above[:3], below[:3], strict=True)
    )
    return red, green, blue, round(255 * alpha)


# --- GIF --------------------------------------------------------------------------------------


def gif(
    frames: Sequence[Frame] = THREE, *, plays: int = 0, comment: bytes = b"", end: bytes = b";"
) -> bytes:
    """Each frame has a palette of its own. Without ``plays`` of 1, it says how often it loops."""
    looping = b""
    if plays != 1:
        # How often once more.
        again = plays - 1 if plays else 0
        looping = b"!\xff\x0bNETSCAPE2.0\3\1" + struct.pack("<H", again) + b"\0"
    said = b"!\xfe" + bytes([len(comment)]) + comment + b"\0" if comment else b""
    head = b"GIF89a" + struct.pack("<HHBBB", *SIZE, 0, 0, 0)
    return head + looping + said + b"".join(map(gif_frame, frames)) + end


def gif_frame(frame: Frame) -> bytes:
    disposal = {"keep": 1, "clear": 2, "restore": 3}[frame.disposal]
    transparent = frame.hole is not None
    control = struct.pack("<BHB", disposal << 2 | transparent, frame.duration // 10, 1)
    left, top, *_ = frame.box
    # Two colours: that of the frame, and one that stands for transparent.
    palette = bytes(frame.colour[:3]) + b"\1\2\3"
    pixels = [int(not alpha) for alpha in frame.image().getchannel("A").tobytes()]
    return (
        b"!\xf9\4"
        + control
        + b"\0,"
        + struct.pack("<HHHHB", left, top, *frame.size, 0x80)
        + palette
        + b"\2"
        + _packed(pixels)
    )


def _packed(pixels: Sequence[int]) -> bytes:
    """LZW that begins anew before its codes become longer than three bits."""
    codes = []
    for at, pixel in enumerate(pixels):
        codes += [4] * (at % 2 == 0) + [pixel]
    number = sum(code << 3 * at for at, code in enumerate([*codes, 5]))
    data = number.to_bytes(3 * (len(codes) + 1) // 8 + 1, "little")
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


# --- PNG --------------------------------------------------------------------------------------


def png(
    frames: Sequence[Frame] = THREE,
    *,
    plays: int = 0,
    default: Frame | None = None,
    count: int | None = None,
    unit: int = 1000,
    extra: bytes = b"",
) -> bytes:
    """``default`` is a picture for viewers without animation, and no part of it.

    ``unit``: in how many parts of a second times are given. ``extra``: chunks before the pixels.
    """
    control = struct.pack(">II", len(frames) if count is None else count, plays)
    head = struct.pack(">IIBBBBB", *SIZE, 8, 6, 0, 0, 0)
    parts = [SIGNATURE, chunk(b"IHDR", head), extra, chunk(b"acTL", control)]
    if default:
        parts.append(chunk(b"IDAT", _rows(default)))
    sequence = 0
    for at, frame in enumerate(frames):
        parts.append(chunk(b"fcTL", png_control(sequence, frame, unit)))
        sequence += 1
        if at or default:
            # In two parts, as some encoders write it.
            data = _rows(frame)
            for part in (data[:10], data[10:]):
                parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + part))
                sequence += 1
        else:
            parts.append(chunk(b"IDAT", _rows(frame)))
    return b"".join([*parts, chunk(b"IEND")])


def png_control(sequence: int, frame: Frame, unit: int = 1000) -> bytes:
    left, top, *_ = frame.box
    disposal = ("keep", "clear", "restore").index(frame.disposal)
    time = frame.duration if not unit else frame.duration * unit // 1000
    return struct.pack(
        ">IIIIIHHBB", sequence, *frame.size, left, top, time, unit, disposal, frame.blends
    )


def _rows(frame: Frame) -> bytes:
    data, stride = frame.image().tobytes(), 4 * frame.size[0]
    rows = (b"\0" + data[at : at + stride] for at in range(0, len(data), stride))
    return zlib.compress(b"".join(rows))


# --- WebP -------------------------------------------------------------------------------------


def webp(frames: Sequence[Frame] = THREE, *, plays: int = 0, extra: bytes = b"") -> bytes:
    """Lossless. ``extra``: chunks behind the frames."""
    flags = 0x02 | 0x10 | (0x08 if b"EXIF" in extra else 0)
    body = (
        webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _sides(SIZE))
        + webp_chunk(b"ANIM", bytes(4) + struct.pack("<H", plays))
        + b"".join(webp_chunk(b"ANMF", webp_frame(frame)) for frame in frames)
        + extra
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp_frame(frame: Frame, **options: object) -> bytes:
    out = io.BytesIO()
    frame.image().save(out, "webp", **{"lossless": True, "exact": True, **options})
    left, top, *_ = frame.box
    corner = b"".join((at // 2).to_bytes(3, "little") for at in (left, top))
    flags = (0 if frame.blends else 2) | (frame.disposal == "clear")
    time = frame.duration.to_bytes(3, "little")
    # What follows RIFF, a size and WEBP; without the extended header that alpha brings.
    chunks = out.getvalue()[12:]
    if chunks.startswith(b"VP8X"):
        chunks = chunks[18:]
    return corner + _sides(frame.size) + time + bytes([flags]) + chunks


def _sides(size: tuple[int, int]) -> bytes:
    return b"".join((side - 1).to_bytes(3, "little") for side in size)
