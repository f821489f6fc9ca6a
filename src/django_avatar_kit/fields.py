"""The model field: from a value to a file, and from a file to a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast, overload

from django.core.files.base import File
from django.db.models import F, Model
from django.forms import FileField
from django.utils.functional import Promise
from easy_thumbnails.fields import ThumbnailerImageField

from . import pipeline
from .conf import ladder, listed
from .display.display_names import display_name
from .display.owners import locate
from .exceptions import NotAFile, UncommittedFile
from .field_settings import FieldSettings
from .lifecycle import assignment
from .lifecycle.descriptor import AvatarDescriptor, field_file
from .lifecycle.field_file import AvatarFile
from .lifecycle.instance_state import column_state, is_assigned, state_of
from .missing_files import locator
from .names import Name
from .rendering import avatar_html, avatar_url
from .storage.base import urls
from .uploads import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.core.checks import CheckMessage
    from django.core.files.storage import Storage
    from django.db.backends.base.base import BaseDatabaseWrapper

    from .names import Fit

__all__ = ["AvatarField", "AvatarFieldFile"]

#: Long enough for the kit's key (about 100 characters) and a prefix of as many.
MAX_LENGTH = 255


class AvatarFieldFile(AvatarFile):
    """What ``profile.avatar`` is: the master, as a file that knows its renditions.

    It is read and stored as the master, and shown as a rendition: the master has what the crop
    left out, and templates, admins and serializers of others know nothing but ``url``.
    """

    field: AvatarField
    #: Whether the text is the key of a rendition; see :meth:`for_widgets`.
    _hides_key = False

    @property
    def url(self) -> str:
        """URL of the largest rendition, in the last of its formats, which most programs read.

        A file from before the kit has its own. Before an upload is saved, this is what the row
        has, or else a fallback's. Raises ``ValueError`` where there is no file. The master's URL
        is ``avatar.storage.url(avatar.name)``.
        """
        self._require_file()
        _owner, field, key = locator()(self)
        if field is None or (name := Name.parse(key)) is None:
            return self.url_for(max(self.field.spec.sizes))
        return urls(field.rendition_storage)(name.rendition(name.sizes[-1], name.formats[-1]))

    def _get_image_dimensions(self) -> tuple[int, int]:
        # Of what the URL shows. Those of the master are in ``avatar_name``.
        if name := self.avatar_name:
            return name.sizes[-1], name.sizes[-1]
        return super()._get_image_dimensions()  # type: ignore[no-any-return]

    def __str__(self) -> str:
        # Of a crop that is not saved yet, the name is that of the stored avatar, too.
        if self._hides_key and (name := Name.parse(self.name)):
            return name.rendition(name.sizes[-1], name.formats[-1])
        return super().__str__()  # type: ignore[no-any-return]

    def for_widgets(self) -> AvatarFieldFile:
        """The same file, but its text is the key of the rendition that ``url`` leads to.

        Django's file inputs print the text, and whoever knows the key of the master can see what
        the crop left out.
        """
        file = cast("AvatarFieldFile", field_file(self.field, self.instance, self))
        file._hides_key = True
        return file

    def __html__(self) -> str:
        """The picture, where it is put into HTML: the read-only pages of an admin, Jinja2.

        The text, as for any ``FieldFile``, is the key of the file.
        """
        owner, _field, _key = locate(self)
        # The admin puts a link around it, which would have no name.
        return avatar_html(self, alt=display_name(owner) or self.field.verbose_name)

    def url_for(self, size: int) -> str:
        """URL of the rendition for a square of ``size`` px, or a fallback's without an avatar."""
        return avatar_url(self, size)


class AvatarField(FieldSettings, ThumbnailerImageField):
    """A column that holds an avatar.

    ``sizes`` (px) and ``formats`` of the renditions default to the settings, ``storage`` and
    ``thumbnail_storage`` (that of the renditions) to the aliases named there. Both may be a
    storage or a callable that returns one. ``fit="contain"`` shows the whole picture on a square
    where ``"cover"`` cuts it to one. ``animated``, whether animations keep moving, defaults to the
    setting. ``upload_to`` may be a module-level function of (instance, filename) that returns the
    file name with a prefix.
    """

    attr_class = AvatarFieldFile
    descriptor_class = AvatarDescriptor
    #: The form field for it, which ``models`` puts here: forms import this module.
    form_class: type[Any] | None = None
    #: The kit's own check of a field, which ``apps`` puts here: checks import this module.
    check_arguments: ClassVar[Callable[[Any], Iterable[CheckMessage]]] = lambda _field: ()

    if TYPE_CHECKING:
        # What the descriptor gives: without this, type checkers take an avatar for its field.
        @overload
        def __get__(self, instance: None, owner: Any) -> AvatarDescriptor: ...
        @overload
        def __get__(self, instance: AvatarFile, owner: Any) -> AvatarField: ...
        @overload
        def __get__(self, instance: Model, owner: Any) -> AvatarFieldFile: ...
        @overload
        def __get__(self, instance: Any, owner: Any) -> AvatarField: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: object) -> None: ...

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
        animated: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.sizes: tuple[int, ...] | None = ladder(sizes)
        self.formats: tuple[str, ...] | None = listed(formats)
        self.fit = fit
        self.animated = animated
        kwargs.setdefault("max_length", MAX_LENGTH)
        # The guard query asks for a name in every column there is.
        kwargs.setdefault("db_index", True)
        super().__init__(verbose_name, name, upload_to=upload_to, **kwargs)
        self._storage = storage

    def name_in_row(self, instance: Model, name: str) -> str:
        """The name in the row; ``name`` is that of the instance, which may have been undone."""
        state = column_state(instance, self)
        return state.name_in_row() if not name or state.is_undone(name) else name

    @property
    def validators(self) -> list[Any]:
        """Those of the site, and the check of an upload.

        ``full_clean()`` runs them, and so do plain form fields of a model form, and serializers
        that copy the validators of a model field.
        """
        return [*super().validators, self.validate_upload]

    def validate_upload(self, value: Any) -> None:
        """Check and decode an upload; the picture is kept, so that saving does not decode again.

        A file that is in storage has been through this, and is not asked for. Raises the children
        of :class:`~django_avatar_kit.exceptions.UploadError`.
        """
        if isinstance(value, AvatarFieldFile):
            if value.uncommitted and value.recrops is None:
                assignment.receive(value)
            elif value.name and is_assigned(value.instance, self):
                assignment.refuse_foreign_name(value.name)
        elif isinstance(value, File):
            self.check_upload(value)

    def check_upload(self, upload: File[Any], crop: Any = None) -> None:
        """As :meth:`validate_upload`, for any file: one that is stored is an upload, too.

        ``crop`` is (x, y, width, height) in px of the upright upload. It and the picture are kept
        on the upload, so that assigning it is enough. Raises the children of
        :class:`~django_avatar_kit.exceptions.UploadError`.
        """
        crop = reading.crop_of(upload) if crop is None else crop
        pipeline.receive(upload, self, crop)
        reading.keep_crop(upload, crop)

    # --- from an attribute to a column ---

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        if not add and not is_assigned(model_instance, self):
            # A stale instance saved for another reason must not bring a deleted name back.
            return F(self.attname)
        state = state_of(model_instance)
        if state.using is None:
            # bulk_create(): get_db_prep_save() is the only place that knows the database.
            column_state(model_instance, self).inserting = True
        else:
            assignment.commit(model_instance, self, state.using)
        return getattr(model_instance, self.attname)

    def get_prep_value(self, value: Any) -> Any:
        # Django takes the text, which is not always the name.
        return super().get_prep_value(value.name or "" if isinstance(value, AvatarFile) else value)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        instance = value.instance if isinstance(value, AvatarFile) else None
        inserting = assignment.is_inserting(instance, self)
        if inserting:
            assignment.commit(cast("Model", instance), self, connection.alias)
        # Not in get_prep_value(), which serves lookups as well, such as whether a name is unique.
        if value.uncommitted if isinstance(value, AvatarFile) else isinstance(value, File):
            raise UncommittedFile(filename=value.name or "")
        if not (
            value is None
            or isinstance(value, str | File | Promise)
            or hasattr(value, "resolve_expression")
        ):
            # str() would make a text of it, also of bytes.
            raise NotAFile(value=value)
        name = super().get_db_prep_save(value, connection)
        if not name or hasattr(name, "as_sql"):
            return name
        return assignment.name_for_statement(instance, self, name, connection, inserting)

    def save_form_data(self, instance: Any, data: Any) -> None:
        if data is False:
            # Removed: what a new row has, if that is a text. A default that is called may be
            # another one each time, and the owner has chosen none of them.
            data = self.default if isinstance(self.default, str) else ""
        # Django writes ``data or ""``: a file without a name would clear the avatar.
        if data is not None:
            setattr(instance, self.name, data)

    # --- conventions of Django ---

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        kind: str | None = super().db_type(connection)
        if connection.vendor == "postgresql" and kind is not None:
            # The same type by its other name. For "varchar", Django makes a second index for LIKE,
            # which nobody needs here: with it, the indexes of 200,000 names have 81 MB, not 43.
            return kind.replace("varchar", "character varying")
        return kind

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        # What is made of an upload concerns no database, and is left out.
        for key, value, is_given in (
            # By identity: a storage's own ``__eq__()`` may expect another storage.
            ("storage", self._storage, self._storage is not None),
            ("thumbnail_storage", self.thumbnail_storage, self.thumbnail_storage is not None),
            ("max_length", self.max_length, self.max_length != MAX_LENGTH),
            ("db_index", self.db_index, not self.db_index),
        ):
            kwargs.pop(key, None)
            if is_given:
                kwargs[key] = value
        return name, path, args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        form_class = kwargs.pop("form_class", None) or self.form_class or FileField
        # For a default that is called, Django would print the key into a hidden input, only to
        # compare it with an upload.
        kwargs.setdefault("show_hidden_initial", False)
        if self.form_class is not None and issubclass(form_class, self.form_class):
            kwargs.setdefault("model_field", self)
            if _is_for_any_file(kwargs.get("widget")):
                # The admin gives it to every file field. The form field has a better one.
                del kwargs["widget"]
        return super().formfield(form_class=form_class, **kwargs)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *self.check_arguments()]


def _is_for_any_file(widget: Any) -> bool:
    """Whether a widget, or its class, is one that others give to every file field.

    Such are those of Django's admin, of django-unfold and of easy-thumbnails. What a site bases on
    the first two is its own choice. The last one's links lead to the master, whatever its base.
    """
    cls = widget if isinstance(widget, type) else type(widget)
    # By name: a site without the admin does not import it.
    if cls.__module__ in {"django.contrib.admin.widgets", "unfold.widgets"}:
        return True
    return any(base.__module__ == "easy_thumbnails.widgets" for base in cls.__mro__)
