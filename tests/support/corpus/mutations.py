"""Spoils uploads: flips, cuts, splices, lengths that lie, chunks that are moved.

One source of chance decides everything, so that a mutation can be repeated from its seed, and
hypothesis can look for the smallest one.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

#: What programs forget to think of, as numbers.
ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
#: Bytes and pieces that are inserted or moved at a time.
MOST, MOST_PIECES = 64, 200
#: Bytes. Larger files are no seeds, since their mutations would take long and tell little.
LARGEST_SEED = 16_384

Change = Callable[[Random, bytes, bytes], bytes]
"""Of a source of chance, the file, and another file."""


def mutated(random: Random, data: bytes, other: bytes) -> bytes:
    """``data`` after one to three changes; ``other`` is what pieces are taken from."""
    for _ in range(random.choice((1, 1, 2, 3))):
        data = random.choice(CHANGES)(random, data, other)
    # Otherwise almost every change of a PNG would end at a checksum.
    return with_checksums(data) if random.randint(0, 2) else data


def seeds(files: Sequence[bytes]) -> list[bytes]:
    return [data for data in files if 0 < len(data) <= LARGEST_SEED]


# --- bytes ------------------------------------------------------------------------------------


def _flip(random: Random, data: bytes, _other: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(random.randint(1, 8)):
        changed[_place(random, changed)] ^= 1 << random.randint(0, 7)
    return bytes(changed)


def _overwrite(random: Random, data: bytes, _other: bytes) -> bytes:
    at = _place(random, data)
    run = bytes([random.randint(0, 255)]) * random.randint(1, MOST)
    return data[:at] + run + data[at + len(run) :]


def _remove(random: Random, data: bytes, _other: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.randint(1, MOST) :]


def _repeat(random: Random, data: bytes, _other: bytes) -> bytes:
    at, length = _place(random, data), random.randint(1, MOST)
    return data[:at] + data[at : at + length] * random.randint(1, 9) + data[at:]


def _cut(random: Random, data: bytes, _other: bytes) -> bytes:
    return data[: _place(random, data)]


def _lie(random: Random, data: bytes, _other: bytes) -> bytes:
    """Write an odd number over some bytes, in either order."""
    at, number = _place(random, data), random.choice(ODD)
    size = random.choice((1, 2, 3, 4, 8))
    order = "big" if random.randint(0, 1) else "little"
    number %= 1 << 8 * size
    return data[:at] + number.to_bytes(size, order) + data[at + size :]  # type: ignore[arg-type]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    """The start of one file and the end of the other."""
    return data[: _place(random, data)] + other[_place(random, other) :]


def _implant(random: Random, data: bytes, other: bytes) -> bytes:
    at, start = _place(random, data), _place(random, other)
    return data[:at] + other[start : start + random.randint(1, MOST)] + data[at:]


def _place(random: Random, data: bytes | bytearray) -> int:
    """Half of all places are near the start, where the headers are."""
    most = max(0, len(data) - 1)
    return random.randint(0, min(most, 80) if random.randint(0, 1) else most)


# --- chunks -----------------------------------------------------------------------------------


def _shuffle(random: Random, data: bytes, _other: bytes) -> bytes:
    first, *rest = pieces(data)
    if len(rest) < 2:
        return data
    one, two = random.randrange(len(rest)), random.randrange(len(rest))
    rest[one], rest[two] = rest[two], rest[one]
    return b"".join([first, *rest])


def _double(random: Random, data: bytes, _other: bytes) -> bytes:
    parts = pieces(data)
    at = random.randrange(len(parts))
    return b"".join(parts[:at] + parts[at : at + 1] * random.randint(2, 5) + parts[at + 1 :])


def _drop(random: Random, data: bytes, _other: bytes) -> bytes:
    parts = pieces(data)
    del parts[random.randrange(len(parts))]
    return b"".join(parts)


def _borrow(random: Random, data: bytes, other: bytes) -> bytes:
    """A chunk of the other file."""
    parts = pieces(data)
    parts.insert(random.randint(1, len(parts)), random.choice(pieces(other)))
    return b"".join(parts)


CHANGES: tuple[Change, ...] = (
    _flip,
    _overwrite,
    _remove,
    _repeat,
    _cut,
    _lie,
    _lie,
    _splice,
    _implant,
    _shuffle,
    _double,
    _drop,
    _borrow,
)


def pieces(data: bytes) -> list[bytes]:
    """The file in pieces, by the chunks of its format as far as they make sense; at least one."""
    starts = [0]
    if data.startswith(b"\x89PNG"):
        starts += _steps(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))
    elif data.startswith(b"RIFF"):
        starts += _steps(data, 12, lambda at: 8 + _even(data[at + 4 : at + 8]))
    elif data[4:8] == b"ftyp":
        # The boxes in a box as well: those of four letters.
        starts += [found.start() for found in re.finditer(rb"(?s)\0\0..[a-z0-9]{3}[a-zC1]", data)]
    elif data.startswith(b"\xff\xd8"):
        starts += [found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", data)]
    elif data.startswith(b"GIF8"):
        starts += [found.start() for found in re.finditer(rb"![\xf9\xfe\xff\x01]|,|;", data)]
    else:
        starts += range(16, len(data), 16)
    starts = sorted({at for at in starts if at < len(data)} | {0})[:MOST_PIECES]
    ends = [*starts[1:], len(data)]
    return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def _steps(data: bytes, at: int, step: Callable[[int], int]) -> list[int]:
    starts = []
    while at < len(data) and len(starts) < MOST_PIECES:
        starts.append(at)
        at += step(at)
    return starts


def _even(size: bytes) -> int:
    number = int.from_bytes(size, "little")
    return number + number % 2


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the right checksums, as far as it has chunks; else the same."""
    if not data.startswith(b"\x89PNG"):
        return data
    fixed = [data[:8]]
    for part in pieces(data)[1:]:
        size = int.from_bytes(part[:4], "big")
        whole = len(part) == size + 12
        fixed.append(part[:-4] + struct.pack(">I", zlib.crc32(part[4:-4])) if whole else part)
    return b"".join(fixed)
