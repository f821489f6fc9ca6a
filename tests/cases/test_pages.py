"""Cases E3, E12 and E13: forms without a file, forms without a choice, and messages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.test import RequestFactory
from django.test.client import MULTIPART_CONTENT

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView
from tests.support.markdown import ROOT
from tests.support.pages import CHANGE, DELETE, errors, page, send, told
from tests.testapp.models import Channel, Profile

FORM = "application/x-www-form-urlencoded"
NAME_ONLY = (
    "Only the name “{}” came, without the file. The form needs the encoding "
    "“multipart/form-data”, and an input of the type “file”."
)


# --- E3: a form without a file ----------------------------------------------------------------


def test_e3_the_page_without_multipart(client, profile):
    """A browser sends only the file's name if the form has no enctype."""
    response = client.post(CHANGE, "avatar=cat.jpg", content_type=FORM)
    assert errors(response) == [("not_multipart", NAME_ONLY.format("cat.jpg"))]
    assert told(response) == []
    assert Profile.objects.get().avatar.name == profile.avatar.name


def test_e3_without_a_profile(client):
    response = client.post(CHANGE, "avatar=cat.jpg", content_type=FORM)
    assert errors(response) == [("not_multipart", NAME_ONLY.format("cat.jpg"))]
    assert not Profile.objects.exists()


def test_e3_text_in_a_multipart_form(client, profile):
    response = client.post(CHANGE, {"avatar": "avatars/somebody-elses.jpg"})
    assert errors(response) == [("not_multipart", NAME_ONLY.format("somebody-elses.jpg"))]


def test_e3_a_whole_picture_as_text(client, profile):
    response = client.post(CHANGE, {"avatar": "data:image/png;base64," + "iVBO" * 50_000})
    ((code, sentence),) = errors(response)
    assert code == "not_multipart"
    assert len(sentence) < 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "image/jpeg", "application/octet-stream", ""],
)
def test_e3_what_a_program_sends(content_type, client, profile):
    response = client.post(CHANGE, b'{"avatar": "cat.jpg"}', content_type=content_type)
    assert errors(response) == [
        (
            "not_multipart",
            (
                f"Nothing came that could be read: the request was sent as “{content_type}”. "
                "Send it as “multipart/form-data”."
            ),
        )
    ]
    assert Profile.objects.get().avatar.name == profile.avatar.name


class Words(AvatarForm):
    class Meta:
        model = Profile
        fields = ["avatar", "bio"]


def test_e3_no_other_column_is_emptied(user, profile):
    view = AvatarChangeView.as_view(form_class=Words)
    request = RequestFactory().post(
        "/me/", b'{"bio": "mathematician"}', content_type="application/json"
    )
    request.user = user
    request._dont_enforce_csrf_checks = True
    assert "sent as “application/json”" in view(request).render().content.decode()
    assert Profile.objects.get().bio == "countess"


def test_e3_every_form_says_so(profile):
    """A model form of the site, the same with a prefix, and a formset."""

    class Own(forms.ModelForm):
        class Meta:
            model = Profile
            fields = ["avatar", "bio"]

    expected = {"avatar": [NAME_ONLY.format("cat.jpg")]}
    assert Own({"avatar": "cat.jpg"}, instance=profile).errors == expected
    assert Own({"me-avatar": "cat.jpg"}, instance=profile, prefix="me").errors == expected
    formset = forms.modelformset_factory(Profile, form=Own)(
        {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 1, "form-0-id": profile.pk}
        | {"form-0-avatar": "cat.jpg", "form-1-avatar": "cat.jpg"}
    )
    assert formset.errors == [expected, expected]


# --- E12: nothing chosen, and both at once ----------------------------------------------------


EMPTY_INPUT = (
    "--x\r\n"
    'Content-Disposition: form-data; name="avatar"; filename=""\r\n'
    "Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({}, MULTIPART_CONTENT),
        # What browsers send for an empty file input, without and with enctype.
        ("avatar=", FORM),
        (EMPTY_INPUT, "multipart/form-data; boundary=x"),
        ("avatar=+", FORM),
        ({"avatar": " "}, MULTIPART_CONTENT),
        ({"next": "/me/"}, MULTIPART_CONTENT),
    ],
)
def test_e12_nothing_chosen(body, content_type, client, profile):
    response = client.post(CHANGE, body, content_type=content_type)
    assert errors(response) == [("nothing_chosen", "Choose a picture first.")]
    assert (
        '<ul class="errorlist" id="id_avatar_error"><li>Choose a picture first.</li></ul>'
    ) in page(response)
    assert told(response) == []


def test_e12_remove_and_a_file(client, profile):
    response = client.post(CHANGE, {"avatar": make_upload(), "avatar-clear": "on"})
    sentence = "Either choose a picture or tick “Remove”, not both."
    assert errors(response) == [("contradiction", sentence)]
    assert '<label for="avatar-clear_id">Remove</label>' in response.content.decode()
    response = client.post(CHANGE, "avatar=cat.jpg&avatar-clear=on", content_type=FORM)
    assert errors(response) == [("contradiction", sentence)]
    assert Profile.objects.get().avatar.name == profile.avatar.name


def test_e12_a_form_that_asks_for_pictures_only(user):
    Channel.objects.create(name="news")

    class Pictures(AvatarForm):
        class Meta:
            model = Channel
            fields = ["banner", "avatar"]

    class View(AvatarChangeView):
        form_class = Pictures

        def get_object(self) -> Any:
            return Channel.objects.get()

    content = send(View.as_view(), user, "post").content.decode()
    assert content.count("Choose a picture first.") == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"bio": "mathematician"}, "Your changes are saved."),
        ({"bio": "mathematician", "avatar-clear": "on"}, "Your picture has been removed."),
        ({"bio": "countess"}, "Nothing has changed."),
    ],
)
def test_e12_a_form_that_asks_for_more(data, message, client, profile, settings, monkeypatch):
    """A profile page may be saved without a picture, and its message says what was done."""
    monkeypatch.setattr(AvatarChangeView, "form_class", Words)
    response = client.post(CHANGE, data)
    assert response["Location"] == CHANGE
    assert told(response) == [message]
    row = Profile.objects.get()
    assert row.bio == data["bio"]
    assert bool(row.avatar) == ("avatar-clear" not in data)


# --- E13: messages in markup that screen readers understand ------------------------------------


def test_e13_a_list_stays_a_list(client, profile):
    """A role on ``<ul>`` would replace its own role, and its items would belong to no list."""
    response = client.post(DELETE, follow=True)
    content = page(response)
    assert (
        '<main class="avatar-kit-main">\n<div class="avatar-kit-messages" role="status">\n<ul>\n'
        '<li class="avatar-kit-notice success">Your picture has been removed.</li>\n'
        "</ul>\n</div>\n"
    ) in content


@pytest.mark.parametrize("folder", ["src", "example_project"])
def test_e13_no_template_gives_a_list_another_role(folder):
    # But its own may be said: Safari forgets it where a list has no bullets.
    another = re.compile(r"<[uo]l[^>]*\brole=(?!\"list\")")
    for template in (ROOT / folder).rglob("*.html"):
        assert not another.search(template.read_text()), template
