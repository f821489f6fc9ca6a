"""Lossless pictures of WebP with as many groups of codes as one likes, written bit by bit."""

from __future__ import annotations

import math
from collections.abc import Sequence

PREDICTOR, CROSS_COLOUR, SUBTRACT_GREEN, COLOUR_INDEXING = range(4)
#: The order in which the code for lengths of codes is written. The last three repeat lengths.
ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#: Bits of 256 symbols, such that the tables for them are large.
LARGE = [*range(1, 8), *[14] * 7, *[15] * 242]
GREEN = 280  # symbols
#: What is shown: green, red, blue, alpha. The fifth code, of distances, is not used.
COLOUR = (140, 230, 20, 255)


class Writer:
    """Bits, the lowest one of a byte first."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def __call__(self, value: int, count: int = 1) -> None:
        self._bits.append(f"{value:0{count}b}"[::-1])

    def symbol(self, code: int, count: int) -> None:
        """Of a prefix code, whose highest bit comes first."""
        self._bits.append(f"{code:0{count}b}")

    def one_symbol(self, symbol: int = 0) -> None:
        """A code of one symbol, which takes no bits."""
        small = symbol < 2
        self(0b001 if small else 0b101, 3)
        self(symbol, 1 if small else 8)

    def lengths(self, lengths: Sequence[int]) -> None:
        """A code whose symbols have so many bits. These are written in four bits each."""
        self(0)
        self(len(ORDER) - 4, 4)
        for symbol in ORDER:
            self(4 * (symbol < 16), 3)
        self(0)
        for length in lengths:
            self.symbol(length, 4)

    def group(self, *, large: bool = False, symbols: Sequence[int] = (*COLOUR, 0)) -> None:
        """Five codes, of one symbol each or with large tables."""
        for place, symbol in enumerate(symbols):
            if large and place < 4:
                self.lengths(LARGE + [0] * (GREEN - 256) * (place == 0))
            else:
                self.one_symbol(symbol)

    def small_image(self, pixels: int, *, long: bool = False) -> None:
        """Of a transform, black: each pixel has no bits, or, with ``long``, as many as it can."""
        self(0)
        if not long:
            return self.group(symbols=(0,) * 5)
        self.flat_codes(4)
        return self(0, 32 * pixels)

    def flat_codes(self, colours: int) -> None:
        """A group whose first ``colours`` have eight bits, and the others none."""
        for place in range(5):
            if place < colours:
                self.lengths([8] * 256 + [0] * (GREEN - 256) * (place == 0))
            else:
                self.one_symbol()

    def entropy_image(self, pixels: int, groups: int) -> None:
        """One after the other of the groups, by its number in red and green."""
        self(0)
        self.flat_codes(2)
        for place in range(pixels):
            self.symbol(place % groups & 0xFF, 8)
            self.symbol(place % groups >> 8, 8)

    def bytes(self) -> bytes:
        bits = "".join(self._bits)
        return int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little")


def stream(
    size: tuple[int, int],
    groups: int = 1,
    *,
    tile: int = 2,
    transforms: Sequence[int] = (),
    large: bool = False,
    long: bool = False,
) -> bytes:
    """A picture without its header, all of ``COLOUR``; with ``large``, black and transparent.

    ``tile``: how many times the sides of small images are half as long; ``long``: whether these
    have as many bits as they can.
    """
    write = Writer()
    width, height = size

    def tiles() -> int:
        return math.prod(-(-side >> tile) for side in (width, height))

    for kind in transforms:
        write(1)
        write(kind, 2)
        if kind == COLOUR_INDEXING:
            write(1, 8)  # two colours, so that eight pixels lie in one
            write.small_image(2)
            width = -(-width // 8)
        elif kind != SUBTRACT_GREEN:
            write(tile - 2, 3)
            write.small_image(tiles(), long=long)
    write(0)
    write(0)
    write(groups > 1)
    if groups > 1:
        write(tile - 2, 3)
        write.entropy_image(tiles(), groups)
    for _ in range(groups):
        write.group(large=large)
    # The first symbol of each large code has one bit.
    return write.bytes() + bytes(width * height // 2 + 2 if large else 0)


def picture(size: tuple[int, int], groups: int = 1, **options: object) -> bytes:
    """What is in a chunk VP8L."""
    width, height = size
    sides = (width - 1) | (height - 1) << 14 | 1 << 28
    return b"\x2f" + sides.to_bytes(4, "little") + stream(size, groups, **options)  # type: ignore[arg-type]


def alpha(size: tuple[int, int], groups: int = 1, **options: object) -> bytes:
    """What is in a chunk ALPH: of green, which is opacity there."""
    return b"\1" + stream(size, groups, **options)  # type: ignore[arg-type]
