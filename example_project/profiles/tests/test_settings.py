from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from storages.backends.s3 import S3Storage

from example.settings import environment


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("on", True), ("True", True), ("0", False), ("no", False), ("", False)],
)
def test_flag(monkeypatch, value, expected):
    monkeypatch.setenv("SWITCH", value)
    assert environment.flag("SWITCH", default=not expected) is expected


def test_flag_that_is_not_set():
    assert environment.flag("SWITCH", default=True) is True


def test_flag_that_is_neither(monkeypatch):
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(ImproperlyConfigured, match="SWITCH='maybe' is neither on nor off"):
        environment.flag("SWITCH", default=True)


def test_words(monkeypatch):
    assert environment.words("HOSTS") == []
    monkeypatch.setenv("HOSTS", "example.org, www.example.org,")
    assert environment.words("HOSTS") == ["example.org", "www.example.org"]


def test_database(monkeypatch):
    def read():
        return environment.database("DB", default=Path("db.sqlite3"))

    assert read() == {"ENGINE": "django.db.backends.sqlite3", "NAME": Path("db.sqlite3")}
    monkeypatch.setenv("DB", "sqlite:////srv/faces.sqlite3")
    assert read() == {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/faces.sqlite3"}
    monkeypatch.setenv("DB", "postgresql://ada:p%40ss@db.internal:5433/faces")
    postgres = read()
    assert postgres["ENGINE"] == "django.db.backends.postgresql"
    assert [postgres[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "faces",
        "ada",
        "p@ss",
        "db.internal",
        "5433",
    ]


@pytest.mark.parametrize("url", ["mysql://ada:secret@host/faces", "faces.sqlite3", "sqlite://"])
def test_database_that_is_not_known(monkeypatch, url):
    monkeypatch.setenv("DB", url)
    with pytest.raises(ImproperlyConfigured, match="postgresql://<user>") as caught:
        environment.database("DB", default=Path("db.sqlite3"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("storage", "module"), [(None, "filesystem"), ("", "filesystem"), ("s3", "s3")]
)
def test_storage_names_the_settings(monkeypatch, storage, module):
    monkeypatch.delenv("STORAGE", raising=False)
    if storage is not None:
        monkeypatch.setenv("STORAGE", storage)
    assert environment.settings_module() == f"example.settings.{module}"


def test_storage_that_is_not_known(monkeypatch):
    monkeypatch.setenv("STORAGE", "ftp")
    with pytest.raises(ImproperlyConfigured, match=r"STORAGE='ftp'.* Use filesystem or s3\."):
        environment.settings_module()


S3Settings = Callable[..., dict]


@pytest.fixture
def s3(monkeypatch, no_aws) -> S3Settings:
    """The settings for S3 with these variables set, and no others."""
    monkeypatch.delenv("DJANGO_DB", raising=False)

    def load(**variables: str) -> dict:
        for name, value in {"AWS_STORAGE_BUCKET_NAME": "faces", **variables}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_module("example.settings.s3")

    return load


def url(settings: dict) -> str:
    """What a page would show of a picture."""
    return S3Storage(**settings["STORAGES"]["default"]["OPTIONS"]).url("avatars/3f/a.webp")


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize("name", [None, ""])
def test_s3_without_a_bucket_says_what_to_do(monkeypatch, no_aws, name):
    if name is not None:
        monkeypatch.setenv("AWS_STORAGE_BUCKET_NAME", name)
    with pytest.raises(ImproperlyConfigured, match="AWS_STORAGE_BUCKET_NAME is not set"):
        runpy.run_module("example.settings.s3")


def test_s3_signs_for_the_bucket_in_its_region_with_the_keys_of_the_environment(s3):
    parts = urlsplit(url(s3(AWS_S3_REGION_NAME="eu-central-1", **KEYS)))
    assert (parts.scheme, parts.path) == ("https", "/avatars/3f/a.webp")
    assert parts.hostname == "faces.s3.eu-central-1.amazonaws.com"
    query = parse_qs(parts.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    key, _, region, *_ = query["X-Amz-Credential"][0].split("/")
    assert (key, region) == ("AKIAEXAMPLE", "eu-central-1")


def test_s3_signs_with_a_session_token_of_the_environment(s3):
    query = parse_qs(urlsplit(url(s3(**KEYS, AWS_SESSION_TOKEN="for an hour"))).query)
    assert query["X-Amz-Security-Token"] == ["for an hour"]


def test_s3_without_keys_leaves_it_to_boto3_to_find_some(s3, tmp_path):
    # A role of the machine is found by the same chain, which ends with it.
    found = tmp_path / "credentials"
    found.write_text("[default]\naws_access_key_id = AKIAFOUND\naws_secret_access_key = secret\n")
    settings = s3(AWS_SHARED_CREDENTIALS_FILE=str(found), AWS_S3_REGION_NAME="eu-central-1")
    assert "X-Amz-Credential=AKIAFOUND" in url(settings)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "https://minio.example.org"])
def test_an_endpoint_that_is_not_aws_has_the_bucket_in_the_path(s3, endpoint):
    settings = s3(AWS_S3_ENDPOINT_URL=endpoint, **KEYS)
    assert url(settings).startswith(f"{endpoint}/faces/avatars/3f/a.webp?X-Amz-Algorithm=AWS4")


def test_an_endpoint_of_aws_has_the_bucket_in_the_host(s3):
    endpoint = "https://s3.eu-central-1.amazonaws.com"
    settings = s3(AWS_S3_ENDPOINT_URL=endpoint, AWS_S3_REGION_NAME="eu-central-1", **KEYS)
    assert url(settings).startswith("https://faces.s3.eu-central-1.amazonaws.com/avatars/")


def test_a_public_bucket_has_plain_urls(s3):
    settings = s3(AWS_QUERYSTRING_AUTH="0", AWS_S3_REGION_NAME="eu-central-1", **KEYS)
    assert url(settings) == "https://faces.s3.eu-central-1.amazonaws.com/avatars/3f/a.webp"


def test_a_custom_domain_is_all_that_a_page_shows(s3):
    settings = s3(AWS_S3_CUSTOM_DOMAIN="media.example.org", **KEYS)
    assert url(settings) == "https://media.example.org/avatars/3f/a.webp"


def test_variables_that_are_empty_are_as_good_as_none(s3):
    names = ("AWS_S3_REGION_NAME", "AWS_S3_ENDPOINT_URL", "AWS_S3_CUSTOM_DOMAIN")
    assert urlsplit(url(s3(**dict.fromkeys(names, ""), **KEYS))).hostname.endswith("amazonaws.com")


def test_s3_keeps_static_files_where_they_were(s3):
    from example.settings import base

    assert s3()["STORAGES"]["staticfiles"] == base.STORAGES["staticfiles"]


def test_s3_has_a_database_of_its_own_unless_it_is_given_one(s3):
    from example.settings import filesystem

    own = s3()["DATABASES"]["default"]
    assert own["NAME"].name == "db-s3.sqlite3"
    assert own["NAME"] != filesystem.DATABASES["default"]["NAME"]
    given = s3(DJANGO_DB="sqlite:////srv/faces.sqlite3")["DATABASES"]["default"]
    assert given["NAME"] == "/srv/faces.sqlite3"


def test_s3_that_does_not_answer_holds_a_worker_for_less_than_half_a_minute(s3):
    config = s3()["STORAGES"]["default"]["OPTIONS"]["client_config"]
    attempts = config.retries["total_max_attempts"]
    # The answer is waited for, and then another, to what takes back what may have arrived. Between
    # two attempts, standard mode waits up to one second.
    assert 2 * (attempts * config.read_timeout + attempts - 1) < 30


def test_a_server_on_this_machine_is_reached_without_the_proxy(s3, monkeypatch, s3_server, bucket):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    settings = s3(AWS_S3_ENDPOINT_URL=s3_server, AWS_STORAGE_BUCKET_NAME=bucket, **KEYS)
    storage = S3Storage(**settings["STORAGES"]["default"]["OPTIONS"])
    assert storage.listdir("") == ([], [])


def img_src(settings: dict) -> list[str]:
    return settings["SECURE_CSP"]["img-src"]


def test_pictures_come_from_the_site_itself_and_previews_from_the_page():
    from example.settings import base

    assert img_src(vars(base)) == ["'self'", "blob:"]


@pytest.mark.parametrize(
    ("variables", "origin"),
    [
        ({}, "https://faces.s3.amazonaws.com"),
        ({"AWS_S3_REGION_NAME": "eu-central-1"}, "https://faces.s3.eu-central-1.amazonaws.com"),
        (
            {
                "AWS_S3_REGION_NAME": "eu-central-1",
                "AWS_S3_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com",
            },
            "https://faces.s3.eu-central-1.amazonaws.com",
        ),
        ({"AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
        ({"AWS_S3_CUSTOM_DOMAIN": "media.example.org"}, "https://media.example.org"),
    ],
)
def test_s3_allows_pictures_of_its_bucket_and_of_no_other_server(s3, variables, origin):
    settings = s3(AWS_QUERYSTRING_AUTH="0", **variables, **KEYS)
    assert img_src(settings) == ["'self'", "blob:", origin]
    assert url(settings).startswith(f"{origin}/")


@pytest.mark.parametrize(
    ("media_url", "allowed"),
    [("media/", []), ("https://media.example.org/faces/", ["https://media.example.org"])],
)
def test_media_on_another_server_are_allowed(monkeypatch, media_url, allowed):
    monkeypatch.setenv("DJANGO_MEDIA_URL", media_url)
    # Python warns of a module that is run though it is imported.
    monkeypatch.delitem(sys.modules, "example.settings.filesystem")
    settings = runpy.run_module("example.settings.filesystem")
    assert img_src(settings) == ["'self'", "blob:", *allowed]
