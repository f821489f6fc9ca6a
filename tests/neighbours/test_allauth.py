"""Signing up and connecting accounts with django-allauth, through its own views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.signals import user_signed_up
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.dummy.provider import DummyAccount
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import include, path

from django_avatar_kit import pipeline
from django_avatar_kit.contrib.allauth.pictures import picture_url, take_picture
from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.display import owners
from django_avatar_kit.downloads import DownloadError
from django_avatar_kit.test import make_image, make_upload, settle
from tests.support.lifecycle import files_of
from tests.support.web import PUBLIC, Web, certificate, fake_internet, response, server_context
from tests.testapp.models import Profile

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("whose"),
]
urlpatterns = [path("accounts/", include("allauth.urls"))]
HOST = "https://pictures.example.org"
PICTURE = make_image((60, 40))


@pytest.fixture
def whose(settings: Any) -> None:
    """Users have other profiles as well here."""
    settings.AVATAR_KIT = {"SIZES": (16, 32), "OWNER": {"auth.user": "profile"}}


@pytest.fixture(scope="session")
def pem(tmp_path_factory: Any) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def provider(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The server with the provider's pictures, which is on the internet for the kit."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    web = Web(server_context(pem))
    fake_internet(monkeypatch, {"pictures.example.org": [PUBLIC]}, {PUBLIC: web})
    monkeypatch.setattr(DummyAccount, "get_avatar_url", lambda _self: f"{HOST}/ada.jpg")
    web.answers["/ada.jpg"] = response(PICTURE)
    yield web
    web.stop()


def log_in(client: Client, process: str = "login", **person: Any) -> Any:
    """What a person does whom the provider knows, from the button to the page afterwards."""
    response = client.post(f"/accounts/dummy/login/?process={process}")
    data = {"id": 7, "username": "ada", "email": "ada@example.org", "email_verified": True}
    return client.post(response["Location"], {**data, **person})


def ada() -> Profile:
    profile: Profile = Profile.objects.get(user__username="ada")
    return profile


class TestSignUp:
    def test_takes_the_picture(self, client, provider, files):
        response = log_in(client)
        assert (response.status_code, response["Location"]) == (302, "/welcome/")
        assert ada().avatar.avatar_name is not None
        assert files() == files_of(str(ada().avatar))
        assert len(provider.asked) == 1

    def test_a_profile_with_a_name_of_its_own_is_made_with_its_picture(
        self, client, provider, monkeypatch
    ):
        monkeypatch.setattr(owners, "link_of", lambda _model: None)
        log_in(client)
        assert ada().avatar.avatar_name is not None

    def test_in_a_transaction_for_each_request(self, client, provider, monkeypatch):
        """The picture is fetched when the user is there for good, and no transaction waits."""
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        seen = []

        def count(_socket: Any) -> None:
            seen.append(User.objects.count())
            connection.close()

        provider.answers["/ada.jpg"] = count
        log_in(client)
        assert seen == [1]

    def test_with_a_password_has_no_picture(self, client, provider):
        data = {"username": "ada", "password1": "correct horse", "password2": "correct horse"}
        assert client.post("/accounts/signup/", data).status_code == 302
        assert User.objects.get().username == "ada"
        assert provider.asked == []

    def test_without_a_picture_makes_no_profile(self, client, monkeypatch):
        log_in(client)
        assert User.objects.exists()
        assert not Profile.objects.exists()

    @pytest.mark.parametrize(
        "url",
        [
            "http://pictures.example.org/ada.jpg",
            "https://169.254.169.254/ada.jpg",
            "//pictures.example.org/ada.jpg",
            f"{HOST}/text.jpg",
            f"{HOST}/gone.jpg",
        ],
    )
    def test_goes_on_without_one_that_cannot_be_taken(
        self, url, client, provider, monkeypatch, caplog, files
    ):
        provider.answers["/text.jpg"] = response(b"<html>")
        provider.answers["/gone.jpg"] = response(status="404 Not Found")
        monkeypatch.setattr(DummyAccount, "get_avatar_url", lambda _self: url)
        assert log_in(client)["Location"] == "/welcome/"
        assert client.session["_auth_user_id"] == str(User.objects.get().pk)
        assert files() == set()
        assert not Profile.objects.exists()
        (record,) = caplog.records
        assert record.getMessage().startswith("The picture of a social account was not taken: “")

    def test_goes_on_where_anything_else_fails(self, client, provider, monkeypatch, caplog):
        def fail(_self: Any) -> Any:
            raise LookupError("Nothing is as it was.")

        monkeypatch.setattr(DummyAccount, "get_avatar_url", fail)
        assert log_in(client)["Location"] == "/welcome/"
        assert "Nothing is as it was." in caplog.text

    @pytest.mark.parametrize("upload", [True, False])
    def test_comes_after_the_receivers_of_the_site(self, upload, client, provider):
        """Even if they belong to apps that are listed later."""

        def choose(user: User, **_kwargs: Any) -> None:
            avatar = make_upload(color="red") if upload else ""
            Profile.objects.create(user=user, bio="chosen", avatar=avatar)

        user_signed_up.disconnect(dispatch_uid="avatar_kit_allauth")
        apps.get_app_config("avatar_kit_allauth").ready()
        user_signed_up.connect(choose)
        log_in(client)
        user_signed_up.disconnect(choose)
        assert (ada().bio, bool(ada().avatar)) == ("chosen", True)
        assert len(provider.asked) == (0 if upload else 1)


@pytest.fixture
def chooses(provider: Web) -> Callable[[Profile], None]:
    """While the provider sends the picture, its user uploads one."""

    def arrange(profile: Profile) -> None:
        def choose(socket: Any) -> None:
            mine = Profile.objects.get(pk=profile.pk)
            mine.avatar = make_upload(color="red")
            mine.save()
            connection.close()
            socket.sendall(response(PICTURE))

        provider.answers["/ada.jpg"] = choose

    return arrange


class TestConnecting:
    @pytest.fixture
    def profile(self, client: Client) -> Profile:
        user = User.objects.create(username="ada")
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        profile: Profile = Profile.objects.create(user=user, bio="countess")
        return profile

    def test_takes_the_picture_of_whoever_has_none(self, client, profile, provider):
        response = log_in(client, "connect")
        assert response["Location"] == "/accounts/3rdparty/"
        assert SocialAccount.objects.get().user == profile.user
        assert ada().avatar.avatar_name is not None
        assert ada().bio == "countess"

    def test_keeps_an_avatar(self, client, profile, provider):
        profile.avatar = make_upload()
        profile.save()
        log_in(client, "connect")
        assert ada().avatar.name == profile.avatar.name
        assert provider.asked == []

    def test_keeps_one_that_is_chosen_meanwhile(
        self, client, profile, provider, chooses, caplog, files
    ):
        chooses(profile)
        log_in(client, "connect")
        settle()
        assert files() == files_of(str(ada().avatar))
        assert ada().avatar.avatar_name.color.startswith("f")
        assert "in the meantime" in caplog.text

    def test_a_log_in_takes_nothing(self, client, provider):
        log_in(client)
        profile = ada()
        profile.avatar.delete()
        client.logout()
        log_in(client)
        assert not ada().avatar


class TestGallery:
    @pytest.fixture(autouse=True)
    def _shown(self, whose: None, settings: Any) -> None:
        settings.AVATAR_KIT = {**settings.AVATAR_KIT, "OWNER": {"auth.user": "primary_avatar"}}

    def test_the_picture_is_the_first_one(self, client, provider, files):
        log_in(client)
        (picture,) = User.objects.get().avatar_pictures.all()
        assert picture.is_primary
        assert files() == files_of(str(picture.avatar))

    def test_without_a_file_there_is_no_place_for_it(self, client, provider, caplog):
        provider.answers["/ada.jpg"] = response(status="404 Not Found")
        log_in(client)
        assert "was not taken" in caplog.text
        assert not User.objects.get().avatar_pictures.exists()

    def test_one_that_is_added_meanwhile_is_shown(self, client, provider, caplog, files):
        def add(socket: Any) -> None:
            Picture.objects.create(owner=User.objects.get(), avatar=make_upload())
            connection.close()
            socket.sendall(response(PICTURE))

        provider.answers["/ada.jpg"] = add
        log_in(client)
        assert "in the meantime" in caplog.text
        (picture,) = User.objects.get().avatar_pictures.all()
        assert files() == files_of(str(picture.avatar))

    def test_one_that_is_added_while_files_are_written_stays_shown(
        self, client, provider, monkeypatch
    ):
        store, added = pipeline.store, []

        def add_first(*args: Any) -> str:
            if not added:
                added.append(Picture(owner=User.objects.get(), avatar=make_upload()))
                added[0].save()
            return store(*args)

        monkeypatch.setattr(pipeline, "store", add_first)
        log_in(client)
        assert User.objects.get().primary_avatar == added[0]
        assert Picture.objects.count() == 2


def account(provider: str, **data: Any) -> SocialAccount:
    return SocialAccount(provider=provider, extra_data=data)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (account("google", picture="https://a.example/ada=s96-c"), "https://a.example/ada=s96-c"),
        (account("openid_connect", userinfo={"picture": "https://b/a"}), "https://b/a"),
        (account("openid_connect", userinfo={"sub": "7"}), ""),
        (account("openid_connect", picture={"data": {}}), ""),
        (account("dummy"), ""),
    ],
)
def test_where_the_picture_is(given, url):
    assert picture_url(given) == url


def test_google_is_asked_for_a_large_one(provider, monkeypatch):
    """It names one of 96 px."""
    names = {"lh3.googleusercontent.com": [PUBLIC]}
    fake_internet(monkeypatch, names, {PUBLIC: provider})
    user = User.objects.create(username="ada")
    given = account("google", picture="https://lh3.googleusercontent.com/a/ada=s96-c")
    given.user = user
    # The certificate is of another name; what was asked for is in the error.
    with pytest.raises(DownloadError) as error:
        take_picture(given)
    assert error.value.params["url"] == "https://lh3.googleusercontent.com/a/ada=s32-c"
