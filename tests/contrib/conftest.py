from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

# With the settings of the other tests, these apps have no tables.
collect_ignore_glob = [] if settings.SETTINGS_MODULE == "tests.contrib.settings" else ["test_*.py"]


@pytest.fixture(autouse=True)
def _of_users(small: None, settings: Any, request: pytest.FixtureRequest) -> None:
    """Two small renditions: no test here looks at the picture. ``SHOWN`` names whose is shown."""
    shown = getattr(request.module, "SHOWN", "primary_avatar")
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "OWNER": {"auth.user": shown}}


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")
