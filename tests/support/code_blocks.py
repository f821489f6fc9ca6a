"""The pages of the documentation, and the code in them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: README and every page, by their paths from the root.
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    if "_build" not in path.parts
}

_BLOCK = re.compile(r"^( *)```([\w{}-]+)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:# |{# )([\w./-]+\.(?:py|html))\b")


class Block(NamedTuple):
    """A fenced block of code."""

    page: str
    #: As it stands behind the fence, such as "python"; "{toctree}" for a directive.
    language: str
    code: str
    #: Line of the fence.
    line: int

    @property
    def file(self) -> str | None:
        """The file that the first line names, such as ``people/models.py``."""
        match = _FILE.match(self.code)
        return match and match[1]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str, page: str | None = None) -> list[Block]:
    """The blocks in these languages, of one page or of all."""
    return [
        Block(name, match[2], textwrap.dedent(match[3]), text.count("\n", 0, match.start()) + 1)
        for name, path in PAGES.items()
        if page in (None, name)
        for text in [path.read_text("utf-8")]
        for match in _BLOCK.finditer(text)
        if match[2] in languages
    ]
