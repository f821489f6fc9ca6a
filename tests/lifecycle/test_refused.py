"""What is refused, and what the instance has then."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from django_avatar_kit import exceptions
from django_avatar_kit.test import make_image, make_upload
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- what is refused --------------------------------------------------------------------------

GOOD = make_image((60, 40))


@pytest.mark.parametrize(
    ("name", "content", "error", "code"),
    [
        ("a.jpg", b"", exceptions.EmptyUpload, "empty"),
        ("a.jpg", b"hello, world", exceptions.NotAnImage, "invalid_image"),
        ("a.jpg", GOOD[:400], exceptions.TruncatedImage, "truncated"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", exceptions.SvgUpload, "svg"),
        (
            "a.tiff",
            make_image((60, 40), format="tiff"),
            exceptions.UnsupportedFormat,
            "unsupported_format",
        ),
        ("a.jpg", GOOD + b"\0" * 9000, exceptions.UploadTooLarge, "too_large"),
        (
            "a.png",
            make_image((400, 300), format="png"),
            exceptions.TooManyPixels,
            "too_many_pixels",
        ),
    ],
)
@pytest.mark.parametrize("how", ["save", "later", "assign", "create"])
def test_a_bad_upload_is_refused_and_the_old_avatar_stays(
    files, profile, storage, settings, name, content, error, code, how
):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "MAX_UPLOAD_SIZE": 9000, "MAX_PIXELS": 100_000}
    before = column(profile)
    storage.calls.clear()
    bad = make_upload(name, content)
    with pytest.raises(error) as refused:
        if how == "save":
            profile.avatar.save(name, bad)
        elif how == "later":
            profile.avatar.save(name, bad, save=False)
        elif how == "assign":
            profile.avatar = bad
            profile.save()
        else:
            Team.objects.create(avatar=bad)
    assert refused.value.code == code
    assert name in str(refused.value)
    assert column(profile) == before
    assert storage.calls == []
    assert files() == needed() == files_of(before)
    if how in ("save", "later"):
        assert profile.avatar.name == before
        profile.save()
        assert column(profile) == before


def test_too_many_pixels_are_refused_from_the_header(profile, settings, monkeypatch):
    settings.AVATAR_KIT = {"MAX_PIXELS": 100}
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(exceptions.TooManyPixels):
        profile.avatar.save("a.jpg", upload())


def test_a_file_name_that_leaves_the_storage_is_not_used(profile, files):
    profile.avatar.save("/etc/passwd.jpg", upload())
    assert files() == needed()


def test_a_column_that_is_refused_leaves_the_old_avatar(files, profile):
    bob = make_profile("bob")
    before = column(profile)
    profile.user = bob.user
    with pytest.raises(IntegrityError):
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == before == profile.avatar.name
    assert files() == needed()
    profile.user = fresh(profile).user
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed()


def test_an_assigned_upload_survives_a_failed_save(files, profile):
    bob = make_profile("bob")
    ada = profile.user
    profile.avatar = upload("red")
    profile.user = bob.user
    with pytest.raises(IntegrityError):
        profile.save()
    assert files() == needed()
    profile.user = ada
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed()
