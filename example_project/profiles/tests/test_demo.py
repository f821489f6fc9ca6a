from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from PIL import ImageChops

from django_avatar_kit.test import make_upload, settle
from profiles import portraits
from profiles.cast import CAST
from profiles.inventory import take_stock
from profiles.management.commands import demo
from profiles.models import Profile, Team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def debug(settings):
    settings.DEBUG = True


def run(capsys, **options) -> str:
    call_command("demo", **{"serve": False, **options})
    return capsys.readouterr().out


def test_a_site_full_of_people(capsys, stored, client):
    out = run(capsys)
    assert "16 people made, 0 were here already; 12 have a picture." in out
    assert "Log in as “demo” with “demo”." in out
    assert get_user_model().objects.count() == len(CAST) + 1
    assert len(stored()) == 12 * 6
    assert not take_stock().orphans
    assert client.login(username="demo", password="demo")
    assert [team.members.count() for team in Team.objects.all()] == [7, 3, 4, 5]
    for url in ("/", "/teams/", "/me/", "/rounds/", "/storage/", "/admin/profiles/profile/"):
        assert client.get(url).status_code == 200


def test_twice(capsys, stored):
    run(capsys)
    changed, deleted = Profile.objects.exclude(avatar="")[:2]
    changed.avatar = make_upload()
    changed.save()
    deleted.avatar.delete()
    demo_user = get_user_model().objects.get(username="demo")
    demo_user.set_password("changed since")
    demo_user.save()
    settle()
    names = set(Profile.objects.values_list("user__username", "avatar"))
    files = stored()
    out = run(capsys)
    assert "0 people made, 16 were here already; 11 have a picture." in out
    assert "with the password that it was given since" in out
    assert set(Profile.objects.values_list("user__username", "avatar")) == names
    assert stored() == files


def test_quietly(capsys):
    assert run(capsys, verbosity=0) == ""


def test_not_in_production(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DJANGO_DEBUG=1"):
        call_command("demo")
    assert not get_user_model().objects.exists()


@pytest.fixture
def served(monkeypatch):
    calls = []

    def stand_in(name, *args, **options):
        if name == "runserver":
            calls.append((*args, options))
        else:
            call_command(name, *args, **options)

    monkeypatch.setattr(demo, "call_command", stand_in)
    return calls


def test_serves(capsys, served, monkeypatch):
    monkeypatch.setattr(demo, "CAST", ())
    monkeypatch.delenv("PORT", raising=False)
    assert "Open http://127.0.0.1:8000/" in run(capsys, serve=True)
    assert "Open http://127.0.0.1:8001/" in run(capsys, serve=True, port=8001)
    monkeypatch.setenv("PORT", "8002")
    run(capsys, serve=True, use_reloader=False)
    assert served == [
        ("127.0.0.1:8000", {"use_reloader": True}),
        ("127.0.0.1:8001", {"use_reloader": True}),
        ("127.0.0.1:8002", {"use_reloader": False}),
    ]


def test_what_to_open_is_said_before_it_serves(monkeypatch):
    class Pipe(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    pipe, seen = Pipe(), []
    monkeypatch.setattr(demo, "CAST", ())

    def stand_in(name, *args, **options):
        if name == "runserver":
            seen.append(pipe.flushed)

    monkeypatch.setattr(demo, "call_command", stand_in)
    call_command("demo", port=8000, stdout=pipe)
    (said,) = seen
    assert "Log in as “demo” with “demo”." in said
    assert said.endswith("Open http://127.0.0.1:8000/\n")


def test_the_child_of_the_autoreloader_only_serves(capsys, served, monkeypatch):
    monkeypatch.setenv(DJANGO_AUTORELOAD_ENV, "true")
    assert run(capsys, serve=True) == ""
    assert len(served) == 1
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("shape", ["square", "portrait", "landscape"])
def test_the_same_seed_draws_the_same_face(shape):
    first, again, other = (portraits.draw(seed, shape) for seed in (4, 4, 5))
    assert ImageChops.difference(first, again).getbbox() is None
    assert ImageChops.difference(first, other).getbbox() is not None
