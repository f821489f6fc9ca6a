"""People for tests: an account, and a profile with or without a picture."""

from __future__ import annotations

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from django_avatar_kit.test.factory_boy import AvatarUpload
from profiles.models import Profile


class UserFactory(DjangoModelFactory):
    """An account without a profile, which logs in with ``client.force_login()``."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence("person-{}".format)
    # No password fits, and none has to be hashed.
    password = "!"


class ProfileFactory(DjangoModelFactory):
    """A profile, and its account. ``ProfileFactory(pictured=True)`` has a picture."""

    class Meta:
        model = Profile

    class Params:
        pictured = factory.Trait(avatar=AvatarUpload())

    user = factory.SubFactory(UserFactory)
    display_name = factory.Faker("name")
    headline = factory.Faker("sentence")
