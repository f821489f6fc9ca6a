"""The settings of the tests, and what only a browser needs: static files, admin and a policy."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

_more = [
    "django.contrib.admin",
    "django.contrib.staticfiles",
    # For its copy of htmx.
    "django_htmx",
    "tests.browser.site",
]
INSTALLED_APPS = [*INSTALLED_APPS, *(app for app in _more if app not in INSTALLED_APPS)]
MIDDLEWARE = ["tests.browser.site.policy.PolicyMiddleware", *MIDDLEWARE]
_processors = TEMPLATES[0]["OPTIONS"]["context_processors"]  # type: ignore[index]
_processors.append("tests.browser.site.policy.nonce")
ROOT_URLCONF = "tests.browser.site.urls"
LOGIN_URL = "login"
ALLOWED_HOSTS = ["*"]
#: Directives, each with its sources. Tests that need a nonce or no policy at all set another.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    # The preview. It is the only exception that the kit asks for.
    "img-src": ["'self'", "blob:"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
