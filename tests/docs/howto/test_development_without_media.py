"""docs/howto/development-without-media.md, done step by step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import make_upload, settle
from tests.support.howtos import blocks, run
from tests.support.lifecycle import column, files_of, fresh, set_column
from tests.support.stored_keys import KEY
from tests.testapp.models import Profile

PAGE = "development-without-media"

pytestmark = pytest.mark.django_db(databases=["default", "other"])


@pytest.fixture
def on_s3(settings: Any, bucket: Any) -> Any:
    """A site as it is in production."""
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    bucket.use(settings)
    return bucket


@pytest.fixture
def developing(settings: Any, tmp_path: Path) -> Any:
    """The settings as the page changes them, once it is called."""

    def change() -> None:
        given = {"STORAGES": settings.STORAGES, "AVATAR_KIT": settings.AVATAR_KIT}
        changed = run(blocks(PAGE, "python")[0], BASE_DIR=tmp_path / "project", **given)
        for name in ("DEBUG", "STORAGES", "MEDIA_ROOT", "MEDIA_URL", "AVATAR_KIT"):
            setattr(settings, name, changed[name])

    return change


def test_what_you_see(on_s3, developing, s3_server, tmp_path):
    profile = Profile.objects.create(user=User.objects.create(username="ada"))
    set_column(profile, KEY)
    developing()
    with s3_server.counted() as requests:
        assert avatar_html(fresh(profile), 64).startswith('<svg width="64" height="64"')
        profile = fresh(profile)
        profile.avatar = make_upload(size=(40, 40))
        profile.save()
        settle()
        assert avatar_html(fresh(profile), 32).startswith('<img src="/media/avatars/')
    files = {p for p in (tmp_path / "project/media").rglob("*") if p.is_file()}
    assert files == {tmp_path / "project/media" / key for key in files_of(column(profile))}
    assert requests == []


def test_getting_some_of_the_pictures(on_s3, developing, settings, tmp_path, capsys):
    profile = Profile.objects.create(
        user=User.objects.create(username="ada"), avatar=make_upload(size=(40, 40))
    )
    settle()
    in_production = on_s3.keys()
    developing()
    entry = run(blocks(PAGE, "python")[1], STORAGES={})["STORAGES"]["production"]
    assert entry["BACKEND"] == on_s3.entry()["BACKEND"]
    # The how-to's bucket, on the server of the tests.
    entry["OPTIONS"] = {**entry["OPTIONS"], **on_s3.entry()["OPTIONS"]}
    settings.STORAGES = {**settings.STORAGES, "production": entry}
    (command,) = blocks(PAGE, "shell")
    name, *arguments = shlex.split(command)[2:]
    call_command(name, *[each.replace("profiles.", "testapp.") for each in arguments])
    assert "<img" in avatar_html(fresh(profile), 32)
    assert on_s3.keys() == in_production == files_of(column(profile))
