"""A gallery of a site's own: ``PictureBase``."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.template import Context, Template

from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.exceptions import GalleryFull
from django_avatar_kit.test import make_upload
from tests.contrib.teams.models import Team, TeamPicture, TeamPortrait


@pytest.fixture
def team(db):
    return Team.objects.create(name="Otters")


def add(team):
    picture = TeamPicture(owner=team, avatar=make_upload())
    picture.save()
    return TeamPicture.objects.get(pk=picture.pk)


def shown():
    context = Context({"team": Team.objects.get()})
    return Template("{% load avatar_kit %}{% avatar team 16 %}").render(context)


def test_the_primary_picture_of_a_team_is_shown(team):
    first, second = add(team), add(team)
    assert f"/{first.avatar.avatar_name.token}.16.webp" in shown()
    assert 'alt="Otters"' in shown()
    second.make_primary()
    assert f"/{second.avatar.avatar_name.token}.16.webp" in shown()
    second.delete()
    assert f"/{first.avatar.avatar_name.token}.16.webp" in shown()


def test_it_has_its_own_limit_and_constraints(team, user, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 2}
    Picture(owner=user, avatar=make_upload()).save()
    first, second = add(team), add(team)
    with pytest.raises(GalleryFull):
        add(team)
    assert second.position == first.position + 1
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamPicture.objects.filter(pk=second.pk).update(primary_of=team)
    other = Team.objects.create(name="Owls")
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamPicture.objects.filter(pk=second.pk).update(primary_of=other)


def test_pictures_of_a_child_model_are_in_the_same_gallery(team, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 3}
    first = add(team)
    portraits = [TeamPortrait(owner=team, avatar=make_upload()) for _ in range(2)]
    for portrait in portraits:
        portrait.save()
    with pytest.raises(GalleryFull):
        TeamPortrait(owner=team, avatar=make_upload()).save()
    assert [each.position for each in TeamPicture.objects.all()] == [0, 1, 2]
    portraits[1].make_primary()
    portraits[1].move_to(1)
    assert Team.objects.get().primary_picture.pk == portraits[1].pk
    portraits[1].delete()
    assert Team.objects.get().primary_picture == first


def test_a_picture_becomes_one_of_a_child_model_in_a_full_gallery(team, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    picture = add(team)
    columns = {field.attname: getattr(picture, field.attname) for field in picture._meta.fields}
    TeamPortrait(teampicture_ptr=picture, caption="1815", **columns).save()
    portrait = TeamPortrait.objects.get()
    assert (portrait.pk, portrait.avatar.name) == (picture.pk, picture.avatar.name)
    assert Team.objects.get().primary_picture == picture
