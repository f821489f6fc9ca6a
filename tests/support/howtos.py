"""The code of a how-to, as a reader copies it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.markdown import ROOT, blocks_of


def page(name: str) -> Path:
    """The file of a page of ``docs/howto``."""
    return ROOT / "docs" / "howto" / f"{name}.md"


def blocks(name: str, *languages: str) -> list[str]:
    """The blocks of code of a page, in order; in Python, unless other languages are named."""
    return [block.text for block in blocks_of(page(name), *(languages or ["python"]))]


def code(name: str, containing: str, *languages: str) -> str:
    """The one block of a page that contains a text."""
    found = [text for text in blocks(name, *languages) if containing in text]
    assert len(found) == 1, f"{len(found)} blocks of {name} contain {containing!r}"
    return found[0]


def run(text: str, **names: Any) -> dict[str, Any]:
    """The names that exist after a block has run, with ``names`` before it."""
    exec(compile(text, "<how-to>", "exec", dont_inherit=True), names)  # noqa: S102 - our own
    return names
