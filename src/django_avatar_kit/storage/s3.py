"""What S3 can do and ``Storage`` cannot say: write at once, delete a thousand, list, sign cheaply.

This is for django-storages' ``S3Storage`` as it is. A subclass that overrides a method, or makes a
setting depend on something, goes through its own ``save()``, ``delete()`` and ``url()``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import SuspiciousOperation
from django.core.signals import setting_changed
from django.utils.encoding import filepath_to_uri
from django.utils.functional import Promise

from ..interruptions import is_interruption
from . import presigned_urls as signing
from . import threads as workers

if TYPE_CHECKING:
    from datetime import datetime

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

#: Keys in one DeleteObjects, by the S3 API.
MOST_DELETED = 1000
#: Names are random and never written twice, so whoever has an object may keep it: for a year, the
#: most that HTTP caches count on.
CACHE_CONTROL = "public, max-age=31536000, immutable"
#: Signed URLs that a storage keeps: more than any page shows, and about 10 MB.
KEPT_URLS = 16_384
#: For how long nobody is asked again for credentials that were not to be had, in seconds.
PAUSE = 60

#: With one of these, a subclass may do anything.
_OVERRIDES = frozenset({"__init__", "__getattr__", "__getattribute__", "__setattr__"})

#: HTTP status of an endpoint that has no DeleteObjects, or not in the form that botocore sends.
_NO_BATCHES = frozenset({400, 405, 501})
#: Those that will not have it the next time either.
_NEVER = frozenset({405, 501})


def bucket_of(storage: Storage) -> Bucket | None:
    """The bucket of a storage that works as django-storages made it; None for any other."""
    cls: Any = type(storage)
    if not _is_plain(cls):
        return None
    # By identity: a storage with an ``__eq__()``, as Django wants it for migrations, has no hash,
    # or is equal to one with other options.
    known = _buckets.get(id(storage))
    if known is None:
        # With the storage, so that no other one gets its id.
        known = _buckets.setdefault(id(storage), (storage, _bucket(storage)))
    return known[1]


_buckets: dict[int, tuple[Any, Bucket | None]] = {}


def _bucket(storage: Any) -> Bucket | None:
    pictures = {f"image/{name}" for name in ("webp", "jpeg", "avif", "png")}
    compresses = storage.gzip and pictures.intersection(storage.gzip_content_types or ())
    # What lazy() gives is another one each time that it is asked.
    varies = any(isinstance(getattr(storage, name), Promise) for name in _settings())
    return None if compresses or varies else Bucket(storage)


@cache
def _settings() -> tuple[str, ...]:
    stock: Any = sys.modules["storages.backends.s3"].S3Storage
    return tuple(stock.get_default_settings(None))


@cache
def _is_plain(cls: Any) -> bool:
    # Whoever has such a storage has imported this; nobody else needs to.
    module = sys.modules.get("storages.backends.s3")
    if module is None or not issubclass(cls, module.S3Storage):
        return False
    stock: Any = module.S3Storage
    settings = _settings()
    return not any(
        name in _OVERRIDES
        # A method or property of the stock class; or a setting that is more than a value.
        or (not name.startswith("__") and hasattr(getattr(stock, name, None), "__get__"))
        or (name in settings and hasattr(value, "__get__"))
        # Not only those before it: a mixin that is a Storage comes between it and Storage.
        for base in cls.__mro__
        if base not in stock.__mro__
        for name, value in vars(base).items()
        # From Django's decorator for whatever stands in a migration.
        if name != "deconstruct"
    )


def _forget(**kwargs: Any) -> None:
    _buckets.clear()
    _settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="avatar_kit.s3")


@dataclass(frozen=True, kw_only=True)
class _Window:
    """How URLs are made for a while."""

    url: Callable[[str], str]
    #: Seconds since the epoch.
    until: float
    #: With which they are signed; None where nobody was asked for any.
    credentials: Any = None


class _Connection:
    """What a forked child must not share with its parent: a lock, and open sockets."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.client: Any = None
        self.session: Any = None


class Bucket:
    """A bucket, or the folder in it that is the ``location`` of a storage.

    Keys are those of the storage, so without its location. What fails raises the errors of
    botocore, which tell more than a number.
    """

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self._connection = _Connection()
        self._batches = True
        self._window: _Window | None = None
        # Until when nobody is asked for credentials that are due, and could not be had.
        self._patient_until = 0.0
        # 256 folders to a prefix.
        self._folder = lru_cache(maxsize=4096)(self._folder_of)

    # --- the connection ---

    @property
    def client(self) -> Any:
        """The one client of this process. Clients may be shared by threads, resources may not."""
        return self._connected().client

    def _connected(self) -> _Connection:
        if self._connection.pid != os.getpid():
            self._connection = _Connection()
        connection = self._connection
        if connection.client is None:
            # It takes a tenth of a second, and a pool of threads would all begin with it.
            with connection.lock:
                if connection.client is None:
                    connection.session = self.storage._create_session()
                    connection.client = self._new_client(connection.session)
        return connection

    def _new_client(self, session: Any, **changes: Any) -> Any:
        from botocore.config import Config

        given = self.storage.client_config
        # One connection to each thread; with fewer, some would be made anew for every request.
        connections = max(workers.THREADS, given.max_pool_connections)
        return session.client(
            "s3",
            region_name=self.storage.region_name,
            use_ssl=self.storage.use_ssl,
            endpoint_url=self.storage.endpoint_url,
            config=given.merge(Config(max_pool_connections=connections, **changes)),
            verify=self.storage.verify,
        )

    @property
    def root(self) -> tuple[str, str]:
        """What two storages of the same bucket have in common: the endpoint and the name."""
        return self.storage.endpoint_url or "", self.storage.bucket_name or ""

    @cached_property
    def prefix(self) -> str:
        """The location, empty or ending in a slash."""
        return self._full("x")[:-1]

    def _full(self, key: str) -> str:
        """The key in the bucket. Raises ``SuspiciousOperation`` for one outside the location."""
        from storages.utils import clean_name

        return str(self.storage._normalize_name(clean_name(key)))

    # --- objects ---

    def put(self, key: str, data: bytes, content_type: str, *, immutable: bool = True) -> str:
        """Write an object with one request, and return its ETag, without the quotes.

        What the site's ``object_parameters`` and ``default_acl`` ask for is heeded; of the type
        only the writer knows, and whether nothing else is ever written under this key.
        """
        parameters = dict(self.storage.get_object_parameters(key))
        if immutable:
            parameters.setdefault("CacheControl", CACHE_CONTROL)
        if self.storage.default_acl:
            parameters.setdefault("ACL", self.storage.default_acl)
        parameters["ContentType"] = content_type
        answer = self.client.put_object(
            Bucket=self.storage.bucket_name, Key=self._full(key), Body=data, **parameters
        )
        return str(answer.get("ETag", "")).strip('"')

    def get(self, key: str) -> bytes:
        """The bytes of an object. Raises ``FileNotFoundError`` where there is none."""
        from botocore.exceptions import ClientError

        # Among these may be the key of a customer, without which nothing can be read.
        parameters = {
            name: value
            for name, value in self.storage.get_object_parameters(key).items()
            if name.startswith("SSECustomer") or name in {"ExpectedBucketOwner", "RequestPayer"}
        }
        try:
            answer = self.client.get_object(
                Bucket=self.storage.bucket_name, Key=self._full(key), **parameters
            )
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                raise FileNotFoundError(f"There is no object “{key}”.") from error
            raise
        with answer["Body"] as body:
            return bytes(body.read())

    def delete(self, keys: Iterable[str]) -> dict[str, Exception]:
        """Delete objects, a thousand to a request, and return what could not be deleted and why.

        What is not there is no failure.
        """
        failed: dict[str, Exception] = {}
        full: dict[str, str] = {}
        for key in keys:
            try:
                full[self._full(key)] = key
            except Exception as error:  # noqa: PERF203 - one key says nothing of the others
                if is_interruption(error):
                    raise
                failed[key] = error
        names = list(full)
        for start in range(0, len(names), MOST_DELETED):
            chunk = names[start : start + MOST_DELETED]
            failed.update(
                (full.get(name, name), error) for name, error in self._delete(chunk).items()
            )
        return failed

    def _delete(self, names: list[str]) -> dict[str, Exception]:
        from botocore.exceptions import ClientError

        if not self._batches:
            return self._delete_singly(names)
        try:
            answer = self.client.delete_objects(
                Bucket=self.storage.bucket_name,
                Delete={"Objects": [{"Key": name} for name in names], "Quiet": True},
            )
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in _NO_BATCHES:
                self._batches = status not in _NEVER
                return self._delete_singly(names)
            return dict.fromkeys(names, error)
        except Exception as error:
            if is_interruption(error):
                raise
            return dict.fromkeys(names, error)
        errors = [error for error in answer.get("Errors", ()) if error.get("Code") != "NoSuchKey"]
        # One that names no key may be about any of them.
        return {
            name: ClientError({"Error": error}, "DeleteObjects")
            for error in errors
            for name in ([error["Key"]] if error.get("Key") else names)
        }

    def _delete_singly(self, names: list[str]) -> dict[str, Exception]:
        futures = {name: workers.submit(self._delete_one, name) for name in names}
        results = {name: future.result() for name, future in futures.items()}
        return {name: error for name, error in results.items() if error is not None}

    def _delete_one(self, name: str) -> Exception | None:
        try:
            self.client.delete_object(Bucket=self.storage.bucket_name, Key=name)
        except Exception as error:
            if is_interruption(error):
                raise
            return None if _code(error) in {"NoSuchKey", "404"} else error
        return None

    def list(self, beginning: str = "") -> Iterator[tuple[str, int, datetime, str]]:
        """Every object whose key begins so: key, bytes, time of writing (aware), ETag.

        In the order of the bytes of their keys, page by page. The ETag is the MD5 of the object in
        hexadecimal, unless it was written in parts or encrypted with a key of one's own.
        """
        start = len(self.prefix)
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.storage.bucket_name, Prefix=f"{self.prefix}{beginning}"
        )
        for page in pages:
            for found in page.get("Contents", ()):
                key = found["Key"][start:]
                # What consoles make to show an empty folder; and what no Storage can name, since
                # “a//b”, “a/./b” and “a\\b” are all “a/b” to it: that one would be deleted.
                if not key.endswith("/") and self._is_own_name(key):
                    etag = found.get("ETag", "").strip('"')
                    yield key, found["Size"], found["LastModified"], etag

    def _is_own_name(self, key: str) -> bool:
        try:
            return self._full(key) == f"{self.prefix}{key}"
        except SuspiciousOperation:
            return False

    def head(self, key: str) -> dict[str, Any]:
        """What an object's headers say, in botocore's words."""
        answer: dict[str, Any] = self.client.head_object(
            Bucket=self.storage.bucket_name, Key=self._full(key)
        )
        return answer

    # --- URLs ---

    def urls(self) -> Callable[[str], str]:
        """A function from the key of a kit file to its URL, good for the moment.

        A ``partial`` of a function of base and key joins the two with nothing but quoting between.
        """
        storage = self.storage
        if storage.custom_domain:
            if storage.querystring_auth and storage.cloudfront_signer:
                return self._windowed(self._kept).url
            return self._on_domain
        return self._windowed(self._signed).url if storage.querystring_auth else self._unsigned

    def join(self, base: str, key: str) -> str:
        """The key behind the base, with its folder quoted as the storage's own ``url()`` does."""
        folder, _, file = key.rpartition("/")
        return f"{base}{self._folder(folder)}{file}"

    def _folder_of(self, folder: str) -> str:
        full = self._full(f"{folder}/x" if folder else "x")[:-1]
        # For a domain of one's own django-storages does it, else botocore.
        return filepath_to_uri(full) if self.storage.custom_domain else signing.quoted(full)

    @cached_property
    def _on_domain(self) -> Callable[[str], str]:
        base = f"{self.storage.url_protocol}//{self.storage.custom_domain}/"
        return partial(self.join, base)

    @cached_property
    def _unsigned(self) -> Callable[[str], str]:
        from botocore import UNSIGNED

        try:
            client = self._new_client(self.storage._create_session(), signature_version=UNSIGNED)
            base = self._presigned(client, "x", 1).partition("?")[0][:-1]
        except Exception:
            # Without a bucket, say. The pictures will be missing, and the page is there.
            logger.exception("Cannot build URLs of the bucket “%s”.", self.storage.bucket_name)
            base = "/"
        return partial(self.join, base)

    def _presigned(self, client: Any, name: str, life: int) -> str:
        return str(
            client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.storage.bucket_name, "Key": name},
                ExpiresIn=life,
            )
        )

    def _windowed(self, make: Callable[[float], _Window]) -> _Window:
        """The window that is open. Two threads may open the same one, and both are right."""
        now = time.time()
        window = self._window
        if window is None or now >= window.until or not self._still(window):
            window = self._window = make(now)
        return window

    def _still(self, window: _Window) -> bool:
        """Whether the credentials are those that the window signs with."""
        if window.credentials is None:
            return True
        now = time.time()
        try:
            # While they are due, new ones would be asked for with every URL, and that may be slow.
            if now < self._patient_until and self._due():
                return True
            frozen, _ = self._credentials()
            if self._due():
                self._patient_until = now + PAUSE
            return bool(frozen == window.credentials)
        except Exception as error:
            if is_interruption(error):
                raise
            # Those it has are good until it ends.
            self._patient_until = now + PAUSE
            return True

    def _due(self) -> bool:
        """Whether the credentials should have been refreshed by now."""
        credentials = self._connected().session.get_credentials()
        return bool(getattr(credentials, "refresh_needed", bool)())

    def _credentials(self) -> tuple[Any, float | None]:
        """The credentials of this moment, and when they expire, in seconds since the epoch."""
        credentials = self._connected().session.get_credentials()
        if credentials is None:
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError
        # Refreshed by this, if it is time.
        frozen = credentials.get_frozen_credentials()
        expiry = getattr(credentials, "_expiry_time", None)
        return frozen, None if expiry is None else expiry.timestamp()

    def _term(self, now: float, expiry: float | None = None) -> signing.Term:
        """From when, and for how long, the URLs of this moment are valid.

        They begin at a multiple of half their life: so all processes and machines give the same
        URL, which a browser finds in its cache, until half of its life is over. None outlives the
        credentials it is signed with.
        """
        life = max(2, int(self.storage.querystring_expire))
        start = int(now) // (life // 2) * (life // 2)
        while expiry is not None and start + life > expiry and life > 3:
            # Shorter, and yet at times that all processes agree upon.
            life //= 2
            start = int(now) // (life // 2) * (life // 2)
        if expiry is not None and start + life > expiry:
            # Their last seconds.
            start, life = int(now), int(expiry) - int(now)
        return signing.Term(start=start, life=life)

    def _signed(self, now: float) -> _Window:
        try:
            frozen, expiry = self._credentials()
            term = self._term(now, expiry)
            client = self.client
            path = self._full("x")
            sample = self._presigned(client, path, term.life)
        except Exception as error:
            if is_interruption(error):
                raise
            # Whatever a service for credentials may raise. The pictures will be missing, and the
            # page is there; the next one need not wait for the same answer.
            logger.exception(
                "Cannot sign URLs of the bucket “%s”; avatar_doctor tells more.",
                self.storage.bucket_name,
            )
            return _Window(url=self._unsigned, until=now + PAUSE)
        signer = signing.signer_like(
            sample, signing.quoted(path), self.storage.bucket_name, frozen, term
        )
        if signer is None:
            return self._kept(now, expiry, frozen)
        sign = signer.url
        return _Window(
            url=lru_cache(maxsize=KEPT_URLS)(lambda key: sign(self.join("", key))),
            until=term.start + term.life / 2,
            credentials=frozen,
        )

    def _kept(self, now: float, expiry: float | None = None, credentials: Any = None) -> _Window:
        """The storage's own URLs, each made once in a while."""
        term = self._term(now, expiry)
        return _Window(
            url=lru_cache(maxsize=KEPT_URLS)(self.storage.url),
            until=term.start + term.life / 2,
            credentials=credentials,
        )


def _code(error: Exception) -> str:
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
