"""Everything the kit raises on purpose: one base class, and a stable ``code`` for each child.

The message is kept apart from its parameters, so that an error becomes a form error as it is:
``ValidationError(error.message, code=error.code, params=error.params)``.
"""

# ruff: noqa: N818 - a name says what is wrong, and "TruncatedImageError" says no more of it.

from __future__ import annotations

import copyreg
import re
from math import log10
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.functional import lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django_stubs_ext import StrPromise


class AvatarError(Exception):
    """Base of all errors of the kit. ``str()`` is the sentence a person reads, translated.

    ``message`` holds ``%(name)s`` placeholders for the values in ``params``.
    """

    code: str = "avatar"
    message: str | StrPromise = _("Something is wrong with this avatar.")
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
        # Exception's own way calls the class with positional arguments, and ours take keywords
        # only. A task queue that pickles a failed upload must get the same error back.
        return copyreg.__newobj__, (type(self),), self.__dict__  # type: ignore[attr-defined]


# --- what the user sent -----------------------------------------------------------------------

FORMAT_LABELS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "gif": "GIF",
    "avif": "AVIF",
    "heif": "HEIF",
}

# A form shows the name in one line: long ones are cut in the middle, where they tell least.
LONGEST_FILENAME = 60

#: Digits of a number, and values of a box, that are shown.
LONGEST_NUMBER = 20
MOST_SIDES = 8


class UploadError(AvatarError, ValidationError):
    """The uploaded file is refused. Nothing was written, and the old avatar stays.

    It is a ``ValidationError`` as well: ``full_clean()``, forms and serializers show it beside the
    field, and code that saves without them can treat it as any other mistake of the user.
    """

    code = "upload"
    message = _("“%(filename)s” cannot be used as an avatar.")

    def __init__(self, *, filename: str, **params: Any) -> None:
        super().__init__(filename=_shown(filename), **params)

    @property
    def error_list(self) -> list[ValidationError]:  # type: ignore[override]
        # What ValidationError keeps in an attribute: a cycle that would hold on to the traceback,
        # and with it to the pixels of the picture, until the garbage collector comes by.
        return [self]


class EmptyUpload(UploadError):
    code = "empty"
    message = _("“%(filename)s” is empty. Choose another file.")


class UploadTooLarge(UploadError):
    """``size`` and ``limit`` are bytes."""

    code = "too_large"
    message = _("“%(filename)s” is %(size_text)s. Upload a file of at most %(limit_text)s.")

    def __init__(self, *, filename: str, size: int, limit: int) -> None:
        super().__init__(
            filename=filename,
            size=size,
            limit=limit,
            size_text=_filesize(size),
            limit_text=_filesize(limit),
        )


class NotAnImage(UploadError):
    code = "invalid_image"
    message = _("“%(filename)s” is not an image. Choose a photo or another picture.")


class SvgUpload(UploadError):
    """SVG is refused by name: it is a document that may carry scripts, not a grid of pixels."""

    code = "svg"
    message = _("“%(filename)s” is an SVG drawing. Export it as a PNG and upload that.")


class UnsupportedFormat(UploadError):
    """``format`` is a key of the kit ("gif") or a name to show ("TIFF"); ``allowed`` are keys."""

    code = "unsupported_format"
    message = _("“%(filename)s” is a %(format)s image. Upload a %(allowed_text)s.")

    def __init__(self, *, filename: str, format: str, allowed: Sequence[str]) -> None:
        super().__init__(
            filename=filename,
            format=FORMAT_LABELS.get(format, format),
            allowed=tuple(allowed),
            allowed_text=_any_of([FORMAT_LABELS.get(name, name) for name in allowed]),
        )


class TruncatedImage(UploadError):
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
        super().__init__(
            filename=filename,
            width=width,
            height=height,
            limit=limit,
            megapixels=_megapixels(width * height),
            limit_megapixels=_megapixels(limit),
        )


class TooMuchMemory(UploadError):
    """To decode it would take more memory than the site allows.

    ``width``, ``height``, ``fit_width`` and ``fit_height`` are pixels: what it has, and what would
    pass in the same format and shape. ``need`` and ``limit`` are bytes.
    """

    code = "too_much_memory"
    message = _(
        "“%(filename)s” has %(width)s × %(height)s pixels, which is too much for this kind of "
        "%(format)s. Make it smaller: %(fit_width)s × %(fit_height)s pixels can be used.",
    )

    def __init__(
        self,
        *,
        filename: str,
        format: str,
        size: tuple[int, int],
        fit: tuple[int, int],
        need: int,
        limit: int,
    ) -> None:
        super().__init__(
            filename=filename,
            format=format,
            width=size[0],
            height=size[1],
            fit_width=fit[0],
            fit_height=fit[1],
            need=need,
            limit=limit,
        )


class DecompressionBomb(UploadError):
    """A small file that would unpack to more memory than any honest picture needs."""

    code = "decompression_bomb"
    message = _(
        "“%(filename)s” unpacks to far more data than a picture needs. "
        "Save it again as a plain JPEG or PNG and upload that.",
    )


class UnreadableUpload(UploadError):
    """The file is closed for good, is text, or fails as it is read; ``reason`` says which."""

    code = "unreadable"
    message = _("“%(filename)s” cannot be read: %(reason)s. Upload it once more.")

    def __init__(self, *, filename: str, reason: object) -> None:
        super().__init__(filename=filename, reason=str(reason).rstrip("."))


class NotAFile(UploadError, TypeError):
    """A value that is neither a file nor the name of a stored one: bytes, a URL, a path.

    ``value`` is described, never shown whole: it may be the picture itself.
    """

    code = "not_a_file"
    message = _(
        "%(value)s is not a file in storage and cannot be an avatar. Assign an open file, such as "
        "ContentFile(data, name), or call the avatar's save(name, content).",
    )

    def __init__(self, *, value: object) -> None:
        shown = _described(value)
        super().__init__(filename=shown, value=shown)


class InvalidCrop(UploadError, ValueError):
    """The crop box is no square inside the picture. ``crop`` is x, y, width, height in px."""

    code = "invalid_crop"
    message = _(
        "The crop box %(crop)s of “%(filename)s” cannot be used: %(reason)s. It is x, y, width "
        "and height in whole pixels of the upright picture.",
    )

    def __init__(self, *, filename: str, crop: object, reason: object) -> None:
        super().__init__(filename=filename, crop=_shown_box(crop), reason=reason)


# --- storage and misuse -----------------------------------------------------------------------


class StorageError(AvatarError):
    """A storage failed; ``__cause__`` is its own error. ``key`` is the file it failed on."""

    code = "storage"
    message: str | StrPromise = _("“%(key)s” could not be written: %(reason)s.")

    MESSAGES: ClassVar[Mapping[str, str | StrPromise]] = {
        "write": message,
        "delete": _("“%(key)s” could not be deleted: %(reason)s."),
        "read": _("“%(key)s” could not be read: %(reason)s."),
    }

    def __init__(
        self,
        *,
        key: str,
        reason: object,
        action: Literal["write", "delete", "read"] = "write",
    ) -> None:
        super().__init__(key=key, reason=str(reason).rstrip("."), action=action)
        self.message = self.MESSAGES[action]


class UncommittedFile(AvatarError):
    """A file that is not in storage yet was about to be put into the column by name alone."""

    code = "uncommitted"
    message = _(
        "“%(filename)s” is not in storage yet, and bulk_update() and update() write no files. "
        "Save the instance, or call its avatar's save() first.",
    )

    def __init__(self, *, filename: str) -> None:
        super().__init__(filename=_shown(filename))


class StaleName(AvatarError):
    """A name that no row holds any more was about to be written over what a row has.

    Its files are gone or about to go. Nothing was written.
    """

    code = "stale_name"
    message = _(
        "No row has “%(name)s”, so that its files may be gone at any time. Read the avatar anew "
        "with refresh_from_db() before update(), bulk_update() or bulk_create() writes it, or "
        "call save(), which keeps what the row has.",
    )

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)


class ReadOnly(AvatarError, ValueError):
    """A stored avatar was about to be written to. Nothing was written."""

    code = "read_only"
    message = _(
        "“%(name)s” is in storage and can only be read, not opened as “%(mode)s”: its files never "
        "change. Give the avatar another picture with its save(name, content).",
    )

    def __init__(self, *, name: str, mode: str) -> None:
        super().__init__(name=name, mode=mode)


class KeyChanged(AvatarError):
    """An ``upload_to`` or a storage dropped what the kit needs in a key. Nothing was written."""

    code = "key_changed"
    message = _(
        "The key “%(key)s” does not end in “%(expected)s”. A callable upload_to may only put a "
        "prefix before the file name it is given.",
    )

    def __init__(self, *, key: str, expected: str) -> None:
        super().__init__(key=key, expected=expected)


class KeyTooLong(AvatarError):
    """The key does not fit into the column. Nothing was written. ``limit`` is characters."""

    code = "key_too_long"
    message = _(
        "The key “%(key)s” has %(length)s characters, the column takes %(limit)s. "
        "Shorten upload_to, or raise the field's max_length.",
    )

    def __init__(self, *, key: str, limit: int) -> None:
        super().__init__(key=key, length=len(key), limit=limit)


# --- how values are shown ---------------------------------------------------------------------

_filesize: Callable[[int], Any] = lazy(filesizeformat, str)


def _shown(filename: object) -> str:
    """The bare file name on one line; a client may send paths, control characters, anything."""
    given = str(filename) if isinstance(filename, str | PurePath) else ""
    name = re.split(r"[/\\]", given)[-1]
    name = "".join(character for character in name if character.isprintable()).strip()
    return _cut_short(name) or "upload"


def _cut_short(text: str) -> str:
    if len(text) <= LONGEST_FILENAME:
        return text
    half = (LONGEST_FILENAME - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _described(value: object) -> str:
    """A value in a few words: a text as it is, anything else by its kind."""
    if isinstance(value, str):
        return f"“{_cut_short(''.join(each for each in value if each.isprintable()))}”"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{type(value).__name__} of length {len(value)}"
    return f"An object of type {type(value).__qualname__}"


def _shown_box(crop: object) -> str:
    """A crop box as it was given, without bytes and without numbers of any length."""
    if not isinstance(crop, tuple | list):
        return _shown_side(crop)
    inner = ", ".join(map(_shown_side, crop[:MOST_SIDES]))
    more = ", …" if len(crop) > MOST_SIDES else ""
    return f"[{inner}{more}]" if isinstance(crop, list) else f"({inner}{more})"


def _shown_side(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**LONGEST_NUMBER:
        # Python itself refuses to write those of more than 4,300 digits.
        return f"a number of about {int(value.bit_length() * log10(2)) + 1} digits"
    if isinstance(value, str):
        return repr(_cut_short(value))
    return repr(value) if value is None or isinstance(value, int | float) else _described(value)


def _join_alternatives(words: Sequence[str]) -> str:
    *others, last = words or ("",)
    if not others:
        return last
    return gettext("%(others)s or %(last)s") % {
        "others": str(pgettext_lazy("between the items of a list", ", ")).join(others),
        "last": last,
    }


# Lazy, because the words are joined in the language of the reader, not of the raising thread.
_any_of: Callable[[Sequence[str]], Any] = lazy(_join_alternatives, str)


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1_000_000:.3g}"
