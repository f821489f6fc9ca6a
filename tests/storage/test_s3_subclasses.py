"""Which storages are used as django-storages made them, and which by their own methods."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.utils.deconstruct import deconstructible
from django.utils.functional import lazy

from django_avatar_kit.storage.base import adapter_of
from django_avatar_kit.storage.s3 import Bucket
from tests.support.processes import python

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")

from storages.backends.s3 import S3ManifestStaticStorage, S3StaticStorage, S3Storage

from tests.support.s3storage import OwnParameters, OwnUrl

# --- which storages this is for ---------------------------------------------------------------


class Elsewhere(S3Storage):
    location = "elsewhere"
    default_acl = "private"

    def helper(self) -> None:
        """A method that the stock class does not have."""


@deconstructible
class Deconstructible(S3Storage):
    querystring_auth = False


class GrandchildOfOwnUrl(OwnUrl):
    location = "elsewhere"


class OwnSave(S3Storage):
    def _save(self, name: str, content: Any) -> Any:
        return super()._save(name, content)


class OwnInit(S3Storage):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class OwnBucket(S3Storage):
    @property
    def bucket(self) -> Any:
        return super().bucket


class LocationOfTheMoment(S3Storage):
    @property
    def location(self) -> str:
        return "tenant"


@pytest.mark.parametrize("cls", [S3Storage, S3StaticStorage, Elsewhere, Deconstructible])
def test_the_stock_storage_and_its_children_with_other_values(cls):
    assert isinstance(adapter_of(cls(bucket_name="b")), Bucket)


@pytest.mark.parametrize(
    "cls",
    [
        OwnUrl,
        GrandchildOfOwnUrl,
        OwnSave,
        OwnParameters,
        OwnInit,
        OwnBucket,
        LocationOfTheMoment,
        S3ManifestStaticStorage,
    ],
)
def test_what_overrides_a_method_is_left_to_its_methods(cls):
    storage = cls.__new__(cls)
    assert not isinstance(adapter_of(storage), Bucket)


@deconstructible
class Equal(S3Storage):
    """As Django wants a storage for migrations; and so without a hash."""

    location = "media"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    __hash__ = None


def test_storages_are_told_apart_by_what_they_are_and_not_by_what_they_equal():
    one, other = Equal(bucket_name="b"), Equal(bucket_name="c")
    assert one == other
    assert adapter_of(one) is adapter_of(one)
    assert adapter_of(one) is not adapter_of(other)


class SaveMixin(Storage):
    def save(self, name: Any, content: Any, max_length: int | None = None) -> str:
        return f"mine/{name}"


class MixedIn(S3Storage, SaveMixin):
    pass


def test_a_mixin_that_comes_after_the_stock_storage_overrides_too():
    assert not isinstance(adapter_of(MixedIn(bucket_name="b")), Bucket)


def test_what_is_lazy_is_another_one_each_time(bucket, settings):
    tenants = iter("ab")
    lazily = lazy(lambda: next(tenants), str)()
    storage = bucket.use(settings, custom_domain=lazily)
    assert not isinstance(adapter_of(storage), Bucket)


def test_other_storages_are_none_of_its_business(tmp_path):
    assert not isinstance(adapter_of(FileSystemStorage(tmp_path)), Bucket)
    assert not isinstance(adapter_of(InMemoryStorage()), Bucket)


def test_a_storage_that_compresses_pictures_writes_them_itself():
    assert isinstance(adapter_of(S3Storage(bucket_name="b", gzip=True)), Bucket)
    kinds = ("text/css", "image/webp")
    compressing = S3Storage(bucket_name="b", gzip=True, gzip_content_types=kinds)
    assert not isinstance(adapter_of(compressing), Bucket)
    without = S3Storage(bucket_name="b", gzip=True, gzip_content_types=None)
    assert isinstance(adapter_of(without), Bucket)


def test_without_django_storages_nothing_of_it_is_imported():
    code = (
        "import sys; from django.conf import settings; settings.configure();"
        "import django_avatar_kit.storage.base as s;"
        "from django.core.files.storage import InMemoryStorage;"
        "assert type(s.adapter_of(InMemoryStorage())).__name__ == 'Adapter';"
        "assert not {'storages', 'boto3', 'botocore'} & set(sys.modules)"
    )
    python(code)
