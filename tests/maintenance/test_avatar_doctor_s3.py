"""``avatar_doctor``: buckets, permissions, signatures and domains of S3."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_avatar_kit.maintenance import doctor_urls
from django_avatar_kit.maintenance.doctor import examine, probed_storages
from django_avatar_kit.maintenance.doctor_advice import ADVICE, advice_on
from django_avatar_kit.storage.s3 import CACHE_CONTROL
from tests.support.doctoring import Memory, bad, field_in, free_port

pytestmark = pytest.mark.usefixtures("no_proxy")


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
