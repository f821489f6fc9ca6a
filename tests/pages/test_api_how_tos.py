"""The code on the pages about REST framework and Django Ninja, run as it stands there."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path
from rest_framework.test import APIClient, APIRequestFactory

from django_avatar_kit.rendering import avatar_url, get_face
from django_avatar_kit.test import make_image, make_upload
from tests.support.howtos import blocks
from tests.testapp.models import Profile, Team

pytestmark = pytest.mark.usefixtures("small")
#: Of the site in the examples.
MODELS = re.compile(r"from (\.|profiles\.)models import")
SITE = "http://testserver"


def module_of(page: str, **names: Any) -> Any:
    """All code of a page, as one module."""
    module = ModuleType(page)
    vars(module).update(names)
    for block in blocks(page):
        code = MODELS.sub("from tests.testapp.models import", block)
        exec(compile(code, page, "exec", dont_inherit=True), vars(module))  # noqa: S102
    return module


@pytest.fixture(scope="module")
def rest() -> Any:
    return module_of("rest-framework", Team=Team)


@pytest.fixture(scope="module")
def ninja() -> Any:
    """Once, since Ninja knows every API by its name."""
    module = module_of("django-ninja")
    module.urlpatterns = [path("api/", module.api.urls)]
    return module


def shown(obj: Any, site: str = "") -> dict[str, str]:
    face = get_face(obj, 64)
    return {"src": site + face.src, "srcset": "", "color": face.color, "alt": face.alt}


class TestRestFramework:
    def test_avatars_are_shown(self, rest, profile):
        context = {"request": APIRequestFactory().get("/")}
        serializer = rest.PersonSerializer(rest.people, many=True, context=context)
        assert serializer.data == [{"username": "ada", "avatar": shown(profile.user, SITE)}]

    def test_an_upload_with_a_crop(self, rest, profile):
        data = {"avatar": make_upload(), "crop": "120,80,400,400"}
        serializer = rest.ProfileSerializer(profile, data=data, partial=True)
        assert serializer.is_valid(), serializer.errors
        serializer.save()
        assert Profile.objects.get().avatar.avatar_name.crop == (120, 80, 400, 400)

    def test_my_avatar_and_codes(self, rest, user, settings):
        settings.ROOT_URLCONF = rest
        settings.REST_FRAMEWORK = {**rest.REST_FRAMEWORK, "EXCEPTION_HANDLER": rest.with_codes}
        client = APIClient()
        client.force_authenticate(user)
        assert client.get("/api/me/avatar/").json()["has_avatar"] is False
        bad = {"avatar": make_upload("a.bmp", make_image((9, 9), format="bmp"))}
        answer = client.put("/api/me/avatar/", bad, format="multipart").json()
        assert answer == {
            "avatar": [
                {
                    "message": "“a.bmp” is in BMP format. "
                    "Upload a picture in JPEG, PNG, WebP, GIF or AVIF format.",
                    "code": "unsupported_format",
                }
            ]
        }


class TestNinja:
    @pytest.fixture(autouse=True)
    def urls(self, ninja: Any, settings: Any) -> None:
        settings.ROOT_URLCONF = ninja

    def test_avatars_are_shown(self, client, profile, django_assert_num_queries):
        Profile.objects.filter(pk=profile.pk).update(bio="")
        User.objects.create(username="bob")
        ada, bob = User.objects.select_related("profile").order_by("username")
        with django_assert_num_queries(3):  # the session, its user, and the people
            people = client.get("/api/people").json()
        assert people == [
            {
                "username": user.username,
                "avatar": shown(user),
                "mail_picture": SITE + url if (url := avatar_url(user, 64, format="jpeg")) else "",
            }
            for user in (ada, bob)
        ]

    def test_an_upload_with_a_crop(self, client, user):
        data = {"avatar": make_upload(), "crop": "120,80,400,400"}
        answer = client.post("/api/me/avatar", data)
        profile = Profile.objects.get(user=user)
        assert profile.avatar.avatar_name.crop == (120, 80, 400, 400)
        assert (answer.status_code, answer.json()) == (200, shown(profile.user))

    def test_a_removal(self, client, profile):
        answer = client.delete("/api/me/avatar")
        assert answer.json() == shown(User.objects.get())
        assert not Profile.objects.get().avatar

    @pytest.mark.parametrize(
        ("data", "loc", "kind"),
        [
            ({}, ["file", "avatar"], "missing"),
            ({"crop": "1,2"}, ["form", "crop"], "string_pattern_mismatch"),
            ({"crop": "0,0,9,8"}, ["file", "avatar"], "invalid_crop"),
        ],
    )
    def test_errors_of_both_have_one_form(self, data, loc, kind, client, user):
        files = {"avatar": make_upload()} if data else {}
        answer = client.post("/api/me/avatar", {**data, **files})
        assert answer.status_code == 422
        (detail,) = answer.json()["detail"]
        assert (detail["loc"], detail["type"]) == (loc, kind)
        assert not Profile.objects.exists()

    def test_a_storage_that_fails(self, client, profile, storage, monkeypatch):
        def full(*_args: Any, **_options: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(storage), "save", full)
        answer = client.post("/api/me/avatar", {"avatar": make_upload(color="red")})
        assert answer.status_code == 503
        assert answer.json() == {
            "detail": "The picture could not be saved. Please try again later."
        }

    def test_nobody_is_logged_in(self, db):
        assert Client().get("/api/people").status_code == 401
