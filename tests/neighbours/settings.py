"""The settings of the tests, with the packages that a site may have beside the kit."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

_more: list[str] = ["drf_spectacular"]
INSTALLED_APPS = [*INSTALLED_APPS, *(app for app in _more if app not in INSTALLED_APPS)]

REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
