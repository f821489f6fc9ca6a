"""VP8L, the lossless pictures of WebP: how many groups of codes one has.

What the bits of a pixel mean is told by one of the groups, of five prefix codes each. libwebp
makes the tables of all groups before it decodes a pixel, and their memory does not depend on the
size of the picture. The entropy image, a small one in front of the pixels, names the groups. What
precedes it has to be read as well, since nothing tells where it ends.

The format is RFC 9649; sizes of tables, and what programs write, are those of libwebp 1.6.
"""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..geometry import Size

#: A symbol and how many bits it has, for all bits that may follow.
Table = list[tuple[int, int]]

#: Px of small images that are read: so many, and for each px of the picture. Programs write two
#: of 16,384 px, or of one px for 256 of the picture, and two of 2,600 px, at most.
MOST_READ, READ_FOR_EACH = 40_000, 1 / 128
#: What an entropy image can name.
MOST_GROUPS = 1 << 16
#: Bytes of a group beside its tables, and of a field of these.
GROUP, FIELD = 600, 4
#: Fields of the tables of a group, at most: of four codes; and of that for green, by its cache.
TABLES = 2300
TABLE_OF_GREEN = (654, 656, 658, 662, 670, 686, 718, 782, 912, 1168, 1680, 2704)
#: Time: for each group, and for each px of a small image, which is read in Python. Measured.
WORK_GROUP, WORK_READ = 2500, 100

PREDICTOR, CROSS_COLOUR, _SUBTRACT_GREEN, COLOUR_INDEXING = range(4)
#: The side of a tile of the picture, for which a small image has one pixel: 2 to the power of at
#: least this.
SMALLEST_TILE = 2
#: Symbols. Those for green are values, then lengths of what is repeated, then the cache.
VALUES, LENGTHS, DISTANCES = 256, 24, 40
#: Bits of a symbol.
LONGEST = 15
#: The code for lengths of codes: the order in which its own lengths are written; the symbol that
#: repeats the last one, which is 8 at first; and those for zeros: how many at least, and the bits
#: that tell of more.
ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
AGAIN, FIRST, ZEROS = 16, 8, {17: (3, 3), 18: (11, 7)}


class Codes(NamedTuple):
    """What precedes the pixels of a lossless picture. All zero for another one."""

    groups: int = 0
    """How many groups of codes there are."""
    cache_bits: int = 0
    """The colours that were last used have an index of so many bits."""
    read: int = 0
    """Px of small images that were read to find out."""

    @property
    def memory(self) -> int:
        """Bytes of the tables, at most."""
        return self.groups * (GROUP + FIELD * (TABLES + TABLE_OF_GREEN[self.cache_bits]))

    @property
    def work(self) -> int:
        """The time to read them, as in ``Decoder.work()``."""
        return WORK_GROUP * max(0, self.groups - 1) + WORK_READ * self.read


class Reader:
    """What precedes the pixels of a picture of ``size``.

    Raises ``SyntaxError`` or ``EOFError`` for what libwebp would refuse, too.
    """

    def __init__(self, file: IO[bytes], length: int, size: Size) -> None:
        """Its ``length`` bytes, without its header, come next in ``file``."""
        self._bits = _Bits(file, length)
        self._size = size
        self._read = 0

    def codes(self) -> Codes:
        """Read all that precedes the groups of codes."""
        bits = self._bits
        width, height = self._size
        seen = set()
        while bits():
            kind = bits(2)
            if kind in seen:
                raise SyntaxError("a picture that is transformed twice in the same way")
            seen.add(kind)
            if kind in {PREDICTOR, CROSS_COLOUR}:
                tiles = self._tiles(width, height)
                if self._is_too_much(tiles):
                    return self._most()
                self._highest(tiles)
            elif kind == COLOUR_INDEXING:
                colours = bits(8) + 1
                self._highest(colours)
                # Several pixels of few colours become one.
                width = -(-width >> sum(colours <= most for most in (16, 4, 2)))
        cache_bits = self._cache_bits()
        if not bits():
            return Codes(1, cache_bits, self._read)
        tiles = self._tiles(width, height)
        if self._is_too_much(tiles):
            return self._most()
        return Codes(1 + self._highest(tiles), cache_bits, self._read)

    def _tiles(self, width: int, height: int) -> int:
        """Px of the small image that comes next."""
        bits = self._bits(3) + SMALLEST_TILE
        return (-(-width >> bits)) * (-(-height >> bits))

    def _is_too_much(self, pixels: int) -> bool:
        return self._read + pixels > MOST_READ + READ_FOR_EACH * math.prod(self._size)

    def _most(self) -> Codes:
        """For a picture that is not read to the end."""
        tiles = math.prod(-(-side >> SMALLEST_TILE) for side in self._size)
        return Codes(min(tiles, MOST_GROUPS), len(TABLE_OF_GREEN) - 1, self._read)

    def _cache_bits(self) -> int:
        if not self._bits():
            return 0
        bits = self._bits(4)
        if not 0 < bits < len(TABLE_OF_GREEN):
            raise SyntaxError("a cache of a size that there is not")
        return bits

    def _highest(self, pixels: int) -> int:
        """Read a small image; the highest number in its red and green.

        What is repeated, or comes from the cache, was there before.
        """
        self._read += pixels
        bits = self._bits
        *colours, distance = self.group(self._cache_bits())
        highest = 0
        while pixels > 0:
            count, symbol, number = bits.pixels(colours, pixels)
            highest = max(highest, number)
            pixels -= count
            if VALUES <= symbol < VALUES + LENGTHS:
                pixels -= self._prefixed(symbol - VALUES)
                self._prefixed(bits.symbol(distance))
            elif symbol >= VALUES:
                pixels -= 1
        return highest

    def group(self, cache_bits: int) -> list[Table]:
        """The codes of a group, which come next: of four colours, and of distances."""
        cache = 1 << cache_bits if cache_bits else 0
        symbols = (VALUES + LENGTHS + cache, VALUES, VALUES, VALUES, DISTANCES)
        return [self._table(each) for each in symbols]

    def _prefixed(self, symbol: int) -> int:
        """A length, or a distance, of which the symbol tells the first bits."""
        if symbol < 4:
            return symbol + 1
        more = (symbol - 2) >> 1
        return ((2 + (symbol & 1)) << more) + self._bits(more) + 1

    def _table(self, symbols: int) -> Table:
        """The prefix code that comes next."""
        bits = self._bits
        if not bits():
            return table(self._lengths(symbols))
        two = bits()
        lengths = [0] * VALUES
        lengths[bits(8 if bits() else 1)] = 1
        if two:
            lengths[bits(8)] = 1
        return table(lengths[:symbols])

    def _lengths(self, symbols: int) -> list[int]:
        """The bits of each symbol; they are written in a prefix code of their own."""
        bits = self._bits
        own = [0] * len(ORDER)
        for symbol in ORDER[: bits(4) + 4]:
            own[symbol] = bits(3)
        code = table(own)
        written = symbols
        if bits():
            written = 2 + bits(2 + 2 * bits(3))
            if written > symbols:
                raise SyntaxError("a code of too many symbols")
        lengths: list[int] = []
        last = FIRST
        for _ in range(written):
            if len(lengths) >= symbols:
                break
            symbol = bits.symbol(code)
            if symbol in ZEROS:
                least, more = ZEROS[symbol]
                lengths += [0] * (least + bits(more))
            elif symbol == AGAIN:
                lengths += [last] * (3 + bits(2))
            else:
                lengths.append(symbol)
                last = symbol or last
        if len(lengths) > symbols:
            raise SyntaxError("a code of too many symbols")
        return lengths


def table(lengths: list[int]) -> Table:
    """What looks up the symbols that have so many bits each. Raises ``SyntaxError``.

    A code of one symbol takes no bits; in any other, each sequence of bits has a meaning.
    """
    used = sorted((bits, symbol) for symbol, bits in enumerate(lengths) if bits)
    if len(used) == 1:
        return [(used[0][1], 0)]
    longest = used[-1][0] if used else 0
    if sum(1 << longest - bits for bits, _symbol in used) != 1 << longest:
        raise SyntaxError("a prefix code with gaps")
    result: Table = [(0, 0)] * (1 << longest)
    code = 0  # as many bits as the longest has, the first one that is written being the highest
    for bits, symbol in used:
        first = int(f"{code:0{longest}b}"[::-1], 2)
        result[first :: 1 << bits] = [(symbol, bits)] * (1 << longest - bits)
        code += 1 << longest - bits
    return result


class _Bits:
    """The bits of a file, of each byte the lowest first. Raises ``EOFError`` at the end."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._left = length
        self._value = self._count = 0
        self._ended = False

    def __call__(self, count: int = 1) -> int:
        self._fill(count)
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._count -= count
        return value

    def symbol(self, table: Table) -> int:
        # Looked up by more bits than it has, and so by more than there may be.
        self._fill(LONGEST)
        symbol, bits = table[self._value & (len(table) - 1)]
        self._value >>= bits
        self._count -= bits
        return symbol

    def pixels(self, codes: list[Table], most: int) -> tuple[int, int, int]:
        """Read ``most`` pixels, or up to one that has no colours of its own.

        ``codes`` are those of green, red, blue and alpha. Returns the number of pixels that have;
        the last symbol of green; and the highest number in red and green.

        One loop, without calls: all the time of this module is spent here.
        """
        (green, green_mask), (red, red_mask), *others = [(code, len(code) - 1) for code in codes]
        # A code of one symbol takes no bits.
        others = [(code, mask) for code, mask in others if mask]
        value, count = self._value, self._count
        highest = symbol = 0
        left = most
        while left:
            if count < 4 * LONGEST:
                self._value, self._count = value, count
                self._fill(4 * LONGEST)
                value, count = self._value, self._count
            symbol, used = green[value & green_mask]
            value >>= used
            count -= used
            if symbol >= VALUES:
                break
            upper, used = red[value & red_mask]
            value >>= used
            count -= used
            for code, mask in others:
                _symbol, used = code[value & mask]
                value >>= used
                count -= used
            number = upper << 8 | symbol
            highest = max(highest, number)
            left -= 1
        self._value, self._count = value, count
        return most - left, symbol, highest

    def _fill(self, least: int) -> None:
        """Have so many bits at hand: up to 60 bits of 0 behind the end."""
        while self._count < least:
            data = self._file.read(min(self._left, 32))
            self._left -= len(data)
            if not data:
                if self._ended:
                    raise EOFError("a lossless picture ends too early")
                self._ended = True
                data = bytes(8)
            self._value |= int.from_bytes(data, "little") << self._count
            self._count += 8 * len(data)
