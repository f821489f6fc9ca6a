"""A bucket on this machine for ``manage.py demo``: moto's S3 server inside the demo's process.

It is there before Django reads its settings, and the environment says where. The autoreloader's
child inherits that, finds a bucket named and starts no other: server, bucket and database live as
long as the first process, however often the code is loaded again.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from urllib.parse import quote

NAME = "faces"

#: What a second process has to be told to find the bucket; empty while there is none.
environment: dict[str, str] = {}
#: What it must not hear of: the names of the variables that led to AWS.
hidden: set[str] = set()


@contextmanager
def bucket() -> Iterator[None]:
    """Serve an empty bucket that anybody may read, and a place for a database, until it ends."""
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        folder = stack.enter_context(TemporaryDirectory(prefix="avatar-kit-demo-"))
        stack.enter_context(_environ())
        endpoint = stack.enter_context(serve())
        environment.update(variables(NAME, endpoint))
        # One that was given may hold a password, which is nobody's to print.
        if not os.environ.get("DJANGO_DB"):
            # Made anew with the bucket: rows of an earlier one would name what is not in this.
            database = quote(Path(folder, "db.sqlite3").as_posix())
            environment["DJANGO_DB"] = f"sqlite:///{database}"
        os.environ.update(environment)
        make(NAME, endpoint)
        yield


def variables(name: str, endpoint: str) -> dict[str, str]:
    """What leads the settings for S3 to a bucket of moto's, and nowhere else."""
    return {
        "STORAGE": "s3",
        "AWS_S3_ENDPOINT_URL": endpoint,
        "AWS_STORAGE_BUCKET_NAME": name,
        "AWS_S3_REGION_NAME": "us-east-1",
        # Nobody checks them, but nothing is sent without.
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_QUERYSTRING_AUTH": "0",
        # A profile of the developer's own may name other keys, or an endpoint.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def line(*command: str) -> str:
    """A line for a shell of the same user that runs a command on the bucket."""
    unset = [part for name in sorted(hidden - environment.keys()) for part in ("-u", name)]
    pairs = [f"{name}={value}" for name, value in environment.items()]
    return shlex.join(["env", *unset, *pairs, *command])


def make(name: str, endpoint: str) -> None:
    """Make a bucket as a site would have it whose pictures are for everyone's eyes."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=endpoint, config=Config(proxies={}))
    try:
        client.create_bucket(Bucket=name)
        anybody_may_read = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [anybody_may_read]}
        client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    finally:
        client.close()


@contextmanager
def serve() -> Iterator[str]:
    """Run moto's server on a free port of the loopback interface; gives its address."""
    from moto.server import ThreadedMotoServer

    # It would write a line for each picture between those of Django's own server.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def _environ() -> Iterator[None]:
    """Without anything that would lead to AWS, and afterwards as it was."""
    before = dict(os.environ)
    hidden.update(name for name in before if name.startswith("AWS_"))
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        environment.clear()
        hidden.clear()
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the process as Ctrl-C does: through everything that tidies up."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
