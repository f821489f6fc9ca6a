"""What the parts of the corpus share: a case, the marker, and small pictures."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image

#: What is planted where no pixel is. It may not be found in any byte that is stored. It has as
#: many letters as the name in a profile of LittleCMS, in whose place it is put.
MARKER = b"kEpT-nOwHeRe7"

#: What is to become of an upload. Any other text is the code of the error it is refused with.
TAKEN, EITHER = "taken", "taken or refused"

TRUNCATED = "truncated"
SIZE = (24, 16)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One odd upload."""

    name: str
    data: bytes
    expected: str
    """``TAKEN``, ``EITHER``, or the code of an error."""
    marked: bool
    """Whether the marker is in it; where it is packed, only to be seen when it is unpacked."""


def case(name: str, data: bytes, expected: str = TAKEN, *, marked: bool = False) -> Case:
    return Case(name=name, data=bytes(data), expected=expected, marked=marked)


def marked(name: str, data: bytes, expected: str = TAKEN) -> Case:
    return case(name, data, expected, marked=True)


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Soft noise, so that no codec finds it trivial. Alpha is of all values."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    small = (max(1, size[0] // 4), max(1, size[1] // 4))
    noise = random.Random(mode).randbytes(small[0] * small[1] * bands)
    if mode in {"1", "P"}:
        grey = picture("L" if mode == "1" else "RGB", size)
        return grey.convert("1") if mode == "1" else grey.quantize(16)
    return Image.frombytes(mode, small, noise).resize(size, Image.Resampling.BILINEAR)


def cut(name: str, data: bytes, parts: int = 8, expected: str = TRUNCATED) -> list[Case]:
    """The same file, cut off after each of so many parts of it."""
    return [
        case(f"{name}, first {part} of {parts} parts", data[: len(data) * part // parts], expected)
        for part in range(1, parts)
    ]


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]
