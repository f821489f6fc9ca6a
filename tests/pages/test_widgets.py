from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.fields.files import FieldFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from django_avatar_kit.forms import AvatarField, AvatarForm
from django_avatar_kit.widgets import AvatarInput
from tests.testapp.models import Bare, Profile

TOKEN = "3f9c0d1e2a4b5c6d7e8f9a0b1c2d3ee1"
KEY = f"avatars/3f/{TOKEN}-5be10a2b3c4d5e07-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"
PICTURE = (
    '<span class="avatar-kit-current">'
    f'<img src="/media/avatars/3f/{TOKEN}.128.webp"'
    f' srcset="/media/avatars/3f/{TOKEN}.256.webp 2x,'
    f' /media/avatars/3f/{TOKEN}.512.webp 3x" width="96" height="96" alt=""'
    ' loading="lazy"></span>\n'
)
ACCEPT = 'accept="image/jpeg,image/png,image/webp,image/gif,image/avif"'


@pytest.fixture
def profile() -> Profile:
    return Profile(pk=1, avatar=KEY)


def html(form: forms.BaseForm) -> str:
    return str(form["avatar"])


def test_without_an_avatar():
    assert html(AvatarForm(instance=Profile())) == (
        f'<input type="file" name="avatar" {ACCEPT} id="id_avatar">'
    )


def test_with_an_avatar(profile):
    assert html(AvatarForm(instance=profile)) == (
        f"{PICTURE}"
        '<input type="checkbox" name="avatar-clear" id="avatar-clear_id">\n'
        '<label for="avatar-clear_id">Remove</label>\n'
        f'<input type="file" name="avatar" {ACCEPT} id="id_avatar">'
    )


def test_prefix(profile):
    assert html(AvatarForm(instance=profile, prefix="me")) == (
        f"{PICTURE}"
        '<input type="checkbox" name="me-avatar-clear" id="me-avatar-clear_id">\n'
        '<label for="me-avatar-clear_id">Remove</label>\n'
        f'<input type="file" name="me-avatar" {ACCEPT} id="id_me-avatar">'
    )


def test_required(profile):
    """A required avatar has no checkbox to remove it."""

    class Form(forms.Form):
        avatar = AvatarField()

    assert html(Form()) == (f'<input type="file" name="avatar" {ACCEPT} required id="id_avatar">')
    assert html(Form(initial={"avatar": profile.avatar})) == (
        f'{PICTURE}<input type="file" name="avatar" {ACCEPT} id="id_avatar">'
    )


def test_disabled(profile):
    class Form(forms.Form):
        avatar = AvatarField(disabled=True, required=False)

    assert html(Form(initial={"avatar": profile.avatar})) == (
        f"{PICTURE}"
        '<input type="checkbox" name="avatar-clear" id="avatar-clear_id" disabled>\n'
        '<label for="avatar-clear_id">Remove</label>\n'
        f'<input type="file" name="avatar" {ACCEPT} disabled id="id_avatar">'
    )


def test_contradiction_is_shown_again(profile):
    """The checkbox stays checked, and the error belongs to the file input."""
    upload = SimpleUploadedFile("cat.png", b"x")
    form = AvatarForm({"avatar-clear": "on"}, {"avatar": upload}, instance=profile)
    assert not form.is_valid()
    assert html(form) == (
        f"{PICTURE}"
        '<input type="checkbox" name="avatar-clear" id="avatar-clear_id" checked>\n'
        '<label for="avatar-clear_id">Remove</label>\n'
        f'<input type="file" name="avatar" {ACCEPT} aria-invalid="true" '
        'aria-describedby="id_avatar_error" id="id_avatar">'
    )
    assert str(form["avatar"].errors) == (
        '<ul class="errorlist" id="id_avatar_error"><li>Either choose a picture or tick '
        "“Remove”, not both.</li></ul>"
    )


def test_accept_follows_the_settings(settings):
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ("png",)}
    assert html(AvatarForm(instance=Profile())) == (
        '<input type="file" name="avatar" accept="image/png" id="id_avatar">'
    )


def test_accept_of_ones_own():
    class Form(forms.Form):
        avatar = AvatarField(required=False, widget=AvatarInput({"accept": "image/*"}))

    assert html(Form()) == '<input type="file" name="avatar" accept="image/*" id="id_avatar">'


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "avatars/cat.png",
        SimpleUploadedFile("a", b""),
        Bare(photo="photos/cat.png").photo,
        Profile().avatar,
        Profile(avatar=SimpleUploadedFile("a", b"")).avatar,
    ],
)
def test_what_is_no_avatar(value):
    assert AvatarInput().get_context("avatar", value, {})["widget"]["is_initial"] is False


def test_no_url_is_asked_for(profile, monkeypatch):
    """``ClearableFileInput`` asks for the URL to find out whether there is a file."""

    def url(self: FieldFile) -> str:
        raise AssertionError

    monkeypatch.setattr(FieldFile, "url", property(url))
    assert PICTURE in html(AvatarForm(instance=profile))


@pytest.mark.parametrize("renderer", ["DjangoTemplates", "TemplatesSetting"])
def test_renderers(renderer, profile, settings):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.forms"]
    chosen = getattr(forms.renderers, renderer)()
    assert html(AvatarForm(instance=profile, renderer=chosen)).startswith(PICTURE)


class TestValue:
    def value(self, data: str = "", *uploads: Any, required: bool = False) -> Any:
        widget = AvatarInput()
        widget.is_required = required
        files = MultiValueDict({"avatar": list(uploads)}) if uploads else MultiValueDict()
        return widget.value_from_datadict(QueryDict(data), files, "avatar")

    def test_values(self):
        upload, other = SimpleUploadedFile("a", b"a"), SimpleUploadedFile("b", b"b")
        assert self.value() is None
        assert self.value("", upload) is upload
        assert self.value("avatar-clear=on") is False
        assert self.value("avatar-clear=on", required=True) is None
        assert self.value("", upload, other) == [upload, other]

    def test_contradiction_comes_first(self):
        uploads = [SimpleUploadedFile("a", b"a"), SimpleUploadedFile("b", b"b")]
        assert self.value("avatar-clear=on", *uploads) is (forms.widgets.FILE_INPUT_CONTRADICTION)

    def test_the_name_of_a_file_that_did_not_come(self):
        assert self.value("avatar=cat.jpg") == "cat.jpg"
        assert self.value("avatar=cat.jpg", required=True) == "cat.jpg"
        # Nothing was chosen.
        assert self.value("avatar=") is None
        assert self.value("avatar=++") is None
        upload = SimpleUploadedFile("a", b"a")
        assert self.value("avatar=cat.jpg", upload) is upload
        assert self.value("avatar=cat.jpg&avatar-clear=on") is (
            forms.widgets.FILE_INPUT_CONTRADICTION
        )

    @pytest.mark.parametrize("value", [None, 5, {}, []])
    def test_what_is_no_text(self, value):
        """Data that does not come from a request."""
        files: Any = {}
        assert AvatarInput().value_from_datadict({"avatar": value}, files, "avatar") is None

    def test_plain_dictionaries(self):
        upload = SimpleUploadedFile("a", b"a")
        files: Any = {"avatar": upload}
        assert AvatarInput().value_from_datadict({}, files, "avatar") is upload
