"""URLs with scheme and host, for mails and for other sites."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist

from ..conf import get_config

#: What ``BASE_URL`` may be: paths begin at the root of the site.
BASE_URL = re.compile(r"https?://[^\s/?#@\\]+/?")


def absolute_url(url: str, request: Any = None) -> str:
    """``url`` with scheme and host; as it is where it has them (a storage on S3), or is empty.

    They are those of the request, else of ``BASE_URL``, else of the current site of
    ``django.contrib.sites``, with https. That asks the database once in the life of a process.

    Raises ``ImproperlyConfigured`` where none of them is there.
    """
    if not url or urlsplit(url).scheme:
        return url
    if request is not None:
        return str(request.build_absolute_uri(url))
    return urljoin(_base_url(), url)


def _base_url() -> str:
    base = get_config().base_url
    if base is not None:
        if BASE_URL.fullmatch(base):
            return base
        raise ImproperlyConfigured(
            f'AVATAR_KIT["BASE_URL"] is {base!r}. It must be a scheme and a host, such as '
            "'https://example.org'."
        )
    try:
        # Without the app it makes a site of the request, and there is none.
        return f"https://{get_current_site(None).domain}"
    except (AttributeError, ImproperlyConfigured, ObjectDoesNotExist) as error:
        raise ImproperlyConfigured(
            "An absolute URL was asked for, and nothing says which host it is of. Pass the "
            'request (a tag takes it from its context), or set AVATAR_KIT["BASE_URL"], such as '
            "'https://example.org', or SITE_ID of django.contrib.sites."
        ) from error
