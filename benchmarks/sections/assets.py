"""How large the style sheets and scripts are that a browser loads."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import django_avatar_kit
from benchmarks.report import table
from benchmarks.results import Section

if TYPE_CHECKING:
    from benchmarks.sections.base import Effort

FOLDER = Path(django_avatar_kit.__file__).parent / "static" / "avatar_kit"


def assets(effort: Effort) -> Section:
    """Every file, as it is and compressed."""
    data = {}
    for path in sorted(FOLDER.iterdir()):
        content = path.read_bytes()
        sizes = {"kb": len(content) / 1000, "gzip_kb": len(gzip.compress(content, 9)) / 1000}
        data[path.name.replace("-", "_").replace(".", "_")] = {"file": path.name, **sizes}
    rows = [
        (f"`{each['file']}`", f"{each['kb']:.1f} kB", f"{each['gzip_kb']:.1f} kB")
        for each in data.values()
    ]
    text = table(("what a browser loads once", "as it is", "gzip -9"), rows)
    return Section(title="Style sheets and scripts", lines=[], text=text, data=data)
