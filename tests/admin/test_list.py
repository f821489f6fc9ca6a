"""The pictures in the list of an admin, and the filter beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.admin import AvatarAdminMixin, HasAvatarFilter
from django_avatar_kit.test import make_upload
from tests.admin.site import site
from tests.support.admin import cells, url
from tests.support.lifecycle import fresh, make_profile
from tests.testapp.models import Channel, Default, Guest, League, Pet, Profile, Team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain(settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "IMG_ATTRS": {}}


def image(file, alt=""):
    url = f"/media/{file.avatar_name.renditions[-1]}"
    return f'<img src="{url}" width="32" height="32" alt="{alt}" class="avatar-kit-thumbnail">'


def shown(response):
    """The rows in the list, by their text or name."""
    return {str(row) for row in response.context["cl"].result_list}


# --- the column -------------------------------------------------------------------------------


def test_a_row_shows_its_picture_without_a_link_to_a_file(client):
    league = fresh(League.objects.create(name="North", avatar=make_upload()))
    (cell,) = cells(client.get(url(League, "changelist")), "avatar")
    assert cell == image(league.avatar)


def test_a_picture_that_links_to_the_row_has_a_name(client):
    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    (cell,) = cells(client.get(url(Team, "changelist")), "avatar")
    assert cell == f'<a href="{url(Team, "change", team.pk)}">{image(team.avatar, "Reds")}</a>'


def test_a_picture_that_links_to_a_row_without_a_name_has_that_of_the_row(client):
    Team.objects.create()
    with_text = make_profile("ada")
    (cell,) = cells(client.get(url(Team, "changelist")), "avatar")
    assert "<a href=" in cell
    (cell, *_rest) = cells(client.get(url(User, "changelist")), "avatar")
    assert 'alt="ada"' in cell
    assert with_text.user.username == "ada"


def test_a_user_shows_the_picture_of_the_profile(client):
    profile = fresh(make_profile("ada"))
    found = cells(client.get(url(User, "changelist")), "avatar")
    assert found[0] == (
        f'<a href="{url(User, "change", profile.user_id)}">{image(profile.avatar, "ada")}</a>'
    )
    # root, who has no profile.
    assert "<svg" in found[1]


def test_every_avatar_of_a_model_has_a_column_with_its_title(client):
    channel = Channel(name="news", avatar=make_upload(), banner=make_upload())
    channel.save()
    response = client.get(url(Channel, "changelist"))
    channel = fresh(channel)
    text = response.content.decode()
    for name in ("avatar", "banner", "badge"):
        assert f'class="column-{name}' in text
        assert len(cells(response, name)) == 1
        assert getattr(channel, name).name not in text or name == "badge"
    assert channel.banner.avatar_name.token in cells(response, "banner")[0]
    assert "/media/defaults/badge.png" in cells(response, "badge")[0]
    assert ">Banner<" in text


def test_the_master_is_nowhere_in_the_list(client):
    make_profile("ada")
    Team.objects.create(name="Reds", avatar=make_upload())
    for model in (User, Profile, Team):
        text = client.get(url(model, "changelist")).content.decode()
        assert "-k1-" not in text


@pytest.mark.parametrize("model", [User, Profile, Team, Channel])
def test_fifty_rows_take_as_many_queries_as_five(model, client):
    def queries(count):
        model.objects.exclude(username="root").delete() if model is User else (
            model.objects.all().delete()
        )
        User.objects.exclude(username="root").delete()
        for number in range(count):
            upload = make_upload(size=(20, 20))
            if model in {User, Profile}:
                user = User.objects.create(username=f"u{number}")
                Profile.objects.create(user=user, avatar=upload)
            else:
                model.objects.create(name=f"n{number}", avatar=upload)
        client.get(url(model, "changelist"))
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url(model, "changelist"))
        assert len(cells(response, "avatar")) == count + (model is User)
        return len(captured)

    assert queries(5) == queries(50)


def test_a_site_may_name_the_column_late_or_call_another_thing_avatar(rf, root):
    class Late(AvatarAdminMixin, admin.ModelAdmin):
        def get_list_display(self, request):
            return ["name", "avatar"]

    class Own(AvatarAdminMixin, admin.ModelAdmin):
        list_display = ["username", "avatar"]

        def avatar(self, row):
            return "mine"

    team = Team.objects.create(name="Reds", avatar=make_upload())
    request = rf.get("/")
    request.user = root
    column: Any
    (_name, column) = Late(Team, site).get_changelist_instance(request).list_display[-2:]
    assert fresh(team).avatar.avatar_name.token in column(fresh(team))
    assert Own(User, site).get_changelist_instance(request).list_display[-1] == "avatar"


def test_the_method_is_a_column_by_itself():
    profile = make_profile("ada")
    shown = AvatarAdminMixin.avatar(type("A", (), {"avatar_size": 16})(), profile)
    assert shown.startswith("<img src=")
    assert 'width="16" height="16" alt="" class="avatar-kit-thumbnail"' in shown


def test_what_is_edited_in_the_list_is_a_file_input(rf, root):
    class Editable(AvatarAdminMixin, admin.ModelAdmin):
        list_display = ["name", "avatar"]
        list_editable = ["avatar"]

    Team.objects.create(name="Reds", avatar=make_upload())
    request = rf.get("/")
    request.user = root
    changelist = Editable(Team, site).get_changelist_instance(request)
    assert changelist.list_display[-1] == "avatar"


def test_no_links_in_the_list_at_all(rf, root):
    class Unlinked(AvatarAdminMixin, admin.ModelAdmin):
        list_display = ["avatar"]
        list_display_links = None

    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    request = rf.get("/")
    request.user = root
    changelist = Unlinked(Team, site).get_changelist_instance(request)
    assert changelist.list_display_links is None
    assert changelist.list_display[-1](team) == image(team.avatar)


def test_without_the_mixin_a_column_has_the_picture_too(client):
    pet = Pet(name="rex", avatar=make_upload())
    pet.save()
    (cell,) = cells(client.get(url(Pet, "changelist")), "avatar")
    pet = fresh(pet)
    assert cell.startswith(f'<a href="{pet.avatar.url}"><img src="')
    assert "-k1-" not in cell


# --- the filter -------------------------------------------------------------------------------


def filtered(client, model, **query):
    return shown(client.get(url(model, "changelist"), query))


def test_who_has_a_picture_and_who_has_none(client, media):
    (media / "old.jpg").write_bytes(b"a file from before the kit")
    Team.objects.create(name="with", avatar=make_upload())
    Team.objects.create(name="old", avatar="old.jpg")
    Team.objects.create(name="none")
    assert filtered(client, Team, has_avatar="yes") == {"with", "old"}
    assert filtered(client, Team, has_avatar="no") == {"none"}
    assert filtered(client, Team) == {"with", "old", "none"}


@pytest.mark.parametrize("value", ["", "maybe", "YES", "1'; --"])
def test_a_value_that_is_neither_shows_all(value, client):
    Team.objects.create(name="none")
    assert filtered(client, Team, has_avatar=value) == {"none"}


def test_the_filter_says_what_it_does(client):
    text = client.get(url(Team, "changelist")).content.decode()
    assert "With a picture" in text
    assert "Without a picture" in text


def test_users_are_told_apart_by_their_profiles(client):
    make_profile("ada")
    make_profile("bob", avatar=False)
    assert filtered(client, User, has_avatar="yes") == {"ada"}
    assert filtered(client, User, has_avatar="no") == {"bob", "root"}


def test_a_child_is_told_apart_by_the_column_of_its_parent(client):
    League.objects.create(name="with", avatar=make_upload())
    League.objects.create(name="none")
    assert filtered(client, League, has_avatar="yes") == {"with"}
    assert filtered(client, League, has_avatar="no") == {"none"}


def test_null_and_defaults_count_as_none(client):
    Default.objects.create()
    with_own = Default.objects.create(avatar=make_upload())
    assert filtered(client, Default, has_avatar="yes") == {str(with_own)}
    assert len(filtered(client, Default, has_avatar="no")) == 1


def test_a_default_that_is_called_counts_as_none_whichever_it_is(client):
    Guest.objects.create()
    Guest.objects.create(avatar="stock/none-of-the-list.png")
    with_own = Guest.objects.create(avatar=make_upload())
    assert filtered(client, Guest, has_avatar="yes") == {str(with_own)}
    assert len(filtered(client, Guest, has_avatar="no")) == 2


def test_another_avatar_of_the_model(client):
    Channel.objects.create(name="both", avatar=make_upload(), banner=make_upload())
    Channel.objects.create(name="one", avatar=make_upload())

    def names(**query):
        response = client.get(url(Channel, "changelist"), query)
        return {row.name for row in response.context["cl"].result_list}

    assert names(has_banner="yes") == {"both"}
    assert names(has_banner="no") == {"one"}
    assert names(has_avatar="yes") == {"both", "one"}
    assert names(has_avatar="yes", has_banner="no") == {"one"}


def test_the_numbers_beside_the_filter(client):
    """The facets, for which Django takes a condition out of its query."""
    Channel.objects.create(name="a", avatar=make_upload())
    Channel.objects.create(name="b")
    Channel.objects.create(name="c")
    text = client.get(url(Channel, "changelist")).content.decode()
    assert "With a picture (1)" in text
    assert "Without a picture (2)" in text


def by(model, settings, owner):
    settings.AVATAR_KIT = {"OWNER": owner}
    request = RequestFactory().get("/")
    made = HasAvatarFilter(request, {"has_avatar": ["yes"]}, model, site.get_model_admin(model))
    return made.queryset(request, model.objects.all())


@pytest.mark.parametrize("way", ["profile", "profile.avatar"])
def test_the_way_that_owner_names(way, settings):
    ada = make_profile("ada").user
    make_profile("bob", avatar=False)
    assert list(by(User, settings, {"auth.user": way})) == [ada]


def test_a_way_that_is_no_relation_is_named(settings):
    with pytest.raises(ImproperlyConfigured, match="“nickname”, which is no relation of auth"):
        by(User, settings, {"auth.user": "nickname"})
