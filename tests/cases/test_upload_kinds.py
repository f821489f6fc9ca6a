"""Case L1: every kind of file is an upload, and what cannot be read is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tempfile
from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import (
    SimpleUploadedFile,
)
from django.utils.datastructures import MultiValueDict
from PIL import Image

from django_avatar_kit import exceptions
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.names import Name
from tests.support import images
from tests.support.file_kinds import (
    JPEG,
    Answer,
    Fails,
    Readable,
    Reader,
    Unnamed,
    damaged,
    for_writing,
    gone,
    in_memory,
    on_disk,
    piped,
    temporary,
    unpacked,
)
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed
from tests.support.time_limits import SoftTimeLimit
from tests.testapp.models import Bare, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

KINDS = {
    "File without a name": lambda data: File(io.BytesIO(data)),
    "File with an empty name": lambda data: File(io.BytesIO(data), name=""),
    "File of a temporary file": lambda data: File(temporary(tempfile.TemporaryFile, data)),
    "File of a spooled file": lambda data: File(temporary(tempfile.SpooledTemporaryFile, data)),
    "File of a body from the network": lambda data: File(cast("Any", Answer(data))),
    "File read to its end": lambda data: File(io.BytesIO(data), name="a.jpg"),
    "ContentFile": ContentFile,
    "ContentFile with a name": lambda data: ContentFile(data, name="a.jpg"),
    "SimpleUploadedFile": lambda data: SimpleUploadedFile("a.jpg", data),
    "InMemoryUploadedFile": in_memory,
    "InMemoryUploadedFile without a name": lambda data: in_memory(data, None),
    "TemporaryUploadedFile": on_disk,
    "BytesIO": io.BytesIO,
    "a body from the network": Answer,
    "File of a pipe": lambda data: File(piped(data)),
    "a pipe": piped,
    "File of what can be read alone": lambda data: File(cast("Any", Reader(data))),
    "what can be read alone": Reader,
    # Django considers these closed.
    "File of a File without a name": lambda data: File(File(io.BytesIO(data))),
    "File of what is false": lambda data: File(Unnamed(data)),
    "what is false": Unnamed,
}


@pytest.fixture(params=KINDS)
def kind(request: Any) -> Any:
    return KINDS[request.param]


def read(file: Any) -> Any:
    """The same file, after it was read."""
    if hasattr(file, "closed") and getattr(file, "seekable", lambda: False)():
        file.read()
    return file


@pytest.mark.parametrize("how", ["assigned", "saved", "created", "read before"])
def test_l1_every_kind_of_file_is_an_upload(kind, how, files):
    profile = make_profile()
    before = column(profile)
    if how == "created":
        row: Any = Team.objects.create(avatar=kind(JPEG))
    else:
        row = fresh(profile)
        if how == "saved":
            row.avatar.save("a.jpg", kind(JPEG))
        else:
            row.avatar = read(kind(JPEG)) if how == "read before" else kind(JPEG)
            row.save()
    assert Name.parse(column(row))
    assert column(row) != before
    assert files() == needed()


@pytest.mark.parametrize("how", ["assigned", "full_clean", "saved"])
def test_l1_an_empty_file_is_refused_and_clears_nothing(kind, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises(ValidationError) as refused:
        if how == "saved":
            profile.avatar.save("a.jpg", kind(b""))
        else:
            profile.avatar = kind(b"")
            profile.full_clean() if how == "full_clean" else profile.save()
    errors = refused.value
    assert [each.code for each in getattr(errors, "error_dict", {"": [errors]}).popitem()[1]] == [
        "empty"
    ]
    assert column(profile) == before
    assert files() == files_of(before)


@pytest.mark.parametrize(
    "file",
    [
        lambda: gone(File(io.BytesIO(JPEG))),
        lambda: gone(File(File(io.BytesIO(JPEG)))),
        lambda: File(None),
        lambda: gone(in_memory(JPEG)),
        lambda: gone(on_disk(JPEG)),
        lambda: File(io.StringIO("text"), name="a.jpg"),
        lambda: ContentFile("text", name="a.jpg"),
        lambda: File(cast("Any", Reader("text")), name="a.jpg"),
    ],
)
def test_l1_a_file_that_cannot_be_read_any_more_is_refused_and_clears_nothing(file, files):
    profile = fresh(make_profile())
    before = column(profile)
    profile.avatar = file()
    with pytest.raises(exceptions.UnreadableUpload) as refused:
        profile.save()
    assert refused.value.code == "unreadable"
    assert column(profile) == before
    assert files() == files_of(before)


def test_l1_a_file_that_was_closed_and_can_be_opened_is_an_upload(tmp_path, files):
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    with path.open("rb") as opened:
        file = File(opened)
    profile = make_profile()
    profile.avatar = file
    profile.save()
    assert files() == needed() == files_of(column(profile))
    assert file.closed


@pytest.mark.parametrize("nothing", [None, "", False, Bare().photo])
def test_l1_what_does_clear_an_avatar(nothing, files):
    profile = fresh(make_profile())
    profile.avatar = nothing
    profile.save()
    assert column(profile) == ""
    assert files() == set()


@pytest.mark.parametrize("file", [KINDS["File without a name"], KINDS["SimpleUploadedFile"]])
def test_l1_a_form_takes_a_file_without_a_name(file, files):
    profile = make_profile()
    before = column(profile)
    form = AvatarForm({}, MultiValueDict({"avatar": [file(JPEG)]}), instance=profile)
    assert form.is_valid(), form.errors
    form.save()
    assert column(profile) != before
    assert files() == needed()


class WithoutSize(Readable):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        whole: Any = io.BytesIO(data).getvalue
        self.read = whole


class Asynchronous(io.BytesIO):
    """A file as some frameworks have it: all methods are coroutines."""

    async def seekable(self) -> bool:  # type: ignore[override]
        return True

    async def seek(self, *args: Any) -> int:  # type: ignore[override]
        return super().seek(*args)

    async def read(self, size: Any = -1) -> bytes:  # type: ignore[override]
        return super().read(size)


class Gives(io.BytesIO):
    """``read()`` returns something other than bytes."""

    def __init__(self, data: bytes, what: Any) -> None:
        super().__init__(data)
        self.what = what

    def read(self, size: Any = -1) -> Any:
        return self.what


UNREADABLE = {
    "opened for writing": for_writing,
    "a gzip file that is cut off": lambda data: unpacked(gzip, gzip.compress(data)[:-9]),
    "a gzip file that is damaged": lambda data: unpacked(gzip, damaged(gzip.compress(data))),
    "no gzip file": lambda data: unpacked(gzip, data),
    "no LZMA file": lambda data: unpacked(lzma, data),
    "a bzip2 file that is cut off": lambda data: unpacked(bz2, bz2.compress(data)[:-9]),
    "read() takes no size": WithoutSize,
    "read() is asynchronous": Asynchronous,
    "read() gives nothing at all": lambda data: Gives(data, None),
    "read() gives text": lambda data: Gives(data, "text"),
    "read() gives a number": lambda data: Gives(data, 5),
    "read() fails without a word": lambda data: Fails(data, AttributeError()),
    "seek() fails": lambda data: Fails(data, io.UnsupportedOperation("seek"), "seek"),
    "seekable() fails": lambda data: Fails(data, RuntimeError("gone"), "seekable"),
}


@pytest.fixture(params=UNREADABLE)
def unreadable(request: Any) -> Any:
    return UNREADABLE[request.param]


@pytest.mark.parametrize("how", ["assigned", "full_clean", "saved", "in a file"])
def test_l1_what_fails_as_it_is_read_is_unreadable(unreadable, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    file = unreadable(images.jpeg(Image.effect_noise((60, 40), 90).convert("RGB")))
    with pytest.raises(ValidationError) as refused:
        if how == "saved":
            profile.avatar.save("a.jpg", file)
        else:
            profile.avatar = File(file, name="a.jpg") if how == "in a file" else file
            profile.full_clean() if how == "full_clean" else profile.save()
    error = refused.value
    (error,) = error.error_dict["avatar"] if how == "full_clean" else [error]
    assert error.code == "unreadable"
    assert ": ." not in str(error)
    assert column(profile) == before
    assert files() == files_of(before)


def test_l1_what_says_nothing_of_where_it_is_can_be_read(files):
    team = Team.objects.create(avatar=Readable(JPEG))
    assert files() == files_of(column(team))


def test_l1_what_unpacks_to_more_than_the_limit_is_too_large(settings, tmp_path):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 100_000}
    with gzip.open(tmp_path / "a.gz", "wb") as packed:
        packed.write(JPEG + bytes(1_000_000))
    with gzip.open(tmp_path / "a.gz") as file, pytest.raises(exceptions.UploadTooLarge):
        Team.objects.create(avatar=file)


def test_l1_the_sentence_names_no_path(tmp_path):
    file = Fails(JPEG, FileNotFoundError(2, "No such file or directory", str(tmp_path)))
    with pytest.raises(exceptions.UnreadableUpload) as refused:
        Team.objects.create(avatar=File(file, name="a.jpg"))
    assert str(refused.value) == (
        "“a.jpg” cannot be read: No such file or directory. Upload it once more."
    )


@pytest.mark.parametrize("error", [SoftTimeLimit, TimeoutError, MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("method", ["read", "seek"])
def test_e8_while_an_upload_is_read(error, method):
    with pytest.raises(error):
        Team.objects.create(avatar=File(Fails(JPEG, error(), method), name="a.jpg"))
