"""Which exceptions come from a storage, and which have interrupted its call.

A task queue ends a task that takes too long by an exception of its own, such as Celery's
``SoftTimeLimitExceeded`` or RQ's ``JobTimeoutException``. It may be raised anywhere, so in the
middle of a request to a storage as well. Since it is an ``Exception``, code that catches what a
storage raises would take it for an answer of the storage and go on. It must be raised again.
"""

from __future__ import annotations

import sys

#: Top-level packages whose exceptions come from a storage: clients, and what they are built upon.
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
    """Whether an exception was not raised by a storage, but has interrupted its call.

    Only the class tells. Exceptions of the operating system, of Python, of Django and of known
    clients are a storage's; all others are those of the site or of its task queue. A site's own
    storage has to raise an ``OSError``, as Django's do.
    """
    # With its subclasses, wherever they are defined.
    if isinstance(error, OSError):
        return False
    if _package(type(error)) in sys.stdlib_module_names:
        # Such as ``KeyboardInterrupt``.
        return not isinstance(error, Exception)
    # A site may derive its own from a client's. Python's do not count here: all are derived from
    # one of them.
    return not any(_package(cls) in CLIENTS for cls in type(error).__mro__)


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]
