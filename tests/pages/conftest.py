"""A user with a profile, who is logged in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit.test import make_upload
from tests.testapp.models import Profile


@pytest.fixture
def user(db: None) -> User:
    user: User = User.objects.create(username="ada")
    return user


@pytest.fixture
def profile(user: User) -> Profile:
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    # Loaded anew, as by a request: an instance that has written an avatar remembers that.
    profile: Profile = Profile.objects.get(user=user)
    return profile


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
