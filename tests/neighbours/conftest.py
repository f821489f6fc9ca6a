from __future__ import annotations

from django.conf import settings

# With the settings of the other tests, the other packages have no tables.
collect_ignore_glob = (
    [] if settings.SETTINGS_MODULE == "tests.neighbours.settings" else ["test_*.py"]
)
