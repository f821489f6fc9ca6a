"""Storages on S3: what takes fewer requests there than by the methods of ``Storage``.

This is for django-storages' ``S3Storage`` as it is. A subclass that overrides one of its methods,
or makes a setting depend on something, is used by its own ``save()``, ``delete()`` and ``url()``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property, partial
from itertools import takewhile
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.utils.encoding import filepath_to_uri
from django.utils.functional import Promise

from ..formats import media_type_of, rendition_encoders
from ..interruptions import is_interruption
from .adapter import Adapter, JoinedUrls, Stored
from .presigned_urls import SignedUrls, quoted
from .s3_client import S3Client
from .threads import submit

logger = logging.getLogger(__name__)

#: Keys in one DeleteObjects, by the S3 API.
MOST_DELETED = 1000
#: Keys are random and never written twice, so that any cache may keep an object: for a year, the
#: longest time by RFC 2616, section 14.21.
CACHE_CONTROL = "public, max-age=31536000, immutable"

#: A class that has one of these may do anything with the stock settings and methods.
_OVERRIDES = frozenset({"__init__", "__getattr__", "__getattribute__", "__setattr__"})


def is_stock(storage: Any) -> bool:
    """Whether a storage works as django-storages' ``S3Storage`` does."""
    # Not imported here: whoever has such a storage has imported its module.
    module = sys.modules.get("storages.backends.s3")
    if module is None or not issubclass(type(storage), module.S3Storage):
        return False
    stock: Any = module.S3Storage
    settings = stock.get_default_settings(None)
    for base in type(storage).__mro__:
        # All bases: a mixin that is a Storage comes between S3Storage and Storage.
        if base not in stock.__mro__ and _changes(base, stock, settings):
            return False
    pictures = {media_type_of(name) for name in rendition_encoders()}
    if storage.gzip and pictures.intersection(storage.gzip_content_types or ()):
        return False
    # What lazy() gives may be another value each time.
    return not any(isinstance(getattr(storage, name), Promise) for name in settings)


def _changes(base: type, stock: Any, settings: Collection[str]) -> bool:
    return any(
        name in _OVERRIDES
        # A method or property of the stock class; or a setting that is more than a value.
        or (not name.startswith("__") and hasattr(getattr(stock, name, None), "__get__"))
        or (name in settings and hasattr(value, "__get__"))
        for name, value in vars(base).items()
        # Django's @deconstructible adds this, which every storage in a migration has.
        if name != "deconstruct"
    )


class Bucket(Adapter):
    """A bucket, or the folder in it that is the ``location`` of a storage.

    Keys are those of the storage, so without its location. The exceptions are those of botocore.
    """

    storage: Any
    is_shared = True

    def __init__(self, storage: Any) -> None:
        super().__init__(storage)
        self.s3 = S3Client(storage)
        self._signed = SignedUrls(self.s3, partial(self.join, ""), lambda: self._unsigned)
        self._deletes_many = True

    def put(self, key: str, data: bytes, content_type: str, *, immutable: bool = True) -> Stored:
        """Write an object with one request.

        The site's ``object_parameters`` and ``default_acl`` are heeded, but for the content type.
        """
        parameters = dict(self.storage.get_object_parameters(key))
        if immutable:
            parameters.setdefault("CacheControl", CACHE_CONTROL)
        if self.storage.default_acl:
            parameters.setdefault("ACL", self.storage.default_acl)
        parameters["ContentType"] = content_type
        answer = self.s3.client.put_object(**self._at(key), Body=data, **parameters)
        return Stored(key, etag=str(answer.get("ETag", "")).strip('"'))

    def get(self, key: str) -> bytes:
        """The bytes of an object, with one request."""
        # Such as the key of a customer, without which nothing can be read.
        parameters = {
            name: value
            for name, value in self.storage.get_object_parameters(key).items()
            if name.startswith("SSECustomer") or name in {"ExpectedBucketOwner", "RequestPayer"}
        }
        with self.s3.client.get_object(**self._at(key), **parameters)["Body"] as body:
            return bytes(body.read())

    def head(self, key: str) -> dict[str, Any]:
        """The headers of an object, by botocore's names."""
        return self.s3.client.head_object(**self._at(key))  # type: ignore[no-any-return]

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.storage.bucket_name, "Key": self.s3.full(key)}

    def delete(self, keys: Iterable[str]) -> dict[str, Exception]:
        """Delete objects, a thousand to a request; what could not be deleted and why."""
        failed: dict[str, Exception] = {}
        names: dict[str, str] = {}
        for key in keys:
            try:
                names[self.s3.full(key)] = key
            except SuspiciousOperation as error:  # noqa: PERF203 - the other keys are still deleted
                failed[key] = error
        pairs = list(names.items())
        for start in range(0, len(pairs), MOST_DELETED):
            failed |= self._delete_many(dict(pairs[start : start + MOST_DELETED]))
        return failed

    def _delete_many(self, names: dict[str, str]) -> dict[str, Exception]:
        """Delete objects with one request; ``names`` has their names in the bucket, and keys."""
        from botocore.exceptions import ClientError

        if not self._deletes_many:
            return self._delete_each(names.values())
        try:
            answer = self.s3.client.delete_objects(
                Bucket=self.storage.bucket_name,
                Delete={"Objects": [{"Key": name} for name in names], "Quiet": True},
            )
        except Exception as error:
            if is_interruption(error):
                raise
            response: Any = getattr(error, "response", None) or {}
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            # There is no DeleteObjects, or (400) not in the form that botocore sends this one in.
            if status in {400, 405, 501}:
                self._deletes_many = status == 400
                return self._delete_each(names.values())
            return dict.fromkeys(names.values(), error)
        # An error that names no key may be about any of them.
        return {
            names.get(name, name): ClientError({"Error": error}, "DeleteObjects")
            for error in answer.get("Errors", ())
            if error.get("Code") != "NoSuchKey"
            for name in ([error["Key"]] if error.get("Key") else names)
        }

    def _delete_each(self, keys: Iterable[str]) -> dict[str, Exception]:
        futures = {key: submit(self._delete, key) for key in keys}
        results = {key: future.result() for key, future in futures.items()}
        return {key: error for key, error in results.items() if error is not None}

    def _delete_one(self, key: str) -> None:
        self.s3.client.delete_object(**self._at(key))

    def walk(self, folder: str = "", needed: Collection[str] = ()) -> Iterator[Stored]:  # noqa: ARG002
        """Every object whose key begins with ``folder``, page by page, in the order of keys.

        The ETag is the MD5 of the object, unless it was written in parts or encrypted with a key
        of the customer's.
        """
        start = len(self.s3.prefix)
        pages = self.s3.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.storage.bucket_name, Prefix=f"{self.s3.prefix}{folder}"
        )
        for page in pages:
            for found in page.get("Contents", ()):
                key = found["Key"][start:]
                # Consoles make objects that end in a slash, to show an empty folder.
                if not key.endswith("/") and self._can_name(key):
                    etag = found.get("ETag", "").strip('"')
                    yield Stored(key, found["Size"], found["LastModified"], etag)

    def _can_name(self, key: str) -> bool:
        """Whether the storage takes a key as it is.

        “a//b”, “a/./b” and “a\\b” are all “a/b” to it, which would be deleted instead.
        """
        try:
            return self.s3.full(key) == f"{self.s3.prefix}{key}"
        except SuspiciousOperation:
            return False

    def is_listed(self, key: str) -> bool:
        return any(stored.key == key for stored in self.walk(key))

    def look(self, keys: Collection[str]) -> dict[str, Stored]:
        """Those of the objects that exist, by a listing of what all of their keys begin with."""
        listed = self.walk(_beginning(keys)) if keys else ()
        return {stored.key: stored for stored in listed if stored.key in keys}

    def locations(self) -> list[tuple[object, tuple[str, ...]]]:
        """The bucket and its endpoint, and the folders of the location."""
        root = self.storage.endpoint_url or "", self.storage.bucket_name or ""
        return [(root, tuple(self.s3.prefix.split("/")[:-1]))]

    def urls(self) -> Callable[[str], str]:
        storage = self.storage
        if storage.custom_domain and not (storage.querystring_auth and storage.cloudfront_signer):
            return self._on_domain
        return self._signed.current() if storage.querystring_auth else self._unsigned

    @cached_property
    def _on_domain(self) -> JoinedUrls:
        return JoinedUrls(self.join, f"{self.storage.url_protocol}//{self.storage.custom_domain}/")

    @cached_property
    def _unsigned(self) -> JoinedUrls:
        try:
            base = self.s3.public_url()
        except Exception:
            # Such as that of a storage without a bucket name. The page is shown without pictures.
            logger.exception("Cannot build URLs of the bucket “%s”.", self.storage.bucket_name)
            base = "/"
        return JoinedUrls(self.join, base)

    def _quote(self, folder: str) -> str:
        full = self.s3.full(f"{folder}/x" if folder else "x")[:-1]
        # As django-storages quotes it before a domain of one's own, and otherwise botocore.
        return filepath_to_uri(full) if self.storage.custom_domain else quoted(full)

    def problems(self) -> list[str]:
        """What is wrong with the settings: "no bucket", "http" for a domain without https, and
        "unsigned domain" where URLs are to be signed, and a domain is given but no signer for it.
        """
        storage = self.storage
        signs = storage.cloudfront_signer or not storage.querystring_auth
        found = {
            "no bucket": not storage.bucket_name,
            "http": storage.custom_domain and storage.url_protocol == "http:",
            "unsigned domain": storage.custom_domain and not signs,
        }
        return [name for name, is_so in found.items() if is_so]


def _beginning(keys: Collection[str]) -> str:
    """What all keys begin with."""
    pairs = zip(min(keys), max(keys), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
