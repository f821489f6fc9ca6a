"""What ``avatar_doctor`` tells people to do: tables of advice, and how errors are recognised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ..storage.s3 import CACHE_CONTROL

Level = Literal["ok", "warning", "failure"]


class Finding(NamedTuple):
    """A line of the doctor's table."""

    what: str
    found: str
    #: What to do.
    advice: str = ""
    level: Level = "ok"


_NO_CHECKSUMS = (
    'Set request_checksum_calculation="when_required" in client_config: the endpoint may not know '
    "the checksums that newer clients send."
)
#: What to do about an error, by S3's code for it, or by the name of its class or of a base class.
#: Names, since botocore need not be installed.
FOR_ERRORS: Mapping[str, str] = {
    "NoSuchBucket": "Create the bucket, or correct bucket_name (and endpoint_url, where given).",
    "InvalidBucketName": "Correct bucket_name.",
    "ParamValidationError": "Correct bucket_name and object_parameters.",
    "InvalidAccessKeyId": "Correct the access key, which nobody there knows: access_key, or "
    "AWS_ACCESS_KEY_ID, or that of the profile.",
    "SignatureDoesNotMatch": "Correct the secret key, which is not that of the access key: "
    "secret_key, or AWS_SECRET_ACCESS_KEY, or that of the profile.",
    "ExpiredToken": "Renew the session token.",
    "InvalidToken": "Renew the session token.",
    "RequestTimeTooSkewed": "Set the clock of this machine.",
    "AccessControlListNotSupported": "Set default_acl to None, its default: this bucket has ACLs "
    "disabled, as every new one. What makes objects public there is a bucket policy.",
    "PermanentRedirect": "Set region_name to the region of the bucket.",
    "AuthorizationHeaderMalformed": "Set region_name to the region of the bucket.",
    "NotImplemented": _NO_CHECKSUMS,
    "XAmzContentSHA256Mismatch": _NO_CHECKSUMS,
    "AuthorizationQueryParametersError": "Set region_name to the region of the bucket, and "
    "querystring_expire to at most a week (604800).",
    "NoCredentialsError": "Give this machine a role, or set access_key and secret_key, or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "PartialCredentialsError": "Set both, the access key and the secret key.",
    "ProfileNotFound": "Correct session_profile, or AWS_PROFILE.",
    "SSLError": "Correct endpoint_url, or name the bundle with its authority in verify.",
    "ConnectionError": "Correct endpoint_url and region_name, or let this machine reach them: "
    "name server, firewall, proxy.",
    "HTTPClientError": "Look whether the endpoint is up, and how long it takes to answer.",
    "PermissionError": "Let the user that this process runs as read, write and delete there.",
    "ImproperlyConfigured": "Correct its entry in STORAGES, or install what it needs, which on S3 "
    "is django-avatar-kit[s3].",
}
#: What to do about anything else that is found.
ADVICE: Mapping[str, str] = {
    # The settings of an S3Storage.
    "no bucket": "Set bucket_name in the OPTIONS of the storage, or AWS_STORAGE_BUCKET_NAME.",
    "http": 'Set url_protocol to "https:", its default: pages with https want no others.',
    "unsigned domain": "Set querystring_auth to False, as these URLs are never signed; or, where "
    "CloudFront is to keep others out, cloudfront_key_id and cloudfront_key.",
    # Writing, reading, listing and deleting.
    "acl": "Or set default_acl to None: where public access is blocked, so are ACLs.",
    "renamed": "Have the storage take names as they are: uploads that it renames are refused.",
    "changed": "Have the storage keep files as they are.",
    "link": "Set the location of the storage (MEDIA_ROOT) to where the link leads to, if "
    "avatar_sweep is to look there.",
    "no listdir": "Give the storage one: avatar_sweep cannot look through it otherwise.",
    "not listed": "Have the storage list what it holds: avatar_sweep finds nothing else.",
    "no batches": "Nothing: the kit sends one request for each file instead.",
    "not deleted": "Have the storage delete what it is told to.",
    "deletes nothing": "DELETE_FILES is False: but for this probe, nothing is ever deleted.",
    # URLs.
    "no url": "Set MEDIA_URL, or the base_url of the storage, or give it a url().",
    "root": "Set MEDIA_URL, or the base_url of the storage.",
    "not fetched": "Give --base-url http://host to have it fetched from there.",
    "unreachable": "Look whether the host is right and can be reached from here: name server, "
    "certificate, firewall.",
    "not served": "Have the files served there: look where MEDIA_URL, base_url or custom_domain "
    "lead to.",
    "other file": "Look what is served there.",
    "query": "Whatever stands before the bucket must pass the query on.",
    "private": "Let everybody read it (on S3 by a bucket policy), or have URLs signed "
    "(querystring_auth).",
    "version 2": 'Set signature_version to "s3v4", in client_config where that is given: version '
    "2 works in old regions of AWS only.",
    "long life": "Set querystring_expire to at most 604800, a week: S3 takes no more.",
    "public": "Set querystring_auth to False, since nothing is kept from anybody; or take away "
    "what makes these objects public.",
    # Headers.
    "content type": "Have whatever serves the files send image/webp for .webp.",
    "cache": f"Have whatever serves the files send “Cache-Control: {CACHE_CONTROL}”: none of them "
    "ever changes.",
}


def failure(what: str, error: Exception, advice: str = "", level: Level = "failure") -> Finding:
    """What an error has to say, with advice from the table where none is given."""
    said = _response(error).get("Error", {})
    found = f"{said.get('Code') or type(error).__name__}: {said.get('Message') or error}"
    return Finding(what, found, advice or advice_on(error), level)


def advice_on(error: Exception) -> str:
    if "AWS4-HMAC-SHA256" in str(error):
        return ADVICE["version 2"]
    names = (_code(error), *(cls.__name__ for cls in type(error).__mro__))
    known = (FOR_ERRORS[name] for name in names if name in FOR_ERRORS)
    return next(known, "This is the storage's own message; what to do depends on it.")


def is_denied(error: object) -> bool:
    """Whether S3 says that a permission is missing."""
    return _code(error) in {"AccessDenied", "Forbidden", "403"}


def may_have_arrived(error: object) -> bool:
    """Whether the file may be in the storage although writing it has failed."""
    if response := _response(error):
        return bool(response["ResponseMetadata"]["HTTPStatusCode"] >= 500)
    names = {cls.__name__ for cls in type(error).__mro__}
    # botocore raises its own errors before it sends anything, except those about the answer.
    return "BotoCoreError" not in names or "HTTPClientError" in names


def _code(error: object) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _response(error: object) -> dict[str, Any]:
    """S3's answer as botocore gives it; empty for all other errors."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}
