"""The mixin: a row that never points at a file which is not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from functools import partial
from typing import Any

from django.db import models, router, transaction
from django.utils.translation import gettext_lazy as _

from . import fields, forms
from .columns import STATE
from .display.owners import prefetch_avatars
from .lifecycle import assignment
from .lifecycle.instance_state import column_state, during_save, forget, is_assigned, state_of
from .lifecycle.locking import lock_row
from .lifecycle.receivers import complete_cleanup_cache
from .lifecycle.settlement import drain

__all__ = ["AvatarMixin", "prefetch_avatars"]

# The form field imports the model field, which therefore cannot import it. Not in ready(): an
# admin that is listed before this app makes its forms in its own.
fields.AvatarField.form_class = forms.AvatarField


class AvatarMixin(models.Model):
    """A model with an avatar.

    The mixin serves every :class:`~django_avatar_kit.fields.AvatarField` of the model, ``avatar``
    redefined or others added. Saving writes the files first, holding no lock; then, in one short
    transaction, the row is locked, its old name read and the column updated.
    """

    #: An :class:`~django_avatar_kit.fields.AvatarFieldFile`; false where there is no avatar.
    avatar = fields.AvatarField(_("avatar"), blank=True)

    class Meta:
        abstract = True

    def __getstate__(self) -> dict[str, Any]:
        # Pickled or copied: what is assigned to one of the two from now on is not to the other.
        values: dict[str, Any] = super().__getstate__()
        if STATE in values:
            values[STATE] = copy(values[STATE])
        return values

    def save_base(
        self,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        using = using or router.db_for_write(self.__class__, instance=self)
        save = partial(
            super().save_base,
            raw=raw,
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )
        if raw:
            save()
            return
        drain(nested=True)
        complete_cleanup_cache(self, self._avatar_fields())
        try:
            with during_save(self, using=using):
                for field in self._loaded_avatars(update_fields):
                    assignment.commit(self, field, using)
                save()
        finally:
            assignment.queue_unsaved(self, using)
            drain(nested=True)

    save_base.alters_data = True  # type: ignore[attr-defined]

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        for field in self._avatar_fields():
            # What follows a deletion reads it, as django-cleanup does.
            assignment.restore_refused(self, field)
        return super().delete(*args, **kwargs)

    delete.alters_data = True  # type: ignore[attr-defined]

    # The next four methods are private to Django, and alike in 5.2, 6.0 and 6.1. The public ones
    # cannot put the lock right before the statement: save() would hold it while receivers run, and
    # a signal does not know whether an UPDATE or an INSERT follows.

    def _save_table(self, raw: bool = False, *args: Any, **kwargs: Any) -> Any:
        # Not in save_base(): loading a fixture calls the one of Model itself.
        with during_save(self, raw=raw):
            return super()._save_table(raw, *args, **kwargs)  # type: ignore[misc]

    def _do_update(  # type: ignore[override]
        self,
        base_qs: models.QuerySet[Any],
        using: str,
        pk_val: Any,
        values: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        assigned = [
            field
            for field, _model, value in values
            if isinstance(field, fields.AvatarField) and not hasattr(value, "resolve_expression")
        ]
        update = super()._do_update
        if not assigned:
            return update(base_qs, using, pk_val, values, *args, **kwargs)
        with transaction.atomic(using=using, savepoint=False):
            held = lock_row(base_qs.model, pk_val, assigned, using)
            if held is None:
                # The UPDATE must match nothing either, even if the row is made again meanwhile.
                return []
            raw = state_of(self).raw
            for field, old in zip(assigned, held, strict=True):
                if raw:
                    assignment.claim_raw(self, field, using, held=old)
                else:
                    assignment.refuse_replaced(self, field, held=old)
                    assignment.claim(self, field, using, otherwise=old)
                assignment.watch(self, field, using, old=old)
            values = [
                (field, model, getattr(self, field.attname) if field in assigned else value)
                for field, model, value in values
            ]
            updated = update(base_qs, using, pk_val, values, *args, **kwargs)
        self._note_written(assigned)
        return updated

    def _do_insert(
        self, manager: Any, using: str, inserted: Any, returned: Any, *args: Any, **kwargs: Any
    ) -> Any:
        insert = super()._do_insert  # type: ignore[misc]
        avatars = [field for field in inserted if isinstance(field, fields.AvatarField)]
        for field in avatars:
            # What a pre_save receiver assigned: Django 5.2 asks for it only inside insert().
            assignment.commit(self, field, using)
        given = [field for field in avatars if assignment.name_on(self, field)]
        if not given:
            return insert(manager, using, inserted, returned, *args, **kwargs)
        with transaction.atomic(using=using, savepoint=False):
            for field in given:
                assignment.claim(self, field, using, otherwise="")
                assignment.watch(self, field, using, old="")
            results = insert(manager, using, inserted, returned, *args, **kwargs)
            # Django does it later, but the signals that follow the commit need the key.
            for row in results[:1]:
                for column, value in zip(returned, row, strict=True):
                    if column.primary_key:
                        setattr(self, column.attname, value)
        self._note_written(given)
        return results

    def _assign_returned_values(self, returned_values: Any, returning_fields: Any) -> None:
        super()._assign_returned_values(returned_values, returning_fields)  # type: ignore[misc]
        for field in returning_fields:
            if isinstance(field, fields.AvatarField):
                forget(self, field)

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        asked = None if fields is None else set(fields)
        super().refresh_from_db(using=using, fields=asked, from_queryset=from_queryset)
        for field in self._loaded_avatars(asked):
            forget(self, field)

    def _note_written(self, columns: Iterable[fields.AvatarField]) -> None:
        # Should the save fail after this, the instance keeps what the row has.
        for field in columns:
            column_state(self, field).written = True

    def _assigned_avatars(self, names: Iterable[str] | None) -> list[fields.AvatarField]:
        """Those among ``names``, or all, whose value did not come from the database."""
        return [field for field in self._loaded_avatars(names) if is_assigned(self, field)]

    def _avatar_fields(self) -> Iterator[fields.AvatarField]:
        return (f for f in self._meta.concrete_fields if isinstance(f, fields.AvatarField))

    def _loaded_avatars(self, names: Iterable[str] | None) -> Iterator[fields.AvatarField]:
        """Those among ``names``, or all, whose columns are not deferred."""
        for field in self._avatar_fields():
            if field.attname in self.__dict__ and (names is None or field.attname in names):
                yield field
