"""Isolated storages for the test cases of unittest and Django."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .isolation import IsolatedStorages, isolated_storages

if TYPE_CHECKING:
    from unittest import TestCase as Base
else:
    Base = object


class AvatarTestMixin(Base):
    """For a ``TestCase``, in front of it: each test has storages of its own.

    They are those of ``isolated_storages()``. The files that ``setUpTestData()`` uploads are
    there for each test of the class. After a test, its changes to these files are undone, as those
    to the rows are.
    """

    #: The storages of this test; in ``setUpTestData()``, those of the class.
    avatar_storages: IsolatedStorages

    @classmethod
    def setUpClass(cls) -> None:
        """As ``TestCase``'s, with storages for ``setUpTestData()``."""
        stack = ExitStack()
        cls.addClassCleanup(stack.close)
        cls.avatar_storages = stack.enter_context(isolated_storages())
        super().setUpClass()

    def run(self, result: Any = None) -> Any:
        """As ``TestCase``'s, with storages of the test's own."""
        # Not setUp(), which many a test case overrides without calling this one.
        with isolated_storages() as self.avatar_storages:
            return super().run(result)
