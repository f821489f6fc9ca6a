"""Made-up portraits: the same seed draws the same face."""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random
from typing import Literal

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Shape = Literal["square", "portrait", "landscape"]

#: Width and height of what is drawn, in px.
_CANVAS: dict[Shape, tuple[int, int]] = {
    "square": (1080, 1080),
    "portrait": (960, 1280),
    "landscape": (1440, 1080),
}
# Pairs of colours that look well behind a face: top and bottom.
_BACKGROUNDS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 214, 165), (255, 138, 101)),
    ((179, 229, 252), (77, 150, 214)),
    ((200, 230, 201), (88, 160, 118)),
    ((225, 204, 245), (139, 108, 196)),
    ((255, 236, 179), (242, 178, 72)),
    ((248, 187, 208), (206, 92, 138)),
    ((178, 223, 219), (52, 140, 138)),
    ((207, 216, 220), (96, 125, 139)),
)
_SKINS: tuple[Colour, ...] = (
    (255, 222, 196),
    (244, 200, 164),
    (226, 172, 128),
    (190, 132, 90),
    (150, 98, 64),
    (104, 66, 44),
)
_HAIRS: tuple[Colour, ...] = (
    (36, 28, 26),
    (74, 46, 30),
    (122, 74, 38),
    (196, 142, 74),
    (170, 68, 38),
    (196, 196, 200),
)
_CLOTHES: tuple[Colour, ...] = (
    (40, 62, 102),
    (176, 58, 72),
    (52, 104, 92),
    (236, 232, 222),
    (92, 72, 132),
    (214, 138, 56),
    (56, 60, 68),
)


@dataclass(frozen=True, kw_only=True)
class _Face:
    skin: Colour
    hair: Colour
    clothes: Colour
    cut: str
    #: Half of the head's width and height, in units of the drawing (the head is about 1 high).
    width: float
    height: float
    glasses: bool
    beard: bool
    smile: float


def draw(seed: int, shape: Shape = "square") -> Image.Image:
    """A portrait, RGB."""
    random = Random(seed)
    width, height = _CANVAS[shape]
    # Consecutive seeds walk through the lists, so that neighbours differ.
    image = _background(*_BACKGROUNDS[seed % len(_BACKGROUNDS)], width, height)
    cut = ("short", "long", "bun", "curly", "bald", "bob")[seed % 6]
    face = _Face(
        skin=_SKINS[(seed * 5 + seed // 6) % len(_SKINS)],
        hair=_HAIRS[(seed * 7 + seed // 5) % len(_HAIRS)],
        clothes=_CLOTHES[seed % len(_CLOTHES)],
        cut=cut,
        width=random.uniform(0.36, 0.42),
        height=random.uniform(0.47, 0.53),
        glasses=random.random() < 0.3,
        beard=cut in {"short", "bald"} and random.random() < 0.6,
        smile=random.uniform(0.4, 1),
    )
    _draw_face(image, face)
    # A little softness hides that the edges were drawn without anti-aliasing.
    return image.filter(ImageFilter.BoxBlur(1))


def encode(image: Image.Image, format: Literal["JPEG", "PNG", "WEBP"] = "JPEG") -> bytes:
    out = io.BytesIO()
    image.save(out, format, quality=88)
    return out.getvalue()


def encode_sideways(image: Image.Image) -> bytes:
    """A JPEG as a telephone held upright writes it: lying down, with EXIF telling to turn it."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()


def _background(top: Colour, bottom: Colour, width: int, height: int) -> Image.Image:
    shade = Image.linear_gradient("L").resize((width, height))
    return Image.composite(
        Image.new("RGB", (width, height), bottom), Image.new("RGB", (width, height), top), shade
    )


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    mixed = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return tuple(mixed)  # type: ignore[return-value]


def _draw_face(image: Image.Image, face: _Face) -> None:
    pen = _Pen(image)
    w, h = face.width, face.height
    shadow = _mix(face.skin, (70, 20, 20), 0.18)
    _hair_behind(pen, face)
    # Shoulders, neck and its shadow.
    pen.ellipse(0, 1.46, 1.02, 0.8, face.clothes)
    pen.ellipse(0, 0.74, 0.21, 0.13, shadow)
    pen.box(-0.17, 0.3, 0.17, 0.72, shadow)
    pen.ellipse(0, 0.70, 0.17, 0.10, shadow)
    # Ears and head.
    for side in (-1, 1):
        pen.ellipse(side * w, 0.04, 0.075, 0.11, shadow)
    pen.ellipse(0, 0, w, h, face.skin)
    if face.beard:
        pen.beard(w, h, face.hair, face.skin)
    _hair_above(pen, face)
    _features(pen, face, shadow)


def _hair_behind(pen: _Pen, face: _Face) -> None:
    w, h = face.width, face.height
    if face.cut == "long":
        pen.ellipse(0, -0.06, w + 0.13, h + 0.1, face.hair)
        pen.rounded(-w - 0.13, -0.1, w + 0.13, 0.86, 0.2, face.hair)
    elif face.cut == "bob":
        pen.ellipse(0, -0.06, w + 0.13, h + 0.08, face.hair)
        pen.rounded(-w - 0.13, -0.1, w + 0.13, 0.42, 0.14, face.hair)
    elif face.cut == "curly":
        for x, y in ((-0.42, 0.1), (0.42, 0.1), (-0.46, -0.14), (0.46, -0.14)):
            pen.ellipse(x, y, 0.17, 0.19, face.hair)
        pen.ellipse(0, -0.14, w + 0.14, h + 0.02, face.hair)
    elif face.cut == "bun":
        pen.ellipse(0, -h - 0.1, 0.16, 0.16, face.hair)
        pen.ellipse(0, -0.06, w + 0.05, h + 0.05, face.hair)
    elif face.cut == "short":
        pen.ellipse(0, -0.08, w + 0.05, h + 0.02, face.hair)


def _hair_above(pen: _Pen, face: _Face) -> None:
    w, h = face.width, face.height
    if face.cut == "bald":
        return
    if face.cut == "curly":
        for x in (-0.3, -0.15, 0, 0.15, 0.3):
            pen.ellipse(x, -h + 0.08 + 0.5 * x * x, 0.13, 0.12, face.hair)
        return
    parting = {"short": 0.1, "long": -0.14, "bun": 0.0, "bob": 0.2}[face.cut]
    pen.fringe(w, h, parting, face.hair)


def _features(pen: _Pen, face: _Face, shadow: Colour) -> None:
    dark: Colour = (44, 32, 32)
    brow = _mix(face.hair, dark, 0.4)
    for side in (-1, 1):
        x = side * 0.16
        pen.ellipse(x, 0.02, 0.058, 0.04, (250, 250, 250))
        pen.ellipse(x, 0.02, 0.034, 0.036, (70, 52, 44))
        pen.ellipse(x + 0.012, 0.008, 0.011, 0.011, (255, 255, 255))
        pen.arc(x, 0.0, 0.085, 0.075, 205, 335, brow, 0.026)
        if not face.beard:
            pen.ellipse(side * 0.23, 0.17, 0.07, 0.045, _mix(face.skin, (230, 90, 90), 0.22))
        if face.glasses:
            pen.arc(x, 0.025, 0.115, 0.1, 0, 360, dark, 0.018)
    if face.glasses:
        pen.arc(0, 0.02, 0.05, 0.03, 190, 350, dark, 0.018)
    pen.arc(0, 0.1, 0.045, 0.06, 30, 150, shadow, 0.022)
    mouth = _mix((176, 62, 70), face.skin, 0.15)
    pen.smile(0.245, 0.13, 0.06 + 0.05 * face.smile, mouth)


class _Pen:
    """Draws in units of the head's height around its centre, so that shapes fit every canvas."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)
        self.unit = min(image.size) * 0.5
        self.x = image.width / 2
        # A portrait has room below, not above.
        self.y = image.height * (0.39 if image.height > image.width else 0.46)

    def bounds(self, x: float, y: float, rx: float, ry: float) -> list[float]:
        return [*self.point(x - rx, y - ry), *self.point(x + rx, y + ry)]

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.x + x * self.unit, self.y + y * self.unit

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.draw.ellipse(self.bounds(x, y, rx, ry), fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        self.draw.rectangle([*self.point(left, top), *self.point(right, bottom)], fill=fill)

    def rounded(
        self, left: float, top: float, right: float, bottom: float, radius: float, fill: Colour
    ) -> None:
        corners = [*self.point(left, top), *self.point(right, bottom)]
        self.draw.rounded_rectangle(corners, radius * self.unit, fill=fill)

    def arc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        fill: Colour,
        width: float,
    ) -> None:
        self.draw.arc(self.bounds(x, y, rx, ry), start, end, fill, round(width * self.unit))

    def smile(self, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.draw.chord(self.bounds(0, y, rx, ry), 0, 180, fill=fill)

    def beard(self, w: float, h: float, fill: Colour, skin: Colour) -> None:
        self.draw.chord(self.bounds(0, 0, w, h), 12, 168, fill=fill)
        self.ellipse(0, 0.1, w * 0.8, 0.12, skin)

    def fringe(self, w: float, h: float, parting: float, fill: Colour) -> None:
        """The hair over the forehead, falling to both sides of the parting."""
        self.draw.chord(self.bounds(0, -0.02, w + 0.03, h + 0.03), 200, 340, fill=fill)
        for side in (-1, 1):
            edge = side * (w + 0.01)
            self.draw.polygon(
                [
                    self.point(parting, -h * 0.72),
                    self.point(edge, -0.06),
                    self.point(edge, -h * 0.5),
                    self.point(parting, -h),
                ],
                fill=fill,
            )
