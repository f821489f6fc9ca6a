"""The model field: from a value to a file, and from a file to a column."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage, default_storage
from django.core.files.utils import validate_file_name
from django.db.models import F, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields.files import FieldFile
from django.utils.functional import Promise
from easy_thumbnails.fields import ThumbnailerImageField

from . import pipeline
from .columns import STATE, AvatarColumn, default_of, may_be_default
from .conf import get_config, ladder, listed
from .exceptions import NotAFile, StaleName, UncommittedFile
from .lifecycle import changes as cleanup
from .lifecycle import references as rows
from .lifecycle.field_file import AvatarDescriptor, AvatarFile
from .lifecycle.instance_state import Minted, State
from .names import Fit, Name
from .rendering import avatar_url
from .specs import Limits, Spec
from .storage.base import by_alias, grouped, is_there, missing, resolve
from .uploads import reading

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.backends.base.base import BaseDatabaseWrapper

    from .uploads import imaging

__all__ = ["AvatarField", "AvatarFieldFile"]

logger = logging.getLogger(__name__)

#: Long enough for the kit's key (about 100 characters) and a prefix of as many.
MAX_LENGTH = 255


#: What a URL, and a picture inside a URL, begins with.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|data:", re.IGNORECASE)


def refuse_foreign_name(name: str) -> None:
    """Raise where a text that was assigned cannot be the name of a file in a storage.

    Raises :class:`~django_avatar_kit.exceptions.NotAFile` for URLs and for paths that lead out.
    """
    try:
        validate_file_name(name, allow_relative_path=True)
    except SuspiciousFileOperation as error:
        raise NotAFile(value=name) from error
    if _URL.match(name):
        raise NotAFile(value=name)


class AvatarFieldFile(AvatarFile):
    """What ``profile.avatar`` is: the master, as a file that knows its renditions."""

    def url_for(self, size: int) -> str:
        """URL of the rendition for a square of ``size`` px, or a fallback's without an avatar."""
        return avatar_url(self, size)


class AvatarField(AvatarColumn, ThumbnailerImageField):
    """A column that holds an avatar.

    ``sizes`` (px) and ``formats`` of the renditions default to the settings, ``storage`` and
    ``thumbnail_storage`` (that of the renditions) to the aliases named there. Both may be a
    storage or a callable that returns one. ``fit="contain"`` shows the whole picture on a square
    where ``"cover"`` cuts it to one. ``upload_to`` may be a module-level function of (instance,
    filename) that returns the file name with a prefix.
    """

    attr_class = AvatarFieldFile
    descriptor_class = AvatarDescriptor
    #: The form field for it, which ``models`` puts here: forms import this module.
    form_class: type[Any]
    #: The kit's own check of a field, which ``apps`` puts here: checks import this module.
    check_arguments: ClassVar[Callable[[Any], Iterable[CheckMessage]]]

    def __init__(
        self,
        verbose_name: Any = None,
        name: str | None = None,
        upload_to: Any = "avatars",
        storage: Storage | Callable[[], Storage] | None = None,
        *,
        sizes: Sequence[int] | None = None,
        formats: Sequence[str] | None = None,
        fit: Fit = "cover",
        **kwargs: Any,
    ) -> None:
        self.sizes: tuple[int, ...] | None = ladder(sizes)
        self.formats: tuple[str, ...] | None = listed(formats)
        self.fit = fit
        kwargs.setdefault("max_length", MAX_LENGTH)
        # The guard query asks for a name in every column there is.
        kwargs.setdefault("db_index", True)
        super().__init__(verbose_name, name, upload_to=upload_to, **kwargs)
        self._storage = storage

    # --- what the settings say now ---

    @property
    def spec(self) -> Spec:
        """What is made of an upload."""
        config = get_config()
        return Spec(
            sizes=self.sizes or config.sizes,
            formats=self.formats or config.formats,
            quality=config.quality,
            master_side=config.master_side,
            background=config.background,
            fit=self.fit,
        )

    @property
    def limits(self) -> Limits:
        """What an upload may be."""
        config = get_config()
        return Limits(
            max_pixels=config.max_pixels,
            formats=config.upload_formats,
            max_memory=config.max_decode_memory,
        )

    @property
    def storage(self) -> Storage:
        """Where the masters lie."""
        if not hasattr(self, "_storage"):
            # FileField.__init__ would call a callable storage here, at import.
            return default_storage
        try:
            if self._storage is not None:
                return resolve(self._storage)
            return by_alias(get_config().storage)
        except Exception:
            if apps.ready:
                raise
            # django-cleanup asks while Django starts, and only for its class. That there is none
            # is for the checks to say, which run once Django has started.
            return Storage()

    @storage.setter
    def storage(self, value: Any) -> None:
        """FileField.__init__ binds the default storage here; ours stays live."""

    @property
    def rendition_storage(self) -> Storage:
        """Where the renditions lie."""
        if self.thumbnail_storage is not None:
            return resolve(self.thumbnail_storage)
        if (alias := get_config().rendition_storage) is not None:
            return by_alias(alias)
        return self.storage

    # --- from a value to an attribute ---

    def wrap(self, instance: Any, value: Any) -> AvatarFieldFile:
        """The field file for whatever was assigned or loaded."""
        if isinstance(value, DatabaseDefault):
            value = default_of(self)
        # By identity and by kind, never by truth: a file without a name is false.
        if value is None or value is False or isinstance(value, str):
            return AvatarFieldFile(instance, self, value or None)
        if isinstance(value, AvatarFieldFile) and self.shares_with(value.field):
            file = AvatarFieldFile(instance, self, value.name)
            file._loaded_name, file._crop = value._loaded_name, value._crop
            file._committed, file._file = value._committed, value._file
            return file
        if isinstance(value, FieldFile) and value._committed and not value.name:  # type: ignore[attr-defined]
            # What a field has where a row has no file.
            return AvatarFieldFile(instance, self, None)
        if not isinstance(value, File) and callable(getattr(value, "read", None)):
            value = File(value)
        if isinstance(value, File):
            # The file of a field that stores elsewhere, or of another kind, is content, too.
            file = AvatarFieldFile(instance, self, reading.name_of(value))
            file._committed, file._file = False, value
            return file
        raise NotAFile(value=value)

    def shares_with(self, other: AvatarField) -> bool:
        """Whether one name means the same files for both fields."""
        return self is other or (
            self.storage is other.storage and self.rendition_storage is other.rendition_storage
        )

    def name_in_row(self, instance: Model, name: str) -> str:
        """The name that the row has, for an instance with a ``STATE`` that has ``name`` itself."""
        state = State.of(instance)
        if not name or state.undone(self.attname, name):
            return state.in_database(self.attname)
        return name

    def assign(self, instance: Any, file: AvatarFieldFile) -> None:
        instance.__dict__[self.attname] = file
        State.of(instance).assigned.add(self.attname)

    def assigned(self, instance: Any) -> bool:
        """Whether the instance has a value for the column that did not come from the database."""
        if instance._state.adding or instance._state.db is None:
            return True
        if STATE in instance.__dict__ and self.attname in State.of(instance).assigned:
            return True
        value = instance.__dict__.get(self.attname)
        return isinstance(value, AvatarFieldFile) and (value.name or "") != (
            value._loaded_name or ""
        )

    def forget(self, instance: Any) -> None:
        """The value came from the database."""
        if STATE in instance.__dict__:
            state = State.of(instance)
            state.assigned.discard(self.attname)
            state.in_row.pop(self.attname, None)
            state.minted.pop(self.attname, None)
            state.changes.pop(self.attname, None)

    def forget_refused(self, instance: Any) -> None:
        """Where what was assigned can be no avatar, the instance has that of its row again."""
        value = instance.__dict__.get(self.attname)
        try:
            self.wrap(instance, value)
        except NotAFile:
            name = State.of(instance).in_row.get(self.attname)
            instance.__dict__[self.attname] = AvatarFieldFile(instance, self, name or None)

    def settled(self, instance: Any, name: str) -> None:
        """The row with this name has been committed; what was assigned since is still to come."""
        value = instance.__dict__.get(self.attname)
        if (
            isinstance(value, AvatarFieldFile)
            and not value.uncommitted
            and (value.name or "") == name
        ):
            value._loaded_name = value.name
            self.forget(instance)

    # --- what is let in ---

    @property
    def validators(self) -> list[Any]:
        """Those of the site, and the check of an upload.

        Here, and not only in the kit's form field: ``full_clean()`` runs them, and so do plain
        form fields of a model form and the serializers that copy a model field's validators.
        """
        return [*super().validators, self.validate_upload]

    def validate_upload(self, value: Any) -> None:
        """Check and decode an upload; the picture is kept, so that saving does not decode again.

        A file that is in storage has been through this, and is not asked for. Raises the children
        of :class:`~django_avatar_kit.exceptions.UploadError`.
        """
        if isinstance(value, AvatarFieldFile):
            if value.uncommitted:
                self.receive(value)
            elif value.name and self.assigned(value.instance):
                refuse_foreign_name(value.name)
        elif isinstance(value, File):
            pipeline.receive(value, self)

    def receive(self, file: AvatarFieldFile) -> imaging.Picture:
        """The picture of an upload that is not stored yet."""
        return pipeline.receive(
            cast("File[Any]", file._file), self, file._crop, filename=file.name
        )

    # --- from an attribute to files and columns ---

    def commit(self, instance: Any, using: str) -> None:
        """Encode and write an upload; write one again whose transaction was rolled back.

        ``using`` is the alias of the database that the row is to be in.
        """
        file = getattr(instance, self.attname)
        state = State.of(instance)
        minted = state.minted.get(self.attname)
        if file.uncommitted:
            cut = pipeline.cut(self.receive(file), self.spec)
        elif minted is not None and minted.name == file.name and minted.undone:
            cut = minted.cut
        else:
            if file.name and self.assigned(instance):
                refuse_foreign_name(file.name)
            return
        key = pipeline.store(cut, self, instance, using)
        if minted is not None:
            state.stray.append(minted)
        state.minted[self.attname] = Minted(field=self, name=key, cut=cut)
        state.assigned.add(self.attname)
        file.name, file._file, file._committed = key, None, True
        file._crop = None
        file.__dict__.pop("_dimensions_cache", None)

    def watch(self, instance: Any, using: str, *, old: str, certain: bool = True) -> None:
        """Register what a statement of the open transaction does to this column."""
        new = self.name_on(instance)
        state = State.of(instance)
        minted = state.minted.get(self.attname)
        mine = minted is not None and minted.name == new
        change = cleanup.Change(
            using=using,
            field=self,
            instance=instance,
            old=old,
            new=new,
            minted=mine,
            certain=certain,
        )
        if minted is not None and mine:
            minted.change = change
        state.changes.setdefault(self.attname, []).append(change)
        cleanup.watch(change)

    def name_on(self, instance: Any) -> str:
        """The name that the instance has, "" without an avatar."""
        return getattr(instance, self.attname).name or ""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        if not add and not self.assigned(model_instance):
            # A stale instance saved for another reason must not bring a deleted name back.
            return F(self.attname)
        state = State.of(model_instance)
        if state.using is None:
            # bulk_create(): get_db_prep_save() is the only place that knows the database.
            state.inserting.add(self.attname)
        else:
            self.commit(model_instance, state.using)
        return getattr(model_instance, self.attname)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        instance = value.instance if isinstance(value, AvatarFieldFile) else None
        inserting = self._is_inserting(instance)
        if inserting:
            self.commit(instance, connection.alias)
        # Not in get_prep_value(), which serves lookups as well: that an upload is unique is true.
        if value.uncommitted if isinstance(value, AvatarFieldFile) else isinstance(value, File):
            raise UncommittedFile(filename=value.name or "")
        if not (
            value is None
            or isinstance(value, str | File | Promise)
            or hasattr(value, "resolve_expression")
        ):
            # It would become a text, bytes and all.
            raise NotAFile(value=value)
        name = super().get_db_prep_save(value, connection)
        if not name or hasattr(name, "as_sql"):
            return name
        if inserting:
            return self._insert(instance, connection)
        if isinstance(instance, Model) and STATE in instance.__dict__:
            state = State.of(instance)
            if state.raw or state.using is not None:
                # save() has seen to it.
                return name
        # It comes from update() or bulk_update().
        if not self._may_hold(name, connection.alias):
            raise StaleName(name=name)
        return name

    def _is_inserting(self, instance: Any) -> bool:
        """Whether a ``bulk_create()`` has just asked for the value of this instance."""
        if not isinstance(instance, Model) or STATE not in instance.__dict__:
            return False
        inserting = State.of(instance).inserting
        asked = self.attname in inserting
        inserting.discard(self.attname)
        return asked

    def _insert(self, instance: Any, connection: BaseDatabaseWrapper) -> str:
        """The name for a row that ``bulk_create()`` is about to make."""
        name = self.name_on(instance)
        minted = State.of(instance).minted.get(self.attname)
        if minted is not None and minted.name == name and minted.change is None:
            self.watch(instance, connection.alias, old="", certain=False)
        self.secure(instance, connection.alias, otherwise="")
        if not self.name_on(instance):
            cleanup.insertion(self.model, connection).dropped[self.column] = name
        return self.name_on(instance)

    def save_form_data(self, instance: Any, data: Any) -> None:
        # Django writes ``data or ""``: a file without a name would clear the avatar.
        if data is not None:
            setattr(instance, self.name, self.cleared if data is False else data)

    @property
    def cleared(self) -> str:
        """What a column holds whose avatar has been removed: what that of a new row holds.

        Only where the default is a text. One that is called may be another one each time, and has
        been the owner's choice as little as what they have just removed.
        """
        return self.default if isinstance(self.default, str) else ""

    def secure(self, instance: Any, using: str, *, otherwise: str) -> None:
        """Make sure that the files of a name stay while a row is given it.

        A name that this instance did not write files for belongs to another row, which is locked.
        If none holds it, its files are gone or about to go: the instance gets ``otherwise``.
        """
        name = self.name_on(instance)
        state = State.of(instance)
        minted = state.minted.get(self.attname)
        if state.raw or (minted is not None and minted.name == name and minted.stands(using)):
            return
        if name != otherwise and not self._may_hold(name, using):
            logger.warning("“%s” belongs to no row any more, and is not given to %s.", name, self)
            instance.__dict__[self.attname] = AvatarFieldFile(instance, self, otherwise or None)

    def secure_raw(self, instance: Any, using: str, *, held: str) -> None:
        """The same for a fixture or an old version that is written over a row which is there.

        It may name what the row has long replaced. A name that no row holds is written only if its
        files are there; else the row keeps what it has. (A row that is made by a fixture has
        nothing to keep, and its files may be brought along later.) Raises
        :class:`~django_avatar_kit.exceptions.NotAFile` for a name that no storage can have.
        """
        name = self.name_on(instance)
        if name in ("", held) or may_be_default(name, self) or rows.lock_holder(name, self, using):
            return
        refuse_foreign_name(name)
        if not any(missing(*each) for each in grouped(cleanup.files_of(name, self))):
            return
        logger.warning("The files of “%s” are gone; %s keeps what it has.", name, self)
        instance.__dict__[self.attname] = AvatarFieldFile(instance, self, held or None)

    def _may_hold(self, name: str, using: str) -> bool:
        """Whether the files of a name stay while a row is given it; locks a row that holds it."""
        return (
            may_be_default(name, self)
            # A data migration knows what it does, and today's models may not have tables yet.
            or self.model._meta.apps is not apps
            or rows.lock_holder(name, self, using)
            or cleanup.removed(name, using)
            # A file from before the kit may be held by nobody so far.
            or (Name.parse(name) is None and self._is_stored(name))
        )

    def _is_stored(self, name: str) -> bool:
        """Whether there is such a file. Raises ``NotAFile`` for what no storage can have."""
        refuse_foreign_name(name)
        return is_there(self.storage, name)

    # --- conventions of Django ---

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        kind: str | None = super().db_type(connection)
        if connection.vendor == "postgresql" and kind is not None:
            # The same type by its other name, for which Django makes one index and not two: nobody
            # searches avatars with LIKE.
            return kind.replace("varchar", "character varying")
        return kind

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        # What is made of an upload concerns no database.
        kwargs.pop("storage", None)
        if self._storage is not None:
            kwargs["storage"] = self._storage
        if self.thumbnail_storage is not None:
            kwargs["thumbnail_storage"] = self.thumbnail_storage
        kwargs.pop("max_length", None)
        if self.max_length != MAX_LENGTH:
            kwargs["max_length"] = self.max_length
        kwargs.pop("db_index", None)
        if not self.db_index:
            kwargs["db_index"] = False
        return name, path, args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        form_class = kwargs.pop("form_class", None) or self.form_class
        if issubclass(form_class, self.form_class):
            kwargs.setdefault("model_field", self)
        return super().formfield(form_class=form_class, **kwargs)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *self.check_arguments()]
