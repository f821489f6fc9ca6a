"""What a type checker infers for code of a site: mypy reads this file, and pytest runs it.

``assert_type()`` does nothing at run time. Here it fails ``make test ENVS=types`` if the type is
another one, ``Any`` included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from django.core.files.base import File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.db.models import Model
from django.dispatch import Signal
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from django_avatar_kit import exceptions
from django_avatar_kit.admin import AvatarAdminMixin, HasAvatarFilter
from django_avatar_kit.assets import avatar_media
from django_avatar_kit.exceptions import AvatarError, StorageError, UploadError
from django_avatar_kit.fallbacks import Fallback, Gravatar, Identicon, Initials, Static
from django_avatar_kit.fields import AvatarField, AvatarFieldFile
from django_avatar_kit.forms import AvatarField as AvatarFormField
from django_avatar_kit.forms import AvatarForm, AvatarInput, avatar_form_class
from django_avatar_kit.models import AvatarMixin, prefetch_avatars
from django_avatar_kit.names import Box, Name
from django_avatar_kit.rendering import (
    Face,
    Group,
    avatar_group,
    avatar_html,
    avatar_url,
    get_face,
    has_avatar,
)
from django_avatar_kit.signals import avatar_deleted, avatar_updated
from django_avatar_kit.specs import Limits, Spec
from django_avatar_kit.test import make_image, make_upload, settle
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.testapp.models import Profile

if TYPE_CHECKING:
    # In ``typing`` from Python 3.11 on.
    from typing_extensions import assert_type
else:

    def assert_type(value: Any, _type: Any) -> Any:
        return value


KEY = (
    "avatars/3f/3f9c1b7de2a84c05b6d10e92f4a7c8e1-5be1c04a92d6f307"
    "-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"
)


@pytest.fixture
def profile() -> Profile:
    return Profile(avatar=KEY)


def test_a_field_on_a_model(profile: Profile) -> None:
    assert_type(profile.avatar, AvatarFieldFile)
    assert_type(profile.avatar.field, AvatarField)
    assert_type(profile.avatar.name, str | None)
    assert_type(profile.avatar.storage, Storage)
    assert_type(bool(profile.avatar), bool)
    profile.avatar = make_upload()
    profile.avatar = None
    assert_type(profile.avatar, AvatarFieldFile)


def test_rows_of_a_query() -> None:
    def avatars(rows: models.QuerySet[Profile]) -> list[AvatarFieldFile]:
        assert_type(rows.get().avatar, AvatarFieldFile)
        return [row.avatar for row in rows]

    assert callable(avatars)


def test_a_field_file(profile: Profile) -> None:
    avatar = profile.avatar
    assert_type(avatar.url, str)
    assert_type(avatar.url_for(64), str)
    assert_type(avatar.width, int)
    assert_type(avatar.height, int)
    assert_type(avatar.avatar_name, Name | None)
    assert_type(avatar.uncommitted, bool)

    def with_a_row() -> None:
        assert_type(avatar.open(), AvatarFieldFile)
        assert_type(avatar.size, int)
        assert_type(avatar.file, File[Any])
        # Each gives None, which mypy does not let be used.
        avatar.save("a.jpg", make_upload(), save=False, crop=(0, 0, 9, 9))
        avatar.recrop((0, 0, 9, 9))
        avatar.recrop(None, save=False)
        avatar.delete()

    assert callable(with_a_row)


def test_the_arguments_of_a_field() -> None:
    field = AvatarField(
        "picture",
        upload_to="teams",
        sizes=[48, 96],
        formats=("avif", "webp"),
        fit="contain",
        storage=Storage,
        blank=True,
    )
    assert_type(field, AvatarField)
    assert_type(field.spec, Spec)
    assert_type(field.limits, Limits)
    assert_type(field.limits.max_pixels, int)
    assert_type(field.storage, Storage)
    assert_type(field.rendition_storage, Storage)


def test_a_name() -> None:
    name = Name.parse(KEY)
    assert_type(name, Name | None)
    assert name is not None
    assert_type(name.width, int)
    assert_type(name.sizes, tuple[int, ...])
    assert_type(name.formats, tuple[str, ...])
    assert_type(name.crop, Box | None)
    assert_type(name.fit, Literal["cover", "contain"])
    assert_type(name.rendition(64, "webp"), str)
    assert_type(name.files, tuple[str, ...])
    assert_type(name.best(100), int)
    assert_type(str(name), str)


def test_rendering(profile: Profile) -> None:
    assert_type(avatar_html(profile, 64, class_="round"), SafeString)
    assert_type(avatar_url(profile, 64, format="jpeg"), str)
    assert_type(has_avatar(profile), bool)
    face = get_face(None, 64)
    assert_type(face, Face)
    assert_type(face.src, str)
    assert_type(face.width, int)
    assert_type(face.html, SafeString)
    assert_type(face.sources, tuple[tuple[str, str], ...])
    group = avatar_group([None], 40, max=5)
    assert_type(group, Group)
    assert_type(group.faces, tuple[Face, ...])
    assert_type(group.more, int)
    prefetch_avatars([])


def test_fallbacks() -> None:
    for fallback in (Initials(), Identicon(salt="x"), Static("a.png"), Gravatar(default=404)):
        assert_type(fallback.url(None, 64), str | None)
        assert_type(fallback.srcset(None, 64), str)
        assert isinstance(fallback, Fallback)

    class Emoji(Fallback):
        def html(self, owner: Any, size: int, alt: str, attrs: Any) -> SafeString | None:
            return SafeString("🙂")

    assert_type(Emoji().html(None, 64, "", {}), SafeString | None)
    assert_type(Emoji().url(None, 64), str | None)


def test_forms(profile: Profile) -> None:
    assert_type(avatar_form_class(Profile, "avatar"), type[AvatarForm])
    form = AvatarForm(instance=profile)
    assert_type(form.is_valid(), bool)
    field = AvatarFormField(required=False, model_field=AvatarField())
    assert_type(field, AvatarFormField)
    assert_type(field.model_field, AvatarField)
    assert_type(AvatarInput().size, int)
    assert_type(AvatarInput().crop_name("avatar"), str)
    assert_type(AvatarInput().media, Media)
    assert_type(avatar_media(form), SafeString)


def test_views() -> None:
    class TeamView(AvatarChangeView):
        model = Profile
        success_url = "team"

        def may_change(self, row: Model) -> bool:
            return assert_type(super().may_change(row), bool)

        def form_valid(self, form: AvatarForm) -> HttpResponse:
            assert_type(self.get_avatar(), AvatarFieldFile)
            assert_type(self.object, Model)
            assert_type(self.get_field_name(), str)
            return assert_type(super().form_valid(form), HttpResponse)

    class TeamDeleteView(AvatarDeleteView):
        def get_success_url(self) -> str:
            return assert_type(super().get_success_url(), str)

        def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return assert_type(super().post(request, *args, **kwargs), HttpResponse)

    assert callable(TeamView.as_view())
    assert callable(TeamDeleteView.as_view())


def test_the_admin() -> None:
    assert_type(AvatarAdminMixin.avatar_size, int)
    assert_type(HasAvatarFilter.field_name, str | None)


def test_signals() -> None:
    assert_type(avatar_updated, Signal)
    assert_type(avatar_deleted, Signal)


def test_errors() -> None:
    error = exceptions.UploadTooLarge(filename="a.jpg", size=2, limit=1)
    assert_type(error.code, str)
    assert_type(str(error), str)
    assert isinstance(error, UploadError)
    assert isinstance(error, AvatarError)
    assert_type(StorageError(key="a.jpg", reason="full").code, str)


def test_the_test_kit() -> None:
    assert_type(make_image((9, 9), "red", format="png"), bytes)
    assert_type(make_upload("a.png"), SimpleUploadedFile)
    assert callable(settle)


def test_a_model_of_a_site() -> None:
    class Team(AvatarMixin):
        name = models.CharField(max_length=9)
        logo = AvatarField(upload_to="logos", fit="contain", blank=True)

        class Meta(AvatarMixin.Meta):
            app_label = "testapp"
            abstract = True

    def show(team: Team) -> None:
        assert_type(team.avatar, AvatarFieldFile)
        assert_type(team.logo, AvatarFieldFile)
        assert_type(team.logo.url_for(32), str)

    assert callable(show)
