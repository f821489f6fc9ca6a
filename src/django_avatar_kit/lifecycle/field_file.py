"""What ``profile.avatar`` is: a file that knows whether it is stored, and can be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile, File
from django.db.models import Model
from django.db.models.fields.files import FieldFile
from easy_thumbnails.files import ThumbnailerImageFieldFile, ThumbnailFile

from .. import pipeline, recutting
from ..columns import STATE, AvatarColumn, is_default
from ..exceptions import AvatarReplaced, NoMaster, NotAFile, ReadOnly
from ..fetching import DEFAULT_RULES, DownloadRules, download
from ..names import Box, Name
from ..uploads import reading
from ..wording import UNNAMED
from . import thumbnails
from .instance_state import assign, column_state, forget, is_assigned

if TYPE_CHECKING:
    from django.core.files.storage import Storage
    from typing_extensions import Self


class _FieldStorage:
    """The storage of the field, unless the file is given another one."""

    def __get__(self, file: Any, owner: type) -> Storage:
        return self if file is None else file.field.storage  # type: ignore[return-value]


def _unless_stored(name: str) -> property:
    """A method of the open file, which refuses to write into a stored avatar.

    Some storages hand out files that can be written to however they were opened. The attribute
    itself raises nothing, since ``hasattr()`` reads it.
    """

    def method(file: AvatarFile) -> Any:
        if file._committed and file.name:
            return lambda *_given: file._refuse_writing("w")
        return getattr(file.file, name)

    return property(method)


class AvatarFile(ThumbnailerImageFieldFile):  # type: ignore[misc]
    """The master, as a field file of Django and of easy-thumbnails that knows its renditions."""

    instance: Any
    field: AvatarColumn
    name: str | None
    # For type checkers, since easy-thumbnails has no types.
    file: File[Any]
    size: int
    width: int
    height: int
    #: Like ``_file`` private to ``FieldFile`` (Django 5.2 to 6.1). Nothing public tells an upload
    #: from a stored file without opening it.
    _committed: bool

    thumbnail_basedir = thumbnails.Setting()
    thumbnail_subdir = thumbnails.Setting()
    thumbnail_prefix = thumbnails.Setting()
    thumbnail_quality = thumbnails.Setting()
    thumbnail_extension = thumbnails.Setting()
    thumbnail_preserve_extensions = thumbnails.Setting()
    thumbnail_transparency_extension = thumbnails.Setting()
    thumbnail_check_cache_miss = thumbnails.Setting()
    thumbnail_namer = thumbnails.Setting()
    storage = source_storage = _FieldStorage()
    remote_source = False
    generate = True
    #: The crop box (x, y, width, height) that an uncommitted upload is to be cut with.
    _crop: Box | None = None
    #: The names one of which the row must still hold when an upload is saved; empty for any.
    _over: tuple[str, ...] = ()

    # Called for every row that is loaded, and three times beside django-cleanup. Whatever can
    # wait is not done here.
    def __init__(self, instance: Any, field: AvatarColumn, name: str | None) -> None:
        self.instance = instance
        self.field = field
        self.name = self.loaded_name = name
        self._committed = True
        self._file: File[Any] | None = None

    @property
    def alias_target(self) -> AvatarFile:
        return self

    @property
    def thumbnail_storage(self) -> Storage:
        return thumbnails.storage_of(self.field)

    @property
    def avatar_name(self) -> Name | None:
        """What the name says; None without an avatar, and for a file from before the kit."""
        return Name.parse(self.name) if self._committed else None

    @property
    def uncommitted(self) -> bool:
        """Whether this is an upload that saving the row will write."""
        return not self._committed and self._file is not None

    @property
    def is_renamed(self) -> bool:
        """Whether ``name`` was changed since the row was loaded."""
        return (self.name or "") != (self.loaded_name or "")

    def save(
        self,
        name: str,
        content: Any,
        save: bool = True,
        *,
        crop: Box | None = None,
        replace: bool = True,
    ) -> None:
        """Make ``content`` the avatar.

        ``crop`` is (x, y, width, height) in px of the upright upload, which is checked and decoded
        now: on an :class:`~django_avatar_kit.exceptions.UploadError` nothing has changed. Files
        are written when the row is saved, which is now unless ``save`` is False; where that fails,
        the instance has its old avatar again.

        With ``replace=False``, an avatar stays that the row has now or is given before it is
        saved: that raises :class:`~django_avatar_kit.exceptions.AvatarReplaced`. The default of
        the column is no avatar in this sense.
        """
        over = () if replace else self._vacant()
        if isinstance(content, AvatarFile) and content.recrops is not None:
            # What a form gives for another part of the stored avatar.
            given = {key: getattr(content, key) for key in ("name", "_file", "_crop")}
            self._replace(given, save=save)
            return
        if isinstance(content, FieldFile):
            content = content.file
        if not callable(getattr(content, "read", None)):
            raise NotAFile(value=content)
        upload = content if isinstance(content, File) else File(content)
        # As a form has kept it with the upload.
        crop = reading.crop_of(upload) if crop is None else crop
        # Only an error message needs a name.
        name = reading.text_of(name)
        pipeline.receive(upload, self.field, crop, filename=name)
        self._replace(
            {"name": name or UNNAMED, "_file": upload, "_crop": crop, "_over": over}, save=save
        )

    save.alters_data = True  # type: ignore[attr-defined]

    def save_from_url(
        self,
        url: str,
        save: bool = True,
        *,
        crop: Box | None = None,
        replace: bool = True,
        rules: DownloadRules = DEFAULT_RULES,
    ) -> None:
        """Make the picture at ``url`` the avatar; the other arguments are those of :meth:`save`.

        It is fetched within the bounds of ``rules``, and checked as any upload. Raises
        :class:`~django_avatar_kit.downloads.DownloadError` where it cannot be fetched, and what
        :meth:`save` does: nothing has been written then.
        """
        upload = download(url, rules)
        self.save(str(upload.name), upload, save, crop=crop, replace=replace)

    save_from_url.alters_data = True  # type: ignore[attr-defined]

    def recrop(self, crop: Box | None, save: bool = True) -> None:
        """Cut the avatar anew from its stored master, whose bytes are copied.

        ``crop`` is (x, y, width, height) in px of the master; None for the automatic square. Files
        are written when the row is saved, which is now unless ``save`` is False.

        Raises :class:`~django_avatar_kit.exceptions.NoMaster` for what the kit has not stored,
        ``InvalidCrop`` for a box that does not lie in the master, ``StorageError`` if the master
        cannot be read, and ``AvatarReplaced`` if the row has another avatar by then; the row
        keeps its avatar.
        """
        other = self.recropped(crop)
        self._replace({"name": other.name, "_file": other._file, "_crop": other._crop}, save=save)

    recrop.alters_data = True  # type: ignore[attr-defined]

    def recropped(self, crop: Box | None) -> AvatarFile:
        """What :meth:`recrop` assigns, for a form; raises as that does, except for storage."""
        key = self.name or ""
        if self._committed and isinstance(self.instance, Model) and STATE in vars(self.instance):
            # What a page shows, if the name was undone by a rollback.
            key = self.field.name_in_row(self.instance, key)
        name = self.recrops or (Name.parse(key) if self._committed else None)
        if name is None:
            raise NoMaster(name=key)
        if crop is not None:
            crop = recutting.checked_crop(crop, name, self.field.spec)
        other: AvatarFile = self.field.attr_class(self.instance, self.field, key)
        # The upload is the stored master itself.
        other._file = self.field.attr_class(self.instance, self.field, key)
        other._committed, other._crop = False, crop
        return other

    @property
    def recrops(self) -> Name | None:
        """The name of the avatar that is to be cut anew; None for an upload."""
        source = self._file
        if not self.uncommitted or not isinstance(source, AvatarFile) or source.name != self.name:
            return None
        # The avatar of a field that stores elsewhere is an upload, and may have any name.
        return source.avatar_name if source.field.shares_with(self.field) else None

    def open(self, mode: str = "rb") -> Self:
        """Open the master, or an upload that is not stored yet.

        Raises :class:`~django_avatar_kit.exceptions.ReadOnly` where a stored one would be written
        to: what is in storage, the kit has encoded.
        """
        if set("wax+").intersection(str(mode)):
            self._refuse_writing(mode)
        super().open(mode)
        return self

    open.alters_data = True  # type: ignore[attr-defined]  # noqa: A003

    write = _unless_stored("write")
    writelines = _unless_stored("writelines")
    truncate = _unless_stored("truncate")

    def _refuse_writing(self, mode: str) -> None:
        if self._committed and self.name:
            raise ReadOnly(name=self.name, mode=mode)

    def delete(self, save: bool = True) -> None:
        """Take the avatar out of the row; its files go when that has been committed.

        django-cleanup calls this on a copy without a model instance: there is nothing left to do.
        """
        if not self or not isinstance(self.instance, Model):
            return
        self._replace({"name": None, "_file": None, "_crop": None}, save=save)

    delete.alters_data = True  # type: ignore[attr-defined]

    def _vacant(self) -> tuple[str, ...]:
        """What the row may hold when it has no avatar. Raises ``AvatarReplaced`` if it has one."""
        if self and (self.uncommitted or not is_default(self.name or "", self.field)):
            raise AvatarReplaced
        return ("", self.name) if self.name else ("",)

    def _replace(self, values: dict[str, Any], *, save: bool) -> None:
        values = {"_over": (), **values}
        was_assigned = is_assigned(self.instance, self.field)
        values["_committed"] = values["_file"] is None
        before = {key: getattr(self, key) for key in values}
        if self._committed:
            self.close()
        assign(self.instance, self.field)
        self.become(**values)
        self.instance.__dict__[self.field.attname] = self
        if not save:
            return
        state = column_state(self.instance, self.field)
        state.written = False
        try:
            self.instance.save()
        except BaseException:
            # Where a receiver failed after the row had been written, the row has the new avatar.
            if not state.written:
                self.become(**before)
                if not was_assigned:
                    forget(self.instance, self.field)
            raise

    def become(self, **values: Any) -> None:
        """Stand for another file: ``name``, ``_file``, ``_committed``, ``_crop``, ``_over``."""
        self.__dict__.update(values)
        # Private to ``ImageFile`` (Django 5.2 to 6.1), which has no other way to forget its size.
        self.__dict__.pop("_dimensions_cache", None)
        # easy-thumbnails' record of the other file, which goes with that file.
        self.__dict__.pop("_source_cache", None)

    def get_thumbnail(self, thumbnail_options: Any, *args: Any, **kwargs: Any) -> Any:
        """easy-thumbnails' thumbnail: a rendition of the kit's where one answers the request."""
        options = self.get_options(thumbnail_options)
        return self._rendition(options) or super().get_thumbnail(options, *args, **kwargs)

    def _rendition(self, options: dict[str, Any]) -> ThumbnailFile | None:
        name = self.avatar_name
        width, height = options["size"]
        asked = {key for key, value in options.items() if value and key != key.upper()}
        if (
            name is None
            # The whole picture on a square is not what was cropped to one.
            or name.fit != "cover"
            or width != height
            or width not in name.sizes
            or options.get("crop") is not True
            or asked - {"size", "crop", "quality", "subsampling", "upscale"}
            or options["quality"] != self.thumbnail_quality
        ):
            return None
        rendition = ThumbnailFile(
            name.rendition(width, name.formats[-1]),
            storage=self.field.rendition_storage,
            thumbnail_options=options,
        )
        rendition._dimensions_cache = (width, height)
        return rendition

    def __getstate__(self) -> dict[str, Any]:
        content = self._file if self.recrops is not None else None
        if content is None and self.uncommitted and self._file is not None:
            # Not the upload itself, which may be a temporary file of this process.
            self._file.seek(0)
            content = ContentFile(self._file.read(), name=self.name)
            self._file.seek(0)
        kept = ("instance", "field", "name", "loaded_name", "_committed", "_crop", "_over")
        return {**{name: getattr(self, name) for name in kept}, "_file": content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
