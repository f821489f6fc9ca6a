"""What APIs answer with: the URL of a rendition, and never the master, which shows more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ninja import ModelSchema, NinjaAPI
from ninja.testing import TestClient
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIRequestFactory

from django_avatar_kit.contrib.rest_framework import AvatarUploadField
from django_avatar_kit.test import make_upload
from tests.support.lifecycle import fresh, make_profile
from tests.testapp.models import Channel, Member, Pet, Profile, Team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("small")]


@pytest.fixture
def team() -> Team:
    return fresh(Team.objects.create(name="Reds", avatar=make_upload()))


def answer(serializer: Any) -> str:
    return JSONRenderer().render(serializer.data).decode()


def model_serializer(row_model: Any, base: Any = serializers.ModelSerializer, **meta: Any) -> Any:
    options = {"model": row_model, "fields": ["avatar"], **meta}
    return type("Made", (base,), {"Meta": type("Meta", (), options)})


# --- Django REST framework --------------------------------------------------------------------


def test_a_model_serializer_gives_the_url_of_the_largest_rendition(team):
    shown = json.loads(answer(model_serializer(Team)(team)))
    assert shown == {"avatar": team.avatar.url}
    assert team.avatar.url.endswith(".32.webp")


def test_with_a_request_the_url_is_absolute(team):
    context = {"request": APIRequestFactory().get("/")}
    for base in (serializers.ModelSerializer, serializers.HyperlinkedModelSerializer):
        shown = model_serializer(Team, base)(team, context=context).data
        assert shown == {"avatar": f"http://testserver{team.avatar.url}"}


def test_nested_rows_are_shown_in_the_same_way(team):
    member = Member.objects.create(team=team)
    serializer = model_serializer(Member, fields=["team"], depth=1)
    shown = json.loads(answer(serializer(Member.objects.get(pk=member.pk))))
    assert shown == {"team": {"id": team.pk, "avatar": team.avatar.url, "name": "Reds"}}


@pytest.mark.parametrize("kind", [serializers.FileField, serializers.ImageField])
def test_fields_of_rest_framework_that_a_site_declares(kind, team):
    declared = type("Declared", (serializers.Serializer,), {"avatar": kind()})
    assert declared(team).data == {"avatar": team.avatar.url}


@pytest.mark.parametrize("by", ["field", "settings"])
def test_keys_instead_of_urls_are_those_of_renditions(by, team, settings):
    if by == "settings":
        settings.REST_FRAMEWORK = {"UPLOADED_FILES_USE_URL": False}
        field = AvatarUploadField()
    else:
        field = AvatarUploadField(use_url=False)
    declared = type("Declared", (serializers.Serializer,), {"avatar": field})
    assert declared(team).data == {"avatar": team.avatar.avatar_name.renditions[-1]}


def test_a_key_from_before_the_kit_is_given_as_it_is():
    field = AvatarUploadField(use_url=False)
    assert field.to_representation(Team(avatar="old.jpg").avatar) == "old.jpg"


def test_no_avatar_is_null():
    assert model_serializer(Team)(Team.objects.create()).data == {"avatar": None}
    use_no_url = AvatarUploadField(use_url=False)
    assert use_no_url.to_representation(Team().avatar) is None


def test_every_avatar_of_a_row_and_its_storage():
    channel = Channel(name="news", avatar=make_upload(), banner=make_upload("png"))
    channel.save()
    pet = Pet.objects.create(name="rex", portrait=make_upload())
    shown = model_serializer(Channel, fields=["avatar", "banner", "badge"])(fresh(channel)).data
    assert shown == {
        "avatar": channel.avatar.url,
        "banner": channel.banner.url,
        "badge": "/media/defaults/badge.png",
    }
    assert channel.avatar.url.endswith(".jpeg")
    portrait = model_serializer(Pet, fields=["portrait"])(fresh(pet)).data["portrait"]
    assert portrait.startswith("/renditions/portraits/")


def test_nothing_that_a_serializer_answers_names_the_master(team):
    profile = make_profile()
    context = {"request": APIRequestFactory().get("/")}
    for row in (team, fresh(profile)):
        serializer = model_serializer(type(row), fields="__all__", depth=3)
        text = answer(serializer(row, context=context))
        assert row.avatar.name not in text
        assert row.avatar.avatar_name.secret not in text
        assert row.avatar.avatar_name.token in text


def test_an_answer_to_an_upload_is_the_new_rendition():
    profile = fresh(make_profile())
    before = profile.avatar.url
    serializer = model_serializer(Profile)(profile, data={"avatar": make_upload("png")})
    assert serializer.is_valid(), serializer.errors
    serializer.save()
    assert serializer.data == {"avatar": fresh(profile).avatar.url}
    assert serializer.data["avatar"] != before


# --- Django Ninja -----------------------------------------------------------------------------


def test_a_schema_of_django_ninja_has_the_same_url(team):
    class TeamOut(ModelSchema):
        class Meta:
            model = Team
            fields = ["name", "avatar"]

    api = NinjaAPI(urls_namespace=f"teams-{team.pk}")

    @api.get("/", response=list[TeamOut])
    def teams(request: Any) -> Any:
        return Team.objects.order_by("pk")

    Team.objects.create(name="none")
    answer = TestClient(api).get("/")
    assert answer.json() == [
        {"name": "Reds", "avatar": team.avatar.url},
        {"name": "none", "avatar": None},
    ]
