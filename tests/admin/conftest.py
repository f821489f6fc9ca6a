"""Somebody who may do everything in the admin, and somebody who may do little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client


@pytest.fixture(autouse=True)
def _small(small: None, settings: Any) -> None:
    """Two small renditions: no test here looks at the picture."""
    settings.ROOT_URLCONF = "tests.admin.urls"


@pytest.fixture
def root(db: None) -> User:
    root: User = User.objects.create_superuser("root")
    return root


@pytest.fixture
def client(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def client_who_may(db: None) -> Callable[..., Client]:
    """A client of somebody with certain permissions only, such as ``view`` on ``Team``."""

    def make(*granted: tuple[str, Any]) -> Client:
        user = User.objects.create(username="clerk", is_staff=True)
        for what, model in granted:
            permission, _made = Permission.objects.get_or_create(
                codename=f"{what}_{model._meta.model_name}",
                content_type=ContentType.objects.get_for_model(model),
            )
            user.user_permissions.add(permission)
        client = Client()
        client.force_login(user)
        return client

    return make
