"""Copy avatars from one storage to another: what ``avatar_copy`` does.

    read      rows → the files that there are to copy
    transfer  absent? read, write, verify               (see ``transfer``)
    settle    files of rows that have changed meanwhile are taken back, and those that have
              arrived are deleted from the source       (the database is asked in batches)

Files that are in the target already stay there, so that a run which was stopped is resumed by
running it again.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice

from django.core.files.storage import Storage, storages
from django.core.management.base import CommandError

from ..columns import AvatarColumn, avatar_columns, default_of, file_columns, may_be_default
from ..conf import get_config
from ..interruptions import is_interruption
from ..lifecycle import references, tables
from ..names import Name
from ..storage import base as storage
from .avatars import read
from .locations import Kind, are_same, storage_of
from .transfer import CopiedAvatar, CopiedFile, Transfer

#: Avatars that the database is asked about at once.
BATCH = 50


class Copy:
    """From one storage to another, named by their aliases in ``STORAGES``.

    ``only`` masters or renditions are copied where that is asked for. ``delete_source`` deletes
    from the source what is verified in the target; ``dry_run`` neither writes nor deletes. Raises
    ``CommandError``.

    ``fields`` are those of the given ones that have something to copy. ``deleted`` counts files
    that were deleted from the source, ``undeleted`` those that could not be.
    """

    def __init__(
        self,
        fields: Iterable[AvatarColumn],
        *,
        source: str,
        target: str,
        only: Kind | None = None,
        delete_source: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.source, self.target = _storage(source), _storage(target)
        self.delete_source = delete_source and not dry_run
        self.kinds: tuple[Kind, ...] = (only,) if only else ("masters", "renditions")
        self.deleted = self.undeleted = 0
        if are_same(self.source, self.target):
            raise CommandError(f"“{source}” and “{target}” are the same place.")
        self.fields = [each for each in fields if self.kinds_of(each)]
        if not self.fields:
            raise CommandError(
                f"No avatar has its {only or 'files'} in “{source}” or in “{target}”: see "
                "AVATAR_KIT['STORAGE'], AVATAR_KIT['RENDITION_STORAGE'] and the storages that "
                "fields were given."
            )
        if delete_source:
            self._check_deletion(source, target, probe=not dry_run)
        self._transfer = Transfer(
            source=self.source,
            target=self.target,
            title=f"“{target}”",
            is_live=any(self._kinds_in(self.target, each) for each in self.fields),
            dry_run=dry_run,
        )
        self._columns, _ = tables.find(file_columns())
        self._avatars = [each for each in self._columns if tables.holds_avatars(each[1])]
        self._others = [each for each in self._columns if each not in self._avatars]
        self._defaults = {default_of(column) for column in file_columns()}

    def kinds_of(self, field: AvatarColumn) -> set[Kind]:
        """What of a field is to be copied: what the settings have in the target.

        Where that is nothing, because they are still to be changed, what they have in the source.
        One kind alone in the target means that the other one is to stay out of it: masters may be
        private, and renditions move to a public bucket.
        """
        return self._kinds_in(self.target, field) or self._kinds_in(self.source, field)

    def _kinds_in(self, place: Storage, field: AvatarColumn) -> set[Kind]:
        return {kind for kind in self.kinds if are_same(storage_of(field, kind), place)}

    def _check_deletion(self, source: str, target: str, *, probe: bool) -> None:
        """Raise where something may still need the files in the source.

        With ``probe``, a file is written to find that out.
        """
        if not get_config().delete_files:
            raise CommandError(
                "AVATAR_KIT['DELETE_FILES'] is False: this site deletes no files, since they may "
                "be another site's."
            )
        # All fields of the project: one that is not copied now may hold the same name.
        readers = [str(each) for each in avatar_columns() if self._kinds_in(self.source, each)]
        if readers:
            raise CommandError(
                f"The files in “{source}” are in use by {', '.join(readers)}: switch "
                f"AVATAR_KIT['STORAGE'] (or STORAGES) to “{target}” first."
            )
        if probe and self._is_one_location():
            raise CommandError(
                f"“{source}” and “{target}” are the same place: what is written to one of them is "
                "in the other as well."
            )

    def _is_one_location(self) -> bool:
        """Write to the target and look in the source: a bucket may have two addresses."""
        key = f"avatar-kit-{secrets.token_hex(16)}.txt"
        data = b"Written by avatar_copy, which deletes it at once."
        probe = storage.Write(
            storage=self.target, key=key, data=data, content_type="text/plain", immutable=False
        )
        try:
            storage.write_one(probe)
            return not storage.missing(self.source, [key])
        except Exception as error:
            # Whatever a storage may raise.
            if is_interruption(error):
                raise
            raise CommandError(f"The storages could not be tried out: {error}") from error
        finally:
            storage.delete_all(self.target, [key])

    def run(
        self, field: AvatarColumn, using: str | None = None
    ) -> Generator[CopiedAvatar, None, None]:
        """Copy the files of every row of a column, in the order of the primary keys.

        A file that cannot be copied has failed, and the next one follows. ``using`` is the
        database alias, by default the one that the model is written to.
        """
        with closing(self._transfer.run(self._read(field, using))) as done:
            while batch := list(islice(done, BATCH)):
                self._settle(batch)
                yield from batch

    def _read(self, field: AvatarColumn, using: str | None) -> Iterator[CopiedAvatar]:
        kinds = self.kinds_of(field)
        seen: set[str] = set()
        for row in read(field, using):
            if row.key in seen:
                continue
            if row.key in self._defaults:
                # Any number of rows may have it, and there are few defaults.
                seen.add(row.key)
            name = Name.parse(row.key)
            keys = [row.key] if "masters" in kinds else []
            if "renditions" in kinds and name is not None:
                keys += name.renditions
            if keys:
                avatar = CopiedAvatar(row=row)
                avatar.files = [CopiedFile(avatar=avatar, key=key) for key in keys]
                yield avatar

    def _settle(self, batch: Sequence[CopiedAvatar]) -> None:
        """Take back files whose row has changed meanwhile, and delete what is to be deleted."""
        asked = {
            avatar.row.key
            for avatar in batch
            if self.delete_source or any(file.outcome != "there" for file in avatar.files)
        }
        kit_named = {key for key in asked if Name.parse(key)}
        held = references.held_in(self._avatars, kit_named)
        # A file from before the kit may belong to any other file field as well.
        held |= references.held_in(self._columns, asked - kit_named)
        gone = asked - held
        orphaned: set[str] = set()
        for avatar in batch:
            avatar.has_changed = avatar.row.key in gone
            if avatar.has_changed and not may_be_default(avatar.row.key, avatar.row.field):
                # The replacement deletes the files where the settings have them: in the source.
                orphaned.update(file.key for file in avatar.files if file.is_new)
        storage.delete_all(self.target, sorted(orphaned))
        if self.delete_source:
            self._delete_source(batch)

    def _delete_source(self, batch: Sequence[CopiedAvatar]) -> None:
        """Delete avatars from the source of which every file is verified in the target.

        Fields of another kind still read from the source: what they hold stays, as defaults do.
        """
        arrived = [
            avatar
            for avatar in batch
            if not avatar.has_changed
            and not may_be_default(avatar.row.key, avatar.row.field)
            and all(file.outcome in {"copied", "there"} for file in avatar.files)
        ]
        foreign = {avatar.row.key for avatar in arrived if not avatar.is_kit_named}
        kept = references.held_in(self._others, foreign)
        keys = {
            file.key
            for avatar in arrived
            if avatar.row.key not in kept
            for file in avatar.files
            if not file.is_absent
        }
        failed = storage.delete_all(self.source, sorted(keys))
        self.deleted += len(keys) - len(failed)
        self.undeleted += len(failed)


def _storage(alias: str) -> Storage:
    if alias not in storages.backends:
        known = ", ".join(f"“{each}”" for each in storages.backends)
        raise CommandError(f"STORAGES has no “{alias}”. It has {known}.")
    try:
        return storage.by_alias(alias)
    except Exception as error:
        # Whatever a storage may raise when it is made.
        if is_interruption(error):
            raise
        raise CommandError(f"The storage “{alias}” cannot be made: {error}") from error
