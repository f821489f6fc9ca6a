"""Find what lies in storage and no row needs: what ``avatar_sweep`` does.

    find     storage → files that nobody needs      (a listing; the database is asked in batches)
    delete   those → gone                           (each batch is asked for once more before)

The first step deletes nothing and keeps what it found in a temporary file, so that the second one
knows how much there is before it begins. Memory is that of one folder.

When in doubt, a file stays: one that cannot be asked for its age, one whose row is in another
folder than itself, one that any row of any database names in whichever storage. Storages may lie
inside one another: the outermost is looked through, and a row may name a file as any of them does.
"""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import reduce
from itertools import groupby, islice
from operator import or_
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from django.core.files.storage import FileSystemStorage, storages
from django.db.models import Q

from .. import tokens as seals
from ..columns import avatar_columns, default_of, default_varies, file_columns
from ..conf import get_config
from ..interruptions import is_interruption
from ..lazy import unwrap
from ..lifecycle import references, tables, thumbnails
from ..names import Group, Name, group_of
from ..storage import base as storage

if TYPE_CHECKING:
    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

#: Files that the database is asked about at once; a few more, as those of an avatar stay together.
BATCH = 2000


class CannotSweep(Exception):  # noqa: N818 - a name says what is wrong
    """A storage cannot be swept; ``str()`` says why and what to do, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Options:
    #: Younger files are left alone: they may be an upload whose row is not saved yet.
    min_age: timedelta = timedelta(hours=1)
    #: Only what lies below this folder; empty, or ending in a slash.
    prefix: str = ""
    #: Not only files of the kit's grammar.
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class Unneeded:
    """A file that nobody needs."""

    key: str
    #: In words.
    reason: str
    #: The master, or other original, that the file is or was made from, if it is known.
    source: str | None = None
    #: Bytes; 0 where the storage does not tell.
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A storage that lies inside another."""

    #: The folder in that one; ends in a slash.
    prefix: str
    storage: Storage
    #: What easy-thumbnails' books call it and not the outer one.
    hashes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A storage in which avatars lie."""

    title: str
    storage: Storage
    #: What easy-thumbnails' books call it.
    hashes: frozenset[str]
    #: Those that are looked through with it.
    inside: tuple[Inner, ...] = ()


def places(more: Iterable[str] = ()) -> list[Place]:
    """Each storage that holds masters, renditions or thumbnails of any avatar, once.

    One that lies inside another is a part of that. ``more`` are aliases of further ones, which
    the avatars have left.
    """
    config = get_config()
    aliases = {
        id(storage.by_alias(alias)): alias
        for alias in (*more, "default", config.rendition_storage, config.storage)
        if alias in storages.backends
    }
    left = [storage.by_alias(alias) for alias in more]
    found: dict[object, list[Storage]] = {}
    titles: dict[object, str] = {}
    used = [
        (place, field)
        for field in avatar_columns()
        for place in (field.storage, field.rendition_storage, thumbnails.storage_of(field))
    ]
    for place, field in [*used, *((place, None) for place in left)]:
        # Several may be of the same folder.
        lies = storage.locations(place)
        key: object = lies[-1] if lies else id(place)
        found.setdefault(key, []).append(place)
        alias = aliases.get(id(place))
        name = f"“{alias}”" if alias else f"{type(place).__name__} of {field}"
        titles.setdefault(key, name)
    outermost: list[Place] = []
    for own, same in found.items():
        others = [(other, their) for other, their in found.items() if other != own]
        if any(_folder_in(same[0], their[0]) for _, their in others):
            continue
        within = [
            (
                titles[other],
                Inner(
                    prefix=prefix,
                    storage=their[0],
                    hashes=_hashes(their) - _hashes(same),
                ),
            )
            for other, their in others
            if (prefix := _folder_in(their[0], same[0]))
        ]
        title = titles[own]
        if within:
            title += f" with {', '.join(name for name, _ in within)} in it"
        inside = tuple(inner for _, inner in within)
        outermost.append(Place(title=title, storage=same[0], hashes=_hashes(same), inside=inside))
    return outermost


def _hashes(same: Iterable[Storage]) -> frozenset[str]:
    return frozenset(thumbnails.hashes_of(*same))


def _folder_in(inner: Storage, outer: Storage) -> str | None:
    """The folder of the outer storage that is the inner one: "" for the same, None for none."""
    # As they are written, and as they are once links are followed.
    pairs = zip(storage.locations(inner), storage.locations(outer), strict=False)
    for (root, folders), (other_root, above) in pairs:
        if root == other_root and folders[: len(above)] == above:
            return "".join(f"{folder}/" for folder in folders[len(above) :])
    return "" if inner is outer else None


def _may_share(one: Storage, other: Storage) -> bool:
    """Whether a file of one storage may be in the other as well."""
    if _folder_in(one, other) is not None or _folder_in(other, one) is not None:
        return True
    # Two of them may be of the same bucket, and nobody could tell.
    return type(one) is type(other) and not isinstance(one, FileSystemStorage)


class File(NamedTuple):
    """A file to be judged."""

    key: str
    #: What it was made from, where only the books tell that.
    source: str | None = None
    #: What the listing has told of it.
    listed: storage.Stored | None = None


class Sweep:
    """One storage: first :meth:`find`, then :meth:`delete`, and :meth:`close` at the end.

    ``hidden`` names the tables that may need any file, and cannot be asked. ``seen`` counts the
    files that were judged: those of the kit's grammar, or all below the prefix where foreign ones
    are asked for. ``found`` and ``size`` (bytes) tell what nobody needs, ``strange`` how many of
    those somebody else has made, ``failed`` counts files that could not be asked for their age, or
    deleted.
    """

    def __init__(self, place: Place, options: Options | None = None) -> None:
        self.title = place.title
        self.storage = place.storage
        self.hashes = place.hashes
        self.inside = place.inside
        self.options = options or Options()
        self.seen = self.found = self.strange = self.size = self.failed = 0
        self._columns, self.hidden = tables.find(file_columns())
        self._avatars = [place for place in self._columns if tables.holds_avatars(place[1])]
        self._defaults = {default_of(field) for field in file_columns()} - {""}
        self._books: list[tables.TableColumn] = []
        if self.options.foreign:
            self._books, hidden = thumbnails.books_of_others()
            self.hidden += hidden
        self._unclear = [field for field in file_columns() if default_varies(field)]
        # Where this storage lies in that of some other file field.
        self._above = {
            folder
            for field in file_columns()
            if (folder := _folder_in(self.storage, unwrap(field.storage)))
        }
        self._memory = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see close()

    def close(self) -> None:
        self._memory.close()

    @property
    def percent(self) -> float:
        """How much of what was judged nobody needs."""
        return 100 * self.found / self.seen if self.seen else 0.0

    @property
    def refusal(self) -> str:
        """Why nothing of what was found is deleted, and what to do; empty where it would be."""
        if not self.found or self.options.prefix:
            return ""
        if self.strange:
            return (
                f"{self.strange} of the files in {self.title} that no row holds were not made by "
                "this site for one of its databases: another site may use the storage, or the "
                "SECRET_KEY or the name of the database has changed since. If nobody else needs "
                "them, name their folder: --prefix. An old SECRET_KEY can stand among the "
                "SECRET_KEY_FALLBACKS."
            )
        if not self.hidden:
            return ""
        return (
            f"The rows of {', '.join(self.hidden)} cannot all be read, and may hold what lies in "
            f"{self.title}. Use a database user that may read them; or, if they have no avatars "
            "there, name the folder to look into: --prefix."
        )

    def find(self, seen: Callable[[int], object] | None = None) -> Iterator[Unneeded]:
        """List the storage and say what nobody needs; nothing is deleted.

        ``seen`` is told now and then how many more files have been judged. Raises
        :class:`CannotSweep`.
        """
        if self.options.foreign:
            self._refuse_unclear()
        for batch in _batches(self._files()):
            self.seen += len(batch)
            if seen is not None:
                seen(len(batch))
            listed = {file.key: file.listed for file in batch}
            for file in self._judged(batch):
                if (known := self._old_enough(file, listed[file.key])) is not None:
                    self.found += 1
                    self.strange += _is_strange(file)
                    self.size += known.size
                    json.dump(asdict(known), self._memory)
                    self._memory.write("\n")
                    yield known

    def delete(self) -> Iterator[Unneeded]:
        """Delete what was found, unless a row has come to need it since; says what is gone.

        Raises :class:`CannotSweep` before it does anything.
        """
        if refusal := self.refusal:
            raise CannotSweep(refusal)
        self._memory.seek(0)
        while lines := list(islice(self._memory, BATCH)):
            batch = [Unneeded(**json.loads(line)) for line in lines]
            # Kit keys are never written twice. Any other may have just been uploaded once more.
            unneeded = [
                file
                for file in self._judged(File(file.key, file.source) for file in batch)
                if group_of(file.key) or self._old_enough(file)
            ]
            failed = set(storage.delete_all(self.storage, [file.key for file in unneeded]))
            self.failed += len(failed)
            gone = {file.key for file in unneeded} - failed
            sources = {file.source for file in unneeded if file.source and file.key in gone}
            self._forget(gone, sources)
            yield from (file for file in batch if file.key in gone)

    def _forget(self, gone: set[str], sources: set[str]) -> None:
        thumbnails.forget(gone | sources, self.storage, self.hashes)
        for inner in self.inside:
            length = len(inner.prefix)
            names = {key[length:] for key in gone | sources if key.startswith(inner.prefix)}
            # A source that is known from the books may lie elsewhere.
            names |= {key for key in sources if Name.parse(key)}
            thumbnails.forget(names, inner.storage, inner.hashes)

    def _refuse_unclear(self) -> None:
        """Raise where a file that no row holds may be the default of the next one."""
        fields = [
            str(field)
            for field in self._unclear
            if _may_share(unwrap(field.storage), self.storage)
        ]
        if fields:
            raise CannotSweep(
                f"The storage {self.title} cannot be swept with --foreign: the default of "
                f"{', '.join(fields)} is chosen anew for each row, so that any file may be one. "
                "Without --foreign, what the kit has named is swept."
            )

    # --- what there is ---

    def _files(self) -> Iterator[File]:
        """Every file to be judged."""
        try:
            for stored in storage.walk(self.storage, self.options.prefix, self._folders()):
                if self.options.foreign or group_of(stored.key):
                    yield File(stored.key, listed=stored)
        except NotImplementedError as error:
            raise CannotSweep(
                f"The storage {self.title} cannot be swept: it cannot list its files "
                "(listdir() is not implemented)."
            ) from error
        except PermissionError as error:
            raise CannotSweep(
                f"The storage {self.title} could not be listed: nobody may look into its folder "
                f"“{error.filename}” ({error.strerror}). Let the user that this process runs as "
                "read it."
            ) from error
        except Exception as error:
            if is_interruption(error):
                raise
            # Whatever a storage may raise; half a listing is none.
            logger.exception("Could not list %s.", self.title)
            raise CannotSweep(f"The storage {self.title} could not be listed: {error}") from error
        if not self.options.foreign:
            # easy-thumbnails puts them elsewhere where the site has told it to.
            for key, source in self._booked():
                if (
                    key.startswith(self.options.prefix)
                    and group_of(key) is None
                    and Name.parse(source)
                ):
                    yield File(key, source)

    def _folders(self) -> set[str]:
        """Those that avatars are uploaded to, and those above them."""
        folders: set[str] = set()
        for field in avatar_columns():
            for place in (field.storage, field.rendition_storage):
                inside = _folder_in(place, self.storage)
                if inside is not None and not callable(field.upload_to):
                    # As far as it is the same all the time.
                    folder = f"{inside}{field.upload_to}/".partition("%")[0]
                    folders.update(storage.above(folder.replace("//", "/") + "x"))
        return folders

    def _booked(self) -> Iterator[tuple[str, str]]:
        yield from thumbnails.booked(self.hashes)
        for inner in self.inside:
            for key, source in thumbnails.booked(inner.hashes):
                yield f"{inner.prefix}{key}", source

    def _old_enough(self, file: Unneeded, listed: storage.Stored | None = None) -> Unneeded | None:
        """The file with its size; None for one that is too young, or gone already."""
        modified = listed.modified if listed is not None else None
        size = listed.size if listed is not None else None
        try:
            if self.options.min_age:
                modified = modified or storage.written_at(self.storage, file.key)
                if datetime.now(tz=timezone.utc) - modified < self.options.min_age:
                    return None
            return replace(file, size=self._size(file.key) if size is None else size)
        except NotImplementedError as error:
            raise CannotSweep(
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
            logger.exception("Could not ask for the age of “%s”.", file.key)
            self.failed += 1
            return None

    def _size(self, key: str) -> int:
        try:
            # Some do not know it of all.
            return int(self.storage.size(key) or 0)
        except NotImplementedError:
            return 0

    # --- who needs it ---

    def _judged(self, files: Iterable[File]) -> Iterator[Unneeded]:
        """Those of the files that nobody needs, in their order, by asking the database now."""
        asked = list(files)
        groups: dict[str, Group] = {}
        for key, source, _ in asked:
            # A booked thumbnail belongs where its source does.
            group = group_of(source or key)
            if group is not None:
                groups[key] = group._replace(master=source) if source else group
        held = self._held(groups.values())
        foreign = self._foreign([file.key for file in asked if file.key not in groups])
        for key, _, _ in asked:
            if (group := groups.get(key)) is not None:
                reason = _kit_reason(key, group, held.get(group.token, set()))
                if reason and not storage.is_behind_link(self.storage, key):
                    yield Unneeded(key=key, reason=reason, source=group.master)
            elif key in foreign and not storage.is_behind_link(self.storage, key):
                yield Unneeded(key=key, reason="no row holds it", source=foreign[key])

    def _held(self, groups: Collection[Group]) -> dict[str, set[str]]:
        """For each token, the names of it that any row holds."""
        wanted = {group.token: group for group in groups}
        masters = {
            name
            for group in groups
            if group.master is not None
            for name in self._spellings(group.master)
        }
        held = self._by_token(references.held_in(self._avatars, masters) | self._defaults)
        # Only now those scans of whole tables: for what has no master beside it, or is to go.
        beginnings = {
            name
            for token, group in wanted.items()
            if token not in held
            for name in self._spellings(f"{group.folder}{token}")
            if "/" in name
        }
        held.update(self._by_token(references.beginning_in(self._columns, beginnings)))
        # What is to go: nothing may have its token in whichever folder.
        tokens = wanted.keys() - held.keys()
        for name in references.asked_in(self._columns, tokens, _mentions):
            for token in tokens:
                if token in name:
                    held.setdefault(token, set()).add(name)
        return held

    def _by_token(self, names: Iterable[str]) -> dict[str, set[str]]:
        """The names by their tokens, each as every storage spells it that this one is made of."""
        tokens: dict[str, set[str]] = {}
        for name in names:
            if (group := group_of(name)) is not None:
                spelt = {name, *(f"{inner.prefix}{name}" for inner in self.inside)}
                tokens.setdefault(group.token, set()).update(spelt)
        return tokens

    def _spellings(self, key: str) -> set[str]:
        """How a row may name a file: as it is here, or with less or more of its folder.

        Storages may lie inside one another, thumbnails may have a base folder of their own, and a
        site may keep a copy of everything.
        """
        # To django-storages, “a//b”, “a/./b” and “a\\b” are all “a/b”, and so is what it deletes.
        folded = posixpath.normpath(key.replace("\\", "/"))
        names = {f"{folder}{each}" for folder in self._above for each in (key, folded)}
        names |= {key, folded}
        while key := key.partition("/")[2]:
            names.add(key)
        return names

    def _foreign(self, keys: list[str]) -> dict[str, str | None]:
        """Those of the other files that nobody needs, and what they are thumbnails of."""
        spelt = {key: self._spellings(key) for key in keys}
        held = self._needed({name for names in spelt.values() for name in names})
        spelt = {key: names for key, names in spelt.items() if not names & held}
        sources = thumbnails.sources_of({name for names in spelt.values() for name in names})
        held = self._needed(set(sources.values()))
        if self._unclear:
            # An original in another storage may be a default.
            held |= {name for name in sources.values() if Name.parse(name) is None}
        free: dict[str, str | None] = {}
        for key, names in spelt.items():
            originals = {sources[name] for name in names if name in sources}
            if not originals & held:
                free[key] = min(originals, default=None)
        # Of other tenants, a name is all that is known.
        others = {name for key in free for name in spelt[key]}
        theirs = references.held_in(self._books, others)
        free = {key: source for key, source in free.items() if not spelt[key] & theirs}
        # Where storages lie is not always known: one may be inside another, and nobody could tell.
        longer = references.asked_in(self._columns, free.keys(), _ends)
        return {
            key: source
            for key, source in free.items()
            if not any(name.endswith(f"/{key}") for name in longer)
        }

    def _needed(self, names: set[str]) -> set[str]:
        return references.held_in(self._columns, names) | self._defaults & names


def _batches(files: Iterable[File]) -> Iterator[list[File]]:
    """In batches that do not part the files of an avatar: its master tells most cheaply."""
    batch: list[File] = []
    for _, family in groupby(files, lambda file: (group_of(file.key) or (file.key,))[:2]):
        batch += family
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _mentions(field: tables.Column, tokens: list[str]) -> Q:
    return reduce(or_, (Q(**{f"{field.attname}__contains": token}) for token in tokens))


def _ends(field: tables.Column, keys: list[str]) -> Q:
    return reduce(or_, (Q(**{f"{field.attname}__endswith": f"/{key}"}) for key in keys))


def _kit_reason(key: str, group: Group, held: set[str]) -> str | None:
    if not held:
        return "no row holds its avatar"
    here = {name for name in held if name.startswith(group.folder)}
    if not here or key in here or group.master in here:
        return None
    # What cannot be read does not say what it needs.
    if any(name is None or key in name.renditions for name in map(Name.parse, here)):
        return None
    return "its row does not list it"


def _is_strange(file: Unneeded) -> bool:
    """Whether another site has made this avatar, or this one for a database it does not know."""
    group = group_of(file.source or file.key) or group_of(file.key)
    return group is not None and not seals.is_ours(group.token)
