"""``avatar_doctor``: what is wrong with a storage is a line that says what to do."""

from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.core.management import CommandError, call_command
from PIL import Image

from django_avatar_kit import columns
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.maintenance import doctor_urls
from django_avatar_kit.maintenance.doctor import ProbedStorage, examine, probed_storages
from django_avatar_kit.maintenance.doctor_advice import ADVICE, Finding, advice_on
from django_avatar_kit.management.commands.avatar_doctor import Command
from django_avatar_kit.names import group_of
from django_avatar_kit.storage.s3 import CACHE_CONTROL
from tests.conftest import CountingStorage
from tests.testapp.models import Channel, Pet, Team

Memory: Any = InMemoryStorage


def doctor(**options: Any) -> str:
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the project know these fields only."""

    def restrict(*fields: Any) -> None:
        monkeypatch.setattr(columns, "file_columns", cache(lambda: fields))

    restrict(Team._meta.get_field("avatar"))
    return restrict


@pytest.fixture
def told(only: Any) -> Callable[..., dict[str, Finding]]:
    """What is found of the one storage there is: by what it is about, the worst of each."""

    def find(base_url: str = "") -> dict[str, Finding]:
        (place,) = probed_storages()
        found: dict[str, Finding] = {}
        for finding in examine(place, base_url):
            if finding.what not in found or finding.level != "ok":
                found[finding.what] = finding
        return found

    return find


def field_in(storage: Any, **options: Any) -> AvatarField:
    """A field that nobody needs a model for."""
    field = AvatarField(storage=storage, **options)
    field.set_attributes_from_name("face")
    field.model = Team
    return field


def bad(found: dict[str, Finding]) -> dict[str, str]:
    return {what: finding.level for what, finding in found.items() if finding.level != "ok"}


# --- the command --------------------------------------------------------------------------------


def test_all_is_well(media, files, storage):
    out = doctor()
    assert out.splitlines()[1] == "“default”: originals and renditions"
    assert "FileSystemStorage of testapp.Pet.portrait: renditions\n" in out
    assert out.endswith("0 failures, 0 warnings.\n")
    assert files() == set()
    ((_, key),) = (call for call in storage.calls if call[0] == "save")
    assert re.fullmatch(r"avatars/[0-9a-f]{2}/[0-9a-f]{32}\.1\.webp", key)
    # avatar_sweep would find it.
    assert group_of(key) is not None


def test_the_table_is_as_wide_as_the_terminal(only, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    lines = doctor().splitlines()
    assert max(map(len, lines)) <= 90
    assert lines[0] == "         what          found                       what to do"
    row = next(line for line in lines if "read" in line)
    assert row == "ok       read          the same bytes"
    at = next(number for number, line in enumerate(lines) if "Give --base-url" in line)
    column = lines[0].index("what to do")
    assert lines[at][column:] == "Give --base-url http://host to have it"
    # What does not fit goes on in the same column.
    assert lines[at + 1][:column].strip() != ""
    assert lines[at + 1][column:] == "fetched from there."


def test_a_narrow_terminal(only, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    assert "ok       read          the same bytes\n" in doctor()


def test_a_failure_is_an_exit_code(only, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Full"}}
    with pytest.raises(CommandError, match=r"^1 failure, 0 warnings\.$"):
        doctor()


def test_a_warning_is_none(only, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Silent"}}
    assert doctor().endswith("0 failures, 1 warning.\n")


def test_quietly_only_what_is_wrong_is_told(settings, only):
    assert doctor(verbosity=0) == ""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Silent"}}
    title, line, *_ = doctor(verbosity=0).splitlines()
    assert title == "“default”: originals and renditions"
    assert line.startswith("warning  list          listdir() is not implemented")


@pytest.mark.parametrize("url", ["example.com", "/media/", "ftp://example.com"])
def test_a_base_url_that_is_none(url):
    with pytest.raises(CommandError, match=f"“{url}” is no URL. Write it like"):
        doctor(base_url=url)


def test_no_check_keeps_the_ill_away(settings, only, capsys):
    settings.AVATAR_KIT = {"STORAGE": "nowhere", "COLOUR": 1}
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "avatar_doctor"])
    printed = capsys.readouterr()
    assert "InvalidStorageError: Could not" in printed.out
    assert printed.err == "CommandError: 1 failure, 0 warnings.\n"


# --- which storages -----------------------------------------------------------------------------


def test_each_place_is_visited_once(media, only, settings):
    def elsewhere() -> Any:
        return FileSystemStorage(base_url="/elsewhere/")

    def here() -> Any:
        return FileSystemStorage()

    storage: Any = FileSystemStorage()
    only(
        Team._meta.get_field("avatar"),
        Pet._meta.get_field("name"),
        Pet._meta.get_field("portrait"),
        Channel._meta.get_field("avatar"),
        field_in(here, thumbnail_storage=storage),
        field_in(elsewhere),
    )
    assert [(place.title, place.holds, place.folder) for place in probed_storages()] == [
        ("“default”", ("originals", "renditions"), "avatars"),
        ("FileSystemStorage of testapp.Pet.portrait", ("renditions",), "portraits"),
        # One of its own, since CountingStorage is a class of its own.
        ("FileSystemStorage of testapp.Team.face", ("originals", "renditions"), "avatars"),
        # The same folder, shown in another way.
        ("FileSystemStorage of testapp.Team.face", ("originals", "renditions"), "avatars"),
    ]


def test_the_probe_goes_where_avatars_go(only):
    only(Channel._meta.get_field("avatar"))
    assert re.fullmatch(r"channels/\d{4}", probed_storages()[0].folder)
    only(Pet._meta.get_field("avatar"))
    (place,) = probed_storages()
    assert place.folder == ""
    found = next(finding for finding in examine(place) if finding.what == "write")
    assert group_of(found.found) is not None
    only(Pet._meta.get_field("avatar"), Team._meta.get_field("avatar"))
    assert probed_storages()[0].folder == "avatars"


@pytest.mark.parametrize(
    ("kit", "said"),
    [
        ({"STORAGE": "nowhere"}, "InvalidStorageError: Could not find config for 'nowhere'"),
        ({"SIZES": 64}, "ImproperlyConfigured: "),
    ],
)
def test_a_storage_that_cannot_be_made(told, settings, kit, said):
    settings.AVATAR_KIT = kit
    (place,) = probed_storages()
    assert place.title == "The storage of testapp.Team.avatar"
    found = told()
    assert bad(found) == {"storage": "failure"}
    assert found["storage"].found.startswith(said)


def test_what_is_not_installed(told, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "nowhere.S3Storage"}}
    assert "install what it needs" in told()["storage"].advice


# --- storages of any kind -----------------------------------------------------------------------


class Full(Memory):
    def _save(self, name: str, content: Any) -> str:
        super()._save(name, content)
        raise OSError(28, "No space left on device")


class Silent(Memory):
    def listdir(self, path: str) -> Any:
        raise NotImplementedError


class Renaming(Memory):
    def _save(self, name: str, content: Any) -> str:
        return super()._save(f"x/{name}", content)


class Shrinking(Memory):
    def _save(self, name: str, content: Any) -> str:
        content.seek(0, 2)
        return super()._save(name, type(content)(b"less"))


class Forgetful(Memory):
    def listdir(self, path: str) -> Any:
        return [], []


class Shallow(Memory):
    """Lists no folders, as libcloud's does below the first."""

    def listdir(self, path: str) -> Any:
        return [], super().listdir(path)[1]


class Keeping(Memory):
    def delete(self, name: str) -> None:
        pass


class Hidden(Memory):
    def url(self, name: str | None) -> str:
        raise ValueError("This file is not accessible via a URL.")


class Locked(Memory):
    def _save(self, name: str, content: Any) -> str:
        raise PermissionError(13, "Permission denied")

    def delete(self, name: str) -> None:
        raise PermissionError(13, "Permission denied")


class AnsweredError(Exception):
    """As the clients of other services have it: the response is theirs."""

    response = object()


class Foreign(Memory):
    def _open(self, name: str, mode: str = "rb") -> Any:
        raise AnsweredError("It is forbidden.")


@pytest.mark.parametrize(
    ("cls", "expected", "what", "said", "advice"),
    [
        (Memory, {}, "read", "the same bytes", ""),
        (Full, {"write": "failure"}, "write", "No space left on device", "storage's own message"),
        (Silent, {"list": "warning"}, "list", "not implemented", "avatar_sweep cannot look"),
        (Renaming, {"write": "failure"}, "write", "renamed to “x/avatars/", "names as they are"),
        (Shrinking, {"read": "failure"}, "read", "other bytes", "keep files as they are"),
        (Forgetful, {"list": "failure"}, "list", "it is not there", "avatar_sweep finds"),
        (Shallow, {"list": "failure"}, "list", "it is not there", "avatar_sweep finds"),
        (Keeping, {"delete": "failure"}, "delete", "is still there", "what it is told to"),
        (Hidden, {"URL": "failure"}, "URL", "not accessible", "Set MEDIA_URL"),
        (
            Locked,
            {"write": "failure", "delete": "failure"},
            "write",
            "PermissionError: [Errno 13] Permission denied",
            "Let the user that this process runs as",
        ),
        (Foreign, {"read": "failure"}, "read", "AnsweredError: It is forbidden.", "own message"),
    ],
)
def test_a_storage_of_another_kind(only, told, cls, expected, what, said, advice):
    storage = cls()
    only(field_in(storage))
    found = told()
    assert bad(found) == expected
    assert said in found[what].found
    assert advice in found[what].advice
    if cls is not Keeping:
        assert not storage.exists(found["write"].found)
    if cls is Full:
        # It may have been half there.
        assert found["delete"].found == "it is gone"
        assert "list" not in found
    left = [name for name in all_of(storage) if cls is not Keeping]
    assert left == []


def all_of(storage: Any) -> list[str]:
    found, folders = [], [""]
    while folders:
        folder = folders.pop()
        below, files = Memory.listdir(storage, folder)
        found += [f"{folder}{name}" for name in files]
        folders += [f"{folder}{name}/" for name in below]
    return found


def test_originals_may_lie_where_nobody_looks(only, told):
    hidden, seen = Hidden(), Memory()
    only(field_in(hidden, thumbnail_storage=seen))
    private, public = probed_storages()
    assert (private.holds, public.holds) == (("originals",), ("renditions",))
    (url,) = (finding for finding in examine(private) if finding.what == "URL")
    assert url.level == "warning"


def test_a_site_that_deletes_nothing_says_so(told, settings):
    assert told()["delete"] == Finding("delete", "it is gone")
    settings.AVATAR_KIT = {"DELETE_FILES": False}
    found = told()["delete"]
    assert (found.level, found.found) == ("ok", "it is gone")
    assert found.advice.startswith("DELETE_FILES is False")


def test_urls_at_the_root_of_the_site(told, settings):
    settings.MEDIA_URL = ""
    found = list(examine(probed_storages()[0]))
    (root, not_fetched) = (finding for finding in found if finding.what == "URL")
    assert root == Finding(
        "URL",
        "it begins at the root of the site",
        "Set MEDIA_URL, or the base_url of the storage.",
        "warning",
    )
    assert not_fetched.level == "ok"
    assert "Give --base-url" in not_fetched.advice


def test_the_probe_goes_when_somebody_interrupts(only, files, monkeypatch):
    def interrupted(self: Any, name: str, mode: str = "rb") -> Any:
        assert files()
        raise KeyboardInterrupt

    monkeypatch.setattr(CountingStorage, "_open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        doctor()
    assert files() == set()


def test_the_probe_goes_when_nobody_wants_to_know_more(only, files):
    findings = examine(probed_storages()[0])
    assert next(findings).what == "write"
    assert files()
    findings.close()
    assert files() == set()


# --- by URL -------------------------------------------------------------------------------------


class Site:
    """A web server that sends what a test wants for any path, by default the file."""

    def __init__(self, media: Path) -> None:
        self.media = media
        self.status = 200
        self.headers = {"Content-Type": "image/webp", "Cache-Control": CACHE_CONTROL}
        self.body: bytes | None = None
        self.garbage = False
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if site.garbage:
                    self.wfile.write(b"I do not speak HTTP.\r\n")
                    return
                self.send_response(site.status)
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                path = site.media / urlsplit(self.path).path.removeprefix("/media/")
                self.wfile.write(path.read_bytes() if site.body is None else site.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def site(media: Path) -> Iterator[Site]:
    site = Site(media)
    yield site
    site.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_url_is_fetched(told, site):
    found = told(site.url)
    assert bad(found) == {}
    assert found["URL"].found.startswith(f"{site.url}/media/avatars/")
    assert found["content type"].found == "image/webp"
    assert found["cache"].found == CACHE_CONTROL


def test_a_url_with_a_host_needs_no_base(told, site, settings):
    settings.MEDIA_URL = f"{site.url}/media/"
    assert bad(told()) == {}
    assert "URL" in told()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": "image/webp; charset=x", "Cache-Control": "immutable"}, {}),
        (
            {"Content-Type": "application/octet-stream", "Cache-Control": "no-cache"},
            {"content type": "application/octet-stream", "cache": "no-cache"},
        ),
        ({}, {"content type": "none", "cache": "none"}),
    ],
)
def test_headers(told, site, headers, expected):
    site.headers = headers
    found = told(site.url)
    assert bad(found) == dict.fromkeys(expected, "warning")
    for what, said in expected.items():
        assert found[what].found == said
        assert found[what].advice.startswith("Have whatever serves the files send ")


@pytest.mark.parametrize(
    ("status", "body", "said", "advice"),
    [
        (404, b"", ": 404", "look where MEDIA_URL"),
        (403, b"", ": 403", "Let everybody read it"),
        (500, b"", ": 500", "Let everybody read it"),
        (200, b"<html>", "other bytes than were written", "Look what is served there."),
    ],
)
def test_a_url_that_leads_elsewhere(told, site, status, body, said, advice):
    site.status, site.body = status, body
    found = told(site.url)
    assert bad(found) == {"URL": "failure"}
    assert said in found["URL"].found
    assert advice in found["URL"].advice
    assert "cache" not in found


def test_a_server_that_is_none(told, site):
    site.garbage = True
    found = told(site.url)
    assert bad(found) == {"URL": "failure"}
    assert "I do not speak HTTP" in found["URL"].found
    found = told(f"http://127.0.0.1:{free_port()}")
    assert bad(found) == {"URL": "failure"}
    assert "Connection refused" in found["URL"].found
    assert found["URL"].advice.startswith("Look whether the host is right")


def test_signatures_of_others(only, told, site):
    class Signing(FileSystemStorage):
        def url(self, name: str | None) -> str:
            return f"{super().url(name)}?X-Amz-Expires=week&sig=1&Goog-Signature=2"

    only(field_in(Signing()))
    found = told(site.url)
    assert bad(found) == {"signature": "warning"}
    assert found["signature"].found == "anybody may fetch it without"
    assert "sig" not in found["URL"].found
    site.status = 403
    found = told(site.url)
    assert found["URL"].found.endswith(": 403")
    assert "pass the query on" in found["URL"].advice


# --- on S3 --------------------------------------------------------------------------------------


def test_a_bucket_where_all_is_well(told, bucket, settings):
    bucket.use(settings)
    with bucket.server.counted() as asked:
        found = told()
    assert bad(found) == {}
    assert list(found) == [
        "bucket",
        "write",
        "read",
        "URL",
        "content type",
        "cache",
        "list",
        "delete",
    ]
    assert found["bucket"].found == f"“{bucket.name}” at {bucket.server.url}"
    assert found["URL"].found.startswith(f"{bucket.server.url}/{bucket.name}/avatars/")
    # No signature is shown to anybody.
    assert "?" not in found["URL"].found
    assert found["cache"].found == CACHE_CONTROL
    actions = [request.action for request in asked]
    assert actions == ["PUT", "GET", "GET", "GET", "LIST", "DELETE MANY"]
    assert bucket.keys() == set()


@pytest.mark.parametrize("name", [None, ""])
def test_a_bucket_without_a_name(told, bucket, settings, name):
    bucket.use(settings, bucket_name=name)
    with bucket.server.counted() as asked:
        found = told()
    assert found == {"bucket": found["bucket"]}
    assert found["bucket"].level == "failure"
    assert "AWS_STORAGE_BUCKET_NAME" in found["bucket"].advice
    assert asked == []


def test_a_bucket_that_does_not_exist(told, bucket, settings):
    bucket.use(settings, bucket_name="nonesuch")
    with bucket.server.counted() as asked:
        found = told()
    assert list(found) == ["bucket", "write"]
    assert found["write"].found == "NoSuchBucket: The specified bucket does not exist"
    assert found["write"].advice.startswith("Create the bucket")
    assert [request.action for request in asked] == ["PUT"]


def test_no_credentials(told, bucket, settings):
    bucket.use(settings, access_key=None, secret_key=None)
    found = told()
    assert list(found) == ["bucket", "write"]
    assert found["write"].found.startswith("NoCredentialsError")
    assert "AWS_ACCESS_KEY_ID" in found["write"].advice


def test_nobody_answers(told, bucket, settings):
    bucket.use(settings, endpoint_url=f"http://127.0.0.1:{free_port()}")
    found = told()
    assert list(found) == ["bucket", "write"]
    assert found["write"].found.startswith("EndpointConnectionError")
    assert "let this machine reach them" in found["write"].advice


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "InvalidAccessKeyId", "Correct the access key"),
        (403, "SignatureDoesNotMatch", "Correct the secret key"),
        (403, "RequestTimeTooSkewed", "Set the clock"),
        (400, "ExpiredToken", "Renew the session token"),
        (400, "AccessControlListNotSupported", "Set default_acl to None"),
        (400, "AuthorizationHeaderMalformed", "Set region_name"),
        (501, "NotImplemented", 'request_checksum_calculation="when_required"'),
        (400, "Peculiar", "storage's own message"),
    ],
)
def test_what_is_refused_to_all(told, bucket, settings, status, code, advice):
    bucket.use(settings, default_acl="public-read")
    bucket.server.refusals["PUT"] = (status, code)
    with bucket.server.counted() as asked:
        found = told()
    assert found["write"].level == "failure"
    assert found["write"].found == f"{code}: as the test wants it"
    assert advice in found["write"].advice
    # Where the answer says that nothing has arrived, nothing else is asked.
    actions = [request.action for request in asked]
    assert actions == (["PUT", "DELETE MANY"] if status == 501 else ["PUT"])


@pytest.mark.parametrize(
    ("action", "what", "permission", "resource"),
    [
        ("PUT", "write", '"s3:PutObject"', "/media/*"),
        ("GET", "read", '"s3:GetObject"', "/media/*"),
        ("LIST", "list", '"s3:ListBucket"', ""),
        ("DELETE MANY", "delete", '"s3:DeleteObject"', "/media/*"),
    ],
)
def test_a_permission_that_is_missing(told, bucket, settings, action, what, permission, resource):
    bucket.use(settings, location="media")
    bucket.server.refusals[action] = (403, "AccessDenied")
    found = told()
    assert bad(found) == dict.fromkeys(["read", "URL"] if what == "read" else [what], "failure")
    assert found[what].found == "AccessDenied: as the test wants it"
    statement = (
        f'{{"Effect": "Allow", "Action": [{permission}], '
        f'"Resource": "arn:aws:s3:::{bucket.name}{resource}"}}'
    )
    assert statement in found[what].advice
    # The others are told as well.
    assert {"list", "delete"} <= set(found)
    if what == "write":
        assert found["list"].found == "that is allowed"
    bucket.server.refusals.clear()
    assert bool(bucket.keys()) == (what == "delete")


def test_acls_take_a_permission_more(told, bucket, settings):
    bucket.use(settings, default_acl="public-read")
    bucket.server.refusals["PUT"] = (403, "AccessDenied")
    found = told()
    assert '["s3:PutObject", "s3:PutObjectAcl"]' in found["write"].advice
    assert "Or set default_acl to None" in found["write"].advice


@pytest.mark.parametrize("status", [400, 405, 501])
def test_an_endpoint_without_batches(told, bucket, settings, status):
    bucket.use(settings)
    bucket.server.refusals["DELETE MANY"] = (status, "NotImplemented")
    found = told()
    assert bad(found) == {}
    assert found["delete"].found == f"it is gone, though not by DeleteObjects ({status})"
    assert "one request for each file" in found["delete"].advice
    assert bucket.keys() == set()


def test_what_may_have_arrived_is_deleted(told, bucket, settings):
    bucket.use(settings)
    with bucket.server.weather(
        lambda number, request: "reset after" if request.action == "PUT" else None
    ):
        found = told()
    assert bad(found) == {"write": "failure"}
    assert found["write"].found.startswith("ConnectionClosedError: ")
    assert "whether the endpoint is up" in found["write"].advice
    assert list(found) == ["bucket", "write", "delete"]
    assert bucket.keys() == set()


def test_the_old_signature(told, bucket, settings):
    bucket.use(settings, signature_version="s3")
    found = told()
    assert bad(found) == {"signature": "warning"}
    assert found["signature"].found == "version 2"
    assert 'Set signature_version to "s3v4"' in found["signature"].advice
    bucket.server.refusals["GET"] = (400, "InvalidRequest")
    found = told()
    assert found["URL"].level == "failure"
    assert found["URL"].found.endswith("400 InvalidRequest")
    assert found["URL"].advice == ADVICE["version 2"]


def test_an_error_that_names_the_signature_it_wants():
    error = ValueError("Please use AWS4-HMAC-SHA256.")
    assert advice_on(error) == ADVICE["version 2"]


def test_a_signature_that_is_valid_for_too_long(told, bucket, settings):
    bucket.use(settings, querystring_expire=604_801)
    found = told()
    assert bad(found) == {"signature": "failure"}
    assert found["signature"].found == "it is valid for 604801 s"
    bucket.use(settings, querystring_expire=604_800)
    assert bad(told()) == {}


def test_signatures_that_nobody_needs(told, bucket, settings):
    bucket.use(settings, default_acl="public-read")
    found = told()
    assert bad(found) == {"signature": "warning"}
    assert found["signature"].found == "anybody may fetch it without"
    assert "Set querystring_auth to False" in found["signature"].advice
    bucket.use(settings, default_acl="public-read", querystring_auth=False)
    assert bad(told()) == {}


def test_a_signature_that_is_refused_says_why(told, bucket, settings):
    bucket.use(settings)
    bucket.server.refusals["GET"] = (403, "SignatureDoesNotMatch")
    found = told()
    assert found["URL"].found.endswith(": 403 SignatureDoesNotMatch")
    assert found["URL"].advice.startswith("Correct the secret key")
    assert found["content type"].found == "image/webp"


def test_a_bucket_that_nobody_may_read(told, bucket, settings, only):
    bucket.use(settings, querystring_auth=False)
    found = told()
    assert bad(found) == {"URL": "failure"}
    assert "by a bucket policy" in found["URL"].advice
    # Its headers are known all the same.
    assert found["cache"].found == CACHE_CONTROL
    only(field_in(None, thumbnail_storage=Memory()))
    private, _ = probed_storages()
    (url,) = (finding for finding in examine(private) if finding.what == "URL")
    assert url.level == "ok"
    assert url.found.endswith(": 403; originals need not be public")


def test_headers_that_nobody_tells(told, bucket, settings):
    bucket.use(settings, querystring_auth=False)
    bucket.server.refusals["HEAD"] = (403, "Forbidden")
    found = told()
    assert bad(found) == {"URL": "failure", "headers": "warning"}


def test_a_cache_header_of_the_sites_own(told, bucket, settings):
    bucket.use(settings, object_parameters={"CacheControl": "max-age=60"})
    found = told()
    assert bad(found) == {}
    assert found["cache"].found == "max-age=60, as object_parameters want it"


class Signer:
    def generate_presigned_url(self, url: str, date_less_than: Any) -> str:
        return f"{url}?Expires=1&Signature=x"


@pytest.mark.parametrize(
    ("options", "domain"),
    [
        ({"querystring_auth": False}, None),
        ({"cloudfront_signer": Signer()}, None),
        ({}, "querystring_auth has no effect on cdn.invalid"),
        ({"querystring_auth": False, "url_protocol": "http:"}, "http://cdn.invalid"),
    ],
)
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_a_domain_in_front(told, bucket, settings, options, domain, monkeypatch):
    def unreachable(url: str) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr(doctor_urls, "get", unreachable)
    bucket.use(settings, custom_domain="cdn.invalid", **options)
    found = told()
    assert found["URL"].level == "failure"
    assert "://cdn.invalid/avatars/" in found["URL"].found
    assert found["URL"].found.endswith(": Name or service not known")
    if domain is None:
        assert "domain" not in found
    else:
        assert (found["domain"].level, found["domain"].found) == ("warning", domain)


def test_what_cannot_be_fetched_unsigned(told, bucket, settings, monkeypatch):
    get = doctor_urls.get

    def signed_only(url: str) -> Any:
        if "?" not in url:
            raise ConnectionResetError
        return get(url)

    monkeypatch.setattr(doctor_urls, "get", signed_only)
    bucket.use(settings)
    assert bad(told()) == {}


def test_a_storage_that_sees_to_everything_itself(told, bucket, settings):
    bucket.use(settings, backend=f"{__name__}.own_storage")
    found = told()
    # It takes no care of how long a file may be kept.
    assert bad(found) == {"cache": "warning"}
    bucket.server.refusals["DELETE"] = (403, "AccessDenied")
    assert f"arn:aws:s3:::{bucket.name}/*" in told()["delete"].advice


def own_storage(**options: Any) -> Any:
    from storages.backends.s3 import S3Storage

    class Own(S3Storage):
        def delete(self, name: str) -> None:
            super().delete(name)

    return Own(**options)


def test_the_command_on_s3(bucket, settings, only):
    bucket.use(settings)
    bucket.server.refusals["LIST"] = (403, "AccessDenied")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^1 failure, 0 warnings\.$"):
        call_command("avatar_doctor", stdout=out)
    assert "failure  list          AccessDenied: as the" in out.getvalue()


def test_the_probe_is_a_picture():
    with Image.open(io.BytesIO(doctor_urls.PICTURE)) as picture:
        assert picture.format == "WEBP"
        picture.load()


class Nowhere(Memory):
    def url(self, name: Any) -> Any:
        return None


def test_a_storage_that_gives_no_url():
    place = ProbedStorage(title="x", storage=Nowhere(), holds=("renditions",))
    said = [finding for finding in examine(place) if "url() gave None" in finding.found]
    assert [finding.level for finding in said] == ["failure"]
