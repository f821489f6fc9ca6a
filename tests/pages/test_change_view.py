"""The page that changes an avatar."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.test import Client

from django_avatar_kit import pipeline
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView
from tests.support.bad_uploads import BAD_UPLOADS
from tests.support.pages import CHANGE, DELETE, assets, page, stored, told, widget
from tests.testapp.models import Profile


class TestChange:
    def test_page(self, client, profile):
        response = client.get(CHANGE)
        assert response.status_code == 200
        assert profile.avatar.avatar_name.token in widget(response)
        assert page(response) == (
            "<!DOCTYPE html>\n"
            '<html lang="en">\n'
            "<head>\n"
            '<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            "<title>Change your picture</title>\n"
            "</head>\n"
            '<body class="avatar-kit-body">\n'
            '<main class="avatar-kit-main">\n'
            f"{assets(response)}\n"
            '<section class="avatar-kit-card" aria-labelledby="avatar-kit-heading">\n'
            '<h1 class="avatar-kit-heading" id="avatar-kit-heading">Change your picture</h1>\n'
            '<form class="avatar-kit-form" method="post" enctype="multipart/form-data"'
            " data-avatar-kit-submit>\n"
            '<input type="hidden" name="csrfmiddlewaretoken" value="…">\n'
            "<div>\n"
            '<label for="id_avatar">Avatar:</label>\n'
            f"{widget(response)}\n"
            "</div>\n"
            '<div class="avatar-kit-actions">\n'
            '<button type="submit" class="avatar-kit-button avatar-kit-primary">Save</button>\n'
            "</div>\n"
            "</form>\n"
            "</section>\n"
            "</main>\n"
            "</body>\n"
            "</html>\n"
        )

    def test_page_without_a_profile(self, client):
        """GET inserts no row."""
        response = client.get(CHANGE)
        assert response.status_code == 200
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
        """The checkbox is not shown; if it is sent nevertheless, no row is inserted."""
        response = client.post(CHANGE, {"avatar-clear": "on"})
        assert response.context["form"].errors == {"avatar": ["Choose a picture first."]}
        assert not Profile.objects.exists()

    def test_message_is_shown(self, client, profile):
        response = client.post(CHANGE, {"avatar": make_upload()}, follow=True)
        assert (
            '<main class="avatar-kit-main">\n'
            '<div class="avatar-kit-messages" role="status">\n<ul>\n'
            '<li class="avatar-kit-notice success">Your picture is saved.</li>\n</ul>\n</div>\n'
            "<link "
        ) in page(response)

    @pytest.mark.parametrize("case", BAD_UPLOADS.values(), ids=BAD_UPLOADS)
    def test_bad_uploads(self, case, client, user, profile, files):
        name, content, code, sentence = case
        before = files()
        response = client.post(CHANGE, {"avatar": make_upload(name, content)})
        assert response.status_code == 200
        assert response.context["form"].errors.as_data()["avatar"][0].code == code
        assert (f'<ul class="errorlist" id="id_avatar_error"><li>{sentence}</li></ul>\n') in page(
            response
        )
        (file_input,) = re.findall(r'<input type="file"[^>]*>', page(response))
        assert ' aria-invalid="true" aria-describedby="id_avatar_error' in file_input
        # The focus is where the error is.
        assert re.findall(r"<[^>]* autofocus[^>]*>", page(response)) == [file_input]
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
        """A disk that is full after so many files."""
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
        # The reason is logged, and not shown: it may contain keys and paths.
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
        (shown,) = set(re.findall(rf"<img [^>]*{profile.avatar.avatar_name.token}[^>]*>", before))
        assert shown in page(response)
        assert response.context["object"].avatar.name == profile.avatar.name

    def test_without_a_profile(self, client, user, files, storage, monkeypatch):
        self.full_after(storage, monkeypatch, 3)
        response = client.post(CHANGE, {"avatar": make_upload()})
        assert response.context["form"].errors == {"avatar": [self.SENTENCE]}
        assert "/media/" not in page(response)
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
    """Other requests change the row while the upload of this one is decoded."""

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
        """Between the SELECT and the INSERT of ``get_or_create()``."""
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
        """The row is found although ``Profile.objects`` does not return it."""
        manager = Profile._default_manager
        # Not setattr(): when it is undone, a bound method stays on the manager, which is copied.
        monkeypatch.setitem(vars(manager), "get_queryset", lambda: QuerySet(Profile).none())
        assert client.post(CHANGE, {"avatar": make_upload(color="red")}).status_code == 302
