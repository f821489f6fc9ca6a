"""Draw docs/images/architecture-*.svg, for light and dark pages: ``python -m scripts.diagram``."""

from __future__ import annotations

from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = (480, 400)
BOX = (136, 50)

#: Left and upper edge in px, name and what it does.
BOXES = {
    "upload": (4, 4, "a browser", "sends a picture"),
    "forms": (172, 4, "forms", "check it"),
    "pipeline": (340, 4, "pipeline", "decode once, cut"),
    "row": (4, 124, "the row", "one name"),
    "storage": (340, 124, "storage", "the files"),
    "rendering": (4, 238, "rendering", "no query, no I/O"),
    "lifecycle": (172, 238, "lifecycle", "after the commit"),
    "page": (4, 346, "a page", "<img srcset=…>"),
}
#: Path, label, where the label begins or ends, and whether the browser does it later.
ARROWS = [
    ("M140 29 H170", "", (0, 0), "start"),
    ("M308 29 H338", "", (0, 0), "start"),
    ("M408 54 V122", "1 files", (416, 92), "start"),
    ("M372 54 V78 H72 V122", "2 name, in one UPDATE", (222, 96), "middle"),
    ("M72 174 V236", "name", (80, 210), "start"),
    ("M120 174 V200 H240 V236", "old name", (180, 194), "middle"),
    ("M308 263 H420 V176", "3 delete", (364, 282), "middle"),
    ("M72 288 V344", "", (0, 0), "start"),
    ("M140 371 H452 V176", "the browser fetches the files", (296, 390), "middle"),
]
THEMES = {
    "light": {"text": "#1f2328", "muted": "#59636e", "line": "#59636e", "box": "#f3f5f8"},
    "dark": {"text": "#e6edf3", "muted": "#9da7b1", "line": "#9da7b1", "box": "#22272e"},
}
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
 height="{height}" font-family="system-ui, sans-serif" role="img">
<title>{title}</title>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path d="M0 0 8 4 0 8z" fill="{line}"/></marker></defs>
"""
ARROW = """\
<path d="{path}" fill="none" stroke="{line}" stroke-width="1.5" marker-end="url(#head)"/>
"""
RECTANGLE = """\
<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{box}" stroke="{line}"/>
"""
ALT = "How an upload becomes files and a name, how a page shows it, and how old files go"


def drawing(theme: dict[str, str]) -> str:
    """The whole SVG. Its text is text, in the font of the reader's system."""
    width, height = SIZE
    line, muted = theme["line"], theme["muted"]
    parts = [HEAD.format(width=width, height=height, title=ALT, line=line)]
    for path, label, (x, y), anchor in ARROWS:
        parts.append(ARROW.format(path=path, line=line))
        if label:
            parts.append(text(x, y, label, muted, 13, anchor))
    for x, y, name, does in BOXES.values():
        middle = x + BOX[0] // 2
        parts.append(RECTANGLE.format(x=x, y=y, width=BOX[0], height=BOX[1], **theme))
        parts.append(text(middle, y + 21, name, theme["text"], 15, "middle", weight=600))
        parts.append(text(middle, y + 40, does, muted, 13, "middle"))
    return "".join([*parts, "</svg>\n"])


def text(x: int, y: int, say: str, color: str, size: int, anchor: str, weight: int = 400) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}">{escape(say)}</text>\n'
    )


def files() -> dict[Path, str]:
    """What each file should contain."""
    return {IMAGES / f"architecture-{name}.svg": drawing(theme) for name, theme in THEMES.items()}


if __name__ == "__main__":
    for path, svg in files().items():
        path.write_text(svg, "utf-8")
