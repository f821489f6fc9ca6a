"""Everything the kit raises on purpose: one base class, and a stable ``code`` for each child.

The message is kept apart from its parameters, so that an error becomes a form error as it is:
``ValidationError(error.message, code=error.code, params=error.params)``.
"""

# ruff: noqa: N818 - "TruncatedImage" says as much as "TruncatedImageError" would.

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .formats import label_of
from .wording import any_of, box_text, described, filename_text, megapixels, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_stubs_ext import StrPromise

__all__ = [
    "AvatarError", "AvatarReplaced", "DecompressionBomb", "EmptyUpload", "GalleryFull",
    "InvalidCrop", "KeyChanged", "KeyTooLong", "NoMaster", "NotAFile", "NotAnImage",
    "ReadOnly", "StaleName", "StorageError", "SvgUpload", "TooManyPixels", "TooMuchMemory",
    "TooMuchTime", "TruncatedImage", "UncommittedFile", "UnreadableUpload", "UnsupportedFormat",
    "UploadError", "UploadTooLarge",
]  # fmt: skip

#: Width and height in px.
Size = tuple[int, int]


class AvatarError(Exception):
    """Base of all errors of the kit. ``str()`` is the sentence a person reads, translated.

    ``message`` holds ``%(name)s`` placeholders for the values in ``params``.
    """

    #: What a program tells the error by. It does not change.
    code: str = "avatar"
    #: The sentence, with placeholders such as ``%(filename)s``. Texts may change.
    message: str | StrPromise = _("Something is wrong with this avatar.")
    #: The values for the placeholders, and numbers (px, bytes) for programs.
    params: Any

    def __init__(self, **params: Any) -> None:
        Exception.__init__(self)
        self.params = params

    def __str__(self) -> str:
        return str(str(self.message) % self.params)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.params.items())
        return f"{type(self).__name__}({arguments})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception.__reduce__() calls the class with positional arguments, and these classes take
        # keyword arguments only. A task queue may pickle the error of an upload.
        return copyreg.__newobj__, (type(self),), self.__dict__  # type: ignore[attr-defined]


# --- what the user sent -----------------------------------------------------------------------


class UploadError(AvatarError, ValidationError):
    """The uploaded file is refused. Nothing was written, and the old avatar stays.

    It is a ``ValidationError`` as well: ``full_clean()``, forms and serializers show it beside the
    field, and code that saves without them can handle it like any other invalid input.
    """

    code = "upload"
    message = _("“%(filename)s” cannot be used as an avatar.")

    def __init__(self, *, filename: str, **params: Any) -> None:
        super().__init__(filename=filename_text(filename), **params)

    @property
    def error_list(self) -> list[ValidationError]:  # type: ignore[override]
        # ValidationError stores this list in an attribute. That reference cycle would keep the
        # traceback, and with it the decoded picture, in memory until the garbage collector runs.
        return [self]


class EmptyUpload(UploadError):
    """The file has no bytes."""

    code = "empty"
    message = _("“%(filename)s” is empty. Choose another file.")


class UploadTooLarge(UploadError):
    """``size`` and ``limit`` are bytes."""

    code = "too_large"
    # Translators: for example: “cat.jpg” is 12.0 MB. Upload a file of at most 10.0 MB.
    message = _("“%(filename)s” is %(size_text)s. Upload a file of at most %(limit_text)s.")

    def __init__(self, *, filename: str, size: int, limit: int) -> None:
        super().__init__(filename=filename, size=size, limit=limit)
        self.params |= {"size_text": size_text(size), "limit_text": size_text(limit)}


class NotAnImage(UploadError):
    """The content is in no image format that is known."""

    code = "invalid_image"
    message = _("“%(filename)s” is not an image. Choose a photo or another picture.")


class SvgUpload(UploadError):
    """An SVG file: a document that may contain scripts, and no raster image."""

    code = "svg"
    message = _("“%(filename)s” is an SVG drawing. Export it as a PNG and upload that.")


class UnsupportedFormat(UploadError):
    """``format`` is a key of the kit ("gif") or a name to show ("TIFF"); ``allowed`` are keys."""

    code = "unsupported_format"
    # Translators: “cat.tiff” is in TIFF format. Upload a picture in JPEG or PNG format.
    message = _(
        "“%(filename)s” is in %(format)s format. Upload a picture in %(allowed_text)s format.",
    )

    def __init__(self, *, filename: str, format: str, allowed: Sequence[str]) -> None:
        super().__init__(
            filename=filename,
            format=label_of(format),
            allowed=tuple(allowed),
            allowed_text=any_of([label_of(name) for name in allowed]),
        )


class TruncatedImage(UploadError):
    """The content is damaged, or its end is missing."""

    code = "truncated"
    message = _("“%(filename)s” is damaged or incomplete. Save it again and upload the new copy.")


class TooManyPixels(UploadError):
    """``width``, ``height`` and ``limit`` are pixels."""

    code = "too_many_pixels"
    message = _(
        "“%(filename)s” has %(width)s × %(height)s pixels, which is %(megapixels)s megapixels. "
        "Make it smaller: at most %(limit_megapixels)s megapixels can be used.",
    )

    def __init__(self, *, filename: str, width: int, height: int, limit: int) -> None:
        super().__init__(filename=filename, width=width, height=height, limit=limit)
        self.params["megapixels"] = megapixels(width * height)
        self.params["limit_megapixels"] = megapixels(limit)


class TooMuchMemory(UploadError):
    """Decoding it would take more memory than ``MAX_DECODE_MEMORY``.

    ``size`` is its width and height in pixels, ``fit`` a size of the same shape and format that is
    accepted (in ``params``: ``width``, ``height``, ``fit_width``, ``fit_height``). ``need`` and
    ``limit`` are bytes.
    """

    code = "too_much_memory"
    # Translators: "this kind of JPEG": a progressive one, for example, takes more memory.
    message = _(
        "“%(filename)s” has %(width)s × %(height)s pixels, which is too much for this kind of "
        "%(format)s. Make it smaller: %(fit_width)s × %(fit_height)s pixels can be used.",
    )

    def __init__(
        self, *, filename: str, format: str, size: Size, fit: Size, need: int, limit: int
    ) -> None:
        super().__init__(filename=filename, format=format, need=need, limit=limit)
        self.params["width"], self.params["height"] = size
        self.params["fit_width"], self.params["fit_height"] = fit


class TooMuchTime(TooMuchMemory):
    """Decoding it would take far longer than any usual picture of ``MAX_PIXELS`` does.

    The parameters are those of ``TooMuchMemory``, but ``need`` and ``limit`` are px of a plain
    JPEG that would be decoded at full size in the same time.
    """

    code = "too_much_time"


class DecompressionBomb(UploadError):
    """A small file that decompresses to far more data than its picture has pixels."""

    code = "decompression_bomb"
    message = _(
        "“%(filename)s” unpacks to far more data than a picture needs. "
        "Save it again as a plain JPEG or PNG and upload that.",
    )


class UnreadableUpload(UploadError):
    """The file is closed, is open as text, or fails while it is read; ``reason`` says which."""

    code = "unreadable"
    # Translators: the reason is part of a sentence, such as "it is closed".
    message = _("“%(filename)s” cannot be read: %(reason)s. Upload it once more.")

    def __init__(self, *, filename: str, reason: object) -> None:
        super().__init__(filename=filename, reason=str(reason).rstrip("."))


class NotAFile(UploadError, TypeError):
    """A value that is neither a file nor the name of a stored one: bytes, a URL, a path.

    The message shows a text, but only the type of any other ``value``: bytes may be the picture.
    """

    code = "not_a_file"
    message = _(
        "%(value)s is not a file in storage and cannot be an avatar. Assign an open file, such as "
        "ContentFile(data, name), or call the avatar's save(name, content).",
    )

    def __init__(self, *, value: object) -> None:
        # What is no text has no file name; a name of the kit's own takes its place.
        super().__init__(filename=value if isinstance(value, str) else "")
        self.params["value"] = described(value)


class InvalidCrop(UploadError, ValueError):
    """The crop box is no square inside the picture. ``crop`` is (x, y, width, height) in px."""

    code = "invalid_crop"
    # Translators: the reason is part of a sentence, such as "it is not square".
    message = _(
        "The crop box %(crop)s of “%(filename)s” cannot be used: %(reason)s. It is x, y, width "
        "and height in whole pixels of the upright picture.",
    )

    def __init__(self, *, filename: str, crop: object, reason: object) -> None:
        super().__init__(filename=filename, crop=box_text(crop), reason=reason)


class GalleryFull(UploadError):
    """The owner has as many pictures as ``limit`` (``AVATAR_KIT["GALLERY_LIMIT"]``) already."""

    code = "gallery_full"
    # Translators: the limit is a number of pictures, from 1 upwards.
    message = _("The gallery is full: its limit is %(limit)d. Remove a picture first.")

    def __init__(self, *, limit: int) -> None:
        # It is the next file that is refused, whichever that is.
        super().__init__(filename="", limit=limit)


# --- storage and misuse -----------------------------------------------------------------------


class StorageError(AvatarError):
    """A storage failed; ``__cause__`` is its own error. ``key`` is the file it failed on."""

    code = "storage"
    # Translators: the reason is what the storage says, mostly in English.
    message: str | StrPromise = _("“%(key)s” could not be written: %(reason)s.")
    #: The sentence for each ``action``.
    MESSAGES: ClassVar[Mapping[str, str | StrPromise]] = {
        "write": message,
        "delete": _("“%(key)s” could not be deleted: %(reason)s."),
        "read": _("“%(key)s” could not be read: %(reason)s."),
    }

    def __init__(
        self, *, key: str, reason: object, action: Literal["write", "delete", "read"] = "write"
    ) -> None:
        super().__init__(key=key, reason=str(reason).rstrip("."), action=action)
        self.message = self.MESSAGES[action]


class UncommittedFile(AvatarError):
    """A file that is not in storage was passed to a method that writes the column only."""

    code = "uncommitted"
    message = _(
        "“%(filename)s” is not in storage yet, and bulk_update() and update() write no files. "
        "Save the instance, or call its avatar's save() first.",
    )

    def __init__(self, *, filename: str) -> None:
        super().__init__(filename=filename_text(filename))


class StaleName(AvatarError):
    """The name that was to be written is in no row any more. Nothing was written.

    Its files have been deleted, or will be.
    """

    code = "stale_name"
    message = _(
        "No row has “%(name)s”, so that its files may be gone at any time. Read the avatar anew "
        "with refresh_from_db() before update(), bulk_update() or bulk_create() writes it, or "
        "call save(), which keeps what the row has.",
    )

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)


class NoMaster(AvatarError, ValueError):
    """There is no stored master to crop: no avatar, an upload, or a file from before the kit."""

    code = "no_master"
    message = _(
        "“%(name)s” is no stored avatar of the kit, and cannot be cropped anew. Upload a picture, "
        "or bring older files up to date with avatar_build.",
    )

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)


class AvatarReplaced(AvatarError):
    """The avatar was to be cropped anew, and the row has another one by now. That one stays."""

    code = "replaced"
    message = _(
        "The picture has been replaced or removed in the meantime. Look at it again before you "
        "crop it.",
    )


class ReadOnly(AvatarError, ValueError):
    """A stored avatar was opened for writing. Nothing was written."""

    code = "read_only"
    message = _(
        "“%(name)s” is in storage and can only be read, not opened as “%(mode)s”: its files never "
        "change. Give the avatar another picture with its save(name, content).",
    )

    def __init__(self, *, name: str, mode: str) -> None:
        super().__init__(name=name, mode=mode)


class KeyChanged(AvatarError):
    """``upload_to`` or the storage changed the end of a new key. Nothing was written."""

    code = "key_changed"
    message = _(
        "The key “%(key)s” does not end in “%(expected)s”. A callable upload_to may only put a "
        "prefix before the file name it is given.",
    )

    def __init__(self, *, key: str, expected: str) -> None:
        super().__init__(key=key, expected=expected)


class KeyTooLong(AvatarError):
    """The key is longer than ``limit`` characters, the column's. Nothing was written."""

    code = "key_too_long"
    message = _(
        "The key “%(key)s” has %(length)s characters, the column takes %(limit)s. "
        "Shorten upload_to, or raise the field's max_length.",
    )

    def __init__(self, *, key: str, limit: int) -> None:
        super().__init__(key=key, length=len(key), limit=limit)
