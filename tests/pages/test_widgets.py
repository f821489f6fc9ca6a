from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.fields.files import FieldFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from django_avatar_kit.forms import AvatarField, AvatarForm
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.widgets import AvatarInput
from tests.support.widgets import widget, without_data
from tests.testapp.models import Bare, Profile

TOKEN = "3f9c0d1e2a4b5c6d7e8f9a0b1c2d3ee1"
KEY = f"avatars/3f/{TOKEN}-5be10a2b3c4d5e07-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"
PICTURE = (
    f'<img src="/media/avatars/3f/{TOKEN}.128.webp"'
    f' srcset="/media/avatars/3f/{TOKEN}.256.webp 2x, /media/avatars/3f/{TOKEN}.512.webp 3x"'
    ' width="96" height="96" alt="" loading="eager">'
)
CLEAR = (
    '<input type="checkbox" name="avatar-clear" id="avatar-clear_id">\n'
    '<label for="avatar-clear_id">Remove</label>'
)
DESCRIBED = 'aria-describedby="id_avatar_hint"'
ACCEPT = 'accept="image/jpeg,image/png,image/webp,image/gif,image/avif"'


@pytest.fixture
def profile() -> Profile:
    return Profile(pk=1, avatar=KEY)


def html(form: forms.BaseForm) -> str:
    return without_data(str(form["avatar"]))


def nobody(size: int = 96) -> str:
    return avatar_html(None, size, alt="", loading="eager")


def test_without_an_avatar():
    assert html(AvatarForm(instance=Profile())) == widget(
        nobody(), f'{ACCEPT} id="id_avatar" {DESCRIBED}'
    )


def test_with_an_avatar(profile):
    assert html(AvatarForm(instance=profile)) == widget(
        PICTURE, f'{ACCEPT} id="id_avatar" {DESCRIBED}', initial=True, clear=CLEAR
    )


def test_prefix(profile):
    assert html(AvatarForm(instance=profile, prefix="me")) == widget(
        PICTURE,
        f'{ACCEPT} id="id_me-avatar" aria-describedby="id_me-avatar_hint"',
        name="me-avatar",
        identity="id_me-avatar",
        initial=True,
        clear=CLEAR.replace("avatar-clear", "me-avatar-clear"),
    )


def test_required(profile):
    """A required avatar has no checkbox to remove it."""

    class Form(forms.Form):
        avatar = AvatarField()

    assert html(Form()) == widget(nobody(), f'{ACCEPT} required id="id_avatar" {DESCRIBED}')
    assert html(Form(initial={"avatar": profile.avatar})) == widget(
        PICTURE, f'{ACCEPT} id="id_avatar" {DESCRIBED}', initial=True
    )


def test_disabled(profile):
    class Form(forms.Form):
        avatar = AvatarField(disabled=True, required=False)

    assert html(Form(initial={"avatar": profile.avatar})) == widget(
        PICTURE,
        f'{ACCEPT} disabled id="id_avatar" {DESCRIBED}',
        initial=True,
        clear=CLEAR.replace('id="avatar-clear_id">', 'id="avatar-clear_id" disabled>'),
        disabled=" disabled",
    )


def test_contradiction_is_shown_again(profile):
    """The checkbox stays checked, and the error belongs to the file input."""
    upload = SimpleUploadedFile("cat.png", b"x")
    form = AvatarForm({"avatar-clear": "on"}, {"avatar": upload}, instance=profile)
    assert not form.is_valid()
    assert html(form) == widget(
        PICTURE,
        f'{ACCEPT} aria-invalid="true" aria-describedby="id_avatar_error id_avatar_hint" '
        'id="id_avatar"',
        initial=True,
        clear=CLEAR.replace('id="avatar-clear_id">', 'id="avatar-clear_id" checked>'),
    )
    assert str(form["avatar"].errors) == (
        '<ul class="errorlist" id="id_avatar_error"><li>Either choose a picture or tick '
        "“Remove”, not both.</li></ul>"
    )


def test_a_refused_upload_leaves_the_present_picture_in_sight(profile):
    form = AvatarForm({}, {"avatar": SimpleUploadedFile("cat.png", b"x")}, instance=profile)
    assert not form.is_valid()
    assert PICTURE in html(form)


def test_without_an_id(profile):
    assert "_hint" not in html(AvatarForm(instance=profile, auto_id=False))


def test_accept_follows_the_settings(settings):
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ("png",)}
    assert html(AvatarForm(instance=Profile())) == widget(
        nobody(), f'accept="image/png" id="id_avatar" {DESCRIBED}', formats="PNG"
    )


def test_accept_of_ones_own():
    class Form(forms.Form):
        avatar = AvatarField(required=False, widget=AvatarInput({"accept": "image/*"}))

    assert html(Form()) == widget(nobody(), f'accept="image/*" id="id_avatar" {DESCRIBED}')


def test_media():
    assert str(AvatarForm(instance=Profile()).media) == (
        '<link href="/static/avatar_kit/avatar-input.css" media="all" rel="stylesheet">\n'
        '<script src="/static/avatar_kit/avatar-input.js" type="module"></script>'
    )


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
    assert html(AvatarForm(instance=profile, renderer=chosen)) == html(
        AvatarForm(instance=profile)
    )


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
