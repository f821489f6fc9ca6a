"""The story of an upload: received, cut, named, written. Start reading here.

    receive   bytes → one bounded, upright, sRGB picture        (no storage, no database)
    cut       picture → encoded master and renditions           (no storage, no database)
    store     encoded files → storage, under a new name         (no database)

What happens to the row is the business of ``fields`` and ``models``; what happens to the old files
that of ``cleanup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from . import imaging
from .conf import get_config
from .exceptions import KeyChanged, KeyTooLong, UploadTooLarge
from .names import Name
from .storage import Write, write_all

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models import Model

    from .fields import AvatarField

#: Where a form leaves the picture it has decoded, so that saving does not decode it again.
PICTURE = "avatar_picture"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """An avatar, encoded and not yet named."""

    master: imaging.Encoded
    renditions: tuple[imaging.Encoded, ...]
    crop: imaging.Box | None
    fit: str
    color: str

    def name(self) -> Name:
        """A new name for these files."""
        return Name.mint(
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
    """Check and decode an upload, unless a form has done so.

    ``crop`` is (x, y, width, height) in px of the upright upload; with one, what a form has
    decoded is of no use. ``filename`` is what the upload is called in an error. Raises the
    children of :class:`~django_avatar_kit.exceptions.UploadError`.
    """
    picture: imaging.Picture | None = getattr(upload, PICTURE, None) if crop is None else None
    spec = field.spec
    if picture is not None and picture.serves(spec):
        return picture
    filename = filename or upload.name or "upload"
    limit = get_config().max_upload_size
    if upload.size > limit:
        raise UploadTooLarge(filename=filename, size=upload.size, limit=limit)
    if opened := upload.closed:
        # Another field's file: nobody else would close it.
        upload.open("rb")
    try:
        upload.seek(0)
        source: IO[bytes] = upload
        picture = imaging.load(
            source, filename=filename, limits=field.limits, spec=spec, crop=crop
        )
        upload.seek(0)
    finally:
        if opened:
            upload.close()
    return picture


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


def store(cut: Cut, field: AvatarField, instance: Model) -> str:
    """Write all files under a new name and return the master's key; on an error, none remains.

    Raises :class:`~django_avatar_kit.exceptions.KeyChanged` or ``KeyTooLong`` before anything is
    written, ``StorageError`` where the storage failed.
    """
    key, name = key_for(cut, field, instance)
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


def key_for(cut: Cut, field: AvatarField, instance: Model) -> tuple[str, Name]:
    """A new key for the master of these files. Raises ``KeyChanged`` or ``KeyTooLong``."""
    minted = cut.name()
    key: str = field.generate_filename(instance, str(minted))
    name = Name.parse(key)
    if name is None or not f"/{key}".endswith(f"/{minted}"):
        raise KeyChanged(key=key, expected=str(minted))
    if field.max_length is not None and len(key) > field.max_length:
        raise KeyTooLong(key=key, limit=field.max_length)
    return key, name
