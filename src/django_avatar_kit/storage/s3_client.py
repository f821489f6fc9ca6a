"""The client of a bucket: one botocore client for all threads of a process.

What the kit needs of django-storages' ``S3Storage`` beyond its settings is used here and nowhere
else: ``_create_session()`` and ``_normalize_name()``, both private in 1.14. The public way to a
client, ``storage.connection``, makes one for each thread, which takes a tenth of a second; and no
public method tells the key that an object has in the bucket.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import Any

from . import threads


class _Connection:
    """What a forked process must not share: open sockets, and a lock that a thread may hold."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.made: tuple[Any, Any] | None = None


class S3Client:
    """A client, its session, and the keys of objects below the ``location`` of a storage."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self._connection = _Connection()

    def connect(self) -> tuple[Any, Any]:
        """The session and the client, made by the first thread that asks for them."""
        connection = self._connection
        if connection.pid != os.getpid():
            connection = self._connection = _Connection()
        if connection.made is None:
            with connection.lock:
                if connection.made is None:
                    session = self.storage._create_session()
                    connection.made = session, self.new_client(session)
        return connection.made

    @property
    def client(self) -> Any:
        """The client. Threads may share it, unlike a resource of boto3's."""
        return self.connect()[1]

    def new_client(self, session: Any, **changes: Any) -> Any:
        """A client as the storage would make one; ``changes`` are those of its ``Config``."""
        from botocore.config import Config

        given = self.storage.client_config
        # One connection to each thread; with fewer, some would be made anew for every request.
        connections = max(threads.THREADS, given.max_pool_connections)
        return session.client(
            "s3",
            region_name=self.storage.region_name,
            use_ssl=self.storage.use_ssl,
            endpoint_url=self.storage.endpoint_url,
            config=given.merge(Config(max_pool_connections=connections, **changes)),
            verify=self.storage.verify,
        )

    @cached_property
    def prefix(self) -> str:
        """The location, empty or ending in a slash."""
        return self.full("x")[:-1]

    def full(self, key: str) -> str:
        """The key in the bucket. Raises ``SuspiciousOperation`` for one outside the location."""
        from storages.utils import clean_name

        return str(self.storage._normalize_name(clean_name(key)))

    def public_url(self) -> str:
        """The URL of the bucket, ending in a slash, to be followed by a quoted key."""
        from botocore import UNSIGNED

        client = self.new_client(self.storage._create_session(), signature_version=UNSIGNED)
        return self.presigned(client, "x", 1).partition("?")[0][:-1]

    def presigned(self, client: Any, name: str, life: int) -> str:
        """The URL that a client gives the object ``name`` of the bucket for ``life`` seconds."""
        url: str = client.generate_presigned_url(
            "get_object", Params={"Bucket": self.storage.bucket_name, "Key": name}, ExpiresIn=life
        )
        return url
