"""Django settings of one worker: the contenders that it was started for, and what they need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SIZES = (32, 64, 128, 256, 512)

#: The contenders' modules in ``benchmarks.contenders``.
CONTENDERS = os.environ["BENCHMARK_CONTENDERS"].split(",")
FOLDER = Path(os.environ["BENCHMARK_FOLDER"])

CLEANUP = "django_cleanup.apps.CleanupConfig"
AUTH = ("django.contrib.contenttypes", "django.contrib.auth")

#: With django-cleanup if a contender does not itself remove replaced originals.
APPS: dict[str, tuple[str, ...]] = {
    "kit": ("easy_thumbnails", "django_avatar_kit", CLEANUP),
    "stock": (CLEANUP,),
    "easy": ("easy_thumbnails", CLEANUP),
    "imagekit": ("imagekit", CLEANUP),
    "pictures": ("pictures", CLEANUP),
    "sorl": ("sorl.thumbnail", CLEANUP),
    "stdimage": ("stdimage",),
    "avatar": (*AUTH, "avatar"),
    "versatile": ("versatileimagefield", CLEANUP),
}

INSTALLED_APPS = list(
    dict.fromkeys([*(app for name in CONTENDERS for app in APPS[name]), "benchmarks"])
)

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "database.sqlite3",
        # The disk is not what is compared.
        "OPTIONS": {"init_command": "PRAGMA synchronous=OFF;"},
    }
}


class _NoMigrations:
    """Makes tables from the models, without migrations, for every app."""

    def __contains__(self, label: str) -> bool:
        return True

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = _NoMigrations()
MEDIA_ROOT = str(FOLDER / "media")
MEDIA_URL = "/media/"
STATIC_URL = "/static/"

# --- where files go ----------------------------------------------------------------------------

#: The alias of ``STORAGES`` that is this worker's default, and the URL of the S3 server, if any.
STORAGE = os.environ["BENCHMARK_STORAGE"]
S3 = os.environ["BENCHMARK_S3"]


def _s3(**options: Any) -> dict[str, Any]:
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "endpoint_url": S3,
            "bucket_name": "avatars",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "only for benchmarks",
            "region_name": "us-east-1",
            "addressing_style": "path",
            # The client's default for URLs is version 2, which most regions no longer accept.
            "signature_version": "s3v4",
            "querystring_auth": False,
            **options,
        },
    }


if S3:
    STORAGES = {
        "files": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        "unsigned": _s3(),
        "domain": _s3(custom_domain="media.example.com"),
        "signed": _s3(querystring_auth=True),
    }
    STORAGES["default"] = STORAGES[STORAGE]

# Large enough for every page. By default, this backend holds 300 entries. On a page of 1,000
# avatars, no entry would ever be found again.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    }
]

# --- all contenders make the same five squares ------------------------------------------------

THUMBNAIL_ALIASES: dict[str, Any] = {
    "": {f"s{size}": {"size": (size, size), "crop": True} for size in SIZES}
}

#: True if libraries that can make a size when a page asks for it shall do so. Otherwise all sizes
#: are made at the upload.
ON_DEMAND = bool(os.environ.get("BENCHMARK_ON_DEMAND"))

if not ON_DEMAND:
    # Files are made when the original is saved, and are not looked for when they are shown.
    IMAGEKIT_DEFAULT_CACHEFILE_STRATEGY = "imagekit.cachefiles.strategies.Optimistic"

AVATAR_AUTO_GENERATE_SIZES = () if ON_DEMAND else SIZES
AVATAR_MAX_SIZE = 10 * 1024 * 1024
# Its default is PNG, which takes longer to encode.
AVATAR_THUMB_FORMAT = "JPEG"

PICTURES = {
    # A width of 32 px in one column at these densities gives the five sizes.
    "CONTAINER_WIDTH": 32,
    "GRID_COLUMNS": 1,
    "PIXEL_DENSITIES": [size // 32 for size in SIZES],
    "BREAKPOINTS": {"xs": 16},
    # Its default, AVIF, takes longer to encode.
    "FILE_TYPES": ["WEBP"],
}
# django-pictures' task runs at once. By default, another process runs it.
TASKS = {
    "default": {
        "BACKEND": "django.tasks.backends.immediate.ImmediateBackend",
        "QUEUES": ["default", "pictures"],
    }
}
