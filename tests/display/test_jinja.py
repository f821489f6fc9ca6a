from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.template import engines
from jinja2 import Environment, StrictUndefined, UndefinedError

from django_avatar_kit.contrib.jinja import AvatarKit
from django_avatar_kit.rendering import avatar_group, avatar_html, avatar_url, get_face
from tests.support.stored_keys import KEY, put
from tests.testapp.models import Profile, Team


def team() -> Team:
    return Team(pk=1, name='The "A" & co', avatar=KEY)


@pytest.fixture(autouse=True)
def jinja(settings) -> None:
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "NAME": "jinja2",
            "APP_DIRS": True,
            "OPTIONS": {"extensions": ["django_avatar_kit.contrib.jinja.AvatarKit"]},
        }
    ]


def render(source: str, request: Any = None, **context: object) -> str:
    context.setdefault("team", team())
    return engines["jinja2"].from_string(source).render(context, request)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ avatar(team) }}", avatar_html(team())),
        ("{{ avatar(team, 40, class='a', data_n=7) }}",
         avatar_html(team(), 40, class_="a", data_n=7)),
        ("{{ avatar(team, size=40, alt=nothing, placeholder=True) }}",
         avatar_html(team(), 40, placeholder=True)),
        ("{{ avatar(nothing, nothing) }}", avatar_html(None)),
        ("{{ avatar(team.nothing, 40) }}", avatar_html(None, 40)),
        ("{{ avatar(None) }}", avatar_html(None)),
        ("{{ avatar(visitor) }}", avatar_html(None)),
        ("{% set face = avatar_face(team, 40) %}{{ face.srcset }} {{ face }}",
         f"{get_face(team(), 40).srcset} {avatar_html(team(), 40)}"),
        ("{{ avatar_url(team, 40) }}", avatar_url(team(), 40)),
        ("{{ avatar_url(team, format='jpeg') }}", avatar_url(team())),
        ("{{ avatar_url(nothing) }}", avatar_url(None)),
        ("{{ avatar_group([team, team, None], 40, max=2) }}",
         str(avatar_group([team(), team(), None], 40, max=2))),
        ("{% set group = avatar_group([team, team], max=1, label='Us') %}{{ group.more }}", "1"),
        ("{{ avatar_group(nothing) }}", ""),
        ("{{ has_avatar(team) }} {{ team|has_avatar }} {{ nothing|has_avatar }}",
         "True True False"),
        ("{{ 'yes' if team is has_avatar }}{{ 'no' if nothing is not has_avatar }}", "yesno"),
        ("{{ prefetch_avatars([team]) }}{{ prefetch_avatars(nothing) }}", ""),
    ],
)  # fmt: skip
def test_functions(source, text) -> None:
    assert render(source, visitor=AnonymousUser()) == text


def test_urls_are_escaped_once(settings) -> None:
    settings.MEDIA_URL = "https://example.org/a&b/"

    assert render("{{ avatar_url(team, 64) }}").startswith("https://example.org/a&amp;b/avatars/")


@pytest.mark.parametrize(
    ("source", "alt"),
    [
        ('{% set alt %}say "hi" & go{% endset %}{{ avatar(team, 64, alt=alt) }}',
         "say &quot;hi&quot; & go"),
        ("{{ avatar(team, 64, alt=(text|e)) }}", "say &#34;hi&#34; &amp; go"),
        ("{{ avatar(team, 64, alt=(text|safe)) }}", "say &quot;hi&quot; & go"),
    ],
)  # fmt: skip
def test_what_is_safe_keeps_its_entities_and_has_no_quote(source, alt) -> None:
    assert f' alt="{alt}"' in render(source, text='say "hi" & go')


def test_absolute_url(rf, settings) -> None:
    source = "{{ avatar_url(team, 64, absolute=True) }}"

    assert render(source, rf.get("/")) == f"http://testserver{avatar_url(team(), 64)}"
    settings.AVATAR_KIT = {"BASE_URL": "https://example.org"}
    assert render(source) == f"https://example.org{avatar_url(team(), 64)}"


def test_one_query_for_a_page(db, django_assert_num_queries) -> None:
    for name in ("ada", "bob"):
        put(Profile.objects.create(user=User.objects.create(username=name)))
    users = list(User.objects.order_by("pk"))

    with django_assert_num_queries(1):
        markup = render(
            "{{ prefetch_avatars(users) }}{% for user in users %}{{ avatar(user) }}{% endfor %}",
            users=users,
        )
    assert markup == "".join(map(avatar_html, users))


def test_mistakes() -> None:
    with pytest.raises(ValueError, match=r"^The size of an avatar is "):
        render("{{ avatar(team, 'wide') }}")
    with pytest.raises(TypeError, match=r"^“src” is written by the avatar itself"):
        render("{{ avatar(team, src='x') }}")


def test_strict_environment() -> None:
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    environment.add_extension(AvatarKit)

    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        environment.from_string("{{ avatar(nothing) }}").render()
    template = environment.from_string("{{ avatar(None, alt='\"') }}")
    assert template.render() == avatar_html(None, alt='"')
