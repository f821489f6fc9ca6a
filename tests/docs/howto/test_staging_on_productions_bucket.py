"""docs/howto/staging-on-productions-bucket.md, done step by step."""

from __future__ import annotations

import json
import shlex
from fnmatch import fnmatchcase
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import Client
from django.test.utils import isolate_apps

from django_avatar_kit.rendering import avatar_url
from django_avatar_kit.test import make_upload, settle
from tests.support.howtos import blocks, run
from tests.support.lifecycle import column, files_of, fresh
from tests.support.pages import CHANGE, DELETE
from tests.testapp.models import Profile

PAGE = "staging-on-productions-bucket"

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture
def profile(settings: Any, bucket: Any) -> Profile:
    """A row with an avatar that production has stored; the site is staging from now on."""
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    bucket.use(settings)
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user, avatar=make_upload(size=(40, 40)))
    changed = run(blocks(PAGE, "python")[0], AVATAR_KIT=settings.AVATAR_KIT)
    settings.AVATAR_KIT = changed["AVATAR_KIT"]
    return Profile.objects.get()


@pytest.fixture
def client(profile: Profile) -> Client:
    client = Client()
    client.force_login(profile.user)
    return client


def allowed(number: int) -> list[tuple[str, str]]:
    """Actions and resources of a policy on the page."""
    policy = json.loads(blocks(PAGE, "json")[number])
    return [
        (action, statement["Resource"])
        for statement in policy["Statement"]
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    ]


def test_nothing_of_production_is_deleted(client, profile, bucket):
    in_production = bucket.keys()
    client.post(CHANGE, {"avatar": make_upload(size=(40, 40))})
    assert bucket.keys() == in_production | files_of(column(profile))
    client.post(DELETE)
    profile.delete()
    settle()
    assert bucket.keys() > in_production
    with pytest.raises(CommandError, match="DELETE_FILES"):
        call_command("avatar_sweep", "--delete")


def test_credentials_that_may_only_read(client, profile, bucket, s3_server):
    assert allowed(0) == [("s3:GetObject", "arn:aws:s3:::faces/*")]
    for action in ("PUT", "DELETE", "DELETE MANY", "LIST"):
        s3_server.refusals[action] = (403, "AccessDenied")
    before = column(profile)
    html = client.post(CHANGE, {"avatar": make_upload(size=(40, 40))}).content.decode()
    assert "Your picture could not be saved" in html
    assert column(profile) == before
    assert avatar_url(fresh(profile), 32)
    client.post(DELETE)
    assert column(profile) == ""
    s3_server.refusals.clear()
    assert bucket.keys() == files_of(before)


@isolate_apps("tests.testapp")
def test_a_folder_of_its_own(settings):
    _, models, folder = blocks(PAGE, "python")
    settings.AVATAR_FOLDER = run(folder)["AVATAR_FOLDER"]
    model = run(models, __name__="tests.testapp.howto")["Profile"]
    key = model._meta.get_field("avatar").generate_filename(None, "3f/name.jpg")
    assert key == "staging/3f/name.jpg"


def test_uploads_may_go_to_that_folder_and_nowhere_else():
    def may(action: str, key: str) -> bool:
        arn = f"arn:aws:s3:::faces/{key}"
        return any(a == action and fnmatchcase(arn, where) for a, where in allowed(1))

    assert may("s3:GetObject", "avatars/3f/x.jpg")
    assert may("s3:PutObject", "staging/3f/x.jpg")
    assert may("s3:DeleteObject", "staging/3f/x.jpg")
    assert not may("s3:PutObject", "avatars/3f/x.jpg")
    assert not may("s3:DeleteObject", "avatars/3f/x.jpg")


def test_the_sweep_of_production(profile, bucket, settings):
    """It refuses because of the other site's files, unless it is told which folder is its own."""
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    left = "staging/3f/3f9c0123456789abcdef0123456789e1.32.webp"
    storages["default"].save(left, ContentFile(b"of another site"))
    with pytest.raises(CommandError, match="another site may use the storage"):
        call_command("avatar_sweep", "--delete", min_age=0, max_percent=100)
    (command,) = blocks(PAGE, "shell")
    call_command(*shlex.split(command)[2:], min_age=0, verbosity=0)
    assert bucket.keys() == {left} | files_of(column(profile))
