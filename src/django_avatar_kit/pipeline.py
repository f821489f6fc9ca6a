"""The way of an upload: received, cut, stored. Start reading here.

    receive   bytes → one bounded, upright, sRGB picture        (no storage, no database)
    cut       picture → encoded master and renditions           (no storage, no database)
    store     encoded files → storage, under a new name         (no database)

It lies in the root because it joins two rooms, ``uploads`` and ``storage``, which do not know each
other. What happens to the row and to the old files is the business of ``lifecycle``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import router

from . import tokens
from .exceptions import InvalidCrop, KeyChanged, KeyTooLong
from .names import Name, random_ids
from .storage.base import Write, write_all
from .uploads import imaging, intake, reading
from .wording import picture_size

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models import Model

    from .columns import AvatarColumn
    from .names import Box
    from .specs import Spec


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An avatar that is encoded and has no name yet."""

    master: imaging.Encoded
    renditions: tuple[imaging.Encoded, ...]
    crop: Box | None
    """What was chosen, in px of the master; None for the automatic square."""
    fit: str
    color: str
    """The average colour of the renditions, as "rrggbb"."""

    def name(self, token: str | None = None) -> Name:
        """A new name for these files."""
        return Name(
            *random_ids(token),
            width=self.master.width,
            height=self.master.height,
            sizes=tuple(sorted({rendition.size for rendition in self.renditions})),
            formats=tuple(
                dict.fromkeys(each.format for each in self.renditions if not each.animated)
            ),
            animated=any(each.animated for each in self.renditions),
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
    """Check and decode an upload, unless a form or a validator has done so before.

    ``crop`` is (x, y, width, height) in px of the upright upload: a square, unless the field fits
    the whole picture in. ``filename`` is what an error calls the upload. Raises the children of
    :class:`~django_avatar_kit.exceptions.UploadError`.
    """
    spec = field.spec
    filename = filename or reading.name_of(upload)
    if crop is not None:
        crop = intake.checked_crop(crop, filename, square=spec.fit == "cover")
    decoded = reading.decoded_picture(upload)
    if decoded and decoded.crop == crop and decoded.serves(spec) and reading.is_unchanged(upload):
        return decoded
    with reading.opened(upload, filename) as (source, content):
        picture = imaging.load(
            source, filename=filename, limits=field.limits, spec=spec, crop=crop
        )
    if picture.crop != crop:
        reason = picture_size(*picture.source)
        raise InvalidCrop(filename=filename, crop=crop, reason=reason)
    reading.keep_decoded(upload, picture, content)
    return picture


def cut(picture: imaging.Picture, spec: Spec) -> Cut:
    """Encode the master and every rendition from one decoded picture."""
    # Before the master: ``uploads.memory_estimate`` counts in this order.
    renditions = imaging.encode_renditions(picture, spec)
    return Cut(
        master=imaging.encode_master(picture, spec, renditions),
        renditions=renditions,
        crop=imaging.master_crop(picture, imaging.master_spec(picture, spec)),
        fit=spec.fit,
        color=imaging.average_color(picture, spec),
    )


def store(cut: Cut, field: AvatarColumn, instance: Model, using: str | None = None) -> str:
    """Write all files under a new name and return the master's key; on an error, none remains.

    ``using`` is the alias of the database that the row is in, by default where it would be saved.
    Raises :class:`~django_avatar_kit.exceptions.KeyChanged` or ``KeyTooLong`` before anything is
    written, and ``StorageError`` where the storage failed.
    """
    key, name = key_for(cut, field, instance, using)
    files = [(field.storage, key, cut.master)]
    files += [
        (field.rendition_storage, _key_of(name, rendition), rendition)
        for rendition in cut.renditions
    ]
    write_all(
        [
            Write(storage=storage, key=key, data=file.data, content_type=file.content_type)
            for storage, key, file in files
        ]
    )
    return key


def _key_of(name: Name, rendition: imaging.Encoded) -> str:
    if rendition.animated:
        return name.animated_rendition(rendition.size)
    return name.rendition(rendition.size, rendition.format)


def key_for(
    cut: Cut, field: AvatarColumn, instance: Model, using: str | None = None
) -> tuple[str, Name]:
    """A new key for the master of these files. Raises ``KeyChanged`` or ``KeyTooLong``."""
    using = using or router.db_for_write(type(instance), instance=instance)
    generated = cut.name(tokens.new_token(using))
    key: str = field.generate_filename(instance, str(generated))
    name = Name.parse(key)
    if name is None or not f"/{key}".endswith(f"/{generated}"):
        raise KeyChanged(key=key, expected=str(generated))
    if field.max_length is not None and len(key) > field.max_length:
        raise KeyTooLong(key=key, limit=field.max_length)
    return key, name
