"""The story of an upload: received, cut, named, written. Start reading here.

    receive   bytes → one bounded, upright, sRGB picture        (no storage, no database)
    cut       picture → encoded master and renditions           (no storage, no database)
    store     encoded files → storage, under a new name         (no database)

What happens to the row is the business of ``fields`` and ``models``; what happens to the old files
that of ``cleanup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import router

from . import tokens as seals
from .exceptions import (
    InvalidCrop,
    KeyChanged,
    KeyTooLong,
)
from .names import Name, random_ids
from .storage.base import Write, write_all
from .uploads import imaging, reading

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models import Model

    from .columns import AvatarColumn
    from .names import Box
    from .specs import Spec

#: Where an upload's picture is kept, so that saving does not decode it again; what it was decoded
#: from, and out of which open file.
PICTURE, CONTENT, OPENED = "avatar_picture", "avatar_content", "avatar_opened"
LARGEST_SIDE = 1 << 31  # px, more than any format has


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An avatar, encoded and not yet named."""

    master: imaging.Encoded
    renditions: tuple[imaging.Encoded, ...]
    crop: Box | None
    fit: str
    color: str

    def name(self, token: str | None = None) -> Name:
        """A new name for these files."""
        return Name(
            *random_ids(token),
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
    field: AvatarColumn,
    crop: Box | None = None,
    *,
    filename: str | None = None,
) -> imaging.Picture:
    """Check and decode an upload, unless a form or a validator has done so.

    ``crop`` is (x, y, width, height) in px of the upright upload: a square, unless the field fits
    the whole picture in. ``filename`` is what the upload is called in an error. Raises the
    children of :class:`~django_avatar_kit.exceptions.UploadError`.
    """
    spec = field.spec
    filename = filename or reading.name_of(upload)
    if crop is not None:
        _check_crop(crop, filename, square=spec.fit == "cover")
        crop = (crop[0], crop[1], crop[2], crop[3])
    kept: imaging.Picture | None = getattr(upload, PICTURE, None)
    if kept is not None and kept.crop == crop and kept.serves(spec) and _is_as_it_was(upload):
        return kept
    with reading.opened(upload, filename) as (source, content):
        picture = imaging.load(
            source, filename=filename, limits=field.limits, spec=spec, crop=crop
        )
    if crop is not None and picture.crop != crop:
        raise InvalidCrop(
            filename=filename,
            crop=crop,
            reason=f"the picture is {picture.source[0]} × {picture.source[1]} px",
        )
    inner = reading.innermost(upload)
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
    if opened is not None and opened is reading.innermost(upload) and opened.closed:
        # Closed after it had been checked, and nothing else was put in its place.
        return True
    with reading.opened(upload, reading.name_of(upload)) as (_source, content):
        return content == getattr(upload, CONTENT, None)


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


def cut(picture: imaging.Picture, spec: Spec) -> Cut:
    """Encode the master and every rendition from one decoded picture."""
    renditions = imaging.encode_renditions(picture, spec)
    return Cut(
        master=imaging.encode_master(picture, spec),
        renditions=renditions,
        crop=imaging.master_crop(picture, spec),
        fit=spec.fit,
        color=imaging.average_color(picture, spec),
    )


def store(cut: Cut, field: AvatarColumn, instance: Model, using: str | None = None) -> str:
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
    cut: Cut, field: AvatarColumn, instance: Model, using: str | None = None
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
