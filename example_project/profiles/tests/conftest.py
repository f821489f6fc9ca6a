from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import default_storage

from example import local_s3

if TYPE_CHECKING:
    from django_avatar_kit.test import IsolatedStorages

Stored = Callable[[], set[str]]

_numbers = count(1)


@pytest.fixture
def in_folder(avatar_storages: IsolatedStorages) -> Stored:
    """What lies in the media folder."""
    return avatar_storages.keys


@pytest.fixture
def stored(in_folder: Stored) -> Stored:
    """What lies in storage now, which is a folder unless a test asks for a bucket."""
    return in_folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server for all tests; each makes a bucket of its own."""
    with local_s3.serve() as endpoint:
        yield endpoint


@pytest.fixture
def no_aws(monkeypatch) -> None:
    """Nothing of AWS in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def bucket(monkeypatch, no_aws, s3_server: str) -> str:
    """The name of an empty bucket, which the environment leads to."""
    name = f"faces-{next(_numbers)}"
    for variable, value in local_s3.variables(name, s3_server).items():
        monkeypatch.setenv(variable, value)
    local_s3.make(name, s3_server)
    return name


@pytest.fixture
def in_bucket(settings, bucket: str, avatar_storages: IsolatedStorages) -> Iterator[Stored]:
    """What lies in a bucket, where the site keeps its media for once; nothing goes elsewhere."""
    settings.STORAGES = runpy.run_module("example.settings.s3")["STORAGES"]
    yield lambda: {entry.key for entry in default_storage.bucket.objects.all()}
    assert avatar_storages.keys() == set()


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hashing is slow on purpose, and no test is about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
