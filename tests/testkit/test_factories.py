"""Rows with avatars from factory_boy and from model_bakery, as docs/howto/testing.md has them."""

from __future__ import annotations

from typing import Any

import pytest
from factory.django import DjangoModelFactory
from model_bakery import baker

from django_avatar_kit.rendering import has_avatar
from django_avatar_kit.test import assert_avatar_files, settle
from django_avatar_kit.test.factory_boy import AvatarUpload
from tests.support.howtos import blocks, run
from tests.testapp.models import Captain, Channel, Team

pytestmark = pytest.mark.django_db

FACTORY, BAKERY = blocks("testing", "python")[-3:-1]


@pytest.fixture
def factory() -> Any:
    code = FACTORY.replace("from .models import Profile", "from tests.testapp.models import Team")
    return run(code.replace("model = Profile", "model = Team"))["ProfileFactory"]


def test_a_factory_makes_a_row_with_an_avatar(factory):
    row = factory()
    settle()
    assert row.avatar.avatar_name.sizes == (32, 64)
    assert_avatar_files(row)


def test_arguments_are_those_of_an_upload(factory):
    row = factory(avatar__size=(100, 80), avatar__color="#ff0000", avatar__format="png")
    name = row.avatar.avatar_name
    assert (name.width, name.height, name.color) == (100, 80, "ff0000")


def test_a_factory_makes_a_row_without_one(factory):
    assert not has_avatar(factory(avatar=None))
    assert not has_avatar(factory(faceless=True))
    assert has_avatar(factory(faceless=False))
    assert factory.build(avatar__name="me.jpg").avatar.name == "me.jpg"


def test_the_mixin_leaves_all_else_to_the_factory(factory):
    """Options of Django's factories, declarations of the site, and a picture of its own."""

    class TeamFactory(factory):  # type: ignore[valid-type, misc]
        class Meta:
            model = Team
            django_get_or_create = ("name",)

        name = "Reds"
        avatar = AvatarUpload(size=(100, 80))

    row = TeamFactory()
    assert row == TeamFactory(avatar=None)
    assert row.avatar.avatar_name.width == 100


def test_a_field_of_another_name():
    class ChannelFactory(DjangoModelFactory):
        class Meta:
            model = Channel

        name = "news"
        banner = AvatarUpload(size=(64, 64))

    row = ChannelFactory()
    assert has_avatar(row.banner)
    assert not has_avatar(row)


@pytest.fixture
def bakery(settings: Any) -> None:
    settings.BAKER_CUSTOM_FIELDS_GEN = run(BAKERY)["BAKER_CUSTOM_FIELDS_GEN"]


@pytest.mark.usefixtures("bakery", "small")
def test_baker_makes_rows_with_and_without_avatars():
    row = baker.make(Team, _create_files=True, _fill_optional=["avatar"])
    settle()
    assert_avatar_files(row)
    assert has_avatar(row)
    assert not has_avatar(baker.make(Team))


@pytest.mark.usefixtures("bakery", "small")
def test_baker_fills_every_avatar_of_a_row():
    row = baker.make(Captain, _create_files=True, _fill_optional=["avatar", "face"])
    assert has_avatar(row)
    assert row.face.avatar_name.sizes == (16, 32)
