"""What happens when ``profile.avatar`` is read and assigned."""

from __future__ import annotations

from typing import Any

from django.core.files.base import File
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields.files import FieldFile, FileDescriptor

from ..columns import AvatarColumn, default_of
from ..exceptions import NotAFile
from ..uploads import reading
from .field_file import AvatarFile
from .instance_state import assign, forget


def field_file(field: AvatarColumn, instance: Any, value: Any) -> AvatarFile:
    """The field file for whatever was assigned or loaded.

    Raises :class:`~django_avatar_kit.exceptions.NotAFile` for what can be no avatar.
    """
    make: type[AvatarFile] = field.attr_class
    if isinstance(value, DatabaseDefault):
        value = default_of(field)
    # Not by truth: a file without a name is false.
    if value is None or value is False or isinstance(value, str):
        return make(instance, field, value or None)
    if isinstance(value, AvatarFile) and field.shares_with(value.field):
        file = make(instance, field, value.name)
        file.loaded_name, file._crop, file._over = value.loaded_name, value._crop, value._over
        file._committed, file._file = value._committed, value._file
        return file
    if isinstance(value, FieldFile) and value._committed and not value.name:  # type: ignore[attr-defined]
        # Of a row whose other field is empty.
        return make(instance, field, None)
    if not isinstance(value, File) and callable(getattr(value, "read", None)):
        value = File(value)
    if isinstance(value, File):
        # The file of a field that stores elsewhere, or of another kind, is an upload as well.
        file = make(instance, field, reading.name_of(value))
        file._committed, file._file, file._crop = False, value, reading.crop_of(value)
        return file
    raise NotAFile(value=value)


class AvatarDescriptor(FileDescriptor):
    """The attribute: remembers that it was assigned, since only then the column is written."""

    field: AvatarColumn

    def __init__(self, field: AvatarColumn) -> None:
        super().__init__(field)
        self.attname = field.attname

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__.get(self.attname, self)
        if isinstance(value, AvatarFile) and value.instance is instance:
            return value
        if type(value) is str:
            file = instance.__dict__[self.attname] = self.field.attr_class(
                instance, self.field, value
            )
            return file
        if value is self:  # deferred
            super().__get__(instance, cls)
            value = instance.__dict__[self.attname]
        value = field_file(self.field, instance, value)
        instance.__dict__[self.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        data = instance.__dict__
        if instance._state.db is not None and data.get(self.attname, self) is not value:
            assign(instance, self.field)
        data[self.attname] = value

    def fetch_many(self, instances: Any) -> None:
        # The peers that have a value keep it, be it from the database or assigned.
        deferred = [instance for instance in instances if self.attname not in instance.__dict__]
        super().fetch_many(instances)
        for instance in deferred:
            forget(instance, self.field)
