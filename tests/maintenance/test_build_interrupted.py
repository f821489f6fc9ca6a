"""``avatar_build``: killed at any step, and while users upload and delete."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError

from django_avatar_kit import pipeline
from django_avatar_kit.lifecycle import locking, settlement
from django_avatar_kit.maintenance import avatars
from django_avatar_kit.maintenance import build as building
from django_avatar_kit.names import Name
from tests.support.build import (
    avatar,
    build,
    old_team,
    summary,
    team,
)
from tests.support.lifecycle import column, fresh, name_of, needed, upload
from tests.testapp.models import Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- killed, and run again -------------------------------------------------------------------

STEPS = [
    (pipeline, "cut", 1),
    (pipeline, "write_all", 1),
    (locking, "lock_row", 1),
    (locking, "write_name", 1),
    (settlement, "delete", 1),
    (pipeline, "write_all", 2),
]


@pytest.mark.parametrize(("module", "function", "nth"), STEPS)
def test_killed_at_any_step_and_run_again(
    monkeypatch, settings, media, files, module, function, nth
):
    """Ctrl-C at the n-th call of a step."""
    kit = team(size=(50, 50))
    settings.AVATAR_KIT = {"SIZES": (8, 16)}
    old = [old_team(media, f"avatars/{i}.jpg") for i in range(2)]
    calls = 0
    original = getattr(module, function)

    def killed(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, killed)
        with pytest.raises(KeyboardInterrupt):
            build("testapp.Team")
    # Every row has its files at any time.
    assert needed() <= files()
    done = {row.pk: column(row) for row in (kit, *old) if name_matches(row, (8, 16))}
    build()
    for pk, key in done.items():
        assert column(Team.objects.get(pk=pk)) == key
    assert all(name_matches(row, (8, 16)) for row in (kit, *old))
    if function != "delete":
        assert files() == needed()


def name_matches(row: Any, sizes: tuple[int, ...]) -> bool:
    name = Name.parse(column(row))
    return name is not None and name.sizes == sizes


def test_a_failing_database_leaves_no_files(monkeypatch, media, files):
    row = old_team(media)

    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(locking, "write_name", fail)
    with pytest.raises(CommandError):
        build()
    assert column(row) == "avatars/old.jpg"
    assert files() == {"avatars/old.jpg"}


# --- meanwhile, somebody else ----------------------------------------------------------------


def meanwhile(monkeypatch: Any, module: Any, function: str, act: Any) -> None:
    """Before a step of the run, something happens elsewhere; once."""
    original = getattr(module, function)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(module, function, original)
        act()
        return original(*args, **kwargs)

    monkeypatch.setattr(module, function, wrapped)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (building, "reason_to_build"),
        (building, "carry_out"),
        (building.storage, "read"),
        (pipeline, "store"),
        (building, "replace_name"),
    ],
)
@pytest.mark.parametrize("deleted", [False, True])
def test_a_user_wins(monkeypatch, settings, files, module, function, deleted):
    row = team()
    settings.AVATAR_KIT = {"SIZES": (8,)}

    def replace() -> None:
        mine = Team.objects.get(pk=row.pk)
        if deleted:
            mine.delete()
        else:
            mine.avatar = upload("red")
            mine.save()

    meanwhile(monkeypatch, module, function, replace)
    out, err = build(verbosity=2)
    assert err == ""
    assert "1 changed meanwhile, 0 failed" in summary(out)
    assert files() == needed()
    if not deleted:
        assert name_of(row).sizes == (8,)


def test_a_stale_instance_does_not_bring_the_old_name_back(settings, files):
    row = team()
    stale = fresh(row)
    settings.AVATAR_KIT = {"SIZES": (8,)}
    build()
    stale.name = "late"
    stale.save()
    assert name_of(row).sizes == (8,)
    assert files() == needed()


def test_two_runs_at_once(monkeypatch, settings, files):
    row = team()
    settings.AVATAR_KIT = {"SIZES": (8,)}
    meanwhile(monkeypatch, building, "replace_name", build)
    out, _ = build()
    assert "1 changed meanwhile" in summary(out)
    assert name_of(row).sizes == (8,)
    assert files() == needed()


def test_a_row_without_a_row(monkeypatch, settings):
    """The instance is fetched anew; between the plan and that, it went."""
    row = team()
    settings.AVATAR_KIT = {"SIZES": (8,)}
    read = next(avatars.read(avatar(), "default"))
    row.delete()
    assert not avatars.unchanged(read).exists()
    assert building.carry_out(read, force=False, dry_run=False) is False
