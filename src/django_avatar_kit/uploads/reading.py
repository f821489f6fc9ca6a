"""Reading an upload: opened where it is closed, rewound, measured, and left as it was.

An upload may be a file of Django, of a web framework or of an archive, or the answer of a network.
"""

from __future__ import annotations

import inspect
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.files.base import File
from django.utils.translation import gettext

from ..conf import get_config
from ..exceptions import UnreadableUpload, UploadError, UploadTooLarge
from ..interruptions import is_interruption
from ..wording import UNNAMED

if TYPE_CHECKING:
    from ..names import Box
    from .imaging import Picture

BLOCK = 1 << 16  # bytes that are read at a time, which is little beside a picture
SUMMED = 4 * BLOCK  # bytes at the start of an upload that are all in its checksum

#: Attributes of an upload that was decoded: the picture, the content that it was decoded from, and
#: the file that this was read from; None where that was opened for reading alone.
PICTURE, CONTENT, SOURCE = "avatar_picture", "avatar_content", "avatar_source"

#: Attribute of an upload: the part of it that was chosen together with it.
CROP = "avatar_crop"

#: The length of an upload in bytes, and a checksum.
Content = tuple[int, int]


def name_of(upload: File[Any]) -> str:
    """What the client or the file system calls an upload; of a temporary file, an int."""
    return text_of(upload.name) or UNNAMED


def text_of(name: object) -> str:
    """A name as text; "" for what is neither text nor a path."""
    return os.fsdecode(name) if isinstance(name, str | os.PathLike) else ""


def keep_crop(upload: File[Any], crop: Box | None) -> None:
    """Have an upload saved with a crop box, wherever it is assigned."""
    setattr(upload, CROP, crop)


def crop_of(upload: File[Any]) -> Box | None:
    """The crop box that was kept with an upload; None for the automatic square."""
    return getattr(upload, CROP, None)


# --- decoded once -----------------------------------------------------------------------------


def keep_decoded(upload: File[Any], picture: Picture, content: Content) -> None:
    """Keep the picture with the upload, so that saving it does not decode it again."""
    source = _innermost(upload)
    setattr(upload, PICTURE, picture)
    setattr(upload, CONTENT, content)
    setattr(upload, SOURCE, None if getattr(source, "closed", True) else source)


def decoded_picture(upload: File[Any]) -> Picture | None:
    """The picture that was kept with an upload. Ask :func:`is_unchanged` before it is used."""
    return getattr(upload, PICTURE, None)


def is_unchanged(upload: File[Any]) -> bool:
    """Whether an upload still holds what its picture was decoded from.

    A form may have put another file in it, and a script may have written into the same one again.
    """
    source: Any = getattr(upload, SOURCE, None)
    if source is not None and source is _innermost(upload) and source.closed:
        # The same file, which was open then and has been closed since.
        return True
    with opened(upload, name_of(upload)) as (_source, content):
        return content == getattr(upload, CONTENT, None)


# --- opened -----------------------------------------------------------------------------------


@contextmanager
def opened(upload: File[Any], filename: str) -> Iterator[tuple[IO[bytes], Content]]:
    """The upload at its start, and its content. Afterwards it is at its start again.

    All of it has been read once by then, so that what cannot be read raises ``UnreadableUpload``
    and not an error of its decoder. One that was closed is closed again.
    """
    limit = get_config().max_upload_size
    was_closed = False
    try:
        with _reading(filename):
            if getattr(_without_closed_wrappers(upload), "closed", False):
                _open_again(upload)
                was_closed = True
            source = _rewound(upload, limit)
            size: Any = getattr(upload, "size", None)
            # Not read at all where it says that it is too large. It may be larger than it says, if
            # it is unpacked while it is read.
            too_large = isinstance(size, int) and size > limit
            content = (size, 0) if too_large else _content(source, limit)
            if content[0] > limit:
                raise UploadTooLarge(filename=filename, size=content[0], limit=limit)
        yield source, content
        with _reading(filename):
            source.seek(0)
    finally:
        if was_closed:
            upload.close()


@contextmanager
def _reading(filename: str) -> Iterator[None]:
    """Turn whatever fails into ``UnreadableUpload``, except what is not about this upload.

    That is a time limit of a task queue or of a signal handler, and a lack of memory.
    """
    try:
        yield
    except (UploadError, TimeoutError, MemoryError):
        raise
    except Exception as error:
        # Memory that was freed, a temporary file that is gone, an archive that is cut off.
        if is_interruption(error):
            raise
        # The whole text of an error of the system has a path in it.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableUpload(filename=filename, reason=reason) from error


def _content(source: IO[bytes], limit: int) -> Content:
    """Length and checksum, read to no more than a block beyond the limit.

    All of it is read. Behind the first blocks only each eighth one and the last are summed: all of
    them would show in the time of an upload, and another picture of the same length differs there.
    """
    size = checksum = 0
    last = b""
    while size <= limit and (block := _read(source, BLOCK)):
        if size < SUMMED or not size // BLOCK % 8:
            checksum = zlib.crc32(block, checksum)
        size += len(block)
        last = block
    source.seek(0)
    return size, zlib.crc32(last, checksum)


def _read(source: Any, size: int) -> bytes:
    """Up to so many bytes. Raises ``ValueError`` if ``read()`` returns anything else."""
    piece = source.read(size)
    if isinstance(piece, bytes):
        return piece
    if inspect.iscoroutine(piece):
        piece.close()
    if isinstance(piece, str):
        raise ValueError(gettext("it is opened as text"))  # noqa: TRY004 - as Python's own files
    text = gettext("read() gives %(type)s, not bytes")
    raise ValueError(text % {"type": type(piece).__name__})


def _rewound(upload: File[Any], limit: int) -> IO[bytes]:
    """The upload, or a copy in memory where it cannot be rewound, as an answer of a network."""
    source = _without_closed_wrappers(upload)
    # Django's File says that it can do all of this, whatever is in it.
    is_file = all(hasattr(source, name) for name in ("closed", "seekable", "seek", "tell"))
    if is_file and not inspect.iscoroutinefunction(source.seek) and source.seekable():
        source.seek(0)
        return cast("IO[bytes]", source)
    data = io.BytesIO()
    # A pipe gives only what has arrived so far.
    while data.tell() <= limit and (piece := _read(source, limit + 1 - data.tell())):
        data.write(piece)
    upload.file = data
    return data


def _open_again(upload: File[Any]) -> None:
    """Open a closed upload. Raises ``ValueError`` if that might open another file.

    ``File.open()`` opens what has the upload's name in the working directory. Only for a file of
    the system whose path is that name is this the same one; the name may also come from a client,
    from an archive, or from a script that named bytes in memory.
    """
    inner = _innermost(upload)
    # Python's wrapper of a temporary file has the file in an attribute.
    file = getattr(inner, "file", inner)
    is_of_system = isinstance(file, io.FileIO | io.BufferedReader | io.BufferedRandom)
    path, name = text_of(getattr(inner, "name", None)), text_of(upload.name)
    same = is_of_system and path and name and Path(path).absolute() == Path(name).absolute()
    if type(upload).open is File.open and not same:
        raise ValueError(gettext("it is closed"))
    upload.open("rb")


# --- files of Django's, one in another --------------------------------------------------------


def _layers(upload: File[Any]) -> Iterator[Any]:
    """The upload, the file that it reads from, and so on, as far as they are files of Django's."""
    source: Any = upload
    while source is not None:
        yield source
        # Without the property of a field file, which would open the stored file.
        inside = vars(source) if isinstance(source, File) else {}
        source = inside.get("file", inside.get("_file"))


def _innermost(upload: File[Any]) -> Any:
    *_around, inner = _layers(upload)
    return inner


def _without_closed_wrappers(upload: File[Any]) -> Any:
    """The upload, or the first file in it that Django does not call closed.

    Django calls a ``File`` closed if the file in it is false, as a ``File`` without a name is.
    """
    *around, inner = _layers(upload)
    return next((one for one in around if not getattr(one, "closed", False)), inner)
