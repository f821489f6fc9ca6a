"""The models of the contenders that this worker was started for."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings

for _name in settings.CONTENDERS:
    import_module(f"benchmarks.contenders.{_name}")
