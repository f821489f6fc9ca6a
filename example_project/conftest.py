from __future__ import annotations

# Storages of its own for each test, so that none writes into the media of the demo.
pytest_plugins = ["django_avatar_kit.test.pytest_plugin"]
