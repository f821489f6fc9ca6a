"""The story of an upload: received, cut, named, written. Start reading here.

    receive   bytes → one bounded, upright, sRGB picture        (no storage, no database)
    cut       picture → encoded master and renditions           (no storage, no database)
    store     encoded files → storage, under a new name         (no database)

What happens to the row is the business of ``fields`` and ``models``; what happens to the old files
that of ``cleanup``.
"""

from __future__ import annotations

import inspect
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.files.base import File
from django.db import router

from . import tokens as seals
from .conf import get_config
from .exceptions import (
    InvalidCrop,
    KeyChanged,
    KeyTooLong,
    UnreadableUpload,
    UploadError,
    UploadTooLarge,
)
from .interruptions import is_interruption
from .names import Name
from .storage.base import Write, write_all
from .uploads import imaging

if TYPE_CHECKING:
    from django.db.models import Model

    from .fields import AvatarField

#: Where an upload's picture is kept, so that saving does not decode it again; what it was decoded
#: from, and out of which open file.
PICTURE, CONTENT, OPENED = "avatar_picture", "avatar_content", "avatar_opened"
LARGEST_SIDE = 1 << 31  # px, more than any format has
BLOCK = 1 << 16  # bytes that are read at a time: nothing beside a picture
SUMMED = 4 * BLOCK  # bytes of an upload that are looked at one by one
AS_TEXT = "it is opened as text"

#: What says nothing of the upload that is being read: a signal handler's time limit, for one.
OF_OTHERS = (TimeoutError, MemoryError)

#: The length of an upload in bytes, and a checksum.
Content = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An avatar, encoded and not yet named."""

    master: imaging.Encoded
    renditions: tuple[imaging.Encoded, ...]
    crop: imaging.Box | None
    fit: str
    color: str

    def name(self, token: str | None = None) -> Name:
        """A new name for these files."""
        return Name.mint(
            token=token,
            width=self.master.width,
            height=self.master.height,
            sizes=tuple(sorted({rendition.size for rendition in self.renditions})),
            formats=tuple(dict.fromkeys(rendition.format for rendition in self.renditions)),
            crop=self.crop,
            fit="contain" if self.fit == "contain" else "cover",
            color=self.color,
            ext=self.master.extension,
        )


def receive(
    upload: File[Any],
    field: AvatarField,
    crop: imaging.Box | None = None,
    *,
    filename: str | None = None,
) -> imaging.Picture:
    """Check and decode an upload, unless a form or a validator has done so.

    ``crop`` is (x, y, width, height) in px of the upright upload: a square, unless the field fits
    the whole picture in. ``filename`` is what the upload is called in an error. Raises the
    children of :class:`~django_avatar_kit.exceptions.UploadError`.
    """
    spec = field.spec
    filename = filename or name_of(upload)
    if crop is not None:
        _check_crop(crop, filename, square=spec.fit == "cover")
        crop = (crop[0], crop[1], crop[2], crop[3])
    kept: imaging.Picture | None = getattr(upload, PICTURE, None)
    if kept is not None and kept.crop == crop and kept.serves(spec) and _is_as_it_was(upload):
        return kept
    with _opened(upload, filename) as (source, content):
        picture = imaging.load(
            source, filename=filename, limits=field.limits, spec=spec, crop=crop
        )
    if crop is not None and picture.crop != crop:
        raise InvalidCrop(
            filename=filename,
            crop=crop,
            reason=f"the picture is {picture.source[0]} × {picture.source[1]} px",
        )
    inner = _innermost(upload)
    setattr(upload, PICTURE, picture)
    setattr(upload, CONTENT, content)
    # One that was opened for this check alone is closed again by now.
    setattr(upload, OPENED, None if getattr(inner, "closed", True) else inner)
    return picture


def _is_as_it_was(upload: File[Any]) -> bool:
    """Whether it still holds what its picture was decoded from.

    A form may put another file in it, and a script may write into the same one again.
    """
    opened: Any = getattr(upload, OPENED, None)
    if opened is not None and opened is _innermost(upload) and opened.closed:
        # Closed after it had been checked, and nothing else was put in its place.
        return True
    with _opened(upload, name_of(upload)) as (_source, content):
        return content == getattr(upload, CONTENT, None)


def _innermost(upload: File[Any]) -> Any:
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


def _check_crop(crop: Any, filename: str, *, square: bool) -> None:
    reason = None
    if not (
        isinstance(crop, tuple | list)
        and len(crop) == 4
        and all(isinstance(value, int) and not isinstance(value, bool) for value in crop)
    ):
        reason = "it is not four whole numbers"
    elif min(crop) < 0 or min(crop[2:]) < 1:
        reason = "it begins outside of the picture, or has no size"
    elif max(crop) > LARGEST_SIDE:
        reason = "it is larger than any picture"
    elif square and crop[2] != crop[3]:
        reason = "it is not square"
    if reason is not None:
        raise InvalidCrop(filename=filename, crop=crop, reason=reason)


@contextmanager
def _opened(upload: File[Any], filename: str) -> Iterator[tuple[IO[bytes], Content]]:
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
    inner = _innermost(upload)
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


def cut(picture: imaging.Picture, spec: imaging.Spec) -> Cut:
    """Encode the master and every rendition from one decoded picture."""
    renditions = imaging.encode_renditions(picture, spec)
    return Cut(
        master=imaging.encode_master(picture, spec),
        renditions=renditions,
        crop=imaging.master_crop(picture, spec),
        fit=spec.fit,
        color=imaging.average_color(picture, spec),
    )


def store(cut: Cut, field: AvatarField, instance: Model, using: str | None = None) -> str:
    """Write all files under a new name and return the master's key; on an error, none remains.

    ``using`` is the alias of the database that the row is in, by default where it would be saved.
    Raises :class:`~django_avatar_kit.exceptions.KeyChanged` or ``KeyTooLong`` before anything is
    written, ``StorageError`` where the storage failed.
    """
    key, name = key_for(cut, field, instance, using)
    write_all(
        [
            Write(
                storage=field.storage,
                key=key,
                data=cut.master.data,
                content_type=cut.master.content_type,
            ),
            *(
                Write(
                    storage=field.rendition_storage,
                    key=name.rendition(rendition.size, rendition.format),
                    data=rendition.data,
                    content_type=rendition.content_type,
                )
                for rendition in cut.renditions
            ),
        ]
    )
    return key


def key_for(
    cut: Cut, field: AvatarField, instance: Model, using: str | None = None
) -> tuple[str, Name]:
    """A new key for the master of these files. Raises ``KeyChanged`` or ``KeyTooLong``."""
    using = using or router.db_for_write(type(instance), instance=instance)
    minted = cut.name(seals.new_token(using))
    key: str = field.generate_filename(instance, str(minted))
    name = Name.parse(key)
    if name is None or not f"/{key}".endswith(f"/{minted}"):
        raise KeyChanged(key=key, expected=str(minted))
    if field.max_length is not None and len(key) > field.max_length:
        raise KeyTooLong(key=key, limit=field.max_length)
    return key, name
