"""Every page can be found from the index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.markdown import ROOT, blocks_of

pytestmark = pytest.mark.docs

DOCS = ROOT / "docs"


def pages_below(index: Path) -> Iterator[Path]:
    """The pages in the tables of contents of a page, and in those of these pages."""
    for table in blocks_of(index, "{toctree}"):
        for line in table.text.splitlines():
            if line and not line.startswith(":"):
                pages = sorted(index.parent.glob(f"{line}.md"))
                assert pages, f"{table.place} lists {line}, which does not exist."
                for page in pages:
                    yield page
                    yield from pages_below(page)


def test_every_page_is_in_a_table_of_contents_once():
    index = DOCS / "index.md"
    assert sorted(pages_below(index)) == sorted({*DOCS.rglob("*.md")} - {index})
