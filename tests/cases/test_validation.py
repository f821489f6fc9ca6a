"""Cases E1, E6, E8 and E9: a sentence instead of an error, and P7: a default is nobody's own."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.core import serializers as core_serializers
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db.models import F
from django.test import RequestFactory
from django.utils.text import format_lazy
from ninja import File as NinjaFile
from ninja import NinjaAPI, UploadedFile
from ninja.testing import TestClient
from rest_framework import serializers
from rest_framework.test import APIRequestFactory
from rest_framework.viewsets import ModelViewSet

from django_avatar_kit import exceptions, rendering
from django_avatar_kit.contrib.rest_framework import AvatarUploadField
from django_avatar_kit.test import make_image
from django_avatar_kit.uploads import imaging
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Channel, Default, Guest, Pet, Profile, Team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

JPEG = make_image((60, 40))
#: What the public reports had: each a picture that a decoder knows, and no avatar.
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
    """The names of the uploads that are decoded."""
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


# --- E1: the field validates itself -----------------------------------------------------------


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
    """A field that the site has declared by itself."""

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
    """The site has said what it wants."""

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
    assert answer.data["avatar"].endswith(column(profile))


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


# --- E6: the text of a column -----------------------------------------------------------------


def test_e6_the_text_of_a_column_gives_the_url(django_assert_num_queries, storage):
    profile = make_profile()
    (text,) = Profile.objects.values_list("avatar", flat=True)
    storage.calls.clear()
    with django_assert_num_queries(0):
        assert rendering.avatar_url(text, 32) == rendering.avatar_url(profile, 32)
        assert rendering.get_face(text, 32).src == rendering.avatar_url(profile, 32)
        assert rendering.has_avatar(text)
    assert storage.calls == []


def test_e6_a_file_from_before_the_kit_and_a_default_are_shown_as_they_are():
    assert rendering.avatar_url("avatars/old.jpg", 32) == "/media/avatars/old.jpg"
    assert rendering.avatar_url("default.jpg", 32) == "/media/default.jpg"
    assert not rendering.has_avatar("default.jpg")


def test_e6_the_folder_tells_in_which_storage_the_renditions_lie():
    pet = Pet.objects.create(portrait=upload(), avatar=upload())
    for text in Pet.objects.values_list("portrait", "avatar").get():
        field = "portrait" if text.startswith("portraits/") else "avatar"
        assert rendering.avatar_url(text, 32) == getattr(pet, field).url_for(32)


def test_e6_strftime_codes_in_upload_to_are_no_folder():
    channel = Channel.objects.create(avatar=upload())
    assert rendering.avatar_url(column(channel), 48) == channel.avatar.url_for(48)


def test_e6_an_empty_text_is_a_row_without_an_avatar():
    assert rendering.avatar_url("", 32) == rendering.avatar_url(None, 32)


def test_e6_any_other_text_is_a_mistake():
    with pytest.raises(TypeError, match="“str” has no avatar"):
        rendering.avatar_url("ada", 32)


def test_e6_a_text_that_may_mean_two_places_says_what_to_pass(monkeypatch):
    pet = Pet.objects.create(portrait=upload())
    monkeypatch.setattr(Pet._meta.get_field("portrait"), "upload_to", "avatars")
    text = column(pet, "portrait").replace("portraits/", "avatars/")
    with pytest.raises(TypeError, match="Pass the row, or its field file"):
        rendering.avatar_url(text, 32)


# --- E9: what is given to the Python API ------------------------------------------------------

SECRET = b"\xff\xd8\xffsecret bytes"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://example.org/ada.jpg", "“https://example.org/ada.jpg”"),
        ("//example.org/ada.jpg", "“//example.org/ada.jpg”"),
        ("data:image/png;base64,AAAA", "“data:image/png;base64,AAAA”"),
        ("/etc/passwd", "“/etc/passwd”"),
        ("../secret.jpg", "“../secret.jpg”"),
        (SECRET, "bytes of length 15"),
        (bytearray(SECRET), "bytearray of length 15"),
        (memoryview(SECRET), "memoryview of length 15"),
        (Path("/tmp/ada.jpg"), "PosixPath"),
        (42, "An object of type int"),
        (True, "An object of type bool"),
        (["a.jpg"], "An object of type list"),
    ],
)
@pytest.mark.parametrize("how", ["assigned", "created", "saved", "full_clean"])
def test_e9_what_is_no_file_is_refused_in_a_sentence_that_names_it(value, said, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises((exceptions.NotAFile, ValidationError)) as refused:
        if how == "created":
            Team.objects.create(avatar=value)
        elif how == "saved":
            profile.avatar.save("a.jpg", value)
        else:
            profile.avatar = value
            profile.full_clean() if how == "full_clean" else profile.save()
    sentence = str(refused.value)
    assert said in sentence
    assert "secret bytes" not in sentence
    assert column(profile) == before
    assert files() == files_of(before)
    assert not Team.objects.exists()


@pytest.mark.parametrize(
    ("crop", "reason"),
    [
        ((-5, 0, 10, 10), "begins outside"),
        ((0, 0, 0, 0), "begins outside"),
        ((0, 0, 10, -10), "begins outside"),
        ((0, 0, 20, 10), "not square"),
        ((0, 0, 50, 50), "the picture is 60 × 40 px"),
        ((55, 0, 10, 10), "the picture is 60 × 40 px"),
        ((100, 100, 10, 10), "the picture is 60 × 40 px"),
        ((0, 0, 10), "not four whole numbers"),
        ((0.5, 0, 10, 10), "not four whole numbers"),
        (("0", 0, 10, 10), "not four whole numbers"),
        ("0,0,10,10", "not four whole numbers"),
    ],
)
def test_e9_a_crop_box_that_is_no_square_in_the_picture_is_refused(crop, reason, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises(exceptions.InvalidCrop) as refused:
        profile.avatar.save("a.jpg", upload(), crop=crop)
    assert refused.value.code == "invalid_crop"
    assert repr(crop) in str(refused.value)
    assert re.search(reason, str(refused.value))
    assert column(profile) == before
    assert files() == files_of(before)


@pytest.mark.parametrize(
    ("crop", "shown"),
    [
        (SECRET, "bytes of length 15"),
        ((SECRET, 0, 1, 1), "(bytes of length 15, 0, 1, 1)"),
        ([0, 0, 10**5000, 10**5000], "a number of about 5001 digits"),
        ((-(10**5000), 0, 1, 1), "(a number of about 5001 digits, 0, 1, 1)"),
        ((0, 0, 2**40, 2**40), "(0, 0, 1099511627776, 1099511627776)"),
        (10**5000, "a number of about 5001 digits"),
        ([0] * 9, "[0, 0, 0, 0, 0, 0, 0, 0, …]"),
        (("x" * 99, 0, 1, 1), f"('{'x' * 29}…{'x' * 29}', 0, 1, 1)"),
        ((None, True, 0.5, {}), "(None, True, 0.5, An object of type dict)"),
        ({1, 2}, "An object of type set"),
    ],
    # Python cannot write all of them.
    ids=lambda value: value if isinstance(value, str) else "box",
)
@pytest.mark.parametrize("data", [JPEG, b"no picture"])
def test_e9_a_crop_box_of_anything_is_shown_briefly(crop, shown, data):
    profile = make_profile(avatar=False)
    with pytest.raises(exceptions.InvalidCrop) as refused:
        profile.avatar.save("a.jpg", SimpleUploadedFile("a.jpg", data), crop=crop)
    assert shown in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (Path("a/b.bmp"), "b.bmp"),
        (5, "upload.bmp"),
        (SECRET, "upload.bmp"),
        (["a"], "upload.bmp"),
        (None, "upload.bmp"),
        ("", "upload.bmp"),
    ],
)
def test_e9_a_name_of_any_type_is_but_what_an_error_calls_the_upload(name, shown, files):
    profile = make_profile(avatar=False)
    bmp = SimpleUploadedFile("upload.bmp", make_image((60, 40), format="bmp"))
    with pytest.raises(exceptions.UnsupportedFormat, match=f"^“{shown}” is a BMP"):
        profile.avatar.save(name, bmp)
    profile.avatar.save(name, upload())
    assert files() == files_of(column(profile))


@pytest.mark.parametrize(
    "value", [SECRET, bytearray(SECRET), 5, True, False, Path("a.jpg"), ["a"]]
)
def test_e9_an_update_with_what_is_no_name_is_refused_by_its_kind(value):
    profile = make_profile()
    before = column(profile)
    with pytest.raises(exceptions.NotAFile) as refused:
        Profile.objects.update(avatar=value)
    assert type(value).__name__ in str(refused.value)
    assert "secret" not in str(refused.value)
    assert column(profile) == before


def test_e9_an_update_with_a_lazy_text_or_an_expression_is_one_with_a_name():
    profile = make_profile()
    before = column(profile)
    Profile.objects.update(avatar=format_lazy("{}", before))
    Profile.objects.update(avatar=F("avatar"))
    assert column(profile) == before


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "a/../../x", "//host/x.jpg"])
@pytest.mark.parametrize("how", ["update", "bulk_update", "fixture", "loaddata"])
def test_e9_a_name_that_leads_out_is_refused_however_it_is_written(name, how, tmp_path):
    team = Team.objects.create(avatar=upload())
    before = column(team)
    (entry,) = json.loads(core_serializers.serialize("json", [team]))
    entry["fields"]["avatar"] = name
    (tmp_path / "old.json").write_text(json.dumps([entry]))
    with pytest.raises(exceptions.NotAFile, match=re.escape(f"“{name}”")):
        if how == "update":
            Team.objects.update(avatar=name)
        elif how == "bulk_update":
            team.avatar = name
            Team.objects.bulk_update([team], ["avatar"])
        elif how == "fixture":
            for each in core_serializers.deserialize("json", json.dumps([entry])):
                each.save()
        else:
            call_command("loaddata", str(tmp_path / "old.json"), verbosity=0)
    assert column(team) == before


def test_e9_a_crop_box_at_the_very_edge_is_taken():
    profile = make_profile()
    profile.avatar.save("a.jpg", upload(), crop=[20, 0, 40, 40])
    assert "-20_0_40_40-" in column(profile)


def test_e9_a_field_that_fits_the_whole_picture_in_takes_a_box_of_any_shape():
    channel = Channel.objects.create()
    channel.avatar.save("a.jpg", upload(), crop=(0, 0, 60, 20))
    assert "-0_0_60_20-" in column(channel)


@pytest.mark.parametrize("how", ["loaded", "saved", "new", "deferred"])
def test_e9_a_row_is_deleted_with_its_files_whatever_was_assigned_and_refused(how, files):
    profile = make_profile()
    row: Any = profile if how == "saved" else fresh(profile)
    if how == "deferred":
        row = Profile.objects.defer("avatar").get()
    elif how == "new":
        row = Profile(pk=profile.pk, user=profile.user)
    row.avatar = SECRET
    with pytest.raises(exceptions.NotAFile):
        assert row.avatar
    row.delete()
    assert not Profile.objects.exists()
    assert files() == set()


# --- E9: what is stored is read, never written ------------------------------------------------


@pytest.fixture(params=["the file system", "memory"])
def stored(request: Any, settings: Any) -> Any:
    if request.param == "memory":
        backend = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "default": backend}
    return fresh(make_profile())


def whole(profile: Any) -> bytes:
    with fresh(profile).avatar.open() as file:
        return file.read()


@pytest.mark.parametrize("mode", ["wb", "w", "ab", "r+b", "rb+", "xb", "w+"])
def test_e9_a_stored_avatar_is_not_opened_for_writing(mode, stored):
    before = whole(stored)
    with pytest.raises(exceptions.ReadOnly) as refused:
        stored.avatar.open(mode)
    assert refused.value.code == "read_only"
    assert mode in str(refused.value)
    assert "save(name, content)" in str(refused.value)
    assert whole(stored) == before


@pytest.mark.parametrize("method", ["write", "writelines", "truncate"])
def test_e9_nor_is_it_written_to_once_it_is_open(method, stored):
    before = whole(stored)
    with stored.avatar.open() as file, pytest.raises(exceptions.ReadOnly):
        getattr(file, method)(b"<script>")
    assert whole(stored) == before


def test_e9_whether_it_could_be_written_to_may_be_asked(stored):
    assert hasattr(stored.avatar, "write")
    assert callable(getattr(stored.avatar, "truncate", None))


def test_e9_a_stored_avatar_is_read_as_ever(stored):
    with stored.avatar.open("rb") as file:
        assert file is stored.avatar
        assert file.read(2) == b"\xff\xd8"
    assert stored.avatar.open().read(2) == b"\xff\xd8"
    stored.avatar.close()


def test_e9_an_upload_that_is_not_stored_is_a_file_like_any_other():
    profile = make_profile(avatar=False)
    profile.avatar = io.BytesIO()
    profile.avatar.open("r+b")
    profile.avatar.write(JPEG[:100])
    profile.avatar.writelines([JPEG[100:]])
    profile.avatar.truncate()
    profile.save()
    assert column(profile)


def test_e9_where_nothing_is_stored_there_is_nothing_to_open():
    with pytest.raises(ValueError, match="has no file associated with it"):
        make_profile(avatar=False).avatar.open("wb")


# --- P7: a default is nobody's own ------------------------------------------------------------


def test_p7_a_row_that_shows_the_default_has_no_avatar_of_its_own(storage, files):
    row = Default.objects.create()
    assert column(row) == "default.jpg"
    assert not rendering.has_avatar(row)
    assert not rendering.has_avatar(fresh(row).avatar)
    assert rendering.avatar_url(row, 32) == "/media/default.jpg"
    row.avatar = upload()
    row.save()
    assert rendering.has_avatar(row)


@pytest.mark.parametrize("attname", ["avatar", "cover"])
def test_p7_a_default_that_varies_or_is_the_databases_is_nobodys_either(attname):
    guest = fresh(Guest.objects.create())
    assert column(guest, attname).startswith("stock/")
    assert not rendering.has_avatar(getattr(guest, attname))


def test_p7_the_default_survives_everything(media, files):
    (media / "default.jpg").write_bytes(JPEG)
    row = Default.objects.create()
    row.avatar = upload()
    row.save()
    row.avatar = "default.jpg"
    row.save()
    row.delete()
    assert files() == {"default.jpg"}
