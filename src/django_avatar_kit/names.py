"""The name is the manifest: one storage key tells everything about an avatar.

    master     <folder><token>-<secret>-k1-<W>x<H>-<sizes>-<formats>-<crop>-<color>.<ext>
    rendition  <folder><token>.<size>.<format>
    moving     <folder><token>.<size>.animated.webp

``folder`` ends in the first two digits of the token, which spreads the files over 256 directories.
``crop`` is ``full`` (the automatic square), ``fit`` (the whole picture on a square) or the crop
box ``x_y_w_h`` in px of the master. ``formats`` ends in ``_animated`` if the avatar moves: its
master is an animated WebP then, and each rendition exists as one as well. ``k1`` is the version of
this grammar.
"""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["Box", "Fit", "Name"]

#: x, y, width and height of a square, in px.
Box = tuple[int, int, int, int]
#: Whether the square cuts the picture, or shows all of it with bars beside it.
Fit = Literal["cover", "contain"]

#: What a list of formats ends in where the avatar moves.
MOVES = "_animated"
_INT = r"[1-9][0-9]{0,8}"
_OFFSET = rf"(?:0|{_INT})"
_FOLDER = r"((?:.*/)?([0-9a-f]{2})/)"
_ID = r"(\2[0-9a-f]{30})"
MASTER = re.compile(
    rf"{_FOLDER}{_ID}-([0-9a-f]{{16}})-k1-({_INT})x({_INT})"
    rf"-({_INT}(?:_{_INT})*)-((?!animated-)[a-z0-9]+(?:_[a-z0-9]+)*)"
    rf"-(full|fit|{_OFFSET}_{_OFFSET}_{_INT}_{_INT})-([0-9a-f]{{6}})\.([a-z0-9]+)",
    re.ASCII | re.DOTALL,
)
_RENDITION = re.compile(rf"{_FOLDER}{_ID}\.{_INT}\.(?:animated\.)?[a-z0-9]+", re.ASCII | re.DOTALL)
# Or what easy-thumbnails puts beside a master: its key, the options, an extension.
_MASTER_OR_THUMBNAIL = re.compile(
    rf"{MASTER.pattern}(?:\.[^/]+\.[a-z0-9]+)?", re.ASCII | re.DOTALL
)


class Name(NamedTuple):
    """What the key of a master says."""

    #: Everything before the token; ends in a slash.
    folder: str
    #: 32 hexadecimal digits, shared by the master and its renditions.
    token: str
    #: 16 hexadecimal digits that only the master's key has.
    secret: str
    #: Width of the master, in px.
    width: int
    #: Height of the master, in px.
    height: int
    #: Sides of the renditions that exist, in px, ascending.
    sizes: tuple[int, ...]
    #: Formats in which each of them exists, in the order of preference.
    formats: tuple[str, ...]
    #: The crop box (x, y, width, height) in px of the master, or None for the automatic square.
    crop: Box | None
    #: ``"contain"`` where the whole picture is on the square, else ``"cover"``.
    fit: Fit
    #: Average colour, six hexadecimal digits without a ``#``.
    color: str
    #: Extension of the master, without the dot.
    ext: str
    #: Whether it moves: the master is an animated WebP, and so is one more file of each size.
    animated: bool = False

    @classmethod
    def parse(cls, key: str | None) -> Name | None:
        """Read a key; None where it is not a master of this grammar."""
        if not key or (match := MASTER.fullmatch(key)) is None:
            return None
        folder, _, token, secret, width, height, sizes, formats, crop, color, ext = match.groups()
        listed, animated = read_formats(formats)
        made = int(width), int(height), read_sizes(sizes), listed
        return cls(folder, token, secret, *made, *_read_crop(crop), color, ext, animated)

    def __str__(self) -> str:
        if self.crop is not None:
            crop = "_".join(map(str, self.crop))
        else:
            crop = "fit" if self.fit == "contain" else "full"
        return (
            f"{self.folder}{self.token}-{self.secret}-k1-{self.width}x{self.height}"
            f"-{'_'.join(map(str, self.sizes))}-{'_'.join(self.formats)}"
            f"{MOVES if self.animated else ''}-{crop}-{self.color}.{self.ext}"
        )

    def rendition(self, size: int, format: str) -> str:
        """The key of the rendition of ``size`` px in ``format``."""
        return f"{self.folder}{self.token}.{size}.{format}"

    def animated_rendition(self, size: int) -> str:
        """The key of the animated WebP of ``size`` px, which exists if the avatar moves."""
        return f"{self.folder}{self.token}.{size}.animated.webp"

    @property
    def renditions(self) -> tuple[str, ...]:
        """The keys of all renditions: those that stand still, then those that move."""
        still = tuple(self.rendition(size, each) for each in self.formats for size in self.sizes)
        return still + tuple(map(self.animated_rendition, self.sizes if self.animated else ()))

    @property
    def files(self) -> tuple[str, ...]:
        """The keys of all files: the master first."""
        return (str(self), *self.renditions)

    def best(self, wanted: int) -> int:
        """The smallest size that covers ``wanted`` px, else the largest there is."""
        for size in self.sizes:
            if size >= wanted:
                return size
        return self.sizes[-1]


def random_ids(token: str | None = None) -> tuple[str, str, str]:
    """The first three fields of a new name: folder, token (random if not given), random secret.

    ``Name(*random_ids(), width=…, …)`` makes a name that no other has.
    """
    token = token or secrets.token_hex(16)
    return f"{token[:2]}/", token, secrets.token_hex(8)


class Group(NamedTuple):
    """What all files of one avatar have in common."""

    folder: str
    token: str
    #: The master's key, known from the master itself or from a thumbnail of it; else None.
    master: str | None


def group_of(key: str) -> Group | None:
    """Which avatar a file in storage belongs to; None for a file that is not of this grammar."""
    if match := _RENDITION.fullmatch(key):
        return Group(match[1], match[3], None)
    if match := _MASTER_OR_THUMBNAIL.fullmatch(key):
        return Group(match[1], match[3], key[: match.end(11)])
    return None


# A site has few different ones, and a page parses thousands of names.
@lru_cache(maxsize=256)
def read_sizes(text: str) -> tuple[int, ...]:
    """The sizes that a name lists, in px."""
    return tuple(map(int, text.split("_")))


@lru_cache(maxsize=256)
def read_formats(text: str) -> tuple[tuple[str, ...], bool]:
    """The formats that a name lists, and whether it says that the avatar moves."""
    return tuple(text.removesuffix(MOVES).split("_")), text.endswith(MOVES)


def _read_crop(text: str) -> tuple[Box | None, Fit]:
    if text == "full":
        return None, "cover"
    if text == "fit":
        return None, "contain"
    x, y, width, height = map(int, text.split("_"))
    return (x, y, width, height), "cover"
