"""Media in a bucket, on S3 or on what speaks its language: round 5 of the example.

All it has to be told is in the environment; ``README.md`` lists the variables. Keys are not among
the options below: django-storages and boto3 find them there, or with the role of the machine.
Static files stay where they were.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from botocore.config import Config
from django.core.exceptions import ImproperlyConfigured

from . import base
from .base import *  # noqa: F403
from .environment import content_security_policy, database, flag

BUCKET = os.environ.get("AWS_STORAGE_BUCKET_NAME")
if not BUCKET:
    raise ImproperlyConfigured(
        "AWS_STORAGE_BUCKET_NAME is not set. Set it to the name of the bucket that media go to; "
        "to try this without one, run “make demo STORAGE=s3”, which brings its own."
    )

# Empty for S3 itself.
ENDPOINT = os.environ.get("AWS_S3_ENDPOINT_URL") or None
HOST = urlsplit(ENDPOINT).hostname if ENDPOINT else None
AT_AWS = HOST is None or HOST.endswith((".amazonaws.com", ".amazonaws.com.cn"))

REGION = os.environ.get("AWS_S3_REGION_NAME") or None
CUSTOM_DOMAIN = os.environ.get("AWS_S3_CUSTOM_DOMAIN") or None

# Browsers load the pictures from the bucket: at AWS its host is its own, elsewhere the endpoint's.
if CUSTOM_DOMAIN:
    SECURE_CSP = content_security_policy(f"https://{CUSTOM_DOMAIN}")
elif not AT_AWS:
    SECURE_CSP = content_security_policy(ENDPOINT)
elif ENDPOINT:
    SECURE_CSP = content_security_policy(f"https://{BUCKET}.{HOST}")
else:
    SECURE_CSP = content_security_policy(
        f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
        if REGION
        else f"https://{BUCKET}.s3.amazonaws.com"
    )

# The rows of another storage would name files that are not in the bucket.
DATABASES = {"default": database("DJANGO_DB", default=base.BASE_DIR / "db-s3.sqlite3")}

STORAGES = {
    **base.STORAGES,
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": BUCKET,
            "region_name": REGION,
            "endpoint_url": ENDPOINT,
            "custom_domain": CUSTOM_DOMAIN,
            # Signed URLs also work where the bucket is private, as new ones are.
            "querystring_auth": flag("AWS_QUERYSTRING_AUTH", default=True),
            # The kit never writes a key twice. Stock fields do, where two people send "me.jpg".
            "file_overwrite": False,
            "client_config": Config(
                signature_version="s3v4",
                s3={
                    # At AWS the host is that of the bucket and its region: a signed URL of the
                    # global host would be redirected, and the signature is for one host only.
                    # Elsewhere such a host may not exist.
                    "addressing_style": "virtual" if AT_AWS else "path",
                },
                # Somebody waits for the page: two attempts, and two more to take back what has
                # arrived, stay below the half minute after which web servers give a worker up. By
                # default it could be minutes.
                connect_timeout=3,
                read_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 2},
                # A server on this machine is not asked for by way of a proxy.
                proxies={} if HOST in {"127.0.0.1", "::1", "localhost"} else None,
            ),
        },
    },
}
