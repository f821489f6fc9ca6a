"""The bucket that ``make demo STORAGE=s3`` brings."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import boto3
import pytest
from django.conf import settings
from django.core.management import call_command
from PIL import Image

import manage
from example import local_s3
from profiles.management.commands import demo


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch) -> Path:
    """Where temporary folders are made, and nothing else is."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_variables(no_aws, monkeypatch) -> None:
    for name in ("STORAGE", "DJANGO_DB"):
        monkeypatch.delenv(name, raising=False)


def get(url: str) -> bytes:
    with build_opener(ProxyHandler({})).open(url, timeout=30) as response:
        return response.read()


def answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as connection:
        return connection.connect_ex((parts.hostname, parts.port)) == 0


def test_anybody_on_this_machine_may_read_what_is_in_it():
    with local_s3.bucket():
        endpoint = os.environ["AWS_S3_ENDPOINT_URL"]
        name = os.environ["AWS_STORAGE_BUCKET_NAME"]
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        client.put_object(Bucket=name, Key="a.txt", Body=b"Hello")
        client.close()
        assert get(f"{endpoint}/{name}/a.txt") == b"Hello"
        assert urlsplit(endpoint).hostname == "127.0.0.1"


def test_nothing_is_left_of_it(temporary, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    before = dict(os.environ), signal.getsignal(signal.SIGTERM)
    with local_s3.bucket():
        endpoint = os.environ["AWS_S3_ENDPOINT_URL"]
        assert answers(endpoint)
        assert list(temporary.iterdir())
    assert not answers(endpoint)
    assert not list(temporary.iterdir())
    assert not local_s3.environment
    after = dict(os.environ), signal.getsignal(signal.SIGTERM)
    assert after == before


def test_a_failed_start_leaves_nothing_either(temporary, monkeypatch):
    before = dict(os.environ)

    def fail(name: str, endpoint: str) -> None:
        raise RuntimeError(endpoint)

    monkeypatch.setattr(local_s3, "make", fail)
    with pytest.raises(RuntimeError) as caught, local_s3.bucket():
        pass
    assert not answers(str(caught.value))
    assert not list(temporary.iterdir())
    assert dict(os.environ) == before


def test_what_leads_to_aws_is_out_of_the_way(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_S3_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "of the developer's")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    with local_s3.bucket():
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        assert aws.keys() <= local_s3.environment.keys()
        assert aws["AWS_ACCESS_KEY_ID"] == "demo"
        credentials = boto3.Session().get_credentials()
        assert (credentials.access_key, credentials.token) == ("demo", None)
        line = local_s3.line("python", "manage.py", "avatar_sweep")
    words = shlex.split(line)
    assert words[0] == "env"
    # In a second terminal, these are set again.
    hidden = {words[at + 1] for at, word in enumerate(words) if word == "-u"}
    assert hidden == {
        "AWS_ENDPOINT_URL",
        "AWS_PROFILE",
        "AWS_S3_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
    }


def test_its_database_is_new_each_time_unless_one_is_given(monkeypatch, temporary):
    seen = set()
    for _ in range(2):
        with local_s3.bucket():
            path = Path(os.environ["DJANGO_DB"].removeprefix("sqlite:///"))
            assert path.is_relative_to(temporary)
            seen.add(path)
    assert len(seen) == 2
    monkeypatch.setenv("DJANGO_DB", "postgresql://ada:secret@db.internal/faces")
    with local_s3.bucket():
        assert os.environ["DJANGO_DB"] == "postgresql://ada:secret@db.internal/faces"
        assert "secret" not in local_s3.line("true")


@pytest.mark.parametrize(
    ("arguments", "variables", "wanted"),
    [
        (["demo"], {"STORAGE": "s3"}, True),
        (["demo"], {"STORAGE": "s3", "AWS_STORAGE_BUCKET_NAME": ""}, True),
        (["demo"], {"STORAGE": "s3", "AWS_STORAGE_BUCKET_NAME": "of-the-site"}, False),
        (["demo"], {"STORAGE": "filesystem"}, False),
        (["demo"], {}, False),
        (["migrate"], {"STORAGE": "s3"}, False),
        ([], {"STORAGE": "s3"}, False),
    ],
)
def test_only_a_demo_on_s3_without_a_bucket_gets_one(monkeypatch, arguments, variables, wanted):
    monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert isinstance(manage.bucket(), nullcontext) is not wanted


def test_the_child_of_the_autoreloader_has_one_already(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "demo"])
    monkeypatch.setenv("STORAGE", "s3")
    with manage.bucket():
        assert local_s3.environment
        assert isinstance(manage.bucket(), nullcontext)


def test_a_storage_that_is_not_known_is_a_sentence(monkeypatch):
    monkeypatch.setenv("STORAGE", "ftp")
    with pytest.raises(SystemExit, match="Use filesystem or s3"):
        manage.main()


@pytest.mark.django_db
def test_the_demo_gives_the_line_for_a_second_terminal(capsys, monkeypatch, settings):
    settings.DEBUG = True
    monkeypatch.setattr(demo, "CAST", ())
    served = []

    def stand_in(name, *args, **options):
        if name == "runserver":
            served.append(name)
        else:
            call_command(name, *args, **options)

    monkeypatch.setattr(demo, "call_command", stand_in)
    call_command("demo", port=8000)
    assert "second terminal" not in capsys.readouterr().out
    with local_s3.bucket():
        call_command("demo", port=8000)
        expected = local_s3.line(
            sys.executable, str(settings.BASE_DIR / "manage.py"), "avatar_sweep"
        )
    assert f"second terminal:\n{expected}\nOpen http" in capsys.readouterr().out
    assert len(served) == 2


class Demo:
    """``manage.py demo`` in processes of its own."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        # Something that may be touched, so that the code is loaded again.
        self.module = folder / "touched.py"
        self.module.write_text("from example.settings.s3 import *\n")
        self.log = folder / "log.txt"
        environment = {
            **os.environ,
            "STORAGE": "s3",
            "DJANGO_SETTINGS_MODULE": "touched",
            "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
            # What the server says is wanted when it says so.
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(temporary),
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603 - it is this project's
                [sys.executable, "manage.py", "demo", "--port", str(port)],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 90
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def page(self) -> str:
        return get(self.url).decode()

    def serves(self) -> bool:
        try:
            return bool(self.page())
        except OSError:
            return False


@pytest.fixture
def running(tmp_path, temporary) -> Iterator[Demo]:
    running = Demo(tmp_path, temporary)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            # The autoreloader's child, too.
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def pictures(page: str) -> set[str]:
    return set(re.findall(r'<img src="(http://127[^"]+)"', page))


def test_the_bucket_outlives_a_reload_and_ends_with_the_demo(running, temporary):
    running.wait_for(running.serves)
    before = pictures(running.page())
    assert len(before) >= 12
    # Media are not served from here: it would be from the current directory.
    with pytest.raises(HTTPError, match="404"):
        get(f"{running.url}manage.py")
    (folder,) = temporary.iterdir()

    os.utime(running.module)
    running.wait_for(lambda: running.log.read_text().count("Quit the server") == 2)
    running.wait_for(running.serves)
    assert pictures(running.page()) == before
    Image.open(io.BytesIO(get(min(before)))).verify()
    assert list(temporary.iterdir()) == [folder]

    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=30) == 0
    assert not running.serves()
    assert not answers(min(before))
    assert not list(temporary.iterdir())
    # A line for each page, and none for a picture.
    assert "GET / HTTP" in running.log.read_text()
    assert "avatars/" not in running.log.read_text()
