from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import Storage, storages
from django.core.management.commands import flush
from django.db import connections

from django_avatar_kit.signals import avatar_deleted, avatar_updated
from django_avatar_kit.test import IsolatedStorages, settle
from tests.support import postgres

pytest_plugins = ["django_avatar_kit.test.pytest_plugin"]

WANTED = os.environ.get("AVATAR_KIT_TEST_DB") == "postgres"


def pytest_configure(config: pytest.Config) -> None:
    if WANTED and not hasattr(config, "workerinput") and (folder := postgres.binaries()):
        config._postgres = postgres.Server(folder)
        config._postgres.start()


def _delete_rows(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
    return [f"DELETE FROM {self.quote_name(table)}" for table in tables]  # noqa: S608


@pytest.fixture(autouse=True, scope="session")
def quick_flush() -> None:
    """After each test with real commits, a dozen tables with a row or two are emptied.

    Django would make the content types and permissions of all models again, which takes longer
    than most tests, and no test asks for them. PostgreSQL's TRUNCATE takes a tenth of a second.
    Foreign keys are looked at when the deletions are committed, so that their order is of no
    importance.
    """
    flush.emit_post_migrate_signal = lambda *args, **options: None
    for connection in connections.all():
        if connection.vendor == "postgresql":
            type(connection.ops).sql_flush = _delete_rows


def pytest_unconfigure(config: pytest.Config) -> None:
    if server := getattr(config, "_postgres", None):
        server.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "s3_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.s3)
    if WANTED and postgres.binaries() is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed (no initdb)"))


@pytest.fixture(autouse=True)
def media(settings: Any, avatar_storages: IsolatedStorages) -> Path:
    """A media folder of each test's own, and nothing that the last one left behind."""
    ContentType.objects.clear_cache()
    # Of another class than the default one, so that a test can make one of the two fail.
    settings.STORAGES = {
        **settings.STORAGES,
        "renditions": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": str(avatar_storages.location("renditions")),
                "base_url": "/renditions/",
            },
        },
    }
    return avatar_storages.location()


@pytest.fixture
def renditions(avatar_storages: IsolatedStorages) -> Path:
    """The folder of the other storage that fields of the test app name."""
    return avatar_storages.location("renditions")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Any]:
    """An S3 server on loopback, which the tests with a ``bucket`` share."""
    for package in ("boto3", "moto", "storages"):
        pytest.importorskip(package, reason=f"{package} is not installed: no tests on S3.")
    from tests.support.s3server import Server, quick_clients

    with quick_clients():
        server = Server()
        yield server
        server.stop()


@pytest.fixture
def bucket(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket. ``bucket.use(settings)`` makes it the default storage."""
    from tests.support.s3server import Bucket

    # Nothing that the machine has been told of AWS is to be asked, nor the network.
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bucket = Bucket(s3_server)
    yield bucket
    s3_server.calm()
    s3_server.refusals.clear()


@pytest.fixture
def storage(media: Path) -> Storage:
    return storages["default"]


@pytest.fixture
def files(avatar_storages: IsolatedStorages) -> Callable[[], set[str]]:
    """The keys that lie in media now."""
    return avatar_storages.keys


@pytest.fixture
def settled() -> Callable[[], None]:
    return settle


@pytest.fixture
def small(settings: Any) -> None:
    """Two small renditions, where the bookkeeping is tested and not the picture."""
    settings.AVATAR_KIT = {"SIZES": (16, 32)}


@pytest.fixture
def django_cleanup() -> None:
    """For what only django-cleanup does. One run of these tests is without it."""
    if not apps.is_installed("django_cleanup"):
        pytest.skip("django-cleanup is not installed here.")


@pytest.fixture
def signalled() -> Iterator[list[dict[str, Any]]]:
    """What the kit's signals have told, in order."""
    told: list[dict[str, Any]] = []
    receivers = {}
    for name, signal in (("updated", avatar_updated), ("deleted", avatar_deleted)):

        def receive(signal: Any, name: str = name, **kwargs: Any) -> None:
            told.append({"signal": name, **kwargs})

        signal.connect(receive)
        receivers[signal] = receive
    yield told
    for signal, receive in receivers.items():
        signal.disconnect(receive)
