"""Case L3: files stay while a row in another database of the project has them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import (
    OperationalError,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.lifecycle.settlement import drain
from tests.support.file_kinds import JPEG
from tests.support.lifecycle import (
    BoomError,
    column,
    files_of,
    fresh,
    make_profile,
    undone,
    upload,
)
from tests.testapp.models import Profile

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def copied(row: Any, using: str) -> Any:
    """The row and its user, as a fixture copies them from one database into another."""
    rows = [row.user, row]
    for each in serializers.deserialize("json", serializers.serialize("json", rows), using=using):
        each.save(using=using)
    return type(row).objects.using(using).get(pk=row.pk)


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("change", ["delete", "replace", "clear", "delete many", "roll back"])
@pytest.mark.parametrize("first", ["the row", "its copy"])
def test_l3_files_stay_while_a_copy_in_another_database_has_them(change, first, files):
    profile = make_profile()
    both = [profile, copied(fresh(profile), "other")]
    kept = files_of(column(profile))
    changed, left = both if first == "the row" else both[::-1]
    using = changed._state.db

    def apply(row: Any, using: str) -> None:
        if change == "delete":
            row.delete()
        elif change == "delete many":
            Profile.objects.using(using).all().delete()
        elif change == "clear":
            row.avatar.delete()
        else:
            row.avatar = upload(color="red")
            row.save()

    if change == "roll back":
        with suppress(BoomError), transaction.atomic(using=using):
            apply(changed, using)
            raise BoomError
        drain()
        assert files() == kept
        return
    apply(changed, using)
    assert kept <= files()
    # The files go with the last row that has them.
    apply(fresh(left), left._state.db)
    assert not kept & files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_file_from_before_the_kit_stays_while_another_database_has_it(files):
    profile = make_profile(avatar=False)
    name = default_storage.save("photos/old.jpg", ContentFile(JPEG))
    Profile.objects.update(avatar=name)
    copy = copied(fresh(profile), "other")
    fresh(profile).delete()
    assert default_storage.exists(name)
    copy.delete()
    assert not default_storage.exists(name)


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_database_that_cannot_be_asked_leaves_the_files_to_the_sweep(
    files, monkeypatch, caplog
):
    profile = make_profile()
    name = column(profile)
    kept = files_of(name)

    def unreachable(*_given: object, **_named: object) -> None:
        raise OperationalError("no route to host")

    monkeypatch.setattr(connections["other"].introspection, "table_names", unreachable)
    profile.delete()
    assert files() == kept
    assert name in caplog.text
    monkeypatch.undo()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_time_limit_while_another_database_is_asked_comes_through(files, monkeypatch):
    profile = make_profile()

    class SoftTimeLimitError(Exception):
        pass

    def late(*_given: object, **_named: object) -> None:
        raise SoftTimeLimitError

    monkeypatch.setattr(connections["other"].introspection, "table_names", late)
    with pytest.raises(SoftTimeLimitError):
        profile.delete()
    assert files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_row_of_a_transaction_that_is_not_over_in_another_database_counts(files):
    profile = make_profile()
    copy = copied(fresh(profile), "other")
    kept = files_of(column(profile))
    with undone(using="other"):
        copy.delete()
        # This one is committed first, and the other rolled back.
        fresh(profile).delete()
    assert files() == kept
    drain()
    assert files() == kept
    with transaction.atomic(using="other"):
        other = make_profile("bob")
        name = column(other)
        copied(fresh(other), "other").delete()
        fresh(other).delete()
        assert files_of(name) <= files()
    assert not files_of(name) & files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_what_was_copied_before_its_own_transaction_was_over_counts(files):
    with transaction.atomic():
        profile = make_profile()
        copy = copied(fresh(profile), "other")
        profile.avatar = upload(color="red")
        profile.save()
    assert files_of(column(copy)) <= files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_question_that_fails_spoils_no_transaction_of_the_site(files, monkeypatch):
    profile = make_profile()

    def broken(*_given: object, **_named: object) -> Any:
        connections["other"].cursor().execute("SELECT no_such_column FROM auth_user")

    monkeypatch.setattr(connections["other"].introspection, "table_names", broken)
    with transaction.atomic(using="other"):
        User.objects.using("other").create(username="first")
        profile.delete()
        User.objects.using("other").create(username="second")
    assert User.objects.using("other").count() == 2
    assert files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_default_database_that_is_none_is_not_asked(files, monkeypatch):
    dummy = {**connections["other"].settings_dict, "ENGINE": "django.db.backends.dummy"}
    monkeypatch.setattr(connections["other"], "settings_dict", dummy)
    make_profile().delete()
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("why", ["replica", "router", "no table"])
def test_l3_only_another_database_that_has_the_table_is_asked(why, files, monkeypatch, settings):
    profile = make_profile()
    copied(fresh(profile), "other")
    if why == "replica":
        # A replica may lag, and still have the name that was just replaced.
        name = connections["default"].settings_dict["NAME"]
        monkeypatch.setitem(connections["other"].settings_dict, "NAME", name)
    elif why == "router":
        settings.DATABASE_ROUTERS = [DefaultOnly()]
    else:
        monkeypatch.setattr(
            connections["other"].introspection, "table_names", lambda **_named: ["auth_user"]
        )
    with CaptureQueriesContext(connections["other"]) as asked:
        profile.delete()
    assert not [query for query in asked if "avatar" in query["sql"]]
    assert files() == set()


class DefaultOnly:
    def db_for_read(self, model: Any, **_hints: Any) -> str:
        return "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        return db == "default"


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_connection_that_was_opened_to_ask_is_closed_again():
    connections["other"].close()
    make_profile().delete()
    assert connections["other"].connection is None


def test_l3_in_a_test_that_asked_for_one_database_the_others_take_no_part(files):
    make_profile().delete()
    assert files() == set()
