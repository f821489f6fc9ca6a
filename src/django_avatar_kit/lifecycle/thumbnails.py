"""What easy-thumbnails made of a file goes when the file goes.

The kit's own renditions are not in easy-thumbnails' tables. Thumbnails that a template asked for
on the fly are, be it of an avatar or of a stock ``ImageField``; django-cleanup, which removes the
files of the latter, knows nothing of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from django.db.models import FileField, Q
from django.utils.functional import SimpleLazyObject
from django_cleanup.signals import cleanup_post_delete
from easy_thumbnails import storage as easy_storage
from easy_thumbnails.conf import settings as easy_settings
from easy_thumbnails.files import ThumbnailerFieldFile
from easy_thumbnails.models import Source, Thumbnail
from easy_thumbnails.storage import get_storage
from easy_thumbnails.utils import get_storage_hash

from ..conf import get_config
from ..lazy import unwrap
from ..storage import base as storage
from . import tables
from .references import CHUNK, chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)


class Setting:
    """A setting that ``Thumbnailer.__init__`` would copy for every row that is loaded.

    The nine of them take longer than loading the row. Here, each is read when it is asked for.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.upper()

    def __get__(self, instance: Any, owner: type) -> Any:
        return getattr(easy_settings, self.name)


def storage_of(field: FileField) -> Storage:
    """Where the thumbnails of a field's files lie."""
    given = getattr(field, "thumbnail_storage", None)
    # Asked now: easy-thumbnails' own binding dates from its import.
    return storage.resolve(given) if given else unwrap(get_storage())


def delete(names: Mapping[str, FileField]) -> None:
    """Delete the thumbnails of these files that easy-thumbnails' tables know, and their records.

    One query, if the tables know none. ``names`` maps each key to the field it belonged to.
    """
    for chunk in chunks(names.keys()):
        for source in Source.objects.filter(name__in=chunk).prefetch_related("thumbnails"):
            field = names[source.name]
            if source.storage_hash != get_storage_hash(unwrap(field.storage)):
                continue
            place = storage_of(field)
            hashed = get_storage_hash(place)
            # A thumbnail in a storage that the settings no longer name cannot be deleted.
            reachable = [t.name for t in source.thumbnails.all() if t.storage_hash == hashed]
            if not storage.delete_all(place, reachable):
                source.delete()


def hashes_of(*places: Storage) -> set[str]:
    """What easy-thumbnails' tables call these storages."""
    # What they call a lazy storage that was not used before.
    return {get_storage_hash("builtins.object"), *map(get_storage_hash, places)}


def sources_of(keys: Collection[str]) -> dict[str, str]:
    """The source of each of these files that easy-thumbnails' tables know as a thumbnail."""
    found: dict[str, str] = {}
    for chunk in chunks(keys):
        thumbnails = Thumbnail.objects.filter(name__in=chunk).order_by()
        found.update(thumbnails.values_list("name", "source__name"))
    return found


def tables_of_other_schemas() -> tuple[list[tables.TableColumn], list[str]]:
    """The tables with the thumbnails of other tenants, of which only the name can be asked; and,
    in words, those that cannot be read.
    """
    own = Thumbnail._meta.get_field("name")
    columns, unreadable = tables.find([own])
    return [each for each in columns if each[1] is not own], unreadable


def recorded(hashes: Collection[str]) -> Iterator[tuple[str, str]]:
    """The key of every thumbnail that easy-thumbnails' tables have in these storages, and that of
    its source.
    """
    pk = 0
    ours = Thumbnail.objects.filter(storage_hash__in=hashes).order_by("pk")
    while chunk := list(ours.filter(pk__gt=pk).values_list("pk", "name", "source__name")[:CHUNK]):
        yield from ((name, source) for _, name, source in chunk)
        pk = chunk[-1][0]


def delete_records(keys: Collection[str], place: Storage, hashes: Collection[str]) -> None:
    """Delete what easy-thumbnails' tables have of files that are gone from a storage.

    The tables call that storage by one of ``hashes``. The record of a source stays as long as
    there is one of a thumbnail of it.
    """
    for chunk in chunks(keys):
        named = Q(name__in=chunk, storage_hash__in=hashes)
        sources = set(Source.objects.filter(named).values_list("pk", flat=True))
        of_these = Thumbnail.objects.filter(source__in=sources, storage_hash__in=hashes)
        gone = [thumbnail.pk for thumbnail in of_these if not place.exists(thumbnail.name)]
        thumbnails = Thumbnail.objects.filter(named | Q(pk__in=gone))
        # The source of the last thumbnail may have gone before it.
        sources.update(thumbnails.values_list("source_id", flat=True))
        thumbnails.delete()
        Source.objects.filter(pk__in=sources, thumbnails=None).delete()


def connect() -> None:
    """Follow django-cleanup; without it in ``INSTALLED_APPS`` nothing is ever sent."""
    cleanup_post_delete.connect(_file_deleted, dispatch_uid="avatar_kit.thumbnails")
    setting_changed.connect(_storages_changed, dispatch_uid="avatar_kit.thumbnails")


def _storages_changed(*, setting: str, **kwargs: Any) -> None:
    # easy-thumbnails binds this at import, and the thumbnails of stock fields would stay there.
    # Lazily, as Django may be told of the change after us.
    if setting in {"STORAGES", "THUMBNAIL_DEFAULT_STORAGE_ALIAS"}:
        easy_storage.thumbnail_default_storage = SimpleLazyObject(get_storage)


def _file_deleted(*, file: Any, file_name: str, success: bool, **kwargs: Any) -> None:
    # A ThumbnailerFieldFile has deleted its thumbnails itself, and an avatar is the kit's own.
    if not success or isinstance(file, ThumbnailerFieldFile) or not get_config().delete_files:
        return
    try:
        delete({file_name: file.field})
    except Exception:
        # Whatever a database may raise: django-cleanup sends this outside its own try block.
        logger.exception("Could not delete the thumbnails of “%s”.", file_name)
