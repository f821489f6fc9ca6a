from __future__ import annotations

import pickle
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from django_avatar_kit import downloads, exceptions
from django_avatar_kit.downloads import DownloadError, DownloadRefused, DownloadTimeout
from django_avatar_kit.exceptions import (
    AvatarError,
    AvatarReplaced,
    DecompressionBomb,
    EmptyUpload,
    GalleryFull,
    InvalidCrop,
    KeyChanged,
    KeyTooLong,
    NoMaster,
    NotAFile,
    NotAnImage,
    ReadOnly,
    StaleName,
    StorageError,
    SvgUpload,
    TooManyPixels,
    TooMuchMemory,
    TooMuchTime,
    TruncatedImage,
    UncommittedFile,
    UnreadableUpload,
    UnsupportedFormat,
    UploadError,
    UploadTooLarge,
)

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
EACH: list[tuple[AvatarError, str, str]] = [
    (AvatarError(), "avatar", "Something is wrong with this avatar."),
    (UploadError(filename="a.jpg"), "upload", "“a.jpg” cannot be used as an avatar."),
    (EmptyUpload(filename="a.jpg"), "empty", "“a.jpg” is empty. Choose another file."),
    (
        UploadTooLarge(filename="a.jpg", size=12 * 2**20, limit=10 * 2**20),
        "too_large",
        "“a.jpg” is 12.0\xa0MB. Upload a file of at most 10.0\xa0MB.",
    ),
    (
        NotAnImage(filename="a.txt"),
        "invalid_image",
        "“a.txt” is not an image. Choose a photo or another picture.",
    ),
    (
        SvgUpload(filename="a.svg"),
        "svg",
        "“a.svg” is an SVG drawing. Export it as a PNG and upload that.",
    ),
    (
        UnsupportedFormat(filename="cat.tiff", format="TIFF", allowed=FORMATS),
        "unsupported_format",
        "“cat.tiff” is in TIFF format. Upload a picture in JPEG, PNG, WebP, GIF or AVIF format.",
    ),
    (
        UnsupportedFormat(filename="a.gif", format="gif", allowed=["jpeg"]),
        "unsupported_format",
        "“a.gif” is in GIF format. Upload a picture in JPEG format.",
    ),
    (
        TooMuchMemory(
            filename="a.webp", format="WebP", size=(8000, 6400), fit=(5000, 4000), need=2, limit=1
        ),
        "too_much_memory",
        (
            "“a.webp” has 8000 × 6400 pixels, which is too much for this kind of WebP. "
            "Make it smaller: 5000 × 4000 pixels can be used."
        ),
    ),
    (
        TooMuchTime(
            filename="a.png", format="PNG", size=(8000, 6400), fit=(4000, 3200), need=2, limit=1
        ),
        "too_much_time",
        (
            "“a.png” has 8000 × 6400 pixels, which is too much for this kind of PNG. "
            "Make it smaller: 4000 × 3200 pixels can be used."
        ),
    ),
    (
        TruncatedImage(filename="a.jpg"),
        "truncated",
        "“a.jpg” is damaged or incomplete. Save it again and upload the new copy.",
    ),
    (
        TooManyPixels(filename="a.jpg", width=12_000, height=9_000, limit=52_000_000),
        "too_many_pixels",
        (
            "“a.jpg” has 12000 × 9000 pixels, which is 108 megapixels. "
            "Make it smaller: at most 52 megapixels can be used."
        ),
    ),
    (
        DecompressionBomb(filename="a.png"),
        "decompression_bomb",
        (
            "“a.png” unpacks to far more data than a picture needs. "
            "Save it again as a plain JPEG or PNG and upload that."
        ),
    ),
    (
        UnreadableUpload(filename="a.jpg", reason=ValueError("it is closed.")),
        "unreadable",
        "“a.jpg” cannot be read: it is closed. Upload it once more.",
    ),
    (
        NotAFile(value="https://example.org/a.jpg"),
        "not_a_file",
        (
            "“https://example.org/a.jpg” is not a file in storage and cannot be an avatar. Assign "
            "an open file, such as ContentFile(data, name), or call the avatar's "
            "save(name, content)."
        ),
    ),
    (
        GalleryFull(limit=10),
        "gallery_full",
        "The gallery is full: its limit is 10. Remove a picture first.",
    ),
    (
        InvalidCrop(filename="a.jpg", crop=(0, 0, 9, 8), reason="it is not square"),
        "invalid_crop",
        (
            "The crop box (0, 0, 9, 8) of “a.jpg” cannot be used: it is not square. It is x, y, "
            "width and height in whole pixels of the upright picture."
        ),
    ),
    (
        DownloadError(url="https://ada:secret@example.org/a.jpg?token=1#a", reason="it is gone."),
        "download",
        "“https://example.org/a.jpg” could not be downloaded: it is gone.",
    ),
    (
        DownloadRefused(url="ftp://example.org/a.jpg", reason="it begins with “ftp:”"),
        "download_refused",
        "“ftp://example.org/a.jpg” could not be downloaded: it begins with “ftp:”.",
    ),
    (
        DownloadTimeout(url="https://example.org/a.jpg", limit=2.5),
        "download_timeout",
        (
            "“https://example.org/a.jpg” could not be downloaded: it did not arrive in full "
            "within 2.5 s, the time that it has."
        ),
    ),
    (
        StorageError(key="avatars/a.jpg", reason=OSError("No space left on device")),
        "storage",
        "“avatars/a.jpg” could not be written: No space left on device.",
    ),
    (
        StorageError(key="avatars/a.jpg", reason="Access denied.", action="delete"),
        "storage",
        "“avatars/a.jpg” could not be deleted: Access denied.",
    ),
    (
        UncommittedFile(filename="a.jpg"),
        "uncommitted",
        (
            "“a.jpg” is not in storage yet, and bulk_update() and update() write no files. "
            "Save the instance, or call its avatar's save() first."
        ),
    ),
    (
        StaleName(name="avatars/a.jpg"),
        "stale_name",
        (
            "No row has “avatars/a.jpg”, so that its files may be gone at any time. Read the "
            "avatar anew with refresh_from_db() before update(), bulk_update() or bulk_create() "
            "writes it, or call save(), which keeps what the row has."
        ),
    ),
    (
        NoMaster(name="old.jpg"),
        "no_master",
        (
            "“old.jpg” is no stored avatar of the kit, and cannot be cropped anew. Upload a "
            "picture, or bring older files up to date with avatar_build."
        ),
    ),
    (
        AvatarReplaced(),
        "replaced",
        (
            "The picture has been replaced or removed in the meantime. Look at it again before "
            "you crop it."
        ),
    ),
    (
        ReadOnly(name="avatars/3f/a.jpg", mode="wb"),
        "read_only",
        (
            "“avatars/3f/a.jpg” is in storage and can only be read, not opened as “wb”: its files "
            "never change. Give the avatar another picture with its save(name, content)."
        ),
    ),
    (
        KeyChanged(key="x.jpg", expected="3f/a.jpg"),
        "key_changed",
        (
            "The key “x.jpg” does not end in “3f/a.jpg”. A callable upload_to may only put a "
            "prefix before the file name it is given."
        ),
    ),
    (
        KeyTooLong(key="abcdef", limit=5),
        "key_too_long",
        (
            "The key “abcdef” has 6 characters, the column takes 5. "
            "Shorten upload_to, or raise the field's max_length."
        ),
    ),
]


def name_of(value: Any) -> str:
    return type(value).__name__ if isinstance(value, AvatarError) else ""


@pytest.mark.parametrize(("error", "code", "sentence"), EACH, ids=name_of)
def test_code_and_sentence(error: AvatarError, code: str, sentence: str) -> None:
    assert error.code == code
    assert str(error) == sentence


@pytest.mark.parametrize(("error", "code", "sentence"), EACH, ids=name_of)
def test_each_becomes_a_form_error_as_it_is(error: AvatarError, code: str, sentence: str) -> None:
    raised = ValidationError(error.message, code=error.code, params=dict(error.params))
    assert raised.messages == [sentence]


@pytest.mark.parametrize(("error", "code", "sentence"), EACH, ids=name_of)
def test_each_survives_a_pickle(error: AvatarError, code: str, sentence: str) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.code, str(copy)) == (code, sentence)


def test_codes_are_unique() -> None:
    classes = {
        value
        for value in {**vars(exceptions), **vars(downloads)}.values()
        if isinstance(value, type) and issubclass(value, AvatarError)
    }
    assert len({each.code for each in classes}) == len(classes)
    assert {type(error) for error, _code, _sentence in EACH} == classes
    public = {*exceptions.__all__, *downloads.__all__}
    assert {each.__name__ for each in classes} <= public


def test_the_representation_names_the_values() -> None:
    assert repr(EmptyUpload(filename="a.jpg")) == "EmptyUpload(filename='a.jpg')"


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("/etc/passwd.jpg", "passwd.jpg"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("a\r\nb\0\u202e.jpg", "ab.jpg"),
        ("", "upload"),
        ("x" * 80 + ".jpg", "x" * 29 + "…" + "x" * 25 + ".jpg"),
        ("100%s.jpg", "100%s.jpg"),
    ],
)
def test_file_names_are_shown_short_and_on_one_line(filename: str, shown: str) -> None:
    assert str(EmptyUpload(filename=filename)) == f"“{shown}” is empty. Choose another file."


def test_numbers_are_written_in_the_language_of_the_reader() -> None:
    error = UploadTooLarge(filename="a.jpg", size=12 * 2**20, limit=10 * 2**20)
    with translation.override("de"):
        assert "12,0\xa0MB" in str(error)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            "de",
            (
                "„cat.tiff“ ist ein Bild im Format TIFF. "
                "Bitte laden Sie ein Bild als JPEG, PNG oder WebP hoch."
            ),
        ),
        (
            "ja",
            (
                "「cat.tiff」は TIFF 形式の画像です。"
                "JPEG、PNG または WebP の画像をアップロードしてください。"
            ),
        ),
        # Django has a word for "or" in Korean, but the kit has no such sentence.
        ("ko", "“cat.tiff” is in TIFF format. Upload a picture in JPEG, PNG or WebP format."),
    ],
)
def test_the_formats_are_joined_in_the_language_of_the_sentence(language, sentence):
    error = UnsupportedFormat(filename="cat.tiff", format="TIFF", allowed=("jpeg", "png", "webp"))
    with translation.override(language):
        assert str(error) == sentence


@pytest.mark.parametrize(
    ("side", "language", "megapixels"),
    [
        (12_000, "en", "144 megapixels"),
        (40_000, "en", "1600 megapixels"),
        (3_512, "en", "12.3 megapixels"),
        (3_512, "de", "12,3 Megapixel"),
        (100, "de", "0,01 Megapixel"),
    ],
)
def test_megapixels_have_three_digits_and_no_exponent(side, language, megapixels):
    error = TooManyPixels(filename="a.png", width=side, height=side, limit=1)
    with translation.override(language):
        assert f" {megapixels}. " in str(error)


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        ("cat.jpg", "“cat.jpg”", "„cat.jpg“"),
        (b"\xff\xd8", "bytes of length 2", "bytes der Länge 2"),
        (memoryview(b"\xff"), "memoryview of length 1", "memoryview der Länge 1"),
        (12, "An object of type int", "Ein Objekt vom Typ int"),
    ],
)
def test_what_is_no_file_is_described_in_the_language_of_the_reader(value, english, german):
    error = NotAFile(value=value)
    assert str(error).startswith(f"{english} is not a file in storage")
    with translation.override("de"):
        assert str(error).startswith(f"{german} ist keine Datei im Speicher")


def test_a_file_without_a_name_is_called_upload_in_the_language_of_the_reader():
    error = EmptyUpload(filename="")
    assert str(error) == "“upload” is empty. Choose another file."
    with translation.override("de"):
        assert str(error) == "„Upload“ ist leer. Bitte wählen Sie eine andere Datei."
    with translation.override("fr"):
        assert str(error) == "«\xa0fichier\xa0» est vide. Choisissez un autre fichier."
