"""What decoders share: their interface, reading parts of files, and driving Pillow's codecs."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..geometry import Part, Size
    from ..rasters import Raster
    from .frames import Frames

#: Bytes. A larger colour profile is ignored. The largest ones, of printers, have about 3 MB.
LARGEST_PROFILE = 4 * 1024 * 1024
#: Bytes that a codec is given at a time, as in Pillow.
BLOCK = ImageFile.MAXBLOCK
#: Bytes that a codec may leave untaken. No codec waits for so many, and it looks at all of them
#: again each time it is given more.
MOST_UNREAD = 4 * BLOCK
#: Bytes that Pillow uses for a pixel: four in every mode of more than one channel.
PIXEL = {"1": 1, "L": 1, "P": 1, "LA": 4, "RGB": 4, "RGBA": 4, "CMYK": 4}


class Need(NamedTuple):
    """Memory that a decode takes, in bytes."""

    peak: int
    """At most, while it goes on."""
    kept: int
    """When it is done."""
    direct: bool = True
    """Whether parts of the raster need no copy in another mode."""


class Decoder(ABC):
    """An upload in one format. To make one reads the header; :meth:`decode` reads the pixels.

    Bad bytes raise any exception for which :func:`is_bad_data` is true. What the header tells must
    be enough to refuse a picture of too many pixels, or one that takes too much memory.
    """

    label: str = ""
    """Of the format, as in its row of ``formats``. Whoever opens an upload sets it."""
    frames: type[Frames] | None = None
    """What reads its animations, if there is anything. Set together with the label."""
    size: Size
    """In px, as it is stored."""
    mode: str
    """Of the raster: L, LA, RGB, RGBA or CMYK."""
    orientation: int = 1
    """How it is turned, 1 to 8, as EXIF numbers it."""
    profile: bytes | None = None
    """An ICC profile of its colours."""
    base_memory: int = 0
    """Bytes that its codec takes, however small the picture is."""
    patience: int = 1
    """How many times as long as other formats it may take. More than 1 for one that is slow in any
    case, and that no site takes without asking for it."""

    @abstractmethod
    def __init__(self, file: IO[bytes]) -> None:
        """``file`` is read from its start, and is still needed when the pixels are decoded."""

    def divisor(self, scale: float) -> int:  # noqa: ARG002
        """By which whole number a decode at ``scale`` divides the size; 1 if it never does."""
        return 1

    @abstractmethod
    def need(self, size: Size, scale: float) -> Need:
        """The memory of a decode at ``scale``, if the picture had this size."""

    def work(self, size: Size, scale: float) -> float:  # noqa: ARG002
        """The time of a decode at ``scale``, at most, if the picture had this size.

        In px of a plain JPEG photograph that are decoded at full size, so that it is the same on
        any machine: a thousand of them take 5 to 10 µs. A smaller picture has fewer bytes.
        """
        return size[0] * size[1]

    @abstractmethod
    def decode(self, scale: float) -> Raster:
        """The pixels, at ``scale`` or larger. Raises where part of the picture is missing."""


def read_exactly(file: IO[bytes], count: int) -> bytes:
    """``count`` bytes. Raises ``EOFError`` where the file has fewer."""
    data = file.read(count)
    if len(data) < count:
        raise EOFError("the file ends too early")
    return data


def file_length(file: IO[bytes]) -> int:
    """Bytes of the whole file. Its position stays the same."""
    here = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(here)
    return end


class Codec:
    """One of Pillow's decoders in C, which writes into ``image``. To be closed after use.

    ``Image._getdecoder()`` is private in Pillow 12 and 13. The public ``load()`` knows two answers
    to a file that is cut short: it refuses a picture that lacks nothing but its end marker, or,
    where a site sets ``LOAD_TRUNCATED_IMAGES``, accepts half a picture.
    """

    def __init__(self, image: Image.Image, name: str, arguments: Any, part: Part) -> None:
        self._decoder: Any = Image._getdecoder(image.mode, name, arguments)
        self._decoder.setimage(image.im, part)
        self.unread = b""
        """What it was given and has not taken yet."""

    def close(self) -> None:
        self._decoder.cleanup()

    def feed(self, data: bytes) -> bool:
        """Whether it has all it wants. Raises ``OSError`` for bad data, as Pillow does."""
        if len(self.unread) > MOST_UNREAD:
            raise OSError("bytes that a codec can make nothing of")
        self.unread += data
        taken, error = self._decoder.decode(self.unread)
        if taken >= 0:
            self.unread = self.unread[taken:]
        elif error < 0:
            raise OSError(f"decoder error {error}")
        return bool(taken < 0)

    def feed_all(self, blocks: Iterable[bytes]) -> bool:
        """Feed until it has all it wants; False if there is not enough."""
        return any(map(self.feed, blocks))


#: Modules whose exceptions bad bytes raise, besides Pillow's. One from anywhere else, as a task
#: queue's time limit, is not about the upload. Nor is ``TimeoutError``: signal handlers raise it.
_OF_BAD_DATA = frozenset({"builtins", "struct", "zlib"})


def is_bad_data(error: Exception) -> bool:
    """Whether the bytes of the upload are to blame, as far as the class of an exception tells."""
    module = type(error).__module__
    if type(error) in {TimeoutError, MemoryError}:
        return False
    return module in _OF_BAD_DATA or module.split(".")[0] == "PIL"
