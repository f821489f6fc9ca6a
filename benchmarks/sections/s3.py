"""S3: uploads and deletions over a network, pages, and copying to S3."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks.s3server import S3Server
from benchmarks.sections.base import CUTTERS, Effort, Section, workers
from benchmarks.sections.s3_copy import copying
from benchmarks.sections.s3_pages import everybodys_page, kits_pages
from benchmarks.sections.s3_uploads import uploads

if TYPE_CHECKING:
    from pathlib import Path


def s3(effort: Effort, folder: Path) -> Section:
    """All measurements on S3, with one server."""
    with closing(S3Server()) as server:
        with workers("stock", *CUTTERS, storage="unsigned", s3=server.url) as everybody:
            found = [uploads(effort, folder, server, everybody)]
            peers = everybodys_page(effort, server, everybody)
        found += [kits_pages(effort, server), peers, copying(effort, server)]
    return Section(
        title="S3",
        lines=[line for part in found for line in part.lines],
        text="\n\n".join(part.text for part in found),
    )
