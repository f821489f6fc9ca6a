"""The jobs of a worker in tables that grow. Only the avatars that are used have files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.template import Context

from benchmarks.contenders import contender
from benchmarks.workers.jobs import files, page, small_photograph, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workers.child import Answer

#: Avatars on the page.
PAGE = 100


def grow(name: str, *, rows: int) -> Answer:
    """Fill the tables up to so many avatars. The first of them are really uploaded."""
    who = contender(name)
    model = who.model._default_manager
    while model.count() < PAGE:
        who.upload(small_photograph(model.count()))
    start = model.order_by("-pk").values_list("pk", flat=True)[0] + 1
    with transaction.atomic(), connection.cursor() as cursor:
        for table, columns, values in who.filler(range(start, start + rows - model.count())):
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join(["%s"] * len(columns))
            statement = f'INSERT INTO "{table._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608
            cursor.executemany(statement, list(values))
        cursor.execute("ANALYZE")
    return {"rows": model.count()}


def growth_page(name: str) -> Answer:
    """Load and show the first 100. The cache is empty, so that the tables are asked."""
    rows = contender(name).rows()[:PAGE]
    template = page(name).template
    cache.clear()
    return timed(lambda: template.render(Context({"people": rows})))


def growth_replace(name: str) -> Answer:
    """Replace the avatar of a loaded row by a small picture, which is quickly encoded."""
    who = contender(name)
    row = who.model._default_manager.order_by("pk")[PAGE - 1]
    photo = small_photograph(1, side=max(settings.SIZES))
    return timed(lambda: who.upload(photo, row))


def growth_delete(name: str) -> Answer:
    """Delete a loaded row and its avatar."""
    who = contender(name)
    photo = small_photograph(2, side=max(settings.SIZES))
    row = who.model._default_manager.get(pk=who.upload(photo).pk)
    return timed(lambda: who.delete(row))


def growth_sweep(name: str, *, orphans: int) -> Answer:
    """Let ``avatar_sweep`` delete avatars whose rows were deleted behind the kit's back."""
    who = contender(name)
    before = len(files())
    made = [who.upload(small_photograph(number)).pk for number in range(orphans)]
    table = who.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{table}" WHERE id >= %s', [min(made)])  # noqa: S608
    options = {"delete": True, "min_age": "0s", "max_percent": 100.0, "verbosity": 0}
    answer = timed(lambda: call_command("avatar_sweep", **options))
    assert len(files()) == before, "avatar_sweep has not deleted what no row holds"
    return answer


GROWTH_JOBS: dict[str, Callable[..., Answer]] = {
    job.__name__: job for job in (grow, growth_page, growth_replace, growth_delete, growth_sweep)
}
