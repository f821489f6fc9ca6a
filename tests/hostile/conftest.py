from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from django_avatar_kit.test import IsolatedStorages
from tests.support.corpus.page import ChangePage
from tests.testapp.models import Profile


@pytest.fixture
def page(transactional_db: Any, small: Any, avatar_storages: IsolatedStorages) -> ChangePage:
    """The change page of somebody who has no avatar yet. Commits are real."""
    profile = Profile.objects.create(user=User.objects.create(username="ada"))
    return ChangePage(profile, avatar_storages)
