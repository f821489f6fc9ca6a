"""Views as sites use them: subclasses, arguments of ``as_view()``, other URLs."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist
from django.test import RequestFactory, override_settings
from django.urls import include, path
from django.utils.functional import SimpleLazyObject

from django_avatar_kit.exceptions import NotAnImage
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support.pages import CHANGE, DELETE, Needed, page, stored
from tests.testapp.models import Channel, Profile, Team


class TestSites:
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
        assert "avatar-kit-messages" not in page(response)
        assert client.post(DELETE).status_code == 302
        assert stored(user) == ""

    def test_a_user_with_an_avatar_of_their_own(self, db, files):
        """As with a custom user model that has an avatar; ``request.user`` is lazy."""
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
        user = Channel.__mro__[1]  # AvatarMixin, which is no model of the project
        request = rf.get("/")
        request.user = mock.Mock(spec=user, is_authenticated=True)
        with pytest.raises(TypeError, match="has no avatar"):
            AvatarChangeView.as_view()(request)

    def test_an_owner_of_something_shared(self, client, user, settings, monkeypatch):
        """The kit does not change a row that several users share."""
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
        """Of several avatar fields, the form has the one that ``{% avatar %}`` shows."""

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
        assert str(AvatarChangeView.storage_message) in response.content.decode()
        assert not Team.objects.exists()

    def test_somebody_elses_row(self, user):
        """The owner of a new row is taken from ``get_object()``, not from the request."""
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
        """An upload that is refused only when it is saved is an error beside the field as well."""

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
        """Both pages pass it on under the same name."""
        hidden = '<input type="hidden" name="return_to" value="/me/">'
        change = AvatarChangeView.as_view(redirect_field_name="return_to")
        view = AvatarDeleteView.as_view(redirect_field_name="return_to")
        for each in (change, view):
            assert hidden in self.send(each, user, "get", return_to="/me/").content.decode()
        assert self.send(view, user, return_to="/me/")["Location"] == "/me/"

    def test_without_a_redirect_field_name(self, user, profile):
        """None keeps it out of the URL of the login page. What a form sends still counts."""
        view = AvatarDeleteView.as_view(redirect_field_name=None)
        assert self.send(view, user, next="/me/")["Location"] == "/me/"

    @pytest.mark.urls(__name__)
    def test_mounted_elsewhere(self, client, user, profile):
        response = client.post("/me/picture/", {"avatar": make_upload()})
        assert response["Location"] == "/me/picture/"

    def test_mounted_alone(self, client, user, profile, monkeypatch):
        """There is no link to a page that has no URL."""
        monkeypatch.setattr(AvatarChangeView, "form_class", Needed)
        with (
            mock.patch(f"{__name__}.urlpatterns", urlpatterns[:1]),
            override_settings(ROOT_URLCONF=__name__),
        ):
            assert "Remove picture" not in page(client.get("/me/picture/"))

    @pytest.mark.urls(__name__)
    def test_mounted_twice(self, client, user, profile, monkeypatch):
        monkeypatch.setattr(AvatarChangeView, "form_class", Needed)
        for where in ("/a/", "/b/"):
            assert f'href="{where}delete/"' in page(client.get(where))
            assert f'href="{where}"' in page(client.get(f"{where}delete/"))
        assert client.post("/b/delete/")["Location"] == "/b/"


urlpatterns = [
    path("me/picture/", AvatarChangeView.as_view()),
    path("a/", include("django_avatar_kit.urls")),
    path("b/", include("django_avatar_kit.urls", namespace="second")),
]
