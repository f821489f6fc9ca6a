from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from django_avatar_kit.test import IsolatedStorages
from tests.support.corpus.page import ChangePage, formats_here
from tests.testapp.models import Profile


@pytest.fixture
def page(transactional_db: Any, settings: Any, avatar_storages: IsolatedStorages) -> ChangePage:
    """The change page of somebody who has no avatar yet. Commits are real."""
    settings.AVATAR_KIT = {"SIZES": (16, 32), "UPLOAD_FORMATS": formats_here()}
    profile = Profile.objects.create(user=User.objects.create(username="ada"))
    return ChangePage(profile, avatar_storages)
