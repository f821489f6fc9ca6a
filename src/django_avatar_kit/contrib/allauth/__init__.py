"""Social log-in by django-allauth: the provider's picture, for whoever has no avatar yet.

An app: a site adds ``django_avatar_kit.contrib.allauth`` to ``INSTALLED_APPS``.
"""

from __future__ import annotations
