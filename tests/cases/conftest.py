"""Fixtures of the tests of reported cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit.test import make_upload
from tests.support.file_kinds import opened
from tests.testapp.models import Profile, Team


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Close the pipes and files that a test has opened through ``file_kinds``."""
    with opened:
        yield


@pytest.fixture
def user(db: None) -> User:
    user: User = User.objects.create(username="ada")
    return user


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def profile(user: User) -> Profile:
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    profile: Profile = Profile.objects.get(user=user)
    return profile


@pytest.fixture
def team(db: None) -> Team:
    Team.objects.create(name="red", avatar=make_upload())
    team: Team = Team.objects.get()
    return team
