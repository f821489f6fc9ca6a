from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.fields.files import FieldFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from django_avatar_kit.forms import AvatarField, AvatarForm
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import make_upload
from django_avatar_kit.widgets import AvatarInput
from tests.support.widgets import widget, without_data
from tests.testapp.models import Bare, Guest, Profile

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


LINK = f'Currently: <a href="/media/avatars/3f/{TOKEN}.512.webp">avatars/3f/{TOKEN}.512.webp</a>'


class TestWidgetsOfDjango:
    """The text of a file is the key of the master, which no page may have."""

    def form(self, widget: Any, profile: Profile, data: Any = None) -> forms.BaseForm:
        made = forms.modelform_factory(Profile, fields=["avatar"], widgets={"avatar": widget})
        return made(data, instance=profile)

    @pytest.mark.parametrize("data", [None, {}, {"avatar": "cat.jpg"}])
    def test_its_link_names_the_rendition(self, profile, data):
        form = self.form(forms.ClearableFileInput(attrs={"class": "mine"}), profile, data)
        assert LINK in str(form["avatar"])
        assert 'class="mine"' in str(form["avatar"])
        assert KEY not in str(form)

    def test_a_form_that_belongs_to_no_model(self, profile):
        class Form(forms.Form):
            avatar = AvatarField(widget=forms.ClearableFileInput)

        assert LINK in str(Form(initial={"avatar": profile.avatar}))

    def test_a_file_from_before_the_kit_keeps_its_name(self):
        form = self.form(forms.ClearableFileInput, Profile(pk=1, avatar="old/cat.jpg"))
        assert '<a href="/media/old/cat.jpg">old/cat.jpg</a>' in str(form["avatar"])

    def test_nothing_changes_when_it_is_saved(self, profile):
        form = self.form(forms.ClearableFileInput, profile, {})
        assert form.is_valid()
        assert form.cleaned_data["avatar"] is profile.avatar
        assert str(profile.avatar) == KEY

    def test_what_a_widget_got_may_be_saved(self, profile):
        shown = self.form(forms.ClearableFileInput, profile)["avatar"].value()
        assert (str(shown), shown) == (f"avatars/3f/{TOKEN}.512.webp", profile.avatar)
        assert Profile._meta.get_field("avatar").get_prep_value(shown) == KEY

    def test_another_part_that_is_not_saved_yet(self, profile):
        profile.avatar.recrop((0, 0, 99, 99), save=False)
        text = str(self.form(forms.ClearableFileInput, profile)["avatar"])
        assert f">avatars/3f/{TOKEN}.512.webp</a>" in text
        assert KEY not in text

    @pytest.mark.parametrize("data", [None, {}, {"avatar-crop": "0,0,9,9,1000,750"}])
    def test_other_inputs(self, profile, data):
        form = AvatarForm(data, instance=profile)
        assert "value=" not in form["avatar"].as_hidden()
        assert KEY not in form["avatar"].as_text()
        assert KEY not in form["avatar"].as_textarea()
        assert KEY not in form["avatar"].as_widget(forms.ClearableFileInput())
        assert ".512.webp" in form["avatar"].as_text()

    def test_a_plain_field_with_djangos_simple_input_names_nothing(self, profile):
        class Form(forms.ModelForm):
            avatar = forms.FileField(widget=forms.FileInput)

            class Meta:
                model = Profile
                fields = ["avatar"]

        assert str(Form(instance=profile)["avatar"]) == (
            '<input type="file" name="avatar" id="id_avatar">'
        )


@pytest.mark.parametrize("field_class", [None, forms.FileField])
def test_a_default_that_is_called_is_not_printed_to_be_compared(field_class):
    guest = Guest(pk=1, avatar=KEY)
    classes = {} if field_class is None else {"avatar": field_class}
    made = forms.modelform_factory(
        Guest, fields=["avatar"], widgets={"avatar": forms.FileInput}, field_classes=classes
    )
    assert "initial-avatar" not in str(made(instance=guest))
    form = made({}, instance=guest)
    assert not form.has_changed()
    assert form.is_valid()
    files: Any = {"avatar": make_upload()}
    assert made({}, files, instance=guest).has_changed()


def test_a_new_row_shows_its_default_once():
    """A callable initial is not asked again where the row has one already."""
    guest = Guest()
    form = AvatarForm(instance=guest)
    assert form["avatar"].value() == guest.avatar
    assert not AvatarForm({}, instance=guest).has_changed()


def test_a_hidden_input_says_nothing(profile):
    assert AvatarForm(instance=profile)["avatar"].as_hidden() == (
        '<input type="hidden" name="avatar" id="id_avatar">'
    )


def test_no_hidden_initial_may_be_asked_for():
    assert AvatarField(show_hidden_initial=True).show_hidden_initial is False


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


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/accounts/login/?a=b", "/accounts/login/"),
        ("https://login.example.org/in", "/in"),
        ("avatar_kit:change", "/avatar/"),
        ("no_such_page", ""),
    ],
)
def test_the_script_knows_the_page_of_the_login(url, path, settings):
    settings.LOGIN_URL = url
    context = AvatarInput().get_context("avatar", None, {})
    assert json.loads(unescape(context["widget"]["data"]["texts"]))["login"] == path
