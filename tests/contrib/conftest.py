from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User

# With the settings of the other tests, these apps have no tables.
collect_ignore_glob = [] if settings.SETTINGS_MODULE == "tests.contrib.settings" else ["test_*.py"]


@pytest.fixture(autouse=True)
def _small(small: None) -> None:
    """Two small renditions: no test here looks at the picture."""


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")
