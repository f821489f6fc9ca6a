"""What every deployment of the example shares. Where media live is the business of its siblings.

On a developer's machine nothing has to be set. Production sets ``DJANGO_DEBUG=0``, and then
``DJANGO_SECRET_KEY`` and ``DJANGO_ALLOWED_HOSTS``; ``README.md`` lists the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

from .environment import content_security_policy, database, flag, words

BASE_DIR = Path(__file__).resolve().parents[2]

DEBUG = flag("DJANGO_DEBUG", default=True)

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "DJANGO_SECRET_KEY is not set. With DJANGO_DEBUG=0 it must be: a long random string."
        )
    SECRET_KEY = "only-for-development-because-everybody-can-read-it-here"

# Empty, with DEBUG on, means localhost.
ALLOWED_HOSTS = words("DJANGO_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = words("DJANGO_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "profiles",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "easy_thumbnails",
    "django_avatar_kit",
    # Its documentation asks for the last place: it looks at the models of all apps before it.
    "django_cleanup.apps.CleanupConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if django.VERSION >= (6, 0):
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")

# No exception for the kit but "blob:" pictures: previews of what was chosen and not sent yet. The
# modules that import this one add the server of media where that is another. Django reads this
# setting since 6.0.
SECURE_CSP = content_security_policy()

ROOT_URLCONF = "example.urls"
WSGI_APPLICATION = "example.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database("DJANGO_DB", default=BASE_DIR / "db.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "profiles:me"
LOGOUT_REDIRECT_URL = "profiles:people"

LANGUAGE_CODE = "en"
# The menu shows each language under its own name, so these need no translation.
LANGUAGES = [
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("pt-br", "Brazilian Portuguese"),
    ("pl", "Polish"),
    ("ru", "Russian"),
    ("ja", "Japanese"),
    ("zh-hans", "Simplified Chinese"),
    ("ar", "Arabic"),
    ("he", "Hebrew"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT") or BASE_DIR / "staticfiles"
STORAGES = {
    # "default", the place of media, is set by the module that imports this one.
    "staticfiles": {
        # In production a changed style sheet gets a new name, so that browsers may keep the old.
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        ),
    },
}

# Everything the kit needs to be told here. Its other settings have defaults that fit.
AVATAR_KIT = {
    "DISPLAY_NAME": "profiles.models.display_name",
}

if DEBUG:
    # For these the debug context processor counts the queries that the page's foot shows.
    INTERNAL_IPS = ["127.0.0.1", "::1"]
else:
    SECURE_SSL_REDIRECT = flag("DJANGO_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = int(os.environ.get("DJANGO_HSTS_SECONDS") or 365 * 24 * 60 * 60)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("DJANGO_HSTS_INCLUDE_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = flag("DJANGO_HSTS_PRELOAD", default=True)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True
    if flag("DJANGO_BEHIND_PROXY", default=False):
        # Only behind a proxy that sets this header itself: a client could send it, too.
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
