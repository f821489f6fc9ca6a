from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "tests.browser.site"
    label = "browser_site"
    default_auto_field = "django.db.models.BigAutoField"
