"""Reading files by hand, where a library would read more of them than is good."""

from __future__ import annotations

import io
from typing import IO, Any, Protocol

from PIL import Image, ImageFile

Size = tuple[int, int]

#: A colour profile of more bytes is not looked at; the largest, of printers, have about 3 MB.
LARGEST_PROFILE = 4 * 1024 * 1024

#: Bytes handed to a decoder at a time, as in Pillow.
BLOCK = ImageFile.MAXBLOCK


class Decoder(Protocol):
    """What Pillow's own ``load()`` drives in the same way."""

    def setimage(self, image: Any, extents: Any) -> None:
        """Where to write, and to which part of it."""

    def decode(self, data: bytes) -> tuple[int, int]:
        """How many bytes were taken, or -1 at the end; and an error, if not 0."""

    def cleanup(self) -> None:
        """Let its memory go."""


def exactly(file: IO[bytes], count: int) -> bytes:
    """``count`` bytes; an ``EOFError`` where the file has fewer."""
    data = file.read(count)
    if len(data) < count:
        raise EOFError("the file ends too early")
    return data


def length(file: IO[bytes]) -> int:
    """Of the whole file, in bytes; it stays where it is."""
    here = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(here)
    return end


def new_decoder(image: Image.Image, name: str, arguments: Any, extents: Any) -> Decoder:
    """A decoder of Pillow's that writes into ``image``."""
    decoder: Decoder = Image._getdecoder(image.mode, name, arguments)
    decoder.setimage(image.im, extents)
    return decoder


class Feed:
    """Hands bytes to a decoder, and keeps what it has not taken yet."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.left = b""
        self.done = False

    def __call__(self, data: bytes) -> bool:
        """Whether the decoder has all it wants. Raises what Pillow would raise on an error."""
        self.left += data
        taken, error = self.decoder.decode(self.left)
        if taken < 0:
            self.done = True
            if error < 0:
                raise OSError(f"decoder error {error}")
        else:
            self.left = self.left[taken:]
        return self.done


# What Pillow and the readers raise on bad bytes. An exception of any other module is somebody
# else's, who wants it to come through: a task's time limit for one. TimeoutError is what a signal
# handler raises for the same purpose.
OF_BAD_BYTES = frozenset({"builtins", "struct", "zlib"})


def is_of_bad_bytes(error: Exception) -> bool:
    """Whether bad bytes are to blame, as far as the class of an exception tells."""
    module = type(error).__module__
    if type(error) in {TimeoutError, MemoryError}:
        return False
    return module in OF_BAD_BYTES or module.split(".")[0] == "PIL"
