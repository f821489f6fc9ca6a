"""Sphinx: ``make docs``."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "django-avatar-kit"
author = "the django-avatar-kit developers"
# With Sphinx's leading underscore: "copyright" would shadow a builtin.
project_copyright = f"2026, {author}"
# Read from pyproject.toml, so that building the documentation does not need the package installed.
release = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
version = release

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
# Anchors for links to headings, as in [limits](cleanup.md#limits).
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"django-avatar-kit {release}"


def reachable(inventories: dict[str, tuple[str, None]]) -> bool:
    """True if every inventory answers. A missing one would be a warning, which fails the build."""
    for url, _ in inventories.values():
        request = urllib.request.Request(f"{url}objects.inv", method="HEAD")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=3):  # noqa: S310
                pass
        except (OSError, urllib.error.URLError):
            return False
    return True


intersphinx_mapping = {
    "python": ("https://docs.python.org/3/", None),
    "django": ("https://docs.djangoproject.com/en/stable/", None),
}
if reachable(intersphinx_mapping):
    extensions.append("sphinx.ext.intersphinx")
