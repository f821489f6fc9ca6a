"""A visitor, who looks at one page of the site after the other while it is moved."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS_ON_A_PAGE = 50
#: Seconds between two pages.
PAUSE = 0.2


class Visitor(threading.Thread):
    """Loads a page, and looks whether each picture on it exists."""

    def __init__(self, folder: Path, template: str, users: int) -> None:
        super().__init__()
        self.folder, self.template, self.users = folder, template, users
        self.stop = threading.Event()
        #: Seconds of each page.
        self.pages: list[float] = []
        #: Pages of which a picture was replaced before it was fetched. The next view of such a
        #: page has the new one.
        self.overtaken = 0
        self.errors: list[str] = []

    def run(self) -> None:
        from django.db import connections

        first = 0
        while not self.stop.is_set():
            try:
                self.visit(first)
            except Exception as error:  # noqa: BLE001 - it is counted
                self.errors.append(repr(error))
            first = (first + USERS_ON_A_PAGE) % self.users
            self.stop.wait(PAUSE)
        connections.close_all()

    def visit(self, first: int) -> None:
        begun = time.perf_counter()
        html = self.page(first)
        self.pages.append(time.perf_counter() - begun)
        if missing := self.missing(html, first):
            # They were gone before this view, so no row may name them any more.
            again = self.page(first)
            if wrong := [url for url in missing if url in again]:
                self.errors.append(f"not there: {wrong}")
            else:
                self.overtaken += 1

    def page(self, first: int) -> str:
        from django.contrib.auth.models import User
        from django.template import Context, engines

        users = User.objects.select_related("avatar_profile").order_by("pk")
        template = engines["django"].engine.from_string(  # type: ignore[attr-defined]
            self.template
        )
        html: str = template.render(Context({"users": users[first : first + USERS_ON_A_PAGE]}))
        return html

    def missing(self, html: str, first: int) -> list[str]:
        urls = re.findall(r'<img src="/media/([^"]+)"', html)
        if len(urls) != min(USERS_ON_A_PAGE, self.users - first):
            raise AssertionError(f"{len(urls)} pictures on a page")
        return [url for url in urls if not (self.folder / "media" / url).exists()]


@contextmanager
def visited(folder: Path, template: str, users: int) -> Iterator[Visitor]:
    visitor = Visitor(folder, template, users)
    visitor.start()
    try:
        yield visitor
    finally:
        visitor.stop.set()
        visitor.join()
