"""Fixtures for pytest, where a project opts in.

pytest_plugins = ["django_avatar_kit.test.pytest_plugin"]  # in the conftest.py of the root

From then on, each test has storages of its own, also the methods of a ``TestCase``.
Fixtures of a wider scope may upload, too. Each test begins with a copy of their files.
pytest-django is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .files import assert_no_litter, settle
from .isolation import IsolatedStorages, StorageCall, isolated_storages

__all__ = ["avatar_storages", "no_avatar_litter", "storage_calls"]


@pytest.fixture(autouse=True, scope="session")
def _avatar_storages_of_session() -> Iterator[None]:
    with isolated_storages():
        yield


@pytest.fixture(autouse=True, scope="module")
def _avatar_storages_of_module() -> Iterator[None]:
    with isolated_storages():
        yield


@pytest.fixture(autouse=True, scope="class")
def _avatar_storages_of_class(request: pytest.FixtureRequest) -> Iterator[None]:
    """For ``setUpTestData()``."""
    if request.cls is None:
        yield
        return
    with isolated_storages():
        yield


@pytest.fixture(autouse=True)
def avatar_storages() -> Iterator[IsolatedStorages]:
    """The storages of this test, which no other test sees."""
    with isolated_storages() as layer:
        yield layer


@pytest.fixture
def storage_calls(avatar_storages: IsolatedStorages) -> list[StorageCall]:
    """What the storages were asked to do, in order. ``storage_calls.clear()`` empties the list."""
    return avatar_storages.calls


@pytest.fixture
def no_avatar_litter(
    db: None,  # noqa: ARG001 - so that this ends before the rows are gone
    avatar_storages: IsolatedStorages,  # noqa: ARG001 - and before the files are
) -> Iterator[None]:
    """Fails the test if, in the end, storage has a file of an avatar that no row names."""
    yield
    settle()
    assert_no_litter()
