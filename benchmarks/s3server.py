"""An S3 server in a process of its own, as far away as the parent says, and the parent's end.

It is the server of the tests: moto, through ordinary HTTP with connections that stay open. Each
request waits first: as long as it would be on its way, and beside the others, not after them.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.workers.child import Child, answer_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.workers.child import Answer

BUCKET = "avatars"
#: The kinds of requests that :meth:`S3Server.requests` counts.
KINDS = ("PUT", "HEAD", "GET", "LIST", "DELETE", "DELETE many", "other")


class S3Server(Child):
    """Starts the server, with an empty bucket; to be closed."""

    def __init__(self) -> None:
        super().__init__("benchmarks.s3server", os.environ)
        self.url: str = self.request({"do": "url"})["url"]

    @contextmanager
    def slow(self, delay: float) -> Iterator[None]:
        """Within, every request takes ``delay`` seconds more."""
        self.request({"do": "slow", "delay": delay})
        try:
            yield
        finally:
            self.request({"do": "slow", "delay": 0})

    def requests(self) -> Counter[str]:
        """How many of each kind have arrived since this was last asked."""
        return Counter(self.request({"do": "requests"}))

    def objects(self) -> dict[str, str]:
        """What is in the bucket: keys, and the MD5 of what they hold."""
        return self.request({"do": "objects"})

    def empty(self) -> None:
        """No objects, no requests."""
        self.request({"do": "empty"})


# --- the server's end --------------------------------------------------------------------------


class Bucket:
    """What the parent can ask for."""

    def __init__(self) -> None:
        # Only here: the parent needs neither moto nor boto3.
        from tests.support import s3server

        self.server = s3server.Server()
        self.bucket = s3server.Bucket(self.server, BUCKET)
        self.empty()

    def __call__(self, asked: Answer) -> Answer:
        do: Callable[..., Answer | None] = getattr(self, asked.pop("do"))
        with self.server.unnoticed():
            return do(**asked) or {}

    def url(self) -> Answer:
        return {"url": self.server.url}

    def slow(self, delay: float) -> None:
        self.server.delay = delay

    def requests(self) -> Answer:
        found = [request.action.replace("MANY", "many") for request in self.server.requests]
        self.server.requests.clear()
        return dict(Counter(action if action in KINDS else "other" for action in found))

    def objects(self) -> Answer:
        return self.bucket.etags()

    def empty(self) -> None:
        keys = [{"Key": key} for key in self.bucket.etags()]
        for start in range(0, len(keys), 1000):
            found = {"Objects": keys[start : start + 1000]}
            self.bucket.client.delete_objects(Bucket=BUCKET, Delete=found)
        self.server.requests.clear()


if __name__ == "__main__":
    answer_requests(Bucket)
