"""Case E2: forms and pages in Jinja2."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.forms.renderers import DjangoTemplates, Jinja2, TemplatesSetting
from django.test import Client

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload
from tests.support.pages import CHANGE, DELETE, page
from tests.testapp.models import Profile

JINJA2 = {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True}


class Strict(Jinja2):
    """A site's own renderer that raises an error for every undefined variable."""

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
    """The widget's HTML in each of its states."""

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
    # The URL of the master says when it was made.
    shown = [str(form["avatar"]) for form in made] + [form.as_div() for form in made]
    return [re.sub('data-master="[^"]+"', "", html) for html in shown]


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
    """The site has no template tags, context processors or translation extension in Jinja2."""
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
        '<main class="avatar-kit-main">\n<div class="avatar-kit-messages" role="status">\n<ul>\n'
        '<li class="avatar-kit-notice success">Your picture is saved.</li>\n</ul>\n</div>\n<link '
    ) in page(response)
    # The message is shown once.
    assert "avatar-kit-messages" not in page(client.get(CHANGE))
