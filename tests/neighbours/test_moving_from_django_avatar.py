"""docs/howto/moving-from-django-avatar.md, step by step, with the real package."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from avatar.models import Avatar
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import User
from django.db import connection, models
from django.template import Context, Template
from django.test import override_settings
from django.test.utils import isolate_apps

from django_avatar_kit.contrib.profile.models import Profile
from django_avatar_kit.names import Name
from django_avatar_kit.templatetags import avatar_kit_compat
from django_avatar_kit.test import make_upload
from tests.neighbours.importing import move, picture

pytestmark = pytest.mark.django_db(transaction=True)

#: The project of these tests has two profiles; a site that follows the page has one.
KIT: dict[str, Any] = {"SIZES": (32, 64), "OWNER": {"auth.User": "avatar_profile"}}
FALLBACK = "django_avatar_kit.contrib.django_avatar.DjangoAvatar"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.AVATAR_KIT = KIT
    settings.ROOT_URLCONF = "tests.neighbours.moving.urls"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


def with_picture(name: str, color: str = "teal", **fields: Any) -> User:
    user = User.objects.create(username=name)
    picture(user, color, **fields)
    return user


def page(load: str) -> str:
    text = f"{{% load {load} %}}{{% for user in users %}}{{% avatar user 32 %}}{{% endfor %}}"
    users = User.objects.select_related("avatar_profile").order_by("pk")
    return Template(text).render(Context({"users": users}))


def test_the_whole_move(files):
    anna, eve = with_picture("anna"), with_picture("eve", "red")
    picture(eve, "blue", primary=False)
    User.objects.create(username="nobody")
    old = files()
    # 1. The kit beside django-avatar: the pages are as they were.
    before = page("avatar_tags")
    shown = [f"/media/avatars/{user.pk}/resized/32/32/" for user in (anna, eve)]
    assert [url in before for url in shown] == [True, True]
    # 2. The new tags, and django-avatar's pictures until they have moved.
    with override_settings(AVATAR_KIT={**KIT, "FALLBACKS": (FALLBACK, "initials")}):
        between = page("avatar_kit_compat")
        assert [url in between for url in shown] == [True, True]
        # Meanwhile, a user chooses another one with the kit.
        Profile.objects.create(user=anna, avatar=make_upload(color="green"))
        chosen = anna.avatar_profile.avatar.name
        # 3. One command.
        out, err = move(jobs=2)
        assert err == ""
        assert out == (
            "2 pictures of avatar.Avatar.avatar: 1 imported into "
            "avatar_kit_profile.Profile.avatar, 1 whose owner has an avatar already, "
            "0 changed meanwhile, 0 missing, 0 unusable, 0 failed.\n"
        )
    # 4. Without the fallback.
    after = page("avatar_kit_compat")
    names = {profile.user_id: profile.avatar.name for profile in Profile.objects.all()}
    assert names.keys() == {anna.pk, eve.pk}
    assert names[anna.pk] == chosen
    moved = Name.parse(names[eve.pk])
    assert moved is not None
    # The primary one, which is red; nobody has initials except who had no picture.
    assert moved.color.startswith("f")
    assert moved.rendition(32, "webp") in after
    assert "resized" not in after
    assert after.count("<svg") == 1
    # Nothing is deleted at the source.
    assert old <= files()
    assert Avatar.objects.count() == 3


def test_the_newest_picture_where_none_is_primary():
    eve = with_picture("eve", "red", primary=False)
    picture(eve, "blue", primary=False)
    move()
    moved = Name.parse(eve.avatar_profile.avatar.name)
    assert moved is not None
    assert moved.color.endswith("fe")


def test_a_second_run_has_nothing_to_do(storage):
    with_picture("anna")
    move()
    storage.calls.clear()
    assert ", 1 whose owner has an avatar already, " in move()[0]
    assert storage.calls == []


TAGS = [
    "{% avatar user 65 %}",
    "{% avatar user %}",
    "{% avatar user width=65 %}",
    '{% avatar user 65 class="round" id="me" %}',
    "{% avatar user 100 50 %}",
    "{% avatar user.username 65 %}",
    "{% avatar user.pk 65 %}",
    "{% avatar user 65 as face %}{{ face }}",
    "{% avatar_url user 65 %}",
    "{% avatar_url user.username 100 50 %}",
    "{% primary_avatar user 65 %}",
    "{{ user|has_avatar }}",
    "{{ user.username|has_avatar }}",
    "{{ nobody|has_avatar }}",
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_call_of_django_avatar_is_one_of_the_kit(tag):
    user = with_picture("anna")
    move()
    user = User.objects.get()
    for library in ("avatar_tags", "avatar_kit_compat"):
        text = Template(f"{{% load {library} %}}{tag}").render(Context({"user": user}))
        # django-avatar's own {% primary_avatar %} is escaped, unless a template turns that off.
        text = unescape(text) if "primary" in tag else text
        if "has_avatar" in tag:
            assert text == str(tag == "{{ user|has_avatar }}")
        elif "url" in tag:
            assert text.startswith("/media/avatars/")
        else:
            assert text.startswith("<img ")
            width, height = ("100", "50") if " 100 50" in tag else ("65", "65")
            if tag != "{% avatar user %}":
                assert f'width="{width}" height="{height}"' in text


def test_a_picture_in_another_shape():
    with_picture("anna")
    move()
    profile = Profile.objects.get()
    name = Name.parse(profile.avatar.name)
    assert name is not None
    text = '{% load avatar_kit_compat %}{% avatar user 64 30 style="color:red" alt="" %}'
    assert Template(text).render(Context({"user": profile.user})) == (
        f'<img src="/media/{name.rendition(60, "webp")}" width="64" height="30" alt="" '
        'loading="lazy" style="color:red;object-fit:cover">'
    )


@pytest.mark.parametrize("who", ["'nobody'", "99", "'99'", "missing", "user"])
def test_a_user_who_is_not_there_has_the_fallback(who):
    text = f"{{% load avatar_kit_compat %}}{{% avatar {who} 65 %}}"
    assert Template(text).render(Context({"user": None})).startswith("<svg ")


@isolate_apps("tests.neighbours.moving")
def test_a_user_name_of_digits_where_keys_are_no_numbers(monkeypatch):
    class Member(AbstractBaseUser):
        id = models.UUIDField(primary_key=True, default=uuid4)
        username = models.CharField(max_length=9)
        USERNAME_FIELD = "username"
        objects = BaseUserManager()

        class Meta:
            app_label = "moving"

    monkeypatch.setattr(avatar_kit_compat, "get_user_model", lambda: Member)
    with connection.schema_editor() as editor:
        editor.create_model(Member)
    try:
        member = Member._default_manager.create(username="123")
        assert avatar_kit_compat._owner("123") == member
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Member)


def test_the_old_picture_until_it_has_moved():
    from django_avatar_kit.contrib.django_avatar import DjangoAvatar

    fallback, anna = DjangoAvatar(), with_picture("anna")
    url = fallback.url(anna, 32)
    assert url == f"/media/avatars/{anna.pk}/resized/32/32/teal.png"
    assert fallback.html(anna, 32, "Anna", {"class": "round"}) == (
        f'<img src="{url}" width="32" height="32" alt="Anna" class="round">'
    )
    eve = User.objects.create(username="eve")
    assert [fallback.html(each, 32, "", {}) for each in (eve, User(), None)] == [None] * 3
