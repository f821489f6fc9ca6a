"""What README and docs name of these apps exists."""

from __future__ import annotations

import pytest

from tests.support.documentation import DOTTED, IMPORT, imported, in_documentation, resolved


@pytest.mark.parametrize("statement", in_documentation(IMPORT, of_apps=True))
def test_imports_in_the_documentation(statement):
    assert None not in imported(statement)


@pytest.mark.parametrize("dotted", in_documentation(DOTTED, of_apps=True))
def test_dotted_paths_in_the_documentation(dotted):
    assert resolved(dotted) is not None
