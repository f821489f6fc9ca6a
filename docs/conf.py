"""Sphinx: ``make docs``."""

from __future__ import annotations

import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent

# The descriptions of classes and functions are read from this checkout, and from no other version
# that may be installed. Some modules can only be imported beside the libraries that they are for.
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.neighbours.settings"
django.setup()

from sphinx.util import logging  # noqa: E402

from django_avatar_kit import __version__  # noqa: E402

logger = logging.getLogger(__name__)

project = "django-avatar-kit"
author = "the django-avatar-kit developers"
# With Sphinx's leading underscore: "copyright" would shadow a builtin.
project_copyright = f"2026, {author}"
release = __version__
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # Classes of other libraries are links only where the network is.
    ("py:.*", r"(?!django_avatar_kit\.).*"),
    # In types. What is not public has no page.
    ("py:class", r"django_avatar_kit\.(columns|lifecycle)\..*|.*\._\w+"),
]

autodoc_member_order = "bysource"
# What the kit's classes only pass on to Django is in Django's documentation.
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True

# html_image: pictures for light and dark pages are <img class="only-light"> and "only-dark".
myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
# Anchors for links to headings, as in [limits](promises.md#limits).
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


def leave_out(
    _app: Any, what: str, _name: str, obj: Any, _skip: bool, _options: Any
) -> bool | None:
    """Whether a member of a class is Django's or another library's, and described there."""
    home = getattr(getattr(obj, "fget", obj), "__module__", None)
    is_foreign = (
        callable(getattr(obj, "fget", obj)) and home and not home.startswith("django_avatar_kit")
    )
    return True if what == "class" and is_foreign else None


def leave_out_text(_app: Any, what: str, _name: str, _obj: Any, _options: Any, lines: Any) -> None:
    """What a module says of itself is for those who work on it. Each page has its own words."""
    if what == "module":
        lines.clear()


def check_reference(_app: Any, env: Any) -> None:
    """Warn of each public name that no page describes. A warning fails the build."""
    from tests.support.public_api import parts, public_modules

    described = set(env.domaindata["py"]["objects"])
    # What only other parts of the kit call is left out by name.
    text = "".join(page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md"))
    left_out = set(re.findall(r"\w+", " ".join(re.findall(r":exclude-members: (.+)", text))))
    public = [part for name in public_modules() for part in parts(name)]
    # Of a base class, what one of its subclasses shows is there for all of them.
    described |= {part.home for part in public if part.path in described}
    for part in public:
        is_left_out = part.is_told_by_base or part.path.rpartition(".")[2] in left_out
        if not is_left_out and not {part.path, part.home} & described:
            logger.warning("%s is public, and no page of the reference describes it.", part.path)


def setup(app: Any) -> None:
    app.connect("autodoc-skip-member", leave_out)
    app.connect("autodoc-process-docstring", leave_out_text)
    app.connect("env-check-consistency", check_reference)
