from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages import get_messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import QuerySet
from django.template import TemplateDoesNotExist
from django.test import Client, RequestFactory, override_settings
from django.urls import NoReverseMatch, include, path
from django.utils.functional import SimpleLazyObject

from django_avatar_kit import fallbacks, pipeline
from django_avatar_kit.exceptions import NotAnImage
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.pages.test_form_field import BAD_UPLOADS
from tests.testapp.models import Channel, Profile, Team

CHANGE = "/avatar/"
DELETE = "/avatar/delete/"
ACCEPT = 'accept="image/jpeg,image/png,image/webp,image/gif,image/avif"'

Files = Callable[[], set[str]]


@pytest.fixture
def user(db: None) -> User:
    user: User = User.objects.create(username="ada")
    return user


@pytest.fixture
def profile(user: User) -> Profile:
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    # As a request loads it: an instance that has just written an avatar still answers for it.
    profile: Profile = Profile.objects.get(user=user)
    return profile


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def stored(user: User) -> str:
    """What the column holds."""
    return Profile.objects.get(user=user).avatar.name or ""


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def page(response: Any) -> str:
    """The page, without blank space and the token that is new each time."""
    text = re.sub(r"\s*\n\s*", "\n", response.content.decode())
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"…"', text)


class TestChange:
    def test_page(self, client, profile):
        response = client.get(CHANGE)
        assert response.status_code == 200
        name = profile.avatar.avatar_name
        url = f"/media/{name.folder}{name.token}"
        assert page(response) == (
            "<!DOCTYPE html>\n"
            '<html lang="en">\n'
            "<head>\n"
            '<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            "<title>Change your picture</title>\n"
            "</head>\n"
            "<body>\n"
            "<main>\n"
            "<h1>Change your picture</h1>\n"
            '<form method="post" enctype="multipart/form-data">\n'
            '<input type="hidden" name="csrfmiddlewaretoken" value="…">\n'
            "<div>\n"
            '<label for="id_avatar">Avatar:</label>\n'
            '<span class="avatar-kit-current">'
            f'<img src="{url}.128.webp" srcset="{url}.256.webp 2x" width="96" height="96" alt=""'
            ' loading="lazy"></span>\n'
            '<input type="checkbox" name="avatar-clear" id="avatar-clear_id">\n'
            '<label for="avatar-clear_id">Remove</label>\n'
            f'<input type="file" name="avatar" {ACCEPT} id="id_avatar">\n'
            "</div>\n"
            '<button type="submit">Save</button>\n'
            "</form>\n"
            '<p><a href="/avatar/delete/">Delete your picture</a></p>\n'
            "</main>\n"
            "</body>\n"
            "</html>\n"
        )

    def test_page_without_a_profile(self, client):
        """Looking makes no row."""
        response = client.get(CHANGE)
        assert response.status_code == 200
        assert "Delete" not in page(response)
        assert "Remove" not in page(response)
        assert not Profile.objects.exists()

    def test_page_from_right_to_left(self, client, settings):
        settings.LANGUAGE_CODE = "ar"
        assert '<html lang="ar" dir="rtl">' in page(client.get(CHANGE))

    def test_first_avatar_makes_the_profile(self, client, user, files):
        response = client.post(CHANGE, {"avatar": make_upload()})
        assert response.status_code == 302
        assert response["Location"] == CHANGE
        assert told(response) == ["Your picture is saved."]
        assert files() == set(Profile.objects.get(user=user).avatar.avatar_name.files)

    def test_replace(self, client, user, profile, files):
        client.post(CHANGE, {"avatar": make_upload(color="red")})
        settle()
        row = Profile.objects.get(user=user)
        assert row.avatar.name != profile.avatar.name
        assert files() == set(row.avatar.avatar_name.files)
        assert row.bio == "countess"

    def test_remove(self, client, user, profile, files):
        response = client.post(CHANGE, {"avatar-clear": "on"})
        assert response["Location"] == CHANGE
        assert told(response) == ["Your picture has been removed."]
        settle()
        assert stored(user) == ""
        assert files() == set()

    def test_nothing_chosen(self, client, user, profile):
        with mock.patch.object(Profile, "save", side_effect=AssertionError):
            response = client.post(CHANGE)
        assert response.status_code == 200
        (error,) = response.context["form"].errors.as_data()["avatar"]
        assert (error.code, error.messages) == ("nothing_chosen", ["Choose a picture first."])
        assert told(response) == []
        assert stored(user) == profile.avatar.name

    def test_nothing_chosen_without_a_profile(self, client):
        response = client.post(CHANGE)
        assert response.context["form"].errors == {"avatar": ["Choose a picture first."]}
        assert not Profile.objects.exists()

    def test_nothing_to_remove(self, client):
        """The box is not offered; whoever sends it all the same gets no row."""
        response = client.post(CHANGE, {"avatar-clear": "on"})
        assert response.context["form"].errors == {"avatar": ["Choose a picture first."]}
        assert not Profile.objects.exists()

    def test_message_is_shown(self, client, profile):
        response = client.post(CHANGE, {"avatar": make_upload()}, follow=True)
        assert (
            '<main>\n<div role="status">\n<ul>\n'
            '<li class="success">Your picture is saved.</li>\n</ul>\n</div>\n<h1>'
        ) in page(response)

    @pytest.mark.parametrize("case", BAD_UPLOADS.values(), ids=BAD_UPLOADS)
    def test_bad_uploads(self, case, client, user, profile, files):
        name, content, code, sentence = case
        before = files()
        response = client.post(CHANGE, {"avatar": make_upload(name, content)})
        assert response.status_code == 200
        assert response.context["form"].errors.as_data()["avatar"][0].code == code
        assert (
            f'<ul class="errorlist" id="id_avatar_error"><li>{sentence}</li></ul>\n<span'
        ) in page(response)
        assert (
            f'{ACCEPT} aria-invalid="true" aria-describedby="id_avatar_error" id="id_avatar">'
        ) in page(response)
        assert told(response) == []
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_limits(self, client, user, profile, files, settings):
        before = files()
        for settings.AVATAR_KIT, code in (
            ({"MAX_UPLOAD_SIZE": 100}, "too_large"),
            ({"MAX_PIXELS": 100}, "too_many_pixels"),
            ({"UPLOAD_FORMATS": ("png",)}, "unsupported_format"),
        ):
            response = client.post(CHANGE, {"avatar": make_upload()})
            assert response.context["form"].errors.as_data()["avatar"][0].code == code
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_a_bad_upload_makes_no_profile(self, client, files):
        response = client.post(CHANGE, {"avatar": make_upload(content=b"no")})
        assert response.status_code == 200
        assert not Profile.objects.exists()
        assert files() == set()

    def test_several_files(self, client, files):
        response = client.post(CHANGE, {"avatar": [make_upload(), make_upload()]})
        assert response.context["form"].errors == {"avatar": ["Choose one picture, not 2."]}
        assert files() == set()

    def test_text_instead_of_a_file(self, client, user, profile):
        client.post(CHANGE, {"avatar": "avatars/somebody-elses.jpg"})
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize("handler", ["MemoryFileUploadHandler", "TemporaryFileUploadHandler"])
    def test_upload_handlers(self, handler, client, user, profile, settings):
        settings.FILE_UPLOAD_HANDLERS = [f"django.core.files.uploadhandler.{handler}"]
        client.post(CHANGE, {"avatar": make_upload(color="red")})
        assert stored(user) != profile.avatar.name

    def test_other_rows_are_never_touched(self, client, user, profile):
        bob = User.objects.create(username="bob")
        other = Profile.objects.create(user=bob, avatar=make_upload(color="blue"))
        for query in ("", f"?pk={other.pk}&id={other.pk}&user={bob.pk}"):
            client.post(
                CHANGE + query,
                {
                    "avatar": make_upload(color="red"),
                    "pk": other.pk,
                    "id": other.pk,
                    "user": bob.pk,
                    "user_id": bob.pk,
                },
            )
            client.post(DELETE + query, {"pk": other.pk, "id": other.pk, "user": bob.pk})
        assert stored(bob) == other.avatar.name
        assert stored(user) == ""

    def test_login_required(self, db, files):
        for method in ("get", "post"):
            response = getattr(Client(), method)(CHANGE, {"avatar": "x"})
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/login/?next=/avatar/")
        assert files() == set()

    def test_permission_denied(self, rf):
        request = rf.get(CHANGE)
        request.user = AnonymousUser()
        with pytest.raises(PermissionDenied):
            AvatarChangeView.as_view(raise_exception=True)(request)

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_methods(self, url, client, user, profile):
        for method in ("put", "patch", "delete", "trace"):
            response = getattr(client, method)(url)
            assert response.status_code == 405
            assert response["Allow"] == "GET, POST, HEAD, OPTIONS"
        assert client.head(url).status_code == 200
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_csrf(self, url, user, profile):
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        assert client.post(url, {"avatar": make_upload()}).status_code == 403
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_csrf_without_the_middleware(self, url, user, profile, settings):
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "Csrf" not in m]
        self.test_csrf(url, user, profile)

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_never_cached(self, url, client):
        for response in (client.get(url), client.post(url), Client().get(url)):
            assert response["Cache-Control"] == (
                "max-age=0, no-cache, no-store, must-revalidate, private"
            )

    def test_queries(self, client, profile, django_assert_num_queries):
        with django_assert_num_queries(3):  # session, user, profile
            client.get(CHANGE)
        client.get(CHANGE)
        with django_assert_num_queries(3):
            client.post(CHANGE, {"avatar": make_upload(content=b"no")})


class TestStorage:
    """A storage that fails is not the user's fault, and nothing has changed."""

    SENTENCE = (
        "Your picture could not be saved, since the storage could not be reached or is full. "
        "Nothing has changed; please try again later."
    )

    def full_after(self, storage: Any, monkeypatch: pytest.MonkeyPatch, written: int) -> None:
        """A disk that has room for so many files."""
        save, left = storage.save, [written]

        def full(*args: Any, **kwargs: Any) -> str:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            return save(*args, **kwargs)

        monkeypatch.setattr(storage, "save", full)

    @pytest.mark.parametrize("written", [0, 1, 5])
    def test_full(self, written, client, user, profile, files, storage, monkeypatch, caplog):
        before = files()
        self.full_after(storage, monkeypatch, written)
        response = client.post(CHANGE, {"avatar": make_upload(color="red")})
        assert response.status_code == 200
        (error,) = response.context["form"].errors.as_data()["avatar"]
        assert error.code == "storage"
        assert error.messages == [self.SENTENCE]
        assert (
            f'<ul class="errorlist" id="id_avatar_error"><li>{self.SENTENCE}</li></ul>'
        ) in page(response)
        # Keys and paths are for the log, not for the page.
        assert "No space left" not in page(response)
        assert "No space left" in caplog.text
        assert told(response) == []
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_the_page_shows_the_old_avatar(self, client, profile, storage, monkeypatch):
        before = client.get(CHANGE).content.decode()
        self.full_after(storage, monkeypatch, 0)
        response = client.post(CHANGE, {"avatar": make_upload(color="red")})
        (shown,) = set(re.findall(r"<img [^>]+>", before))
        assert shown in page(response)
        assert response.context["object"].avatar.name == profile.avatar.name
        assert "Delete your picture" in page(response)

    def test_without_a_profile(self, client, user, files, storage, monkeypatch):
        self.full_after(storage, monkeypatch, 3)
        response = client.post(CHANGE, {"avatar": make_upload()})
        assert response.context["form"].errors == {"avatar": [self.SENTENCE]}
        assert "<img" not in page(response)
        settle()
        assert files() == set()
        assert stored(user) == ""

    def test_unwritable(self, client, user, profile, files, media, monkeypatch):
        before = files()
        monkeypatch.setattr("os.open", mock.Mock(side_effect=PermissionError(13, "denied")))
        response = client.post(CHANGE, {"avatar": make_upload(color="red")})
        assert response.context["form"].errors == {"avatar": [self.SENTENCE]}
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_again(self, client, user, profile, storage, monkeypatch):
        with monkeypatch.context() as patch:
            self.full_after(storage, patch, 2)
            client.post(CHANGE, {"avatar": make_upload(color="red")})
        client.post(CHANGE, {"avatar": make_upload(color="red")})
        assert stored(user) != profile.avatar.name


class TestRaces:
    """What happens between reading the row and saving it, done while the upload is decoded."""

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
        receive = pipeline.receive

        def slow(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(pipeline, "receive", receive)
            do()
            return receive(*args, **kwargs)

        monkeypatch.setattr(pipeline, "receive", slow)

    def test_the_profile_is_made(self, client, user, monkeypatch):
        self.meanwhile(monkeypatch, lambda: Profile.objects.create(user=user, bio="other tab"))
        assert client.post(CHANGE, {"avatar": make_upload()}).status_code == 302
        row = Profile.objects.get(user=user)
        assert row.avatar.avatar_name is not None
        assert row.bio == "other tab"

    def test_the_profile_is_made_at_the_last_moment(self, client, user, monkeypatch):
        """After ``get_or_create()`` has looked, too."""
        get = QuerySet.get

        def slow(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return get(self, *args, **kwargs)
            except Profile.DoesNotExist:
                if "user" in kwargs and not Profile.objects.exists():
                    Profile.objects.create(user=user)
                raise

        with monkeypatch.context() as patch:
            patch.setattr(QuerySet, "get", slow)
            self.meanwhile(patch, lambda: None)
            assert client.post(CHANGE, {"avatar": make_upload()}).status_code == 302
        assert stored(user)

    def test_another_column_changes(self, client, user, profile, monkeypatch):
        self.meanwhile(monkeypatch, lambda: Profile.objects.update(bio="mathematician"))
        client.post(CHANGE, {"avatar": make_upload(color="red")})
        row = Profile.objects.get(user=user)
        assert row.bio == "mathematician"
        assert row.avatar.name != profile.avatar.name

    def test_another_upload_comes_first(self, client, user, profile, files, monkeypatch):
        def other() -> None:
            row = Profile.objects.get(user=user)
            row.avatar = make_upload(color="blue")
            row.save()

        self.meanwhile(monkeypatch, other)
        client.post(CHANGE, {"avatar": make_upload(color="red")})
        settle()
        row = Profile.objects.get(user=user)
        assert files() == set(row.avatar.avatar_name.files)

    def test_hidden_by_a_manager(self, client, user, profile, monkeypatch):
        """``user.profile`` shows it, whatever ``Profile.objects`` leaves out."""
        manager = Profile._default_manager
        # An attribute would stay afterwards, bound to the manager that others are copies of.
        monkeypatch.setitem(vars(manager), "get_queryset", lambda: QuerySet(Profile).none())
        assert client.post(CHANGE, {"avatar": make_upload(color="red")}).status_code == 302


class TestDelete:
    def test_page(self, client, profile):
        name = profile.avatar.avatar_name
        url = f"/media/{name.folder}{name.token}"
        content = page(client.get(f"{DELETE}?next=/me/%3Fa%3D1%26b"))
        start, end = content.index("<main>"), content.index("</main>")
        assert content[start:end] == (
            "<main>\n"
            "<h1>Delete your picture</h1>\n"
            f'<p><img src="{url}.128.webp" srcset="{url}.256.webp 2x" width="96" height="96"'
            ' alt="" loading="lazy"></p>\n'
            '<form method="post">\n'
            '<input type="hidden" name="csrfmiddlewaretoken" value="…">\n'
            '<input type="hidden" name="next" value="/me/?a=1&amp;b">\n'
            "<p>Your picture will be gone for good.</p>\n"
            '<button type="submit">Delete</button>\n'
            "</form>\n"
            '<p><a href="/me/?a=1&amp;b">Back</a></p>\n'
        )

    def test_page_without_an_avatar(self, client):
        content = page(client.get(DELETE))
        assert "<p>You have no picture.</p>" in content
        assert "<form" not in content
        assert '<p><a href="/avatar/">Back</a></p>' in content
        assert not Profile.objects.exists()

    def test_delete(self, client, user, profile, files):
        Profile.objects.update(bio="countess")
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == ["Your picture has been deleted."]
        settle()
        row = Profile.objects.get(user=user)
        assert not row.avatar
        assert row.bio == "countess"
        assert files() == set()

    def test_twice(self, client, user, profile):
        client.post(DELETE)
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert stored(user) == ""

    def test_without_a_profile(self, client):
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == []
        assert not Profile.objects.exists()

    def test_without_a_profile_and_with_a_default(self, client, monkeypatch):
        field = Profile._meta.get_field("avatar")
        monkeypatch.setattr(field, "default", "defaults/nobody.png")
        # Cached by Django.
        monkeypatch.setitem(field.__dict__, "_get_default", lambda: "defaults/nobody.png")
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == []
        assert not Profile.objects.exists()

    def test_other_columns_stay(self, client, user, profile):
        save = Profile.save

        def stale(self: Profile, *args: Any, **kwargs: Any) -> None:
            Profile.objects.update(bio="mathematician")
            save(self, *args, **kwargs)

        with mock.patch.object(Profile, "save", stale):
            client.post(DELETE)
        row = Profile.objects.get(user=user)
        assert row.bio == "mathematician"
        assert not row.avatar

    def test_login_required(self, user, profile):
        response = Client().post(DELETE)
        assert response["Location"] == f"/accounts/login/?next={DELETE}"
        assert stored(user)

    def test_without_a_place_to_go(self, rf, user, profile):
        """Found out before anything is deleted."""
        request = rf.post("/")
        request.user = user
        request._dont_enforce_csrf_checks = True
        with (
            mock.patch(f"{__name__}.urlpatterns", []),
            override_settings(ROOT_URLCONF=__name__),
            pytest.raises(NoReverseMatch),
        ):
            AvatarDeleteView.as_view()(request)
        assert stored(user)

    def test_queries(self, client, profile, django_assert_max_num_queries):
        # Session, user and profile, then those of the delete.
        with django_assert_max_num_queries(3 + 6):
            client.post(DELETE)


class TestNext:
    SAFE = ["/me/", "/me/?a=1&b=2#c", "http://testserver/me/"]
    UNSAFE = [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "\x08//evil.example",
        "http://testserver@evil.example/",
        "http://[",
    ]

    def post(self, client: Client, url: str, data: Any = (), **options: Any) -> Any:
        return client.post(url, {**dict(data), "avatar": make_upload()}, **options)

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    @pytest.mark.parametrize("target", SAFE)
    def test_safe(self, url, target, client):
        assert self.post(client, url, {"next": target})["Location"] == target
        assert self.post(client, url, query_params={"next": target})["Location"] == target
        shown = client.get(url, {"next": target})
        assert shown.context["next"] == target

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    @pytest.mark.parametrize("target", UNSAFE)
    def test_unsafe(self, url, target, client, profile):
        assert self.post(client, url, {"next": target})["Location"] == CHANGE
        assert self.post(client, url, query_params={"next": target})["Location"] == CHANGE
        content = page(client.get(url, {"next": target}))
        assert "evil" not in content
        assert 'name="next"' not in content

    def test_the_form_wins(self, client):
        response = self.post(client, CHANGE, {"next": "/a/"}, query_params={"next": "/b/"})
        assert response["Location"] == "/a/"
        evil = {"next": "//evil.example"}
        response = self.post(client, CHANGE, evil, query_params={"next": "/b/"})
        assert response["Location"] == CHANGE

    def test_https(self, client):
        """No way back to plain HTTP."""
        response = self.post(client, CHANGE, {"next": "http://testserver/me/"}, secure=True)
        assert response["Location"] == CHANGE

    def test_next_stays_on_the_page(self, client, profile):
        response = client.post(CHANGE, {"avatar": make_upload(content=b"no"), "next": "/me/"})
        content = page(response)
        assert '<input type="hidden" name="next" value="/me/">' in content
        assert '<a href="/avatar/delete/?next=/me/">Delete your picture</a>' in content
        assert '<p><a href="/me/">Back</a></p>' in content


class TestInitials:
    def test_picture(self, client):
        response = Client().get("/avatar/initials/AL-210.svg")
        assert response.status_code == 200
        assert response.content.decode() == fallbacks.initials_svg("AL", 210)
        assert dict(response.headers) == {
            "Content-Type": "image/svg+xml",
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }

    def test_silhouette(self):
        response = Client().get("/avatar/initials/_-0.svg")
        assert response.content.decode() == fallbacks.initials_svg("", 0)

    def test_what_the_fallback_links_to(self):
        for name in ("Ada Lovelace", "Жанна", "李", "🦊", "O-K"):
            user = User(pk=7, first_name=name)
            response = Client().get(fallbacks.Initials().url(user, 64) or "")
            assert response.status_code == 200, name

    @pytest.mark.parametrize(
        "path",
        [
            "al-210",
            "ALLO-210",
            "-210",
            "%3Csvg%3E-210",
            "A%00-210",
            "AL-360",
            "AL--1",
            "AL-",
            "AL-" + "9" * 5000,
            "A" * 5000 + "-1",
        ],
    )
    def test_no_such_picture(self, path):
        assert Client().get(f"/avatar/initials/{path}.svg").status_code == 404

    def test_methods(self, db):
        response = Client().head("/avatar/initials/AL-210.svg")
        assert response.status_code == 200
        assert response.content == b""
        for method in ("post", "put", "delete", "options"):
            response = getattr(Client(), method)("/avatar/initials/AL-210.svg")
            assert response.status_code == 405
            assert response["Allow"] == "GET, HEAD"

    def test_no_session(self, client, django_assert_num_queries):
        """One answer for everybody, whoever is logged in."""
        with django_assert_num_queries(0):
            response = client.get("/avatar/initials/AL-210.svg")
        assert "Vary" not in response.headers
        assert not response.cookies

    def test_where_the_site_wants_a_login(self, db, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert Client().get(CHANGE).status_code == 302
        assert Client().get("/avatar/initials/AL-210.svg").status_code == 200


class TestSites:
    """What a site may make of the views."""

    def send(self, view: Any, user: Any, method: str = "post", **data: Any) -> Any:
        request = getattr(RequestFactory(), method)("/anywhere/", data)
        request.user = user
        request._dont_enforce_csrf_checks = True
        response = view(request)
        return response.render() if hasattr(response, "render") else response

    def test_without_messages(self, client, user, settings):
        settings.INSTALLED_APPS = [
            app for app in settings.INSTALLED_APPS if app != "django.contrib.messages"
        ]
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "messages" not in m]
        (engine,) = settings.TEMPLATES
        settings.TEMPLATES = [
            {
                **engine,
                "OPTIONS": {"context_processors": engine["OPTIONS"]["context_processors"][:2]},
            }
        ]
        response = client.post(CHANGE, {"avatar": make_upload()}, follow=True)
        assert response.status_code == 200
        assert "role=" not in page(response)
        assert client.post(DELETE).status_code == 302
        assert stored(user) == ""

    def test_a_user_with_an_avatar_of_their_own(self, db, files):
        """Stands in for a custom user model; behind ``request.user``, which is lazy."""
        team = Team.objects.create(name="red")
        team.is_authenticated = True
        user = SimpleLazyObject(lambda: team)
        response = self.send(AvatarChangeView.as_view(), user, avatar=make_upload())
        assert response["Location"] == "/anywhere/"
        row = Team.objects.get()
        assert files() == set(row.avatar.avatar_name.files)
        assert "<img" in self.send(AvatarChangeView.as_view(), user, "get").content.decode()
        self.send(AvatarDeleteView.as_view(success_url="/bye/"), user)
        assert not Team.objects.get().avatar

    def test_a_user_without_any_avatar(self, rf):
        user = Channel.__mro__[1]  # not a model of the project
        request = rf.get("/")
        request.user = mock.Mock(spec=user, is_authenticated=True)
        with pytest.raises(TypeError, match="has no avatar"):
            AvatarChangeView.as_view()(request)

    def test_an_owner_of_something_shared(self, client, user, settings, monkeypatch):
        """A row that is not the user's own is changed only if the site says so."""
        team = Team.objects.create(name="red", avatar=make_upload())
        monkeypatch.setattr(User, "team", team, raising=False)
        settings.AVATAR_KIT = {"OWNER": {"auth.user": "team"}}
        with pytest.raises(
            ImproperlyConfigured,
            match=r"^The avatar of auth\.User is found through “team”, which is no one-to-one",
        ):
            client.post(CHANGE, {"avatar": make_upload()})

    def test_a_configured_owner(self, client, user, settings):
        settings.AVATAR_KIT = {"OWNER": {"auth.User": "profile"}}
        client.post(CHANGE, {"avatar": make_upload()})
        assert stored(user)

    def test_field_name(self, user):
        class View(AvatarChangeView):
            field_name = "badge"

            def get_object(self) -> Any:
                return Channel.objects.get()

        Channel.objects.create(name="news")
        self.send(View.as_view(), user, avatar=make_upload(), badge=make_upload())
        channel = Channel.objects.get()
        assert not channel.avatar
        assert channel.badge.avatar_name.sizes == (16,)

        class Delete(AvatarDeleteView):
            field_name = "badge"
            success_url = "/bye/"
            get_object = View.get_object

        assert self.send(Delete.as_view(), user)["Location"] == "/bye/"
        assert Channel.objects.get().badge.name == "defaults/badge.png"

    def test_one_field_by_default(self, user):
        """The one that is shown as the channel's avatar."""

        class View(AvatarChangeView):
            def get_object(self) -> Any:
                return Channel.objects.create(name="news")

        content = self.send(View.as_view(), user, "get").content.decode()
        assert re.findall(r'type="file" name="(\w+)"', content) == ["avatar"]

    def test_a_new_row_of_ones_own(self, user):
        class View(AvatarChangeView):
            def get_object(self) -> Any:
                return Team(name="blue")

        self.send(View.as_view(), user, avatar=make_upload())
        row = Team.objects.get()
        assert row.name == "blue"
        assert row.avatar.avatar_name is not None

    def test_a_new_row_that_cannot_be_written(self, user, storage, monkeypatch):
        class View(AvatarChangeView):
            def get_object(self) -> Any:
                return Team(name="blue")

        monkeypatch.setattr(storage, "save", mock.Mock(side_effect=OSError(28, "full")))
        response = self.send(View.as_view(), user, avatar=make_upload())
        assert TestStorage.SENTENCE in response.content.decode()
        assert not Team.objects.exists()

    def test_somebody_elses_row(self, user):
        """The new row says whose it is, not the request."""
        bob = User.objects.create(username="bob")

        class View(AvatarChangeView):
            def get_object(self) -> Any:
                return Profile(user=bob)

        self.send(View.as_view(), user, avatar=make_upload())
        assert Profile.objects.get().user == bob

    def test_a_row_without_an_avatar_field(self, user):
        class View(AvatarChangeView):
            def get_object(self) -> Any:
                return user

        with pytest.raises(ImproperlyConfigured, match=r"auth\.User has no AvatarField"):
            self.send(View.as_view(), user, "get")

    def test_form_class(self, user, profile):
        class Form(AvatarForm):
            class Meta:
                model = Profile
                fields = ["avatar", "bio"]

        view = AvatarChangeView.as_view(form_class=Form, success_url="https://example.com/done/")
        response = self.send(view, user, bio="mathematician", avatar=make_upload(color="red"))
        assert response["Location"] == "https://example.com/done/"
        row = Profile.objects.get()
        assert row.bio == "mathematician"
        assert row.avatar.name != profile.avatar.name

    def test_form_class_without_a_model(self, user, profile):
        class Form(AvatarForm):
            class Meta:
                fields = ["bio"]

        view = AvatarChangeView.as_view(form_class=Form)
        self.send(view, user, bio="mathematician")
        assert Profile.objects.get().bio == "mathematician"

    def test_a_field_that_lets_anything_through(self, user, profile, files):
        """What only the save finds out is an error beside the field all the same."""

        class Form(AvatarForm):
            avatar = forms.FileField()

        before = files()
        view = AvatarChangeView.as_view(form_class=Form)
        response = self.send(view, user, avatar=make_upload("cat.jpg", b"no"))
        assert "“cat.jpg” is not an image." in response.content.decode()
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_a_form_that_finds_out_when_it_saves(self, user, profile):
        class Form(AvatarForm):
            def save(self, commit: bool = True) -> Any:
                raise NotAnImage(filename="cat.jpg")

        view = AvatarChangeView.as_view(form_class=Form)
        response = self.send(view, user, avatar=make_upload(color="red"))
        assert "“cat.jpg” is not an image." in response.content.decode()
        assert stored(user) == profile.avatar.name

    def test_template(self, user, profile):
        view = AvatarChangeView.as_view(template_name="registration/login.html")
        with pytest.raises(TemplateDoesNotExist, match=r"registration/login\.html"):
            self.send(view, user, "get")

    def test_a_success_url_by_name(self, user, profile):
        view = AvatarDeleteView.as_view(success_url="avatar_kit:delete")
        assert self.send(view, user)["Location"] == DELETE

    def test_hosts_of_ones_own(self, user, profile):
        view = AvatarDeleteView.as_view(success_url_allowed_hosts={"cdn.example"})
        response = self.send(view, user, next="https://cdn.example/")
        assert response["Location"] == "https://cdn.example/"

    def test_redirect_field_name(self, user, profile):
        """Both pages send on what they were given, under the name that they read."""
        hidden = '<input type="hidden" name="return_to" value="/me/">'
        change = AvatarChangeView.as_view(redirect_field_name="return_to")
        view = AvatarDeleteView.as_view(redirect_field_name="return_to")
        for each in (change, view):
            assert hidden in self.send(each, user, "get", return_to="/me/").content.decode()
        assert self.send(view, user, return_to="/me/")["Location"] == "/me/"

    @pytest.mark.urls(__name__)
    def test_mounted_elsewhere(self, client, user, profile):
        response = client.post("/me/picture/", {"avatar": make_upload()})
        assert response["Location"] == "/me/picture/"

    def test_mounted_alone(self, client, user, profile):
        """No link to a page that does not exist."""
        with (
            mock.patch(f"{__name__}.urlpatterns", urlpatterns[:1]),
            override_settings(ROOT_URLCONF=__name__),
        ):
            assert "Delete your picture" not in page(client.get("/me/picture/"))

    @pytest.mark.urls(__name__)
    def test_mounted_twice(self, client, user, profile):
        for where in ("/a/", "/b/"):
            assert f'href="{where}delete/"' in page(client.get(where))
            assert f'href="{where}"' in page(client.get(f"{where}delete/"))
        assert client.post("/b/delete/")["Location"] == "/b/"


urlpatterns = [
    path("me/picture/", AvatarChangeView.as_view()),
    path("a/", include("django_avatar_kit.urls")),
    path("b/", include("django_avatar_kit.urls", namespace="second")),
]
