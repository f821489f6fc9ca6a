"""The code of a how-to, as a reader copies it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page of ``docs/howto``, in order."""
    text = (HOWTO / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(code: str, **names: Any) -> dict[str, Any]:
    """The names that exist after a block has run, with ``names`` before it."""
    exec(compile(code, "<how-to>", "exec"), names)  # noqa: S102 - our own documentation
    return names
