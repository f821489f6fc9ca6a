"""All that is public has types, a description, and a place in the documentation.

Here, because some modules can only be imported beside the packages that they are for. A new module
is found by itself.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.public_api import (
    module_names,
    parts,
    public_modules,
    says_what_is_public,
)

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = {page.name: page.read_text("utf-8") for page in REFERENCE.glob("*.md")}
MODULES = public_modules()


@pytest.mark.parametrize("name", module_names())
def test_every_module_says_what_is_public(name):
    assert says_what_is_public(name), (
        f"{name} does not say what is public. Give it __all__, or add it to INTERNAL in "
        "tests/support/public_api.py."
    )


@pytest.mark.parametrize("name", MODULES)
def test_what_is_public_exists(name):
    module = import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []
    assert list(module.__all__) == sorted(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_all_that_is_public_is_described(name):
    """By a docstring, or by ``#:`` before an attribute.

    What overrides a method of Django's or of another framework is described there.
    """
    missing = [part.path for part in parts(name) if not part.is_described]
    assert not missing, "Not described: " + ", ".join(missing)


@pytest.mark.parametrize("name", MODULES)
def test_all_that_is_public_has_types(name):
    missing = [f"{part.path} ({', '.join(part.lacks)})" for part in parts(name) if part.lacks]
    assert not missing, "Without types: " + ", ".join(missing)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_module_is_in_the_reference(name):
    """Sphinx reads names and members from the docstrings, and fails where one has no place."""
    directive = re.compile(rf"^\.\. automodule:: {re.escape(name)}\n   :members:$", re.MULTILINE)
    found = [page for page, text in PAGES.items() if directive.search(text)]
    assert len(found) == 1, (
        f"{name} has to be on one page of docs/reference/, and is on {found or 'none'}. Put it "
        "there with “.. automodule::” and “:members:”, as docs/reference/python.md does."
    )
