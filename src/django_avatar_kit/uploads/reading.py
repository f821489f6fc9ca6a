"""Reading an upload: opened where it is closed, rewound, measured, and left as it was.

An upload may be a file of Django's, of a web framework, of an archive, or an answer of a network.
"""

from __future__ import annotations

import inspect
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from django.core.files.base import File

from ..conf import get_config
from ..exceptions import UnreadableUpload, UploadError, UploadTooLarge
from ..interruptions import is_interruption

BLOCK = 1 << 16  # bytes that are read at a time: nothing beside a picture
SUMMED = 4 * BLOCK  # bytes of an upload that are looked at one by one
AS_TEXT = "it is opened as text"

#: What says nothing of the upload that is being read: a signal handler's time limit, for one.
OF_OTHERS = (TimeoutError, MemoryError)

#: The length of an upload in bytes, and a checksum.
Content = tuple[int, int]


def innermost(upload: File[Any]) -> Any:
    """What a file of Django's reads from, however many of them are around it."""
    source: Any = upload
    while isinstance(source, File):
        # Not by truth, nor by the property of a field file, which would open it.
        inner = vars(source).get("file", vars(source).get("_file"))
        if inner is None:
            break
        source = inner
    return source


def name_of(upload: File[Any]) -> str:
    """What the client or the file system calls an upload; a temporary file may have a number."""
    return text_of(upload.name) or "upload"


def text_of(name: object) -> str:
    """A name as a text; "" for what is none."""
    return os.fsdecode(name) if isinstance(name, str | os.PathLike) else ""


@contextmanager
def opened(upload: File[Any], filename: str) -> Iterator[tuple[IO[bytes], Content]]:
    """The upload at its start, and there again afterwards; one that was closed is closed again.

    And what is in it: all of it has been read once, so that what cannot be read is known for that.
    """
    limit = get_config().max_upload_size
    opened = False
    try:
        with _reading(filename):
            # Some can be read, and nothing else.
            if getattr(_unwrapped(upload), "closed", False):
                _open_again(upload)
                opened = True
            source = _rewound(upload, limit)
            size: Any = getattr(upload, "size", None)
            told = isinstance(size, int) and size > limit
            content = (size, 0) if told else _content(source, limit)
            # What is unpacked while it is read is larger than it says.
            if content[0] > limit:
                raise UploadTooLarge(filename=filename, size=content[0], limit=limit)
        yield source, content
        with _reading(filename):
            source.seek(0)
    finally:
        # Another field's file: nobody else would close it.
        if opened:
            upload.close()


@contextmanager
def _reading(filename: str) -> Iterator[None]:
    """Whatever fails makes an upload unreadable, unless it is somebody else's: a time limit."""
    try:
        yield
    except (UploadError, *OF_OTHERS):
        raise
    except Exception as error:
        # Memory that was let go, a temporary file that is gone, an archive that is cut off.
        if is_interruption(error):
            raise
        # The whole text of an error of the system names a path.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableUpload(filename=filename, reason=reason) from error


def _content(source: IO[bytes], limit: int) -> Content:
    """How long it is, and a checksum; no further than a block beyond the limit.

    All of it is read, and of a large one each eighth block and the last are summed, since the rest
    would show in the time of an upload: another picture of the very same length differs there.
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
    """Up to so many bytes. Raises ``ValueError`` for anything else that ``read()`` gives."""
    piece = source.read(size)
    if isinstance(piece, bytes):
        return piece
    if inspect.iscoroutine(piece):
        piece.close()
    what = AS_TEXT if isinstance(piece, str) else f"read() gives {type(piece).__name__}, not bytes"
    raise ValueError(what)


#: What opens a file of the system, and has its path for a name.
OF_THE_SYSTEM = (io.FileIO, io.BufferedReader, io.BufferedRandom)


def _open_again(upload: File[Any]) -> None:
    """Open a closed upload. Raises ``ValueError`` where that would not give the same one.

    Django opens what has the upload's name in the working directory, be that the name that a
    client has sent, that of a file in an archive, or one that a script has given to bytes in
    memory.
    """
    inner = innermost(upload)
    # A temporary file is in a wrapper that removes it.
    is_file = isinstance(getattr(inner, "file", inner), OF_THE_SYSTEM)
    path, name = text_of(getattr(inner, "name", None)), text_of(upload.name)
    same = is_file and path and name and Path(path).absolute() == Path(name).absolute()
    if type(upload).open is File.open and not same:
        raise ValueError("it is closed")
    upload.open("rb")


def _unwrapped(upload: File[Any]) -> Any:
    """The upload, or what is in it where Django takes that for closed because it is false.

    A file without a name is false, and may be in another.
    """
    source: Any = upload
    while (
        isinstance(source, File)
        and getattr(source, "closed", False)
        and (inner := vars(source).get("file")) is not None
    ):
        source = inner
    return source


def _rewound(upload: File[Any], limit: int) -> IO[bytes]:
    """The upload, or a copy in memory where it cannot be rewound, as an answer from a network."""
    source = _unwrapped(upload)
    if _is_seekable(source):
        source.seek(0)
        return cast("IO[bytes]", source)
    data = io.BytesIO()
    # A pipe gives what has arrived so far.
    while data.tell() <= limit and (piece := _read(source, limit + 1 - data.tell())):
        data.write(piece)
    upload.file = data
    return data


def _is_seekable(source: Any) -> bool:
    # A file of Django's says so of whatever is in it.
    there = all(hasattr(source, name) for name in ("closed", "seekable", "seek", "tell"))
    return there and not inspect.iscoroutinefunction(source.seek) and bool(source.seekable())
