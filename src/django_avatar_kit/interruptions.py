"""Which exceptions a storage has raised, and which were raised in the middle of its call.

A task queue ends a task that takes too long by an exception of its own, as Celery's
``SoftTimeLimitExceeded`` or RQ's ``JobTimeoutException``: wherever the task happens to be, so in
the middle of a request to a storage as well. It is an ``Exception``, and whoever catches those is
about to take it for an answer of the storage, and to carry on. It must come through as what it is.
"""

from __future__ import annotations

import sys

#: Top-level packages whose errors are those of a storage: its client, or what that is built upon.
CLIENTS = frozenset(
    {
        *("django", "django_avatar_kit", "storages", "easy_thumbnails", "PIL"),
        # HTTP, TLS, SSH, and other ways to get there.
        *("requests", "urllib3", "httpx", "httpcore", "h11", "h2", "aiohttp", "httplib2"),
        *("certifi", "cryptography", "OpenSSL", "paramiko", "asyncssh", "pysftp", "grpc"),
        *("smbclient", "smbprotocol", "webdav3", "websocket"),
        # S3.
        *("botocore", "boto3", "s3transfer", "awscrt", "aiobotocore", "minio", "s3fs"),
        # Others.
        *("azure", "adlfs", "msal", "msrest", "google", "googleapiclient", "gcsfs"),
        *("dropbox", "libcloud", "swiftclient", "keystoneauth1", "keystoneclient", "b2sdk"),
        *("oss2", "qcloud_cos", "qiniu", "obs", "cloudinary", "cloudinary_storage", "supabase"),
        *("storage3", "fsspec", "fs", "redis", "pymongo", "gridfs"),
    }
)


def is_interruption(error: BaseException) -> bool:
    """Whether somebody else has raised this while a storage, or anything else, was at work.

    Told by the class, since nothing else does: what the system reports, what Python itself or
    Django defines and what a known client defines is the storage's; anything else is the site's,
    or that of its task queue. A site's own storage has to raise an ``OSError``, as Django's do.
    """
    # ``OSError`` is what a storage is to raise, and a subclass says which one.
    if isinstance(error, OSError):
        return False
    if _package(type(error)) in sys.stdlib_module_names:
        # Such as ``KeyboardInterrupt``.
        return not isinstance(error, Exception)
    # A subclass of a client's is one as well. Everything is a subclass of one of Python's.
    return not any(_package(cls) in CLIENTS for cls in type(error).__mro__)


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]
