"""Case L2: raw saves (loaddata, django-reversion, django-simple-history) lose no avatar."""

from __future__ import annotations

import json
from typing import Any

import pytest
import reversion
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.management import call_command

from django_avatar_kit.names import Name
from tests.support.lifecycle import column, files_of, fresh, upload
from tests.testapp.models import Band, Channel, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def test_l2_reversion_keeps_the_present_avatar_where_the_old_one_is_gone(files):
    reversion.register(Band, fields=["name", "avatar"])
    try:
        with reversion.create_revision():
            band = Band.objects.create(name="first", avatar=upload())
        with reversion.create_revision():
            band.name, band.avatar = "second", upload(color="red")
            band.save()
        present = column(band)
        reversion.models.Version.objects.get_for_object(band).last().revision.revert()
    finally:
        reversion.unregister(Band)
    assert fresh(band).name == "first"
    assert column(band) == present
    assert files() == files_of(present)


def test_l2_reversion_brings_back_an_avatar_whose_files_are_there(files):
    reversion.register(Band, fields=["name", "avatar"])
    try:
        with reversion.create_revision():
            band = Band.objects.create(avatar=upload())
        first = column(band)
        Band.objects.create(avatar=first)
        with reversion.create_revision():
            band.avatar = upload(color="red")
            band.save()
        reversion.models.Version.objects.get_for_object(band).last().revision.revert()
    finally:
        reversion.unregister(Band)
    assert column(band) == first
    assert files() == files_of(first)


def test_l2_simple_history_keeps_the_present_avatar_where_the_old_one_is_gone(files):
    band = Band.objects.create(name="first", avatar=upload())
    band.name, band.avatar = "second", upload(color="red")
    band.save()
    present = column(band)
    band.history.earliest().instance.save()
    assert fresh(band).name == "first"
    assert column(band) == present
    assert files() == files_of(present)


def as_fixture(row: Any, **values: Any) -> str:
    (entry,) = json.loads(serializers.serialize("json", [row]))
    entry["fields"].update(values)
    return json.dumps([entry])


@pytest.fixture(params=["loaddata", "DeserializedObject.save"])
def load(request: Any, tmp_path: Any) -> Any:
    def loaddata(fixture: str) -> None:
        path = tmp_path / "old.json"
        path.write_text(fixture)
        call_command("loaddata", str(path), verbosity=0)

    def save(fixture: str) -> None:
        for each in serializers.deserialize("json", fixture):
            each.save()

    return loaddata if request.param == "loaddata" else save


def test_l2_a_fixture_does_not_put_a_lost_name_over_an_avatar(load, files):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team, name="as it was")
    team.avatar = upload(color="red")
    team.save()
    present = column(team)
    load(old)
    assert fresh(team).name == "as it was"
    assert column(team) == present
    assert files() == files_of(present)


def test_l2_nor_into_a_row_without_one(load, files):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team)
    team.avatar = ""
    team.save()
    load(old)
    assert column(team) == ""
    assert files() == set()


def content(storage: Any, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@pytest.mark.parametrize("lost", [0, -1])
def test_l2_a_name_that_has_lost_one_of_its_files_is_lost(load, storage, lost):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team)
    names = Name.parse(column(team)).files
    kept = {key: content(storage, key) for key in names}
    team.avatar = upload(color="red")
    team.save()
    del kept[names[lost]]
    for key, data in kept.items():
        storage.save(key, ContentFile(data))
    present = column(team)
    load(old)
    assert column(team) == present


def test_l2_a_fixture_brings_back_what_is_in_storage_again(load, storage, files):
    team = Team.objects.create(avatar=upload())
    first, old = column(team), as_fixture(team)
    kept = {key: content(storage, key) for key in files()}
    team.avatar = upload(color="red")
    team.save()
    for key, data in kept.items():
        storage.save(key, ContentFile(data))
    load(old)
    assert column(team) == first
    assert files() == files_of(first)


def test_l2_a_fixture_may_make_a_row_before_its_files_are_there(load):
    team = Team.objects.create(avatar=upload())
    first, old = column(team), as_fixture(team)
    team.delete()
    load(old)
    assert column(Team.objects.get()) == first


def test_l2_a_fixture_may_clear_an_avatar(load, files):
    team = Team.objects.create(avatar=upload())
    load(as_fixture(team, avatar=""))
    assert column(team) == ""
    assert files() == set()


def test_l2_a_fixture_may_name_a_default(load):
    channel = Channel.objects.create()
    load(as_fixture(channel, badge="defaults/badge.png"))
    assert column(channel, "badge") == "defaults/badge.png"


def test_l2_a_name_that_a_row_holds_costs_no_storage_call(load, storage):
    team = Team.objects.create(avatar=upload())
    other = Team.objects.create(avatar=upload(color="red"))
    unchanged, taken = as_fixture(team), as_fixture(team, avatar=column(other))
    storage.calls.clear()
    load(unchanged)
    assert storage.calls == []
    load(taken)
    assert {method for method, _ in storage.calls} == {"delete"}
    assert column(team) == column(other)
