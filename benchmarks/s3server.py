"""An S3 server in a process of its own, as far away as the parent says, and the parent's end.

moto answers, through ordinary HTTP with connections that stay open. Each request waits first: as
long as it would be on its way, and beside the others, not after them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from benchmarks.child import Child, answer_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from benchmarks.child import Answer

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


class Distance:
    """Between the client and the server: takes time, and notes what passes."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self.delay = 0.0
        self.passed: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with self.lock:
            self.passed[kind(environ)] += 1
        time.sleep(self.delay)
        return self.app(environ, start)

    def taken(self) -> Counter[str]:
        with self.lock:
            passed, self.passed = self.passed, Counter()
        return passed


def kind(environ: WSGIEnvironment) -> str:
    method: str = environ["REQUEST_METHOD"]
    _, _, key = environ["PATH_INFO"].strip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if key:
        # Neither uploads in parts nor anything else that a key can be asked for.
        return method if method in KINDS and not query.keys() - {"x-id"} else "other"
    if method == "POST" and "delete" in query:
        return "DELETE many"
    return "LIST" if method == "GET" else "other"


class Bucket:
    """What the parent can ask for; goes to moto directly, past the delay and the notes."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server
        from werkzeug.test import Client

        class Handler(MotoRequestHandler):
            # Head and body of an answer are two packets, and the second is not to wait 40 ms.
            disable_nagle_algorithm = True

            def log(self, *args: Any) -> None:
                """Not a line for each request."""

        app = DomainDispatcherApplication(create_backend_app)
        self.distance = Distance(app)
        self.client = Client(app)
        # HTTP/1.1, since it is threaded: connections stay open, as those of S3 do.
        server = make_server("127.0.0.1", 0, self.distance, threaded=True, request_handler=Handler)
        self.location = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.empty()

    def __call__(self, asked: Answer) -> Answer:
        do: Callable[..., Answer | None] = getattr(self, asked.pop("do"))
        return do(**asked) or {}

    def url(self) -> Answer:
        return {"url": self.location}

    def slow(self, delay: float) -> None:
        self.distance.delay = delay

    def requests(self) -> Answer:
        return dict(self.distance.taken())

    def objects(self) -> Answer:
        found: dict[str, str] = {}
        query = {"list-type": "2"}
        while True:
            text = self.client.get(f"/{BUCKET}", query_string=query).get_data()
            listing = ET.fromstring(text)  # noqa: S314 - it comes from this very process
            for entry in listing.iterfind("{*}Contents"):
                tag = entry.findtext("{*}ETag", "").strip('"')
                found[entry.findtext("{*}Key", "")] = tag
            token = listing.findtext("{*}NextContinuationToken")
            if not token:
                return found
            query["continuation-token"] = token

    def empty(self) -> None:
        self.client.post("/moto-api/reset")
        made = self.client.put(f"/{BUCKET}")
        assert made.status_code == 200, made.get_data(as_text=True)
        self.distance.taken()


if __name__ == "__main__":
    answer_requests(Bucket)
