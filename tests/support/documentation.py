"""What README and docs name of the package: imports, and dotted paths."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: An import, on one line or in parentheses.
IMPORT = re.compile(r"^ *(from django_avatar_kit\S* import (?:\([^)]*\)|[\w, ]*\w))", re.MULTILINE)
#: A dotted path in a string or in the text.
DOTTED = re.compile(r"(?<![\w./-])django_avatar_kit(?:\.\w+)+(?!/)")
#: Modules of apps that the other tests do not have; tests/contrib imports these.
OF_APPS = re.compile(r"django_avatar_kit\.contrib\.(?:profile|gallery)\b")


def in_documentation(pattern: re.Pattern[str], *, of_apps: bool = False) -> list[Any]:
    """What a pattern finds on all pages, each with the name of its page as the test's id."""
    return [
        pytest.param(text, id=f"{page.name}: {text}")
        for page in PAGES
        for text in dict.fromkeys(pattern.findall(page.read_text()))
        if bool(OF_APPS.search(text)) is of_apps
    ]


def imported(statement: str) -> list[Any]:
    """What an import statement gives. Raises ``ImportError`` or ``AttributeError``."""
    (node,) = ast.parse(statement).body
    assert isinstance(node, ast.ImportFrom)
    assert node.module is not None
    module = import_module(node.module)
    return [getattr(module, alias.name) for alias in node.names]


def resolved(dotted: str) -> Any:
    """The module, or what is in one, that a dotted path names."""
    try:
        return import_module(dotted)
    except ModuleNotFoundError:
        outer, _, name = dotted.rpartition(".")
        return inspect.getattr_static(resolved(outer), name)
