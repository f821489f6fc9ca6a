"""``avatar_copy --delete-source``: nothing goes that is needed, or has not arrived."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError

from django_avatar_kit.maintenance import copy as copying
from django_avatar_kit.storage import base as module
from django_avatar_kit.test import make_image
from tests.support.copying import (
    contents,
    copy,
    failing,
    keys_of,
    lines,
    old_team,
    present,
    put,
    switch,
    team,
    teams,
    while_copying,
)
from tests.support.lifecycle import column, files_of, fresh, name_of
from tests.testapp.models import Bare, Channel, Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

# --- deleting the source ---------------------------------------------------------------------


@pytest.mark.lifecycle
def test_the_source_goes_file_by_file(settings, storage, target):
    rows = [*teams(2), old_team(storage)]
    before = contents(storage, keys_of(*rows))
    switch(settings)
    out, _ = copy(delete_source=True)
    assert lines(out)[1:] == ["7 files deleted from “default”."]
    assert contents(storage, before) == {}
    assert contents(target, before) == before
    out, _ = copy(delete_source=True)
    assert lines(out)[1:] == []
    assert contents(target, before) == before


@pytest.mark.lifecycle
def test_the_source_is_in_use(settings, storage, target):
    """As long as any field reads anything from it, chosen or not."""
    row = team()
    portrait = "testapp.Pet.portrait"
    message = failing("testapp.Team", delete_source=True)
    assert message.startswith("The files in “default” are in use by testapp.Profile.avatar, ")
    assert portrait in message
    assert message.endswith("switch AVATAR_KIT['STORAGE'] (or STORAGES) to “target” first.")
    assert contents(target, keys_of(row)) == {}
    switch(settings, RENDITION_STORAGE="default")
    message = failing("testapp.Team", delete_source=True)
    assert "testapp.Team.avatar" in message
    # Its renditions are elsewhere.
    assert portrait not in message
    switch(settings, "default", RENDITION_STORAGE="target")
    assert portrait in failing("testapp.Team", delete_source=True)
    copy(delete_source=True, only="renditions")
    assert present(storage, keys_of(row)) == {column(row)}
    assert present(target, keys_of(row)) == set(name_of(row).renditions)


@pytest.mark.lifecycle
def test_a_site_that_deletes_no_files(settings, target):
    switch(settings, DELETE_FILES=False)
    assert failing(delete_source=True).startswith("AVATAR_KIT['DELETE_FILES'] is False")


@pytest.mark.lifecycle
def test_two_names_of_one_place(settings, places):
    """Nobody could tell, and everything would be gone."""
    target, _ = places(default="shared", target="shared")
    target.files.clear()
    row = team()
    switch(settings)
    assert failing(delete_source=True) == (
        "“default” and “target” are the same place: what is written to one of them is in the "
        "other as well."
    )
    assert target.files.keys() == keys_of(row)
    copy(delete_source=True, dry_run=True)
    assert target.files.keys() == keys_of(row)
    target.files.clear()


@pytest.mark.lifecycle
def test_two_addresses_of_one_bucket(settings, bucket):
    bucket.use(settings, attempts=5)
    address = bucket.server.url.replace("127.0.0.1", "localhost")
    bucket.use(settings, "target", attempts=5, endpoint_url=address)
    row = team()
    switch(settings)
    assert "are the same place" in failing(delete_source=True)
    assert bucket.keys() == keys_of(row)


@pytest.mark.lifecycle
def test_a_destination_that_cannot_be_tried_out(monkeypatch, settings, storage, target):
    row = team()
    switch(settings)

    def full(*args: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, "save", full)
    message = failing(delete_source=True)
    assert message.startswith("The storages could not be tried out: “avatar-kit-")
    assert present(storage, keys_of(row)) == keys_of(row)


@pytest.mark.lifecycle
def test_a_default_is_never_deleted(settings, storage, target):
    put(storage, "defaults/badge.png", make_image((9, 9), format="png"))
    Channel.objects.create()
    switch(settings)
    copy(delete_source=True)
    assert storage.exists("defaults/badge.png")
    assert target.exists("defaults/badge.png")


@pytest.mark.lifecycle
def test_a_file_that_another_field_reads_is_not_deleted(settings, storage, target):
    """A stock field's storage is another matter than that of the avatars."""
    row, other = old_team(storage), old_team(storage, "avatars/other.jpg")
    Bare.objects.create(photo=column(row))
    switch(settings)
    copy(delete_source=True)
    assert present(storage, keys_of(row, other)) == {column(row)}
    assert present(target, keys_of(row, other)) == keys_of(row, other)


@pytest.mark.lifecycle
def test_nothing_of_an_avatar_goes_before_all_of_it_has_arrived(
    monkeypatch, settings, storage, target
):
    row, other = teams(2)
    switch(settings)
    original = module.write_one

    def fail(write: Any) -> str:
        if write.key == name_of(row).renditions[0]:
            raise OSError(28, "No space left on device")
        return original(write)

    monkeypatch.setattr(module, "write_one", fail)
    assert failing(delete_source=True) == "1 of 6 files could not be copied."
    assert present(storage, keys_of(row, other)) == keys_of(row)


@pytest.mark.lifecycle
def test_nothing_goes_of_an_avatar_that_was_replaced(monkeypatch, settings, storage, target):
    """Its row says nothing of where it might still be needed; the sweep will."""
    row = team()
    old = column(row)
    switch(settings)
    while_copying(monkeypatch, old, fresh(row).delete)
    copy(delete_source=True)
    assert present(storage, files_of(old)) == files_of(old)
    assert contents(target, files_of(old)) == {}


@pytest.mark.lifecycle
def test_a_source_that_cannot_be_deleted(monkeypatch, settings, storage, target, caplog):
    row = team()
    switch(settings)

    def refuse(self: Any, name: str) -> None:
        raise PermissionError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(type(storage), "delete", refuse)
        assert failing(delete_source=True) == "3 files could not be deleted."
    assert f"Could not delete “{column(row)}”" in caplog.text
    assert "3 files deleted" in copy(delete_source=True)[0]


@pytest.mark.lifecycle
def test_when_the_site_is_switched_what_the_pages_show_is_not_replaced(place, storage, settings):
    (team,) = teams(1)
    key = str(team.avatar)
    copy()
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": "target"}
    good = module.read(place, key)
    storage.delete(key)
    put(storage, key, bytes(100) + good[100:])
    with pytest.raises(CommandError, match="1 of 3 files could not be copied"):
        copy(delete_source=True)
    assert module.read(place, key) == good
    assert storage.exists(key)


@pytest.mark.lifecycle
def test_two_rows_with_one_avatar_whose_source_goes_with_the_first(bucket, settings, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 5)
    bucket.use(settings)
    bucket.use(settings, "target", location="new")
    rows = teams(5)
    teams(3)
    twin = Team.objects.create(avatar=fresh(rows[-1]).avatar)
    assert column(twin) == column(rows[-1])
    teams(3)
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": "target"}
    out, _ = copy(delete_source=True)
    assert "0 missing, 0 failed" in out
