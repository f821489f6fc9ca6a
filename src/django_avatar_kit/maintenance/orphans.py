"""Which files of a storage no row needs.

In doubt, a file is needed: if its row names it in another folder than the one it is in, or if any
row of any database names it in whichever storage.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial, reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from ..columns import default_of, default_varies, file_columns
from ..lazy import unwrap
from ..lifecycle import references, tables, thumbnails
from ..names import Group, Name, group_of
from ..storage import base as storage
from .locations import folder_in, may_share

if TYPE_CHECKING:
    from django.core.files.storage import Storage


class Orphan(NamedTuple):
    """A file that no row needs."""

    key: str
    #: For people.
    reason: str
    #: The master, or other original, that the file is or was made from, if it is known.
    source: str | None = None
    #: Bytes; 0 if the storage does not tell.
    size: int = 0


class OrphanFinder:
    """Finds the files of a storage that no column of any database needs.

    ``prefixes`` are the folders of it that are storages themselves. With ``foreign``, files that
    the kit has not named can be orphans, too. ``unreadable`` names, for people, the tables that
    may hold any file and cannot be asked.
    """

    def __init__(self, place: Storage, prefixes: Iterable[str] = (), *, foreign: bool) -> None:
        self._storage = place
        self._prefixes = {"", *prefixes}
        self._columns, self.unreadable = tables.find(file_columns())
        self._avatars = [each for each in self._columns if tables.holds_avatars(each[1])]
        self._defaults = {default_of(field) for field in file_columns()} - {""}
        self._varying = [field for field in file_columns() if default_varies(field)]
        self._other_schemas: list[tables.TableColumn] = []
        if foreign:
            self._other_schemas, unreadable = thumbnails.tables_of_other_schemas()
            self.unreadable += unreadable
        # What a row has before the key, if its field's storage contains this one.
        self._outer_folders = {
            folder
            for field in file_columns()
            if (folder := folder_in(place, unwrap(field.storage)))
        }

    def varying_defaults(self) -> list[str]:
        """The fields whose default is chosen anew for each row and may be any file here."""
        return [
            str(field)
            for field in self._varying
            if may_share(unwrap(field.storage), self._storage)
        ]

    def orphans(self, files: Mapping[str, Group | None]) -> Iterator[Orphan]:
        """Those of the files that no row needs at this moment, in their order.

        Each key comes with the avatar that it belongs to or is a thumbnail of, or with None.
        """
        held = self._held_names([group for group in files.values() if group])
        foreign = self._foreign_orphans([key for key, group in files.items() if not group])
        for key, group in files.items():
            if group:
                reason = _why_orphaned(key, group, held.get(group.token, set()))
                source = group.master
            else:
                reason = "no row holds it" if key in foreign else None
                source = foreign.get(key)
            if reason and not storage.is_behind_link(self._storage, key):
                yield Orphan(key, reason, source)

    def _held_names(self, groups: Collection[Group]) -> dict[str, set[str]]:
        """For each token that some row holds, the names with it."""
        wanted = {group.token: group for group in groups}
        masters = {group.master for group in groups if group.master}
        names = {name for master in masters for name in self._spellings(master)}
        held = self._by_token(references.held_in(self._avatars, names) | self._defaults)
        # From here on, whole tables are scanned: for files without a master beside them, and for
        # those that are to be deleted.
        beginnings = {
            name
            for token, group in wanted.items()
            if token not in held
            for name in self._spellings(f"{group.folder}{token}")
            if "/" in name
        }
        held.update(self._by_token(references.beginning_in(self._columns, beginnings)))
        # Nothing is deleted while anything has its token, in whichever folder.
        tokens = wanted.keys() - held.keys()
        for name in references.asked_in(self._columns, tokens, partial(_any, "contains")):
            for token in tokens:
                if token in name:
                    held.setdefault(token, set()).add(name)
        return held

    def _by_token(self, names: Iterable[str]) -> dict[str, set[str]]:
        """The names by their tokens; each as it is in every storage in this one."""
        tokens: dict[str, set[str]] = {}
        for name in names:
            if group := group_of(name):
                spelt = tokens.setdefault(group.token, set())
                spelt.update(f"{prefix}{name}" for prefix in self._prefixes)
        return tokens

    def _spellings(self, key: str) -> set[str]:
        """How a row may name a file: by its key here, or with more or fewer folders before it.

        Storages may be folders of one another, thumbnails may have a base folder of their own, and
        a site may keep a copy of everything.
        """
        # To django-storages, “a//b”, “a/./b” and “a\\b” are “a/b”, which is what it would delete.
        names = {key, posixpath.normpath(key.replace("\\", "/"))}
        names |= {f"{folder}{name}" for folder in self._outer_folders for name in names}
        while key := key.partition("/")[2]:
            names.add(key)
        return names

    def _foreign_orphans(self, keys: Iterable[str]) -> dict[str, str | None]:
        """Those of the files not named by the kit that nobody needs, and what they were made of.

        That is known of thumbnails in easy-thumbnails' tables: they are needed like their source.
        """
        spelt = {key: self._spellings(key) for key in keys}
        spelt = _without(spelt, self._held(_all(spelt)))
        sources = thumbnails.sources_of(_all(spelt))
        held = self._held(set(sources.values()))
        if self._varying:
            # A source in another storage may be a default.
            held |= {source for source in sources.values() if Name.parse(source) is None}
        spelt = _without(spelt, {name for name, source in sources.items() if source in held})
        # Of the thumbnails of other tenants, nothing but the name is known.
        spelt = _without(spelt, references.held_in(self._other_schemas, _all(spelt)))
        # Not every storage tells where it is: this one may be a folder of another.
        ends = {f"/{key}" for key in spelt}
        longer = references.asked_in(self._columns, ends, partial(_any, "endswith"))
        return {
            key: min((sources[name] for name in names if name in sources), default=None)
            for key, names in spelt.items()
            if not any(name.endswith(f"/{key}") for name in longer)
        }

    def _held(self, names: set[str]) -> set[str]:
        return references.held_in(self._columns, names) | self._defaults & names


def _all(spelt: dict[str, set[str]]) -> set[str]:
    return set().union(*spelt.values())


def _without(spelt: dict[str, set[str]], names: set[str]) -> dict[str, set[str]]:
    return {key: spellings for key, spellings in spelt.items() if spellings.isdisjoint(names)}


def _why_orphaned(key: str, group: Group, held: set[str]) -> str | None:
    """Why no row needs one of the kit's files, if that is so; rows hold these names of its token.

    A row in another folder, and a name that cannot be parsed, as of a later version, may need it.
    """
    if not held:
        return "no row holds its avatar"
    here = {name for name in held if name.startswith(group.folder)}
    if not here or key in here or group.master in here:
        return None
    if any(name is None or key in name.renditions for name in map(Name.parse, here)):
        return None
    return "its row does not list it"


def _any(lookup: str, column: tables.Column, values: list[str]) -> Q:
    return reduce(or_, (Q(**{f"{column.attname}__{lookup}": value}) for value in values))
