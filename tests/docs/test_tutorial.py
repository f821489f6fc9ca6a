"""The tutorial, from an empty folder to its last page: files, commands, pages and outputs."""

from __future__ import annotations

import pytest

from tests.docs.walker import Walker
from tests.support.markdown import ROOT, parts_of

pytestmark = pytest.mark.docs

FOLDER = ROOT / "docs" / "tutorial"
#: In the order in which they are read: each round goes on where the last one ended.
ROUNDS = sorted(FOLDER.glob("[0-9]-*.md"))


def test_the_tutorial(tmp_path):
    with Walker(tmp_path) as walker:
        for page in ROUNDS:
            walker.walk(parts_of(page))


def test_every_round_is_in_the_table_of_contents():
    names = [page.stem for page in ROUNDS]
    (contents,) = (part for part in parts_of(FOLDER / "index.md") if part.language == "{toctree}")
    assert contents.text.splitlines()[-6:] == names
