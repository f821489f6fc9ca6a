from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.support.stored_keys import put
from tests.testapp.models import Profile


@pytest.fixture
def ada(db: None) -> User:
    ada = User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")
    put(Profile.objects.create(user=ada))
    return User.objects.get()
