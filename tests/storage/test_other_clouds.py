"""Azure and Google, by django-storages as it is, on clients that answer as the real ones do.

What they answer was compared with the emulators that both have.
"""

from __future__ import annotations

import io
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import models

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.storage import base as module
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, fresh, upload
from tests.testapp.models import Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
    # Of the storages themselves.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),
]


class Container:
    """A container of Azure: blobs by their whole names, and no folders."""

    url = "https://example.org/pictures"

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def _missing(self) -> Exception:
        from azure.core.exceptions import ResourceNotFoundError

        return ResourceNotFoundError("The specified blob does not exist.")

    def upload_blob(self, name: str, data: Any, **options: Any) -> None:
        self.blobs[name] = data.read()

    def delete_blob(self, name: str, **options: Any) -> None:
        if self.blobs.pop(name, None) is None:
            raise self._missing()

    def list_blobs(self, *, name_starts_with: str, **options: Any) -> Any:
        found = [name for name in sorted(self.blobs) if name.startswith(name_starts_with)]
        return [SimpleNamespace(name=name) for name in found]

    def download_blob(self, name: str, **options: Any) -> Any:
        if name not in self.blobs:
            raise self._missing()
        return SimpleNamespace(readinto=lambda file: file.write(self.blobs[name]))

    def get_blob_client(self, name: str) -> Any:
        def properties(**options: Any) -> Any:
            if name not in self.blobs:
                raise self._missing()
            modified = datetime(2026, 1, 1, tzinfo=timezone.utc)
            return SimpleNamespace(size=len(self.blobs[name]), last_modified=modified)

        return SimpleNamespace(
            url=f"{self.url}/{name}",
            exists=lambda: name in self.blobs,
            get_blob_properties=properties,
        )


class Blob:
    """An object of Google's."""

    def __init__(self, name: str, bucket: Any, **options: Any) -> None:
        self.name = name
        self.bucket = bucket
        self.updated = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.public_url = f"https://example.org/{name}"

    @property
    def size(self) -> int:
        return len(self.bucket.blobs[self.name])

    def upload_from_file(self, file: Any, **options: Any) -> None:
        file.seek(0)
        self.bucket.blobs[self.name] = file.read()

    def download_to_file(self, file: Any, **options: Any) -> None:
        file.write(self.bucket.blobs[self.name])


class Listing(list[Any]):
    prefixes: set[str]


class GoogleBucket:
    """A bucket of Google's, with folders where it is asked for a delimiter."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def blob(self, name: str) -> Blob:
        return Blob(name, self)

    def get_blob(self, name: str, **options: Any) -> Blob | None:
        return Blob(name, self) if name in self.blobs else None

    def delete_blob(self, name: str, **options: Any) -> None:
        if self.blobs.pop(name, None) is None:
            from google.cloud.exceptions import NotFound

            raise NotFound("No such object")

    def list_blobs(self, *, prefix: str, delimiter: str) -> Any:
        found = Listing()
        found.prefixes = set()
        for name in sorted(self.blobs):
            if name.startswith(prefix):
                first, slash, _ = name[len(prefix) :].partition(delimiter)
                if slash:
                    found.prefixes.add(f"{prefix}{first}/")
                else:
                    found.append(Blob(name, self))
        return found


@pytest.fixture(params=["azure", "google"])
def kind(request: Any) -> str:
    return str(request.param)


@pytest.fixture(params=["", "media"])
def location(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, location: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    options: dict[str, Any] = {"location": location}
    if kind == "azure":
        pytest.importorskip("azure.storage.blob", reason="Its client is not installed.")
        backend = "storages.backends.azure_storage.AzureStorage"
        options |= {"account_name": "example", "azure_container": "pictures"}
    else:
        pytest.importorskip(
            "google.cloud.storage", reason="google-cloud-storage is not installed."
        )
        backend = "storages.backends.gcloud.GoogleCloudStorage"
        options |= {"bucket_name": "pictures", "querystring_auth": False}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": options},
    }
    place: Any = storages["default"]
    if kind == "azure":
        place._client = Container()
        place.blobs = place._client.blobs
    else:
        monkeypatch.setattr("storages.backends.gcloud.Blob", Blob)
        place._bucket = GoogleBucket()
        place.blobs = place._bucket.blobs
    # Of somebody else, in the same container.
    if location:
        place.blobs["other/x.txt"] = b"x"
    return place


def there(place: Any, location: str) -> set[str]:
    beginning = f"{location}/" if location else ""
    return {name.removeprefix(beginning) for name in place.blobs if name.startswith(beginning)}


def test_the_sweep_finds_and_deletes_orphans(place, location):
    row, lost = (Team.objects.create(avatar=upload()) for _ in range(2))
    orphans = files_of(column(lost))
    assert there(place, location) == files_of(column(row)) | orphans
    plain = models.Value("", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=lost.pk).update(avatar=plain)
    if location:
        # Another site's, which has the same name by chance.
        place.blobs.update({f"other/{key}": b"x" for key in orphans})
    out = io.StringIO()
    call_command("avatar_sweep", max_percent=100, delete=True, stdout=out, stderr=io.StringIO())
    assert "“default”: 6 avatar files, 3 of them not needed" in out.getvalue()
    assert there(place, location) == files_of(column(row))
    if location:
        assert {f"other/{key}" for key in orphans} < set(place.blobs)


def test_the_doctor_finds_the_file_it_has_written(place, monkeypatch):
    # Nobody is to be asked over a network.
    monkeypatch.setattr(type(place), "url", lambda self, name: f"/pictures/{name}")
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "ok       list          it is there" in out.getvalue()
    assert "ok       delete        it is gone" in out.getvalue()
    assert "0 failures" in out.getvalue()


def test_an_avatar_is_built_copied_and_replaced(place, location):
    place.save("old/me.png", upload())
    row = Team.objects.create()
    plain = models.Value("old/me.png", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    call_command("avatar_build", verbosity=0)
    assert there(place, location) == files_of(column(row))
    call_command("avatar_copy", "--from", "default", "--to", "renditions", verbosity=0)
    copied = {stored.key for stored in module.adapter_of(storages["renditions"]).walk()}
    assert copied == files_of(column(row))
    row = fresh(row)
    row.avatar = upload("red")
    row.save()
    settle()
    assert there(place, location) == files_of(column(row))


def test_what_is_not_there(place):
    assert list(module.adapter_of(place).walk("nowhere/")) == []
    assert module.missing(place, ["avatars/x"]) == ["avatars/x"]
    assert module.delete_all(place, ["avatars/x"]) == []
    with pytest.raises(StorageError, match="there is no such file"):
        module.read(place, "avatars/x")
