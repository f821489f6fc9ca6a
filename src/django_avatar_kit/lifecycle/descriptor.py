"""What happens when ``profile.avatar`` is read, assigned and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.fields.files import FileDescriptor

from .field_file import AvatarFile, field_file
from .instance_state import assign, forget

if TYPE_CHECKING:
    from ..columns import AvatarColumn


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
