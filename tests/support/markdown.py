"""A page of the documentation as a list of paragraphs and blocks of code, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
#: Everything that a reader gets to see.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: What the first line of a block says, if the block is a file.
FILE = re.compile(r"(?:# |\{# )([\w./-]+\.(?:py|html))\b")
FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}|:{3,})(?P<language>\S*).*")
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"#{1,6} +(?P<title>.*)")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A heading, a paragraph or a block of code of a page."""

    page: Path
    #: The first line of its text, counted from 1.
    line: int
    #: "heading", "paragraph", or "block".
    kind: str
    #: Without the fence and without the indentation of a list.
    text: str
    #: What stands behind the fence of a block.
    language: str = ""

    @property
    def place(self) -> str:
        """Where it is, as compilers and editors write it."""
        page = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page
        return f"{page}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the first line names, such as ``people/models.py``."""
        found = FILE.match(self.text)
        return found[1] if found else None


def parts_of(page: Path) -> Iterator[Part]:
    """Everything on a page."""
    lines = page.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        if fence := FENCE.fullmatch(line):
            end = _end_of_block(lines, number, fence["fence"])
            text = [each.removeprefix(fence["indent"]) for each in lines[number + 1 : end]]
            yield Part(
                page=page,
                line=number + 2,
                kind="block",
                text="\n".join(text),
                language=fence["language"],
            )
            number = end + 1
        elif heading := HEADING.fullmatch(line):
            yield Part(page=page, line=number + 1, kind="heading", text=heading["title"])
            number += 1
        elif line.strip():
            end = number
            while end < len(lines) and lines[end].strip() and not FENCE.fullmatch(lines[end]):
                end += 1
            text = [each.strip() for each in lines[number:end]]
            yield Part(page=page, line=number + 1, kind="paragraph", text=" ".join(text))
            number = end
        else:
            number += 1


def _end_of_block(lines: list[str], start: int, fence: str) -> int:
    """The number of the line that closes a block."""
    for number in range(start + 1, len(lines)):
        if lines[number].strip() == fence:
            return number
    raise AssertionError(f"Nothing closes the block that begins in line {start + 1}.")


def blocks_of(page: Path, *languages: str) -> list[Part]:
    """The blocks of a page, in some languages or in all."""
    blocks = (part for part in parts_of(page) if part.kind == "block")
    return [block for block in blocks if not languages or block.language in languages]


def section(page: Path, title: str) -> list[Part]:
    """What stands below a heading, up to the next one of any level."""
    parts = list(parts_of(page))
    titles = [part.text if part.kind == "heading" else None for part in parts]
    start = titles.index(title) + 1
    end = next((n for n in range(start, len(parts)) if titles[n] is not None), len(parts))
    return parts[start:end]


def prose(page: Path) -> str:
    """The text of a page as it stands there, without its blocks."""
    return BLOCK.sub("", page.read_text("utf-8"))
