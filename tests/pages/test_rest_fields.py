"""Serializer fields of ``contrib.rest_framework``: what is shown, and what is uploaded."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from django_avatar_kit.contrib.rest_framework import (
    AvatarCropField,
    AvatarFaceField,
    AvatarUploadField,
)
from django_avatar_kit.rendering import avatar_url, get_face
from django_avatar_kit.test import make_upload, settle
from tests.support import animations
from tests.support.lifecycle import fresh, make_profile, upload
from tests.testapp.models import Channel, Profile, Team

pytestmark = pytest.mark.django_db


def shown(row: Any, request: Any = None, **options: Any) -> Any:
    """What a serializer with one field shows of a row."""
    made = type("Made", (serializers.Serializer,), {"face": AvatarFaceField(**options)})
    return made(row, context={"request": request}).data["face"]


def face_of(obj: Any, size: int = 64) -> dict[str, str]:
    face = get_face(obj, size)
    return {"src": face.src, "srcset": face.srcset, "color": face.color, "alt": face.alt}


class TestFace:
    def test_what_is_shown(self, small):
        user = fresh(make_profile()).user
        name = user.profile.avatar.avatar_name
        url = f"/media/{name.folder}{name.token}"
        assert shown(user, source="*", size=20) == {
            "src": f"{url}.32.webp",
            "srcset": "",
            "color": f"#{name.color}",
            "alt": "ada",
        }

    @pytest.mark.parametrize(
        "source", ["*", "user", "avatar", "user.profile", "user.profile.avatar"]
    )
    def test_every_source_of_a_profile(self, source):
        profile = fresh(make_profile())
        assert shown(profile, source=source, size=32) == face_of(profile, 32)

    def test_a_field_is_called_as_its_source(self):
        made = type("Made", (serializers.Serializer,), {"user": AvatarFaceField(size=32)})
        profile = fresh(make_profile())
        assert made(profile).data == {"user": face_of(profile, 32)}

    def test_urls_are_absolute_with_a_request(self):
        profile = make_profile(avatar=False)
        profile.avatar = make_upload(size=(600, 600))
        profile.save()
        request = APIRequestFactory().get("/api/people/")
        site = "http://testserver"
        assert shown(profile, request, source="*", size=60, urls=(32, 500)) == {
            "src": site + avatar_url(profile, 64),
            "srcset": f"{site}{avatar_url(profile, 128)} 2x, {site}{avatar_url(profile, 256)} 3x",
            "color": get_face(profile).color,
            "alt": "ada",
            "urls": {
                "32": site + avatar_url(profile, 32),
                "500": site + avatar_url(profile, 512),
            },
        }

    def test_what_moves(self, settings):
        settings.AVATAR_KIT = {"SIZES": (6, 12), "ANIMATED": True}
        profile = make_profile(avatar=False)
        profile.avatar = upload(content=animations.gif())
        profile.save()
        profile = fresh(profile)
        name = profile.avatar.avatar_name
        assert shown(profile, source="*", size=6) == {
            **face_of(profile, 6),
            "animated": f"/media/{name.animated_rendition(6)} 1x, "
            f"/media/{name.animated_rendition(12)} 2x",
        }
        request = APIRequestFactory().get("/api/people/")
        assert shown(profile, request, source="*", size=12)["animated"] == (
            f"http://testserver/media/{name.animated_rendition(12)}"
        )

    def test_all_sizes_of_the_settings(self, settings):
        settings.AVATAR_KIT = {"SIZES": (16, 32), "DEFAULT_SIZE": 16}
        profile = make_profile()
        face = shown(profile, source="*", urls=True)
        assert face["urls"] == {"16": avatar_url(profile, 16), "32": avatar_url(profile, 32)}
        assert face["src"] == face["urls"]["16"]

    @pytest.mark.parametrize("source", ["*", "profile", "profile.avatar"])
    def test_whoever_has_no_profile_has_a_fallback(self, source):
        user = User.objects.create(username="grace")
        face = shown(user, source=source, urls=(64,))
        assert face == {**face_of(user), "urls": {"64": avatar_url(user, 64)}}
        assert face["src"].startswith("/avatar/initials/")
        assert face["alt"] == "grace"

    def test_a_fallback_without_a_url(self, settings):
        settings.ROOT_URLCONF = "tests.testapp"
        settings.AVATAR_KIT = {"FALLBACKS": []}
        user = User.objects.create(username="grace")
        request = APIRequestFactory().get("/")
        face = {"src": "", "srcset": "", "color": "", "alt": "grace", "urls": {"64": ""}}
        assert shown(user, request, source="*", urls=(64,)) == face

    def test_nobody_has_the_fallback_of_nobody(self):
        class Post(models.Model):
            author = models.ForeignKey(User, models.CASCADE, null=True)

            class Meta:
                app_label = "unknown"

        for row, source in ((Post(), "author"), (Post(), "author.profile"), ({"of": None}, "of")):
            assert shown(row, source=source) == face_of(None)

    def test_a_default_of_the_column(self):
        channel = Channel.objects.create(name="news")
        assert shown(channel, source="badge")["src"] == "/media/defaults/badge.png"

    def test_in_a_list(self):
        field = serializers.ListField(child=AvatarFaceField(size=32))
        profile = make_profile()
        assert field.to_representation([profile]) == [face_of(profile, 32)]

    def test_nothing_is_taken_in(self):
        made = type("Made", (serializers.Serializer,), {"user": AvatarFaceField()})
        serializer = made(data={"user": "x"})
        assert serializer.is_valid()
        assert serializer.validated_data == {}

    def test_a_mistake_in_the_source_is_left_out_as_by_every_read_only_field(self):
        made = type("Made", (serializers.Serializer,), {"face": AvatarFaceField(source="usr")})
        assert made(Profile()).data == {}
        made = type("Made", (serializers.Serializer,), {"face": AvatarFaceField(source="a.b")})
        assert made({"a": {}}).data == {}

    @pytest.mark.parametrize(("options", "word"), [({"size": 0}, "0"), ({"urls": [-1]}, "-1")])
    def test_a_size_that_none_can_have(self, options, word):
        with pytest.raises(ValueError, match=f"not {word}"):
            AvatarFaceField(**options)

    def test_fifty_rows_cost_one_query_and_no_storage_call(
        self, storage, django_assert_num_queries, small
    ):
        for number in range(50):
            make_profile(f"user{number}", avatar=number % 2 == 0)

        class PersonSerializer(serializers.ModelSerializer):
            face = AvatarFaceField(source="*", size=16, urls=True)

            class Meta:
                model = User
                fields = ["username", "face"]

        storage.calls.clear()
        people = User.objects.select_related("profile").order_by("pk")
        context = {"request": APIRequestFactory().get("/")}
        with django_assert_num_queries(1):
            data = PersonSerializer(people, many=True, context=context).data
        assert len(data) == 50
        assert storage.calls == []


class TeamSerializer(serializers.ModelSerializer):
    avatar = AvatarUploadField(allow_null=True, required=False)
    crop = AvatarCropField()

    class Meta:
        model = Team
        fields = ["name", "avatar", "crop"]


def sent(data: dict[str, Any], **options: Any) -> Any:
    """A serializer of a team with what a request brings."""
    kind = "multipart" if any(hasattr(value, "read") for value in data.values()) else "json"
    request = Request(
        APIRequestFactory().post("/", data, format=options.pop("format", kind)),
        parsers=[MultiPartParser(), JSONParser()],
    )
    return TeamSerializer(data=request.data, **options)


@pytest.mark.usefixtures("small")
class TestUpload:
    def test_with_a_crop(self):
        serializer = sent({"name": "reds", "avatar": make_upload(), "crop": "10,20,300,300"})
        assert serializer.is_valid(), serializer.errors
        assert set(serializer.validated_data) == {"name", "avatar"}
        team = fresh(serializer.save())
        assert team.avatar.avatar_name.crop == (10, 20, 300, 300)
        assert serializer.data == {"name": "reds", "avatar": team.avatar.url}

    @pytest.mark.parametrize("crop", [{}, {"crop": ""}])
    def test_without_one(self, crop):
        serializer = sent({"name": "reds", "avatar": make_upload(), **crop})
        assert serializer.is_valid(), serializer.errors
        assert fresh(serializer.save()).avatar.avatar_name.crop is None

    @pytest.mark.parametrize(
        ("crop", "shown", "reason"),
        [
            ("10,20,300", "'10,20,300'", "it is not four whole numbers"),
            ("-1,0,9,9", "'-1,0,9,9'", "it is not four whole numbers"),
            ("0,0,9e9,9", "'0,0,9e9,9'", "it is not four whole numbers"),
            ("0,0,9,8", "(0, 0, 9, 8)", "it is not square"),
            ("400,400,300,300", "(400, 400, 300, 300)", "the picture is 640 × 480 px"),
        ],
    )
    def test_with_a_crop_that_is_none(self, crop, shown, reason, files):
        serializer = sent({"avatar": make_upload("a.jpg"), "crop": crop})
        assert not serializer.is_valid()
        (error,) = serializer.errors["avatar"]
        assert error == (
            f"The crop box {shown} of “a.jpg” cannot be used: {reason}. It is x, y, width and "
            "height in whole pixels of the upright picture."
        )
        assert error.code == "invalid_crop"
        assert set(serializer.errors) == {"avatar"}
        assert files() == set()

    @pytest.mark.parametrize("partial", [False, True])
    def test_a_crop_of_nothing(self, partial):
        team = Team.objects.create(avatar=make_upload())
        serializer = sent({"crop": "0,0,9,9"}, instance=team, partial=partial)
        assert not serializer.is_valid()
        (error,) = serializer.errors["avatar"]
        assert (error, error.code) == ("No file was submitted.", "required")

    def test_a_crop_of_another_field(self):
        class Both(serializers.Serializer):
            avatar, banner = AvatarUploadField(), AvatarUploadField()
            crop, banner_crop = AvatarCropField(), AvatarCropField(of="banner")

        serializer = Both(
            data={
                "avatar": make_upload(),
                "banner": make_upload(),
                "banner_crop": [0, 0, 50, 50],
            }
        )
        assert serializer.is_valid(), serializer.errors
        channel = Channel.objects.create(name="news", **serializer.validated_data)
        assert fresh(channel).avatar.avatar_name.crop is None
        assert fresh(channel).banner.avatar_name.crop == (0, 0, 50, 50)

    @pytest.mark.parametrize("data", [{"avatar": None}, {"avatar": None, "crop": "0,0,9,9"}])
    def test_null_removes_it(self, data, files):
        team = Team.objects.create(avatar=make_upload())
        serializer = sent(data, instance=fresh(team), partial=True)
        assert serializer.is_valid(), serializer.errors
        serializer.save()
        settle()
        assert fresh(team).avatar.name in ("", None)
        assert files() == set()

    def test_an_empty_part_removes_it(self):
        team = Team.objects.create(avatar=make_upload())
        serializer = sent({"avatar": ""}, format="multipart", instance=fresh(team), partial=True)
        assert serializer.is_valid(), serializer.errors
        serializer.save()
        assert fresh(team).avatar.name in ("", None)

    def test_what_is_not_sent_stays(self):
        team = fresh(Team.objects.create(avatar=make_upload()))
        serializer = sent({"name": "blues"}, instance=team, partial=True)
        assert serializer.is_valid()
        assert fresh(serializer.save()).avatar.name == team.avatar.name
