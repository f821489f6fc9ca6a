"""After a user is erased, nothing of them is left: no file, and no cell of any table.

What a site is told to do is in docs/howto/erasure.md, whose code is run here.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from easy_thumbnails.files import get_thumbnailer
from easy_thumbnails.models import Source, Thumbnail, ThumbnailDimensions
from PIL import Image

from django_avatar_kit.names import Name
from django_avatar_kit.rendering import has_avatar
from django_avatar_kit.test import make_image, make_upload, settle
from tests.support.erasure import everything, fill_thumbnails, stored, traces
from tests.support.howtos import code, run
from tests.support.lifecycle import column, fresh, make_profile, upload
from tests.testapp.models import Band, Bare, Pet, Profile

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def make_ada(settings: Any) -> User:
    """Somebody who has been here for a while: replaced, cropped, and shown in many ways."""
    profile = make_profile("ada-of-1815")
    fill_thumbnails(settings, profile.avatar)
    profile.avatar.save("ada-of-1815.jpg", upload("red"))
    profile.avatar.recrop((5, 5, 20, 20))
    bare = Bare(name="ada-of-1815", owner=profile.user)
    bare.photo.save("ada-of-1815.jpg", ContentFile(make_image((60, 40))))
    fill_thumbnails(settings, profile.avatar, get_thumbnailer(bare.photo))
    assert Thumbnail.objects.filter(source__name=profile.avatar.name).exists()
    assert ThumbnailDimensions.objects.count() >= 2
    return profile.user


@pytest.fixture
def bo(settings: Any) -> Any:
    """Somebody else, of whom everything stays."""
    profile = make_profile("bo")
    fill_thumbnails(settings, profile.avatar)
    return profile


def by_instance(user: User) -> None:
    user.delete()


def by_queryset(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def in_a_transaction(user: User) -> None:
    with transaction.atomic():
        User.objects.get(pk=user.pk).delete()


def row_after_row(user: User) -> None:
    Bare.objects.filter(owner=user).delete()
    Profile.objects.get(user=user).delete()
    user.delete()


def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def on_a_page_of_the_admin(user: User) -> None:
    client = root()
    response = client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    User.objects.get(username="root").delete()


def by_an_action_of_the_admin(user: User) -> None:
    client = root()
    chosen = {"action": "delete_selected", "_selected_action": user.pk, "post": "yes"}
    assert client.post("/admin/auth/user/", chosen).status_code == 302
    User.objects.get(username="root").delete()


@pytest.mark.usefixtures("django_cleanup")
@pytest.mark.parametrize(
    "erase",
    [
        *(by_instance, by_queryset, in_a_transaction, row_after_row),
        *(on_a_page_of_the_admin, by_an_action_of_the_admin),
    ],
)
def test_as_if_she_had_never_been_here(erase: Callable[[User], None], settings, bo):
    settings.ROOT_URLCONF = "tests.admin.urls"
    before = everything()
    ada = make_ada(settings)
    token = ada.profile.avatar.avatar_name.token
    assert everything() != before
    assert traces("ada-of-1815") >= {"auth_user", "easy_thumbnails_source"}
    erase(ada)
    assert everything() == before
    assert traces(token) == set()


@pytest.mark.usefixtures("django_cleanup")
def test_a_rolled_back_erasure_erases_nothing(settings, bo):
    ada = make_ada(settings)
    before = everything()
    with pytest.raises(RuntimeError), transaction.atomic():
        User.objects.get(pk=ada.pk).delete()
        raise RuntimeError
    assert everything() == before


def test_a_picture_that_was_removed(bo, settings):
    """Of somebody who stays: the picture goes alone."""
    make_profile("ada", avatar=False)
    before = everything()
    profile = Profile.objects.get(user__username="ada")
    profile.avatar.save("ada.jpg", upload())
    fill_thumbnails(settings, profile.avatar)
    profile.avatar.delete()
    assert everything() == before


def test_renditions_in_another_storage(settings):
    before = everything()
    pet = Pet.objects.create(avatar=upload(), portrait=upload("red"))
    fill_thumbnails(settings, pet.avatar, pet.portrait)
    pet.delete()
    assert everything() == before


def test_on_s3(settings, bucket):
    bucket.use(settings)
    before = everything("default")
    profile = make_profile()
    fill_thumbnails(settings, profile.avatar)
    profile.user.delete()
    assert everything("default") == before
    assert bucket.keys() == set()


def fail(*_args: Any, **_options: Any) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_what_a_storage_did_not_delete_is_deleted_by_a_sweep(
    settings, storage, monkeypatch, caplog
):
    before = everything()
    profile = make_profile()
    made = fill_thumbnails(settings, profile.avatar)
    keys = {*profile.avatar.avatar_name.files, *made}
    with monkeypatch.context() as patch:
        patch.setattr(type(storage), "delete", fail)
        profile.user.delete()
        settle()
    assert stored("default") == {f"default:{key}" for key in keys}
    assert all(key in caplog.text for key in keys)
    call_command(
        "avatar_sweep", "--delete", "--min-age", "0s", "--max-percent", "100", verbosity=0
    )
    assert everything() == before


class TestOfAWholeVisit:
    """What an upload over the web leaves behind beside the avatar."""

    @pytest.fixture
    def client(self) -> Client:
        client = Client()
        client.force_login(make_profile("ada-of-1815", avatar=False).user)
        return client

    def test_neither_session_nor_cache_holds_anything_of_it(self, client):
        cache.clear()
        client.post("/avatar/", {"avatar": make_upload("passport-of-ada.jpg")})
        profile = Profile.objects.get()
        token = profile.avatar.avatar_name.token
        for session in Session.objects.all():
            held = json.dumps(session.get_decoded())
            assert token not in held
            assert "passport" not in held
        assert not getattr(cache, "_cache", {})
        assert traces("passport-of-ada") == set()
        assert traces(token) == {"testapp_profile"}

    def test_the_log_names_keys_but_no_file_and_nobody(self, client, caplog, storage, monkeypatch):
        """Of a refused file, of a failed upload, and of all that goes well."""
        caplog.set_level(logging.DEBUG, "django_avatar_kit")
        name = "passport-of-ada.jpg"
        client.post("/avatar/", {"avatar": make_upload(name, b"no picture")})
        client.post("/avatar/", {"avatar": make_upload(name)})
        with monkeypatch.context() as patch:
            patch.setattr(type(storage), "save", fail)
            client.post("/avatar/", {"avatar": make_upload(name, color="red")})
        client.post("/avatar/delete/")
        User.objects.get().delete()
        settle()
        logged = [each for each in caplog.records if each.name.startswith("django_avatar_kit")]
        assert logged
        assert "passport" not in caplog.text
        assert "of-1815" not in caplog.text


class TestTheHowTo:
    def test_an_account_that_stays_without_its_person(self, settings, bo):
        """The row of the user is kept, for what others have of it."""
        ada = make_profile("ada-of-1815").user
        fill_thumbnails(settings, ada.profile.avatar)
        token = ada.profile.avatar.avatar_name.token
        erase = run(code("erasure", "def anonymise"))["anonymise"]
        others = everything("default")[1]
        others -= {each for each in others if token[:2] in each and token in each}
        erase(ada)
        _tables, files = everything("default")
        assert not [each for each in files if token in each]
        assert traces("ada-of-1815", token) == set()
        assert not Source.objects.filter(name__contains=token).exists()
        user = User.objects.get(pk=ada.pk)
        assert (user.is_active, user.email, has_avatar(user)) == (False, "", False)
        assert has_avatar(bo)
        assert Client().login(username=user.username, password="") is False

    def test_an_account_without_a_profile(self):
        user = User.objects.create(username="ada-of-1815")
        run(code("erasure", "def anonymise"))["anonymise"](user)
        assert traces("ada-of-1815") == set()

    def test_a_copy_for_the_user(self, media):
        add = run(code("erasure", "def add_avatar"))["add_avatar"]
        profile = make_profile()
        (media / "old.png").write_bytes(b"from before the kit")
        old = Profile(user=User.objects.create(username="old"), avatar="old.png")
        old.save()
        none = User.objects.create(username="none")
        with ZipFile(io.BytesIO(), "w") as archive:
            for user in (profile.user, old.user, none):
                add(archive, user)
            assert archive.namelist() == ["avatar.jpg", "avatar.png"]
            with Image.open(io.BytesIO(archive.read("avatar.jpg"))) as image:
                # All of the picture, and not the square that pages show.
                assert image.size == (60, 40)
            assert archive.read("avatar.png") == b"from before the kit"

    def test_what_a_history_keeps(self):
        """Names of files that are gone. The page says what to do."""
        band = Band.objects.create(avatar=upload())
        key = column(band)
        fresh(band).delete()
        settle()
        assert traces(key) == {"testapp_historicalband"}
        assert Name.parse(key) is not None
        run(code("erasure", "def delete_history"))["delete_history"](Band, band.pk)
        assert traces(key) == set()
