"""The part of a picture that was chosen in the browser, in forms and views."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.forms import modelform_factory
from django.utils.datastructures import MultiValueDict
from PIL import Image

from django_avatar_kit import fields, recutting, views
from django_avatar_kit.exceptions import AvatarReplaced
from django_avatar_kit.forms import AvatarField, AvatarForm
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_upload
from django_avatar_kit.widgets import AvatarInput
from tests.support.lifecycle import column, files_of, make_profile, needed
from tests.support.pages import CHANGE, errors
from tests.testapp.models import Profile, Team

pytestmark = pytest.mark.django_db

AGAIN = "The part of the picture that you chose cannot be used. Choose it again."
REPLACED = str(AvatarReplaced())
#: What no widget sends, or what does not lie in a picture of 200 × 100 px.
TAMPERED = [
    "NaN,0,50,50,200,100",
    "-1,0,50,50,200,100",
    "0,0,1e2,1e2,200,100",
    "0.5,0,50,50,200,100",
    "0,0,50,50",
    "0,0,50",
    ",,,,,",
    "0,0,50,50,200,100,",
    "0,0,50,50,200,100,3f9c",
    "\N{ARABIC-INDIC DIGIT ZERO},0,50,50,200,100",
    "0,0,50,50,200,100\x00",
    f"0,0,{10**30},{10**30},200,100",
    "0,0,999999999,999999999,200,100",
    "200,100,50,50,200,100",
    "160,0,50,50,200,100",
    "0,0,0,0,200,100",
    "0,0,50,40,200,100",
    # Of another picture than the one that came.
    "0,0,50,50,100,200",
    "0,0,50,50,4000,2000",
    "<script>alert(1)</script>",
]


def halves(size: tuple[int, int] = (200, 100)) -> SimpleUploadedFile:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    data = io.BytesIO()
    image.save(data, "PNG")
    return SimpleUploadedFile("halves.png", data.getvalue(), "image/png")


def colour(row: Any) -> tuple[int, ...]:
    name = Name.parse(column(row))
    assert name is not None
    key = name.rendition(name.sizes[-1], name.formats[-1])
    with row.avatar.field.rendition_storage.open(key) as file:
        image = Image.open(file).convert("RGB")
        return tuple(round(value / 255) for value in image.getpixel((image.width // 2, 9)))


def crop_of(row: Any) -> Any:
    name = Name.parse(column(row))
    assert name is not None
    return name.crop


@pytest.fixture
def profile() -> Profile:
    profile = make_profile("grace", avatar=False)
    profile.avatar.save("halves.png", halves())
    return profile


def stored(row: Any, box: str) -> str:
    name = Name.parse(column(row))
    assert name is not None
    return f"{box},{name.width},{name.height},{name.token}"


class TestUploads:
    def form(self, crop: str, **kwargs: Any) -> AvatarForm:
        return AvatarForm({"avatar-crop": crop}, {"avatar": halves()}, **kwargs)

    def test_the_part_is_cut(self, profile):
        form = self.form("100,0,100,100,200,100", instance=profile)
        assert form.is_valid()
        form.save()
        assert colour(profile) == (0, 0, 1)
        assert crop_of(profile) == (100, 0, 100, 100)

    def test_none_is_the_automatic_square(self, profile):
        form = self.form("", instance=profile)
        form.save()
        assert crop_of(profile) is None

    def test_decoded_once(self, profile, monkeypatch):
        from django_avatar_kit.uploads import imaging

        loaded = []
        load = imaging.load

        def counted(*args: Any, **kwargs: Any) -> Any:
            loaded.append(kwargs["crop"])
            return load(*args, **kwargs)

        monkeypatch.setattr(imaging, "load", counted)
        form = self.form("100,0,100,100,200,100", instance=profile)
        form.save()
        assert loaded == [(100, 0, 100, 100)]

    def test_saved_by_hand(self, profile):
        form = self.form("100,0,100,100,200,100", instance=profile)
        assert form.is_valid()
        upload = form.cleaned_data["avatar"]
        other = make_profile("mary", avatar=False)
        other.avatar.save(upload.name, upload)
        assert crop_of(other) == (100, 0, 100, 100)

    @pytest.mark.parametrize("field", [forms.FileField, forms.ImageField])
    def test_a_form_field_that_is_not_the_kits(self, profile, field):
        """It would lose the part, so that none is offered."""

        class Form(forms.Form):
            avatar = field(widget=AvatarInput, required=False)

        html = str(Form(initial={"avatar": profile.avatar})["avatar"])
        assert 'data-master="null"' in html
        assert "&quot;crop&quot;: false" in html
        assert "&quot;crop&quot;: true" in str(AvatarForm(instance=profile)["avatar"])

    @pytest.mark.parametrize("crop", TAMPERED)
    def test_tampered(self, profile, crop):
        old = column(profile)
        form = self.form(crop, instance=profile)
        assert not form.is_valid()
        assert form.errors.as_data()["avatar"][0].code == "invalid_crop"
        assert form.errors["avatar"] == [AGAIN]
        assert column(profile) == old

    def test_the_same_upload_in_another_form(self, profile):
        """What one form has found does not stay on the upload."""
        upload = halves()
        first = AvatarForm(
            {"avatar-crop": "0,0,50,50,200,100"}, {"avatar": upload}, instance=profile
        )
        assert first.is_valid()
        second = AvatarForm({}, {"avatar": upload}, instance=profile)
        second.save()
        assert crop_of(profile) is None

    @pytest.mark.parametrize(("fit", "valid"), [("contain", True), ("cover", False)])
    def test_only_a_whole_picture_may_be_cropped_to_any_shape(self, fit, valid):
        """For ``fit="contain"`` the widget sends no crop; a client of one's own may."""

        class Form(forms.Form):
            avatar = AvatarField(model_field=fields.AvatarField(fit=fit))

        files: MultiValueDict[str, Any] = MultiValueDict({"avatar": [halves()]})
        form = Form({"avatar-crop": "0,0,100,50,200,100"}, files)
        assert form.is_valid() is valid


class TestStored:
    def form(self, crop: str, profile: Profile, **data: Any) -> AvatarForm:
        return AvatarForm({"avatar-crop": crop, **data}, {}, instance=profile)

    def test_another_part_without_an_upload(self, profile, files):
        form = self.form(stored(profile, "100,0,100,100"), profile)
        assert form.is_valid()
        assert form.has_changed()
        form.save()
        assert colour(profile) == (0, 0, 1)
        assert crop_of(profile) == (100, 0, 100, 100)

    @pytest.mark.parametrize("box", ["-1,0,50,50", "160,0,50,50", "0,0,50,40", "0,0,0,0"])
    def test_tampered(self, profile, box):
        form = self.form(stored(profile, box), profile)
        assert form.errors["avatar"] == [AGAIN]

    @pytest.mark.parametrize("crop", TAMPERED)
    def test_tampered_text(self, profile, crop):
        form = self.form(crop, profile)
        assert form.errors["avatar"][0] in {AGAIN, REPLACED}

    def test_of_another_size(self, profile):
        name = Name.parse(column(profile))
        assert name is not None
        form = self.form(f"0,0,50,50,400,200,{name.token}", profile)
        assert form.errors["avatar"] == [AGAIN]

    def test_replaced_in_another_tab(self, profile):
        crop = stored(profile, "0,0,50,50")
        profile.avatar.save("new.png", halves())
        form = self.form(crop, profile)
        assert form.errors.as_data()["avatar"][0].code == "replaced"
        assert form.errors["avatar"] == [REPLACED]

    def test_removed_in_another_tab(self, profile):
        crop = stored(profile, "0,0,50,50")
        profile.avatar.delete()
        assert self.form(crop, profile).errors["avatar"] == [REPLACED]

    def test_removal_comes_first(self, profile):
        form = self.form(stored(profile, "0,0,50,50"), profile, **{"avatar-clear": "on"})
        form.save()
        assert column(profile) == ""

    def test_shown_again_with_the_error_of_another_field(self, profile):
        team = Team.objects.create(avatar=make_upload())
        crop = stored(team, "0,0,50,50")
        form_class = modelform_factory(Team, fields=["avatar", "name"])
        form = form_class({"avatar-crop": crop, "name": "x" * 51}, None, instance=team)
        assert list(form.errors) == ["name"]
        html = str(form["avatar"])
        assert f'name="avatar-crop" value="{crop}"' in html
        assert "avatar-kit-danger" in html

    @pytest.mark.parametrize("text", [*TAMPERED, f"0,0,50,50,200,100,{'a' * 32}"])
    def test_not_shown_again_where_it_can_never_be_saved(self, profile, text):
        form = self.form(text, profile)
        assert not form.is_valid()
        assert 'name="avatar-crop" value=""' in str(form["avatar"])

    def test_not_shown_again_where_there_is_no_avatar_any_more(self, profile):
        crop = stored(profile, "0,0,50,50")
        profile.avatar.delete()
        assert 'name="avatar-crop" value=""' in str(self.form(crop, profile)["avatar"])

    def test_a_disabled_field_keeps_what_it_has(self, profile):
        class Fixed(AvatarForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.fields["avatar"].disabled = True

        old = column(profile)
        form = Fixed({"avatar-crop": stored(profile, "0,0,50,50")}, {}, instance=profile)
        assert form.is_valid()
        form.save()
        assert column(profile) == old


class TestViews:
    def test_uploaded(self, client, profile):
        client.force_login(profile.user)
        data = {"avatar": halves(), "avatar-crop": "100,0,100,100,200,100"}
        assert client.post(CHANGE, data).status_code == 302
        assert colour(profile) == (0, 0, 1)

    def test_stored(self, client, profile):
        client.force_login(profile.user)
        data = {"avatar-crop": stored(profile, "100,0,100,100")}
        assert client.post(CHANGE, data).status_code == 302
        assert colour(profile) == (0, 0, 1)

    def test_stale(self, client, profile):
        client.force_login(profile.user)
        data = {"avatar-crop": stored(profile, "100,0,100,100")}
        profile.avatar.save("new.png", halves())
        assert errors(client.post(CHANGE, data)) == [("replaced", REPLACED)]

    def test_replaced_while_it_is_being_saved(self, client, profile, monkeypatch):
        client.force_login(profile.user)
        data = {"avatar-crop": stored(profile, "100,0,100,100")}
        recrop = recutting.recrop

        def replaced_first(*args: Any) -> Any:
            monkeypatch.undo()
            Profile.objects.get(pk=profile.pk).avatar.save("new.png", halves())
            return recrop(*args)

        monkeypatch.setattr(recutting, "recrop", replaced_first)
        assert errors(client.post(CHANGE, data)) == [("replaced", REPLACED)]
        assert crop_of(profile) is None


class TestReplacedMeanwhile:
    """Another tab saves a picture after this request has read the row."""

    @pytest.fixture(params=[False, True], ids=["autocommit", "atomic"], autouse=True)
    def atomic(self, request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        request.getfixturevalue("db" if request.param else "transactional_db")
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)

    def post(self, client: Any, profile: Profile, monkeypatch: Any, **headers: str) -> Any:
        save = views.save_row

        def late(*args: Any) -> Any:
            Profile.objects.get(pk=profile.pk).avatar.save("new.png", halves())
            return save(*args)

        monkeypatch.setattr(views, "save_row", late)
        client.force_login(profile.user)
        data = {"avatar-crop": stored(profile, "100,0,100,100")}
        response = client.post(CHANGE, data, headers=headers)
        # The other one stays.
        assert crop_of(profile) is None
        return response

    def test_a_script(self, client, profile, monkeypatch):
        response = self.post(client, profile, monkeypatch, accept="application/json")
        assert response.status_code == 400
        assert response.json() == {
            "ok": False,
            "errors": {"avatar": [{"message": REPLACED, "code": "replaced"}]},
        }

    @pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
    def test_a_person_sees_the_other_one(self, headers, client, profile, monkeypatch):
        old = Name.parse(column(profile))
        response = self.post(client, profile, monkeypatch, **headers)
        assert errors(response) == [("replaced", REPLACED)]
        assert "HX-Trigger" not in response
        new = Name.parse(column(profile))
        shown = re.findall(r'<img src="[^"]*/(\w+)\.', response.content.decode())
        assert old is not None
        assert new is not None
        assert shown == [new.token] != [old.token]


class TestOmitted:
    def test_from_the_data(self):
        widget = AvatarInput()
        assert widget.value_omitted_from_data({}, {}, "avatar")
        assert not widget.value_omitted_from_data({"avatar-crop": "0"}, {}, "avatar")
        assert not widget.value_omitted_from_data({"avatar-clear": "on"}, {}, "avatar")
        assert not widget.value_omitted_from_data({}, {"avatar": make_upload()}, "avatar")

    @pytest.mark.parametrize("crop", [None, 5, ["0,0,5,5,9,9"], b"0"])
    def test_what_is_no_text(self, crop):
        files: Any = {}
        data = {"avatar-crop": crop}
        assert AvatarInput().value_from_datadict(data, files, "avatar") is None


def test_nothing_is_left_behind(client, profile, files, django_capture_on_commit_callbacks):
    client.force_login(profile.user)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(CHANGE, {"avatar-crop": stored(profile, "100,0,100,100")})
    assert files() == needed() == files_of(column(profile))
