"""For the tests of a site: pictures made in memory, storages of a test's own, and what they hold.

class PortraitTests(AvatarTestMixin, TestCase):
    def test_upload(self):
        self.client.post("/avatar/", {"avatar": make_upload()})
        settle()
        assert_avatar_files(Profile.objects.get())

``test.pytest_plugin`` has the same as fixtures, ``test.factory_boy`` a declaration for factories.
They alone import pytest and factory_boy. Nothing here needs the apps to be loaded before it is
called.
"""

from __future__ import annotations

from .files import assert_avatar_files, assert_no_litter, settle
from .images import make_image, make_upload
from .isolation import IsolatedStorages, StorageCall, isolated_storages
from .testcases import AvatarTestMixin

__all__ = [
    "AvatarTestMixin",
    "IsolatedStorages",
    "StorageCall",
    "assert_avatar_files",
    "assert_no_litter",
    "isolated_storages",
    "make_image",
    "make_upload",
    "settle",
]
