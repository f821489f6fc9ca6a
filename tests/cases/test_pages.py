"""What people run into on the pages and in the settings, each case under its number."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, Storage
from django.forms.renderers import DjangoTemplates, Jinja2, TemplatesSetting
from django.test import Client, RequestFactory
from django.test.client import MULTIPART_CONTENT
from django.test.utils import isolate_apps
from django.urls import include, path
from django.utils.translation import gettext_lazy

from django_avatar_kit.checks import check_settings
from django_avatar_kit.conf import KEYS, get_config
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.testapp.models import Channel, Profile, Team

ROOT = Path(__file__).resolve().parent.parent.parent
CHANGE = "/avatar/"
DELETE = "/avatar/delete/"
INITIALS = "/avatar/initials/AL-210.svg"
FORM = "application/x-www-form-urlencoded"
NAME_ONLY = (
    "Only the name “{}” came, without the file. The form needs the encoding "
    "“multipart/form-data”, and an input of the type “file”."
)


@pytest.fixture
def user(db: None) -> User:
    user: User = User.objects.create(username="ada")
    return user


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def profile(user: User) -> Profile:
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    profile: Profile = Profile.objects.get(user=user)
    return profile


@pytest.fixture
def team(db: None) -> Team:
    Team.objects.create(name="red", avatar=make_upload())
    team: Team = Team.objects.get()
    return team


def page(response: Any) -> str:
    """The page, without blank space and the token that is new each time."""
    text = re.sub(r"\s*\n\s*", "\n", response.content.decode())
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"…"', text)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> list[tuple[str, str]]:
    """Code and sentence of each error beside the avatar."""
    assert response.status_code == 200
    return [
        (error.code, *error.messages)
        for error in response.context["form"].errors.as_data().get("avatar", [])
    ]


def send(view: Any, user: Any, method: str = "get", **data: Any) -> Any:
    """Ask a site's own view."""
    request = getattr(RequestFactory(), method)("/team/picture/", data)
    request.user = user
    request._dont_enforce_csrf_checks = True
    response = view(request)
    return response.render() if hasattr(response, "render") else response


# --- E2: Jinja2 -------------------------------------------------------------------------------

JINJA2 = {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True}


class Strict(Jinja2):
    """A site's own renderer, of a site that wants to hear of every variable it has misspelt."""

    form_template_name = "django/forms/p.html"

    @property
    def engine(self) -> Any:
        from jinja2 import StrictUndefined

        engine = super().engine
        engine.env.undefined = StrictUndefined
        return engine


@pytest.fixture
def form_templates(settings: Any) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.forms"]


def states(profile: Profile, renderer: Any) -> list[str]:
    """The widget in all that it can be."""

    class Fixed(AvatarForm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.fields["avatar"].disabled = True

    class Needed(AvatarForm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.fields["avatar"].required = True

    made = [
        AvatarForm(instance=Profile(), renderer=renderer),
        AvatarForm(instance=profile, renderer=renderer),
        AvatarForm(instance=profile, renderer=renderer, prefix="me"),
        Fixed(instance=profile, renderer=renderer),
        Needed(instance=profile, renderer=renderer),
        AvatarForm(
            {"avatar-clear": "on"},
            {"avatar": make_upload()},
            instance=profile,
            renderer=renderer,
        ),
        AvatarForm({"avatar": "<b>&.jpg"}, {}, instance=profile, renderer=renderer),
    ]
    return [str(form["avatar"]) for form in made] + [form.as_div() for form in made]


def test_e2_both_renderers_give_the_same_html(profile):
    expected = states(profile, DjangoTemplates())
    assert states(profile, Jinja2()) == expected
    assert "Remove" in expected[1]


def test_e2_a_renderer_of_ones_own(profile):
    assert states(profile, Strict()) == states(profile, DjangoTemplates())
    assert str(AvatarForm(instance=profile, renderer=Strict())).startswith("<p>")


def test_e2_the_templates_of_the_site(form_templates, profile, settings):
    expected = states(profile, DjangoTemplates())
    assert states(profile, TemplatesSetting()) == expected
    settings.TEMPLATES = [JINJA2]
    assert states(profile, TemplatesSetting()) == expected


@pytest.mark.parametrize("renderer", ["Jinja2", "DjangoTemplates"])
def test_e2_as_the_setting_has_it(renderer, client, profile, settings):
    before = page(client.get(CHANGE))
    settings.FORM_RENDERER = f"django.forms.renderers.{renderer}"
    assert page(client.get(CHANGE)) == before


def pages(client: Client) -> list[str]:
    evil = {"avatar": make_upload("<b>.txt", b"no"), "next": "/me/?a=1&b"}
    return [
        page(response)
        for response in (
            client.get(CHANGE),
            client.get(CHANGE, {"next": "/me/?a=1&b"}),
            client.post(CHANGE, evil),
            client.post(CHANGE),
            client.get(DELETE),
            client.get(DELETE, {"next": "/me/?a=1&b"}),
        )
    ]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_e2_a_site_that_has_jinja2_alone(language, client, user, settings):
    """No tags, no context processors, no extension for translations."""
    settings.LANGUAGE_CODE = language
    without = pages(client)
    Profile.objects.create(user=user, avatar=make_upload())
    before = pages(client)
    settings.TEMPLATES = [JINJA2]
    assert pages(client) == before
    Profile.objects.all().delete()
    assert pages(client) == without


def test_e2_messages_in_jinja2(client, profile, settings):
    settings.TEMPLATES = [JINJA2]
    response = client.post(CHANGE, {"avatar": make_upload()}, follow=True)
    assert (
        '<main>\n<div role="status">\n<ul>\n<li class="success">Your picture is saved.</li>\n'
        "</ul>\n</div>\n<h1>Change your picture</h1>\n"
    ) in page(response)
    # Once.
    assert 'role="status"' not in page(client.get(CHANGE))


# --- E3: a form that carries no file ----------------------------------------------------------


def test_e3_the_page_without_multipart(client, profile):
    """What a browser sends of a form without enctype: the name of the file."""
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
    """Not the page alone: a model form of the site's, with a prefix, in a formset."""

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
        # What browsers make of an empty file input, without enctype and with it.
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
    assert '<label for="avatar-clear_id">Remove</label>' in page(response)
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
    """A profile page may well be saved without a picture, and says what it has done."""
    monkeypatch.setattr(AvatarChangeView, "form_class", Words)
    response = client.post(CHANGE, data)
    assert response["Location"] == CHANGE
    assert told(response) == [message]
    row = Profile.objects.get()
    assert row.bio == data["bio"]
    assert bool(row.avatar) == ("avatar-clear" not in data)


# --- E13: messages that a screen reader takes for what they are -------------------------------


def test_e13_a_list_stays_a_list(client, profile):
    """A role on the list itself takes its own away, and its items are no list's any more."""
    response = client.post(DELETE, follow=True)
    content = page(response)
    assert (
        '<main>\n<div role="status">\n<ul>\n'
        '<li class="success">Your picture has been deleted.</li>\n</ul>\n</div>\n<h1>'
    ) in content


@pytest.mark.parametrize("folder", ["src", "example_project"])
def test_e13_no_template_gives_a_list_another_role(folder):
    templates = list((ROOT / folder).rglob("*.html"))
    for template in templates:
        assert not re.search(r"<[uo]l[^>]*\brole=", template.read_text()), template


# --- E11: a picture for everybody -------------------------------------------------------------


class Nosy:
    """A site's own middleware, which asks who is there when all is done."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        assert request.user.username == "ada"
        assert request.session["_auth_user_id"]
        response.set_cookie("seen", "1")
        return response


class Writing(Nosy):
    def __call__(self, request: Any) -> Any:
        request.session["pages"] = request.session.get("pages", 0) + 1
        return self.get_response(request)


def with_middleware(settings: Any, *names: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *(f"{__name__}.{name}" for name in names)]


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file", "signed_cookies"], ids=str)
def test_e11_a_session_that_is_saved_at_every_request(engine, user, settings, tmp_path):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = Client()
    client.force_login(user)
    response = client.get(INITIALS)
    assert response.status_code == 200
    assert not response.cookies
    assert dict(response.headers) == {
        "Content-Type": "image/svg+xml",
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    # They are logged in still.
    assert client.get(CHANGE).status_code == 200


def test_e11_neither_a_query_nor_a_save(client, settings, django_assert_num_queries):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with django_assert_num_queries(0):
        client.get(INITIALS)


@pytest.mark.parametrize("everything", [True, False])
def test_e11_a_middleware_that_asks_who_is_there(everything, client, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = everything
    with_middleware(settings, "Nosy")
    assert not client.get(INITIALS).cookies
    # Everywhere else a cookie is set as ever.
    assert "seen" in client.get(CHANGE).cookies


def test_e11_what_a_middleware_writes_is_kept(client, settings):
    with_middleware(settings, "Writing")
    for _request in range(2):
        assert not client.get(INITIALS).cookies
    assert client.session["pages"] == 2


def test_e11_a_session_that_has_gone(client, settings):
    """Nor is a cookie deleted."""
    client.session.flush()
    assert not client.get(INITIALS).cookies


CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"


class Baker(Nosy):
    """Sets cookies in every way there is."""

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        assert request.user.username == "ada"
        response.set_cookie("a", "1", max_age=60, path="/", secure=True, httponly=True)
        response.set_signed_cookie("b", "1", samesite="Lax")
        response.delete_cookie("c")
        response.cookies["d"] = "1"
        response.cookies["d"]["path"] = "/"
        response.cookies.load("e=1")
        response.cookies.update({"f": response.cookies["d"]})
        return response


def etag_of(client: Client) -> Any:
    return client.get(INITIALS).headers["ETag"]


@pytest.mark.parametrize("place", [0, 1, 2, 4])
@pytest.mark.parametrize("method", ["get", "head"])
def test_e11_nor_on_the_answer_that_nothing_has_changed(place, method, client, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:place],
        CONDITIONAL,
        *settings.MIDDLEWARE[place:],
    ]
    settings.MIDDLEWARE = [f"{__name__}.Baker", *settings.MIDDLEWARE]
    # Sessions are read after all others are done, too.
    with_middleware(settings, "Baker")
    etag = etag_of(client)
    for headers, status in (({}, 200), ({"If-None-Match": etag}, 304)):
        response = getattr(client, method)(INITIALS, headers=headers)
        assert response.status_code == (200 if method == "head" else status)
        assert response.headers["Cache-Control"].startswith("public")
        assert not response.cookies
        assert "Set-Cookie" not in response.headers
        assert list(response.cookies.values()) == []
    # They are logged in still.
    assert {"a", "b", "c", "d", "e", "f"} <= set(client.get(CHANGE).cookies)


def test_e11_what_is_not_there_is_not_for_every_cache(client, settings):
    response = client.get(INITIALS.replace("AL", "nobody"))
    assert response.status_code == 404
    assert "Cache-Control" not in response.headers


def test_e11_without_sessions(db, settings):
    settings.MIDDLEWARE = []
    assert Client().get(INITIALS).status_code == 200


# --- L6: whose picture the link is about ------------------------------------------------------


class TeamView(AvatarChangeView):
    def get_object(self) -> Any:
        return Team.objects.get()


class TeamDelete(AvatarDeleteView):
    get_object = TeamView.get_object


def links(response: Any) -> list[str]:
    return re.findall(r'<a href="([^"]*)"', response.content.decode())


def test_l6_a_page_about_something_else_has_no_link(user, profile, team):
    assert links(send(TeamView.as_view(), user)) == []
    assert links(send(TeamView.as_view(), user, next="/me/")) == ["/me/"]


def test_l6_a_view_made_by_its_arguments(user, profile, team):
    view = AvatarChangeView.as_view(get_object=lambda: team)
    assert links(send(view, user)) == []


def test_l6_the_users_own_picture(client, user, profile):
    assert links(client.get(CHANGE)) == [DELETE]
    assert links(send(AvatarChangeView.as_view(field_name="avatar"), user)) == [DELETE]


def test_l6_another_field_of_the_same_row(db, files):
    channel = Channel.objects.create(banner=make_upload(), avatar=make_upload())
    channel = Channel.objects.get()
    channel.is_authenticated = True
    assert links(send(AvatarChangeView.as_view(), channel)) == [DELETE]
    assert links(send(AvatarChangeView.as_view(field_name="banner"), channel)) == []
    view = AvatarDeleteView.as_view(field_name="banner")
    assert links(send(view, channel)) == []
    assert send(view, channel, "post")["Location"] == "/team/picture/"
    row = Channel.objects.get()
    assert not row.banner
    assert row.avatar


@pytest.mark.parametrize(
    ("delete_url", "expected"),
    [
        ("team-delete", ["/team/delete/?next=/me/%3Fa%3D1%26b", "/me/?a=1&amp;b"]),
        ("/x/?id=1", ["/x/?id=1&amp;next=/me/%3Fa%3D1%26b", "/me/?a=1&amp;b"]),
        ("", ["/me/?a=1&amp;b"]),
    ],
)
@pytest.mark.urls(__name__)
def test_l6_the_sites_own_link(delete_url, expected, user, profile, team):
    response = send(TeamView.as_view(delete_url=delete_url), user, next="/me/?a=1&b")
    assert links(response) == expected


@pytest.mark.urls(__name__)
def test_l6_the_link_deletes_the_picture_of_the_page(client, profile, team):
    (url,) = links(client.get("/team/"))
    client.post(url)
    assert not Team.objects.get().avatar
    assert Profile.objects.get().avatar
    assert links(client.get("/team/")) == []


def test_l6_a_url_with_the_rows_key(user, profile, team):
    class View(TeamView):
        def get_delete_url(self) -> str:
            return f"/teams/{self.object.pk}/delete/"

    assert links(send(View.as_view(), user)) == [f"/teams/{team.pk}/delete/"]


def test_l6_a_deletion_does_not_lead_to_another_picture(user, profile, team):
    """Without success_url it stays where it is, and says that there is no picture any more."""
    assert links(send(TeamDelete.as_view(), user)) == []
    response = send(TeamDelete.as_view(), user, "post")
    assert response["Location"] == "/team/picture/"
    content = send(TeamDelete.as_view(), user).content.decode()
    assert "<p>You have no picture.</p>" in content
    assert "<a " not in content


def test_l6_a_deletion_with_a_place_to_go(user, profile, team):
    view = TeamDelete.as_view(success_url="/teams/")
    assert links(send(view, user)) == ["/teams/"]
    assert links(send(view, user, next="/me/")) == ["/me/"]
    assert send(view, user, "post")["Location"] == "/teams/"


# --- P7: a default is nobody's own ------------------------------------------------------------

BADGE = "defaults/badge.png"


class Badge(AvatarChangeView):
    field_name = "badge"
    delete_url = "/badge/delete/"

    def get_object(self) -> Any:
        return Channel.objects.get()


class BadgeDelete(AvatarDeleteView):
    field_name = "badge"
    get_object = Badge.get_object


def test_p7_a_default_is_not_offered_for_deletion(user):
    Channel.objects.create(name="news")
    content = send(Badge.as_view(), user).content.decode()
    assert "Delete" not in content
    assert "Remove" not in content
    content = send(BadgeDelete.as_view(), user).content.decode()
    assert "<p>You have no picture.</p>" in content
    assert "<form" not in content


def test_p7_a_default_stays_whatever_is_sent(user, storage):
    Channel.objects.create(name="news")
    storage.save(BADGE, make_upload())
    response = send(BadgeDelete.as_view(), user, "post")
    assert response.status_code == 302
    content = send(Badge.as_view(), user, "post", **{"badge-clear": "on"}).content.decode()
    assert "Choose a picture first." in content
    settle()
    assert Channel.objects.get().badge.name == BADGE
    assert storage.exists(BADGE)


@pytest.mark.parametrize("view", [Badge, BadgeDelete])
def test_p7_whoever_gives_up_their_own_has_the_default_again(view, user, storage, files):
    storage.save(BADGE, make_upload())
    Channel.objects.create(name="news", badge=make_upload(color="red"))
    assert "Delete" in send(BadgeDelete.as_view(), user).content.decode()
    send(view.as_view(), user, "post", **{"badge-clear": "on"})
    settle()
    assert Channel.objects.get().badge.name == BADGE
    assert files() == {BADGE}


urlpatterns = [
    path("team/", TeamView.as_view(delete_url="team-delete")),
    path("team/delete/", TeamDelete.as_view(), name="team-delete"),
    path("avatar/", include("django_avatar_kit.urls")),
]

# --- E7: settings that are not what they should be ---------------------------------------------

#: One of each kind of thing.
VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "int": 5,
    "float": 2.5,
    "infinity": float("inf"),
    "text": "x",
    "digits": "64",
    "empty text": "",
    "bytes": b"webp",
    "lazy text": gettext_lazy("Save"),
    "empty list": [],
    "list of text": ["x"],
    "list of int": [5],
    "list of none": [None],
    "nested list": [["webp"]],
    "mixed list": ["webp", 64, {}],
    "set": {"x"},
    "dict": {"x": 1},
    "empty dict": {},
    "dict of text": {"webp": "x"},
    "dict by number": {1: 2},
    "dict by none": {None: None},
    "nested dict": {"webp": {"webp": 80}},
    "object": object(),
    "class": str,
}

#: What is as it should be: these may be given.
RIGHT = {
    "SIZES": {"list of int"},
    "QUALITY": {"empty dict"},
    "IMG_ATTRS": {"dict", "empty dict", "dict of text", "nested dict"},
    "MASTER_SIDE": {"int"},
    "MAX_UPLOAD_SIZE": {"int"},
    "MAX_PIXELS": {"int"},
    "MAX_DECODE_MEMORY": {"int"},
    "DEFAULT_SIZE": {"int"},
    "BACKGROUND": {"none"},
    "RENDITION_STORAGE": {"none"},
    "DISPLAY_NAME": {"none", "class"},
    "OWNER": {"none", "empty dict"},
    "DELETE_FILES": {"true"},
}

#: Every other key reports a wrong value as E003.
CHECKS = {
    "SIZES": {"avatar_kit.E004"},
    "FORMATS": {"avatar_kit.E005"},
    # No list at all, or one of something else.
    "FALLBACKS": {"avatar_kit.E003", "avatar_kit.E006"},
    "STORAGE": {"avatar_kit.E007"},
    "RENDITION_STORAGE": {"avatar_kit.E007"},
}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_e7_every_key_with_every_kind_of_value(key, settings):
    for kind, value in VALUES.items():
        settings.AVATAR_KIT = {key: value}
        messages = [*check_settings(), *Team.check(), *Channel.check()]
        if kind in RIGHT.get(key, ()):
            assert (kind, messages) == (kind, [])
            get_config()
            continue
        (message,) = messages
        assert message.id in CHECKS.get(key, {"avatar_kit.E003"}), kind
        assert message.msg.startswith(f"AVATAR_KIT['{key}'] "), kind
        assert message.hint


@pytest.mark.parametrize("key", sorted(KEYS))
def test_e7_a_page_says_which_key_is_wrong(key, settings):
    """A server does not run the checks. What it cannot use is told by name, or does no harm."""
    for kind, value in VALUES.items():
        settings.AVATAR_KIT = {key: value}
        try:
            avatar_html(Team(name="red"), 64)
        except ImproperlyConfigured as error:
            assert key in str(error) or "fallback" in str(error), kind  # noqa: PT017


@pytest.mark.parametrize("value", [["x"], [], (), "", "SIZES", 5, 0, False, object(), dict])
def test_e7_the_whole_setting_is_no_dictionary(value, settings):
    settings.AVATAR_KIT = value
    (message,) = run_checks()
    assert message.id == "avatar_kit.E002"
    assert message.msg == f"AVATAR_KIT is {value!r}. It must be a dictionary."
    with pytest.raises(ImproperlyConfigured, match="AVATAR_KIT is"):
        avatar_html(None, 64)


def run(folder: Path, command: list[str], values: dict[str, Any]) -> Any:
    """``manage.py`` with these settings, in a process of its own."""
    (folder / "wrong.py").write_text(f"from tests.settings import *\nAVATAR_KIT = {values!r}\n")
    paths = [folder, ROOT, *(path for path in sys.path if path)]
    return subprocess.run(
        [sys.executable, "-m", "django", *command, "--settings", "wrong"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [["check"], ["makemigrations", "--check", "--dry-run"]])
def test_e7_commands_end_with_the_checks(command, tmp_path):
    wrong = {"QUALITY": 90, "SIZES": 64, "FORMATS": 5, "UPLOAD_FORMATS": None, "STORAGE": 5}
    done = run(tmp_path, command, {**wrong, "FALLBACKS": None})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for key in [*wrong, "FALLBACKS"]:
        assert f"AVATAR_KIT['{key}'] is " in done.stderr


def test_e7_a_site_starts_whose_storage_is_not_there(tmp_path):
    """django-cleanup asks every field for its storage before any check has run."""
    done = run(tmp_path, ["check"], {"STORAGE": "nowhere"})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "avatar_kit.E007" in done.stderr


def test_e7_only_a_site_that_has_started_is_told_at_once(settings, monkeypatch):
    settings.AVATAR_KIT = {"STORAGE": "nowhere"}
    with monkeypatch.context() as patch:
        patch.setattr(apps, "ready", False)
        assert type(Team._meta.get_field("avatar").storage) is Storage
    with pytest.raises(InvalidStorageError, match="nowhere"):
        assert Team._meta.get_field("avatar").storage


@pytest.mark.parametrize("kind", VALUES)
@isolate_apps("tests.testapp")
def test_e7_what_a_field_is_given(kind):
    class Checked(AvatarMixin):
        avatar = AvatarField(sizes=VALUES[kind], formats=VALUES[kind])

        class Meta:
            app_label = "testapp"

    expected = {"none": [], "list of int": ["avatar_kit.E005"]}
    assert [message.id for message in Checked.check()] == expected.get(
        kind, ["avatar_kit.E004", "avatar_kit.E005"]
    )


@pytest.mark.parametrize("where", ["settings", "field"])
@isolate_apps("tests.testapp")
def test_e7_a_format_that_is_given_twice_would_be_written_twice(where, settings):
    class Checked(AvatarMixin):
        avatar = AvatarField(formats=["webp", "webp"] if where == "field" else None)

        class Meta:
            app_label = "testapp"

    settings.AVATAR_KIT = {"FORMATS": ["webp", "jpeg", "webp"]} if where == "settings" else {}
    messages = [*check_settings(), *Checked.check()]
    assert [message.id for message in messages] == ["avatar_kit.E005"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"BACKEND": "static", "OPTIONS": {"path": 5}}, "path is 5. It must be that of a static"),
        ({"BACKEND": "static", "OPTIONS": {"path": None}}, "path is None"),
        ({"BACKEND": "static", "OPTIONS": {"path": b"a.svg"}}, "path is b'a.svg'"),
        ({"BACKEND": "static", "OPTIONS": {"path": Path("a.svg")}}, "path is PosixPath"),
        ({"BACKEND": "static", "OPTIONS": {"path": ""}}, "path is ''"),
        ({"BACKEND": "static", "OPTIONS": {"file": "a.svg"}}, "unexpected keyword argument"),
        ({"BACKEND": "static", "OPTIONS": None}, 'The "OPTIONS" of a fallback are None'),
        ({"BACKEND": "static", "OPTIONS": ["path"]}, "are ['path']. They must be a dictionary"),
        ({"BACKEND": "static", "OPTIONS": {5: "a"}}, "are {5: 'a'}"),
        ({"BACKEND": "initials", "OPTIONS": "x"}, "are 'x'"),
        ({"BACKEND": "initials", "OPTIONS": {"path": "x"}}, "takes no arguments"),
    ],
)
def test_e7_options_that_a_fallback_does_not_take(entry, said, settings):
    settings.AVATAR_KIT = {"FALLBACKS": [entry]}
    (message,) = check_settings()
    assert message.id == "avatar_kit.E006"
    assert said in message.msg
    with pytest.raises(ImproperlyConfigured):
        avatar_html(Team(name="red"), 64)


@pytest.mark.parametrize("given", [["jpeg", "jpeg"], ["png", "jpeg", "png"], ["bmp"], []])
def test_e7_formats_of_uploads_are_known_and_given_once(given, settings):
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": given}
    (message,) = check_settings()
    assert message.id == "avatar_kit.E003"
    assert message.msg == f"AVATAR_KIT['UPLOAD_FORMATS'] is {tuple(given)!r}."
    assert message.hint.startswith("It must be one or more of ['avif', ")
    assert message.hint.endswith("'webp'], each once.")


@pytest.mark.parametrize("length", ["255", b"255", [255]], ids=["text", "bytes", "list"])
@isolate_apps("tests.testapp")
def test_e7_a_length_that_is_no_number(length):
    class Checked(AvatarMixin):
        avatar = AvatarField(max_length=length)

        class Meta:
            app_label = "testapp"

    assert [message.id for message in Checked.check()] == ["avatar_kit.E014"]
