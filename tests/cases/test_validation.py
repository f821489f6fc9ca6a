"""Case E1: the model field checks uploads by itself, in forms, serializers and the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from ninja import File as NinjaFile
from ninja import NinjaAPI, UploadedFile
from ninja.testing import TestClient
from rest_framework import serializers
from rest_framework.test import APIRequestFactory
from rest_framework.viewsets import ModelViewSet

from django_avatar_kit import exceptions
from django_avatar_kit.contrib.rest_framework import AvatarUploadField
from django_avatar_kit.test import make_image
from django_avatar_kit.uploads import imaging
from tests.support.file_kinds import JPEG
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Profile

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

#: Uploads of the public reports: Pillow can open most of them, and the kit must refuse all.
BAD = {
    "BMP": ("a.bmp", make_image((60, 40), format="bmp"), "unsupported_format"),
    "TIFF": ("a.tiff", make_image((60, 40), format="tiff"), "unsupported_format"),
    "ICO": ("a.ico", make_image((16, 16), format="ico"), "unsupported_format"),
    "too many pixels": ("a.jpg", make_image((8000, 7000), mode="L", color=0), "too_many_pixels"),
    "half a JPEG": (
        "a.jpg",
        make_image((600, 400))[: len(make_image((600, 400))) // 2],
        "truncated",
    ),
    "no picture": ("a.jpg", b"hello, world", "invalid_image"),
    "nothing": ("a.jpg", b"", "empty"),
}


@pytest.fixture(params=BAD)
def bad(request: Any) -> Any:
    name, data, code = BAD[request.param]
    return SimpleUploadedFile(name, data, "image/jpeg"), code


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the uploads that were decoded, in order."""
    names: list[str] = []
    load = imaging.load

    def counted(*args: Any, filename: str, **kwargs: Any) -> Any:
        names.append(filename)
        return load(*args, filename=filename, **kwargs)

    monkeypatch.setattr(imaging, "load", counted)
    return names


def sent(file: Any) -> Any:
    """The files of a request."""
    return {"avatar": file}


def test_e1_full_clean_says_what_is_wrong(bad, files):
    file, code = bad
    profile = fresh(make_profile())
    before = column(profile)
    profile.avatar = file
    with pytest.raises(ValidationError) as refused:
        profile.full_clean()
    (error,) = refused.value.error_dict["avatar"]
    assert error.code == code
    assert refused.value.message_dict == {"avatar": [str(error)]}
    assert file.name in str(error)
    assert files() == files_of(before)


def test_e1_full_clean_and_save_decode_once(decoded, files):
    profile = make_profile(avatar=False)
    profile.avatar = upload()
    profile.full_clean()
    profile.save()
    assert decoded == ["portrait.jpg"]
    profile.full_clean()
    assert decoded == ["portrait.jpg"]
    assert files() == needed()


def test_e1_full_clean_of_a_stored_avatar_asks_no_storage(storage):
    profile = fresh(make_profile())
    storage.calls.clear()
    profile.full_clean()
    assert storage.calls == []


def test_e1_an_upload_error_that_reaches_a_view_is_a_validation_error(bad):
    file, code = bad
    profile = make_profile()
    profile.avatar = file
    with pytest.raises(ValidationError) as refused:
        profile.save()
    error = refused.value
    assert isinstance(error, exceptions.UploadError)
    assert error.code == code
    assert error.messages == [str(error)]
    assert error.error_list == [error]
    assert ValidationError([error]).messages == [str(error)]


def test_e1_a_name_that_is_given_to_clean_is_left_as_it_is(storage):
    profile = make_profile()
    storage.calls.clear()
    field = type(profile)._meta.get_field("avatar")
    assert field.clean("avatars/1.jpg", profile) == "avatars/1.jpg"
    assert storage.calls == []


def test_e1_a_site_without_rest_framework_starts(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    profile = make_profile(avatar=False)
    profile.avatar = upload()
    profile.full_clean()


class PlainForm(forms.ModelForm):
    """A form field that the site has declared itself."""

    avatar = forms.ImageField(required=False)

    class Meta:
        model = Profile
        fields = ["avatar"]


class PlainFileForm(forms.ModelForm):
    avatar = forms.FileField(required=False, allow_empty_file=True)

    class Meta:
        model = Profile
        fields = ["avatar"]


def test_e1_a_plain_file_field_of_the_site_answers_with_the_kits_sentence(bad):
    file, code = bad
    profile = make_profile()
    form = PlainFileForm({}, sent(file), instance=profile)
    assert not form.is_valid()
    (error,) = form.errors.as_data()["avatar"]
    assert error.code == code
    assert form.errors["avatar"] == [str(error)]


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "too many pixels", "half a JPEG"])
def test_e1_a_plain_image_field_of_the_site_answers_with_the_kits_sentence(kind):
    name, data, code = BAD[kind]
    form = PlainForm({}, sent(SimpleUploadedFile(name, data)), instance=make_profile())
    assert not form.is_valid()
    (error,) = form.errors.as_data()["avatar"]
    assert error.code == code
    assert form.errors["avatar"] == [str(error)]


def test_e1_a_plain_image_field_of_the_site_decodes_once(decoded, files):
    profile = make_profile(avatar=False)
    form = PlainForm({}, sent(upload()), instance=profile)
    assert form.is_valid(), form.errors
    form.save()
    assert decoded == ["portrait.jpg"]
    assert files() == needed() != set()


@pytest.mark.parametrize("field", [None, forms.ImageField, forms.FileField])
def test_e1_the_admins_form_answers_with_the_kits_sentence(field, decoded):
    name, data, code = BAD["BMP"]

    class ProfileAdmin(admin.ModelAdmin):
        pass

    if field is not None:
        ProfileAdmin.formfield_overrides = {type(FIELD): {"form_class": field}}

    form_class = ProfileAdmin(Profile, admin.AdminSite()).get_form(RequestFactory().get("/"))
    profile = make_profile()
    values = {"user": profile.user.pk}
    form = form_class(values, sent(SimpleUploadedFile(name, data)), instance=profile)
    assert not form.is_valid()
    assert [error.code for error in form.errors.as_data()["avatar"]] == [code]
    decoded.clear()
    form = form_class(values, sent(upload()), instance=fresh(profile))
    assert form.is_valid(), form.errors
    form.save()
    assert decoded == ["portrait.jpg"]


FIELD: Any = Profile._meta.get_field("avatar")


class ProfileSerializer(serializers.ModelSerializer):
    class Meta:
        model = Profile
        fields = ["avatar"]


class PlainSerializer(serializers.ModelSerializer):
    """A serializer field that the site has declared itself."""

    avatar = serializers.ImageField(validators=FIELD.validators, required=False)

    class Meta:
        model = Profile
        fields = ["avatar"]


def patch(profile: Any, file: Any, serializer: Any = ProfileSerializer) -> Any:
    class View(ModelViewSet):
        queryset = Profile.objects.all()
        serializer_class = serializer
        authentication_classes = ()
        permission_classes = ()

    request = APIRequestFactory().patch("/", {"avatar": file}, format="multipart")
    return View.as_view({"patch": "partial_update"})(request, pk=profile.pk)


def test_e1_a_model_serializer_answers_400_with_the_kits_sentence(bad, files):
    file, code = bad
    profile = make_profile()
    before = column(profile)
    answer = patch(profile, file)
    assert answer.status_code == 400
    assert [error.code for error in answer.data["avatar"]] == [code]
    assert file.name in str(answer.data["avatar"][0])
    assert column(profile) == before
    assert files() == files_of(before)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "too many pixels", "half a JPEG"])
def test_e1_so_does_an_image_field_with_the_validators_of_the_model_field(kind):
    name, data, code = BAD[kind]
    answer = patch(make_profile(), SimpleUploadedFile(name, data, "image/jpeg"), PlainSerializer)
    assert answer.status_code == 400
    assert [error.code for error in answer.data["avatar"]] == [code]


class OfItsOwn(serializers.Serializer):
    avatar = AvatarUploadField()


class Several(serializers.Serializer):
    avatar = serializers.ListField(child=AvatarUploadField())


class Declared(serializers.ModelSerializer):
    avatar = AvatarUploadField(required=False)

    class Meta:
        model = Profile
        fields = ["avatar"]


class Renamed(serializers.ModelSerializer):
    picture = AvatarUploadField(source="avatar")

    class Meta:
        model = Profile
        fields = ["picture"]


@pytest.mark.parametrize("serializer", [OfItsOwn, Several, Declared, Renamed])
def test_e1_the_kits_serializer_field_checks_wherever_it_is_declared(serializer, bad, files):
    file, code = bad
    name = "picture" if serializer is Renamed else "avatar"
    given = serializer(data={name: [file] if serializer is Several else file})
    assert not given.is_valid()
    errors = given.errors[name]
    (error,) = errors[0] if serializer is Several else errors
    assert error.code == code
    assert file.name in str(error)
    assert files() == set()


@pytest.mark.parametrize("serializer", [OfItsOwn, Several, Declared, Renamed])
def test_e1_the_kits_serializer_field_decodes_once(serializer, decoded, files):
    name = "picture" if serializer is Renamed else "avatar"
    given = serializer(data={name: [upload()] if serializer is Several else upload()})
    assert given.is_valid(), given.errors
    (taken,) = given.validated_data.values()
    profile = make_profile(avatar=False)
    profile.avatar = taken[0] if serializer is Several else taken
    profile.save()
    assert decoded == ["portrait.jpg"]
    assert files() == files_of(column(profile))


@pytest.mark.parametrize("how", ["declared", "given"])
def test_e1_the_kits_serializer_field_decodes_for_the_field_that_is_saved(
    how, decoded, monkeypatch
):
    monkeypatch.setattr(FIELD, "sizes", (16, 900))
    profile = make_profile(avatar=False)
    if how == "declared":
        given: Any = Declared(profile, data={"avatar": upload(size=(1200, 1200))})
    else:

        class Given(serializers.Serializer):
            avatar = AvatarUploadField(model_field=FIELD)

        given = Given(data={"avatar": upload(size=(1200, 1200))})
    assert given.is_valid(), given.errors
    profile.avatar = given.validated_data["avatar"]
    profile.save()
    assert decoded == ["portrait.jpg"]
    assert "-16_900-" in column(profile)


def test_e1_the_kits_serializer_field_says_what_is_no_file():
    given = OfItsOwn(data={"avatar": "text"})
    assert not given.is_valid()
    assert [error.code for error in given.errors["avatar"]] == ["invalid"]


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "x.jpg.part", "a" * 300 + ".jpg"])
def test_e1_a_model_serializer_takes_a_picture_by_its_content_and_decodes_once(
    name, decoded, files
):
    profile = make_profile(avatar=False)
    answer = patch(profile, SimpleUploadedFile(name, JPEG, "image/jpeg"))
    assert answer.status_code == 200
    assert len(decoded) == 1
    assert files() == needed() == files_of(column(profile))
    assert answer.data["avatar"] == f"http://testserver{fresh(profile).avatar.url}"


def test_e1_a_view_of_django_ninja_answers_with_the_kits_sentence(bad, files):
    file, _code = bad
    profile = make_profile()
    before = column(profile)
    api = NinjaAPI(urls_namespace=f"avatars-{profile.pk}")

    @api.exception_handler(ValidationError)
    def refused(request: Any, error: ValidationError) -> Any:
        return api.create_response(request, {"detail": error.message_dict}, status=422)

    @api.post("/")
    def change(request: Any, avatar: NinjaFile[UploadedFile]) -> Any:
        profile.avatar = avatar
        profile.full_clean()
        profile.save()
        return {"url": profile.avatar.url_for(32)}

    client = TestClient(api)
    answer = client.post("/", FILES={"avatar": file})
    assert answer.status_code == 422
    assert file.name in answer.json()["detail"]["avatar"][0]
    assert column(profile) == before
    answer = client.post("/", FILES={"avatar": upload()})
    assert answer.status_code == 200
    assert files() == needed() != files_of(before)
