"""``AvatarTestMixin``, as a project without pytest has it."""

from __future__ import annotations

from django.core.files.storage import storages
from django.db import connection, transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from django_avatar_kit.test import AvatarTestMixin, assert_avatar_files, settle
from tests.support.lifecycle import column, make_profile, upload
from tests.testapp.models import Profile

SMALL = {"SIZES": (16, 32)}


@override_settings(AVATAR_KIT=SMALL)
class ClassData(AvatarTestMixin, TestCase):
    """Whatever a test does, the next one finds what ``setUpTestData()`` made."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.profile = make_profile()
        cls.other = make_profile("grace")
        cls.other.avatar.save("new.jpg", upload())

    # No super().setUp(), as many have it.
    def setUp(self) -> None:
        assert_avatar_files(self.profile)
        assert_avatar_files(self.other)
        assert len(self.avatar_storages.keys()) == 6

    def test_replaced(self):
        self.profile.avatar.save("new.jpg", upload())
        settle()
        assert_avatar_files(self.profile)

    def test_removed(self):
        self.profile.avatar.delete()
        settle()
        assert column(self.profile) == ""
        assert_avatar_files(self.profile)

    def test_deleted(self):
        Profile.objects.all().delete()
        settle()
        assert self.avatar_storages.keys() == set()

    def test_left_unsettled(self):
        self.profile.avatar.save("new.jpg", upload())

    def test_no_queries_for_what_another_test_has_left(self):
        with self.assertNumQueries(1):
            Profile.objects.update(bio="")

    def test_nested_transactions(self):
        with transaction.atomic():
            self.profile.avatar.save("new.jpg", upload())
            with self.assertRaises(ZeroDivisionError), transaction.atomic():  # noqa: PT027
                self.profile.avatar.save("newer.jpg", upload())
                raise ZeroDivisionError
        settle()
        assert_avatar_files(self.profile)

    def test_calls_are_counted(self):
        self.avatar_storages.calls.clear()
        storages["default"].exists("a.txt")
        assert self.avatar_storages.calls == [("exists", "a.txt")]


@override_settings(AVATAR_KIT=SMALL)
class RealTransactions(AvatarTestMixin, TransactionTestCase):
    def setUp(self) -> None:
        assert not connection.in_atomic_block
        assert self.avatar_storages.keys() == set()
        self.profile = make_profile()

    def test_replaced(self):
        self.profile.avatar.save("new.jpg", upload())
        assert_avatar_files(self.profile)

    def test_deleted(self):
        self.profile.delete()
        assert_avatar_files(self.profile)


class WithoutDatabase(AvatarTestMixin, SimpleTestCase):
    def test_storages_are_its_own(self):
        assert self.avatar_storages.keys() == set()
