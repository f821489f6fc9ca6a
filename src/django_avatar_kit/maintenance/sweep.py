"""Delete files that no row needs: what ``avatar_sweep`` does.

    Sweep.find     lists a location and yields the orphans in it; nothing is deleted
    Sweep.delete   deletes those, each batch after asking the databases once more

Which files are orphans is decided in ``orphans``. What was found is kept in a temporary file, so
that it is known how much would go before anything does. Memory is that of one folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import groupby, islice
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from django.core.management.base import CommandError

from .. import tokens
from ..columns import avatar_columns
from ..interruptions import is_interruption
from ..lifecycle import thumbnails
from ..names import Group, Name, group_of
from ..storage import base as storage
from .locations import all_locations, folder_in
from .orphans import Orphan, OrphanFinder

if TYPE_CHECKING:
    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

#: Files that the databases are asked about at once; a few more where an avatar is at the end.
BATCH = 2000


#: A file that may be an orphan, and the avatar that it belongs to or is a thumbnail of; None for a
#: file that is not the kit's.
Candidate: TypeAlias = "tuple[storage.Stored, Group | None]"


class SweptStorage(NamedTuple):
    """A storage in a location that is swept: the whole location, or a folder of it."""

    #: That folder, which ends in a slash; empty for the whole.
    prefix: str
    storage: Storage
    #: What easy-thumbnails' tables call it, and none of those before it.
    hashes: set[str]


class SweptLocation(NamedTuple):
    """A location of avatar files that is in no other one, and the storages in it."""

    title: str
    #: First that of the whole location.
    storages: list[SweptStorage]


def locations_to_sweep(aliases: Sequence[str] = ()) -> list[SweptLocation]:
    """Every location of masters, renditions or thumbnails of avatars, once.

    ``aliases`` are further storages, by their names in ``STORAGES``: those that avatars have left.
    """
    known = all_locations(aliases)
    found = []
    for outer in known:
        if any(folder_in(outer.storage, other.storage) for other in known):
            continue
        hashes = thumbnails.hashes_of(*outer.storages)
        swept, titles = [SweptStorage("", outer.storage, hashes)], []
        for inner in known:
            if prefix := folder_in(inner.storage, outer.storage):
                own = thumbnails.hashes_of(*inner.storages) - hashes
                swept.append(SweptStorage(prefix, inner.storage, own))
                titles.append(inner.title)
        title = f"{outer.title} with {', '.join(titles)} in it" if titles else outer.title
        found.append(SweptLocation(title, swept))
    return found


class Sweep:
    """One location: first :meth:`find`, then :meth:`delete`, and :meth:`close` at the end.

    Files younger than ``min_age`` are left alone, as they may be uploads whose row is not saved
    yet. Only files below ``prefix`` are judged, which is empty or ends in a slash; with
    ``foreign`` all of them, without it those that the kit has named.

    ``seen`` counts the files that were judged, ``found`` the orphans among them, ``size`` their
    bytes, ``of_other_sites`` those that another site seems to have made, and ``failed`` the files
    whose age the storage could not tell, or that it could not delete.
    """

    def __init__(
        self,
        location: SweptLocation,
        *,
        min_age: timedelta = timedelta(hours=1),
        prefix: str = "",
        foreign: bool = False,
    ) -> None:
        self.title = location.title
        self.min_age, self.prefix, self.foreign = min_age, prefix, foreign
        self.seen = self.found = self.of_other_sites = self.size = self.failed = 0
        self._storages = location.storages
        self._storage = location.storages[0].storage
        prefixes = [each.prefix for each in location.storages]
        self._finder = OrphanFinder(self._storage, prefixes, foreign=foreign)
        # One orphan in JSON a line.
        self._found = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see close()

    def close(self) -> None:
        self._found.close()

    @property
    def refusal(self) -> str:
        """Why nothing of what was found may be deleted, and what to do; "" if it may."""
        if self.prefix or not self.found:
            return ""
        if self.of_other_sites:
            return (
                f"{self.of_other_sites} of the files in {self.title} that no row holds were not "
                "made by this site for one of its databases: another site may use the storage, or "
                "the SECRET_KEY or the name of the database has changed since. If nobody else "
                "needs them, name their folder: --prefix. An old SECRET_KEY can stand among the "
                "SECRET_KEY_FALLBACKS."
            )
        if self._finder.unreadable:
            return (
                f"The rows of {', '.join(self._finder.unreadable)} cannot all be read, and may "
                f"hold what lies in {self.title}. Use a database user that may read them; or, if "
                "they have no avatars there, name the folder to look into: --prefix."
            )
        return ""

    def find(self, seen: Callable[[int], object] | None = None) -> Iterator[Orphan]:
        """List the location and yield the orphans; nothing is deleted.

        ``seen`` is called with the number of files in each batch. Raises ``CommandError``.
        """
        if self.foreign and (fields := self._finder.varying_defaults()):
            raise CommandError(
                f"The storage {self.title} cannot be swept with --foreign: the default of "
                f"{', '.join(fields)} is chosen anew for each row, so that any file may be one. "
                "Without --foreign, what the kit has named is swept."
            )
        for batch in _batches(self._candidates()):
            # Two records of easy-thumbnails may be of the same file.
            listed = {stored.key: stored for stored, _ in batch}
            self.seen += len(listed)
            if seen is not None:
                seen(len(listed))
            for orphan in self._finder.orphans({stored.key: group for stored, group in batch}):
                size = self._size_if_old(listed[orphan.key])
                if size is not None:
                    self.found += 1
                    self.size += size
                    # Another site has named it, or this one for a database it has no more.
                    group = group_of(orphan.source or orphan.key)
                    self.of_other_sites += group is not None and not tokens.is_ours(group.token)
                    json.dump(found := orphan._replace(size=size), self._found)
                    self._found.write("\n")
                    yield found

    def delete(self) -> Iterator[Orphan]:
        """Delete what was found, unless a row needs it by now, and yield what is gone.

        Raises ``CommandError`` before anything is deleted.
        """
        if refusal := self.refusal:
            raise CommandError(refusal)
        self._found.seek(0)
        while lines := list(islice(self._found, BATCH)):
            found = [Orphan(*json.loads(line)) for line in lines]
            groups = {each.key: group_of(each.source or each.key) for each in found}
            keys = [
                key
                for key, *_ in self._finder.orphans(groups)
                # The kit never writes a key twice. Another file may have been uploaded once more.
                if group_of(key) or self._size_if_old(storage.Stored(key)) is not None
            ]
            failed = storage.delete_all(self._storage, keys)
            self.failed += len(failed)
            gone = set(keys).difference(failed)
            deleted = [orphan for orphan in found if orphan.key in gone]
            self._delete_records(deleted)
            yield from deleted

    def _delete_records(self, deleted: list[Orphan]) -> None:
        """Delete what easy-thumbnails' tables have of files that are gone."""
        sources = {orphan.source for orphan in deleted if orphan.source}
        names = sources.union(orphan.key for orphan in deleted)
        for prefix, place, hashes in self._storages:
            inside = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
            # A master may be in another storage than its thumbnails.
            inside.update(source for source in sources if Name.parse(source))
            thumbnails.delete_records(inside, place, hashes)

    def _candidates(self) -> Iterator[Candidate]:
        try:
            adapter, needed = storage.adapter_of(self._storage), _upload_folders(self._storage)
            for stored in adapter.walk(self.prefix, needed):
                group = group_of(stored.key)
                if group or self.foreign:
                    yield stored, group
        except NotImplementedError as error:
            raise CommandError(
                f"The storage {self.title} cannot be swept: it cannot list its files "
                "(listdir() is not implemented)."
            ) from error
        except PermissionError as error:
            raise CommandError(
                f"The storage {self.title} could not be listed: nobody may look into its folder "
                f"“{error.filename}” ({error.strerror}). Let the user that this process runs as "
                "read it."
            ) from error
        except Exception as error:
            # Whatever a storage may raise. Half a list would make --max-percent meaningless.
            if is_interruption(error):
                raise
            logger.exception("Could not list %s.", self.title)
            raise CommandError(f"The storage {self.title} could not be listed: {error}") from error
        if self.foreign:
            return
        # Thumbnails of avatars have other names if easy-thumbnails' settings say so.
        for prefix, _, hashes in self._storages:
            for name, source in thumbnails.recorded(hashes):
                key = f"{prefix}{name}"
                if key.startswith(self.prefix) and Name.parse(source) and not group_of(key):
                    yield storage.Stored(key), group_of(source)

    def _size_if_old(self, stored: storage.Stored) -> int | None:
        """The bytes of a file, 0 if nobody tells; None for one that is too young, or is gone."""
        try:
            if self.min_age:
                modified = stored.modified or storage.written_at(self._storage, stored.key)
                if datetime.now(tz=timezone.utc) - modified < self.min_age:
                    return None
            size = stored.size
            if size is None:
                with suppress(NotImplementedError):
                    size = self._storage.size(stored.key)
            # Some storages do not know the size of every file, and return None.
            return int(size or 0)
        except NotImplementedError as error:
            raise CommandError(
                f"The storage {self.title} cannot be swept: it does not tell when a file was "
                "written (get_modified_time() is not implemented). --min-age 0 does not ask; use "
                "it while nobody uploads."
            ) from error
        except Exception as error:
            if storage.is_missing(error):
                return None
            if is_interruption(error):
                raise
            # Whatever a storage may raise: the other files can still be judged.
            logger.exception("Could not ask for the age of “%s”.", stored.key)
            self.failed += 1
            return None


def _upload_folders(place: Storage) -> set[str]:
    """The folders of a storage that avatars are uploaded to, and those above them."""
    folders: set[str] = set()
    for field in avatar_columns():
        for each in (field.storage, field.rendition_storage):
            inside = folder_in(each, place)
            if inside is not None and not callable(field.upload_to):
                # Up to the first placeholder of a date.
                folder = f"{inside}{field.upload_to}/".partition("%")[0]
                folders.update(storage.above(folder.replace("//", "/") + "x"))
    return folders


def _batches(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """In batches with all files of an avatar, since a row is found most cheaply by its master."""
    batch: list[Candidate] = []
    for _, family in groupby(candidates, lambda each: each[1][:2] if each[1] else each[0].key):
        batch += family
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
