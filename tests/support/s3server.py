"""moto's S3 server on loopback, and weather between it and whoever asks."""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Literal, NamedTuple
from unittest import mock
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.loaders import JSONFileLoader
from django.core.files.storage import storages
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

#: Seconds that a client waits for an answer: usually, and in tests in which none comes.
PATIENCE, IMPATIENCE = 30, 2.0

Fault = Literal[
    "500",
    "403",
    "slow",
    "timeout",
    "late",
    "reset before",
    "reset after",
    "cut off",
]

_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    "<Error><Code>{code}</Code><Message>{message}</Message></Error>"
)


@contextmanager
def quick_clients() -> Iterator[None]:
    """Read AWS' description of S3 once, which is two thirds of the work of making a client."""
    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
    with mock.patch.object(JSONFileLoader, "load_file", staticmethod(read)):
        yield


class Request(NamedTuple):
    """What S3 was asked to do."""

    #: "PUT", "GET", "HEAD", "DELETE", "LIST", "DELETE MANY" or another POST or GET.
    action: str
    #: The object, or the bucket.
    path: str


#: Asked for every request, with its number since the weather began: what is to befall it.
Weather = Callable[[int, Request], "Fault | None"]


class Server:
    """To be stopped at the end. ``requests`` is everything that was asked for so far."""

    def __init__(self) -> None:
        # It would log the rest of a request that was broken off as a bad request.
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        # Only S3. moto's usual application finds out the service of each request first.
        self._app = create_backend_app("s3")
        # A threaded server speaks HTTP/1.1: connections stay open, as those of S3 do.
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Handler
        )
        # Errors in its threads come from connections that a fault has closed.
        self._server.handle_error = lambda *arguments: None
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        #: To look into buckets with, whatever the weather.
        self.client = boto3.Session("key", "secret", region_name="eu-central-1").client(
            "s3", endpoint_url=self.url, config=Config(s3={"addressing_style": "path"})
        )
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._busy = 0
        self._weather: Weather | None = None
        self._count = 0
        self._noticed = True
        #: How long every request is on its way, in seconds.
        self.delay = 0.0
        #: Answers of the next requests instead of moto's: action to (status, code of S3).
        self.refusals: dict[str, tuple[int, str]] = {}

    def stop(self) -> None:
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def weather(self, weather: Weather) -> Iterator[None]:
        """Faults, while the block lasts; at its end, everything that was sent has arrived."""
        self._weather, self._count = weather, 0
        try:
            yield
        finally:
            self._weather = None
            self.calm()

    def calm(self) -> None:
        """Wait until nothing is under way any more."""
        while self._busy:
            time.sleep(0.005)

    @contextmanager
    def counted(self) -> Iterator[list[Request]]:
        """What is asked for in the block."""
        start = len(self.requests)
        found: list[Request] = []
        yield found
        found += self.requests[start:]

    @contextmanager
    def unnoticed(self) -> Iterator[None]:
        """What is asked for in the block is neither delayed nor found in ``requests``."""
        self._noticed = False
        try:
            yield
        finally:
            self._noticed = True

    # --- in the server's threads ---

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if not self._noticed:
            return self._app(environ, start)
        request = Request(_action(environ), environ["PATH_INFO"])
        with self._lock:
            self.requests.append(request)
            number, self._count = self._count, self._count + 1
            self._busy += 1
        time.sleep(self.delay)
        try:
            fault = self._weather(number, request) if self._weather else None
            if refusal := self.refusals.get(request.action):
                return _refuse(start, *refusal)
            return self._through(fault, environ, start)
        finally:
            with self._lock:
                self._busy -= 1

    def _through(
        self, fault: Fault | None, environ: dict[str, Any], start: Any
    ) -> Iterable[bytes]:
        if fault == "500":
            return _refuse(start, 500, "InternalError")
        if fault == "403":
            return _refuse(start, 403, "AccessDenied")
        if fault == "timeout":
            time.sleep(1.25 * IMPATIENCE)
            return _hang_up(environ)
        if fault == "late":
            # The client has given up before this is done.
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = _Body(body)
            time.sleep(1.25 * IMPATIENCE)
        if fault == "reset before":
            return _hang_up(environ)
        if fault == "slow":
            time.sleep(IMPATIENCE / 10)
        answer = self._app(environ, start)
        if fault == "reset after":
            return _hang_up(environ)
        if fault == "cut off":
            environ["werkzeug.socket"].sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
            return _hang_up(environ)
        return answer


class _Handler(WSGIRequestHandler):
    # An answer is two packets, head and body. The second must not wait for 40 ms.
    disable_nagle_algorithm = True

    def log(self, *args: Any) -> None:
        """Not a line for each request."""


class _Body:
    """A request's body that was read before."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1) -> bytes:
        end = len(self.data) if size is None or size < 0 else size
        taken, self.data = self.data[:end], self.data[end:]
        return taken

    def readline(self, size: int = -1) -> bytes:
        return self.read(self.data.find(b"\n") + 1 or -1)


def _action(environ: dict[str, Any]) -> str:
    method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
    if method == "POST" and query.startswith("delete"):
        return "DELETE MANY"
    if method == "GET" and "list-type" in query:
        return "LIST"
    return str(method)


def _refuse(start: Any, status: int, code: str) -> Iterable[bytes]:
    body = _ERROR.format(code=code, message="as the test wants it").encode()
    start(f"{status} {code}", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _hang_up(environ: dict[str, Any]) -> Iterable[bytes]:
    connection = environ["werkzeug.socket"]
    # With this option, the other end gets a reset instead of an orderly end. The socket is
    # detached, because files that were made of it would keep it open.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    raise ConnectionResetError


class Bucket:
    """A bucket of a test's own, and the ``STORAGES`` entry of it."""

    def __init__(self, server: Server, name: str = "") -> None:
        self.server = server
        self.name = name or f"avatars-{uuid4().hex[:12]}"
        self.client = server.client
        self.client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )

    def entry(self, **options: Any) -> dict[str, Any]:
        """An entry of ``STORAGES``.

        ``attempts`` is how often a request is tried, ``patience`` how long it waits for an answer.
        """
        patience = options.pop("patience", PATIENCE)
        config = Config(
            signature_version=options.pop("signature_version", "s3v4"),
            s3={"addressing_style": "path"},
            connect_timeout=patience,
            read_timeout=patience,
            retries={"total_max_attempts": options.pop("attempts", 1), "mode": "standard"},
        )
        return {
            "BACKEND": options.pop("backend", "storages.backends.s3.S3Storage"),
            "OPTIONS": {
                "bucket_name": self.name,
                "endpoint_url": self.server.url,
                "region_name": "eu-central-1",
                "access_key": "key",
                "secret_key": "secret",
                "client_config": config,
                **options,
            },
        }

    def use(self, settings: Any, alias: str = "default", **options: Any) -> Any:
        """Make a storage of this bucket, put it into ``STORAGES`` and return it."""
        settings.STORAGES = {**settings.STORAGES, alias: self.entry(**options)}
        return storages[alias]

    def keys(self) -> set[str]:
        """What lies in the bucket now."""
        return set(self.etags())

    def etags(self) -> dict[str, str]:
        """The keys of all objects, and the MD5 of what they hold."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {
            found["Key"]: found["ETag"].strip('"')
            for page in pages
            for found in page.get("Contents", ())
        }

    def head(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.head_object(Bucket=self.name, Key=key)
        return answer

    def body(self, key: str) -> bytes:
        with self.client.get_object(Bucket=self.name, Key=key)["Body"] as body:
            return bytes(body.read())
