"""axe-core, run in the page. Its script comes with the package axe-playwright-python."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: The rules of WCAG 2.2, level AA, and what axe-core calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


@cache
def script() -> str:
    """AVATAR_KIT_AXE names another axe.min.js, to try a newer release."""
    named = os.environ.get("AVATAR_KIT_AXE")
    path = Path(named) if named else resources.files("axe_playwright_python") / "axe.min.js"
    return path.read_text("utf-8")


def violations(page: Page, part: str = "html") -> list[str]:
    """What axe-core finds wrong in (a part of) the page as it is: rule, element, and why."""
    # Evaluated by the debugger, to which the page's policy does not apply.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script())
    found = page.evaluate(
        "([part, tags]) => axe.run(part, {runOnly: tags, resultTypes: ['violations']})",
        [part, TAGS],
    )
    return [
        f"{rule['id']} at {page.url}: {' '.join(map(str, node['target']))}: "
        f"{node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def everywhere(page: Page) -> list[str]:
    """The same in light and dark, and as wide as a phone and as a desk."""
    before = page.viewport_size
    found = []
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{width} px, {scheme}: {each}" for each in violations(page)]
    page.emulate_media(color_scheme=None)
    if before:
        page.set_viewport_size(before)
    return found
