"""The form field that checks and decodes an upload, and a form for any model with an avatar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.base import File
from django.forms.widgets import FILE_INPUT_CONTRADICTION
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from . import fields, pipeline
from .conf import get_config
from .crops import Choice, Recrop, text_of
from .exceptions import AvatarReplaced, EmptyUpload, InvalidCrop, UploadError
from .formats import media_type_of
from .rendering import has_avatar
from .uploads import reading
from .widgets import AvatarInput
from .wording import UNNAMED, filename_text

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["AvatarField", "AvatarForm", "AvatarInput", "avatar_form_class"]


class _NoValue(forms.HiddenInput):
    """A hidden input that says nothing: a file cannot be sent back as a text."""

    def format_value(self, value: Any) -> None:  # noqa: ARG002 - as Django calls it
        return None


class AvatarField(forms.FileField):
    """Accepts one picture, and checks and decodes it.

    ``clean()`` returns what ``FileField`` does: the upload, ``False`` for "remove", or the initial
    value where nothing was sent. The upload carries its decoded picture, so that saving it to an
    avatar of the same kind does not decode it again. What is wrong with an upload is a
    ``ValidationError`` with the ``code`` of the :mod:`~django_avatar_kit.exceptions` class.

    ``model_field`` says which renditions the picture must serve. A field that belongs to no model
    decodes for the sizes in the settings.
    """

    widget = AvatarInput
    hidden_widget = _NoValue
    default_error_messages = {
        "contradiction": _("Either choose a picture or tick “%(remove)s”, not both."),
        "empty": EmptyUpload.message,
        "invalid_crop": _(
            "The part of the picture that you chose cannot be used. Choose it again."
        ),
        "replaced": AvatarReplaced.message,
        "multiple": ngettext_lazy(
            "Choose one picture, not %(count)d.",
            "Choose one picture, not %(count)d.",
            "count",
        ),
        # Addressed to whoever wrote the form, since no user can change it.
        "not_multipart": _(
            "Only the name “%(filename)s” came, without the file. The form needs the encoding "
            "“multipart/form-data”, and an input of the type “file”."
        ),
    }

    def __init__(self, *, model_field: fields.AvatarField | None = None, **kwargs: Any) -> None:
        self.model_field = model_field or fields.AvatarField()
        # The client's file name is not stored, so its length does not matter. The pipeline refuses
        # an empty file, with a message that names it.
        fixed = {"max_length": None, "allow_empty_file": True, "show_hidden_initial": False}
        super().__init__(**{**kwargs, **fixed})

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        # Not in widget_attrs(), which runs once, when the form class is made: the setting may
        # change between two forms.
        types = ",".join(map(media_type_of, get_config().upload_formats))
        self.widget.attrs.setdefault("accept", types)
        # django-stubs types it as the class attribute, which may be a class.
        widget: Any = self.widget
        if isinstance(widget, AvatarInput):
            widget.model_field = self.model_field
        return super().get_bound_field(form, field_name)

    def clean(self, data: Any, initial: Any = None) -> Any:
        # Django cleans a disabled field with its initial value. That is no upload, and checking
        # it would open the stored file.
        if data and data is initial:
            return initial
        if isinstance(data, Recrop):
            return self._recropped(Choice.parse(data.text), initial)
        if data is FILE_INPUT_CONTRADICTION:
            # A site's own widget may call the checkbox something else.
            label = getattr(self.widget, "clear_checkbox_label", AvatarInput.clear_checkbox_label)
            raise self._error("contradiction", remove=label)
        if isinstance(data, File) and data is not initial and not data.name:
            # A file without a name is false, which FileField takes for no file.
            data.name = UNNAMED
        return super().clean(None if _removes_nothing(initial, data) else data, initial)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not _removes_nothing(initial, data) and super().has_changed(initial, data)

    def to_python(self, data: Any) -> Any:
        """The checked upload, or None. Raises ``ValidationError``."""
        if data and isinstance(data, list):
            raise self._error("multiple", count=len(data))
        if data and isinstance(data, str):
            raise self._error("not_multipart", filename=filename_text(data))
        upload = super().to_python(data)
        if upload is None:
            return None
        choice, crop = None, None
        if text := text_of(upload):
            choice = Choice.parse(text)
            if choice is None:
                raise self._error("invalid_crop")
            crop = choice.box
        try:
            picture = pipeline.receive(upload, self.model_field, crop)
        except UploadError as error:
            message = self.error_messages.get(error.code, error.message)
            raise ValidationError(message, error.code, dict(error.params)) from error
        if choice is not None and choice.size != picture.source:
            # The browser has shown another picture than the one that came.
            raise self._error("invalid_crop")
        reading.keep_crop(upload, crop)
        return upload

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the form shows again: the present avatar, since no browser sends a file twice."""
        return replace(data, initial=initial) if isinstance(data, Recrop) else initial

    def prepare_value(self, value: Any) -> Any:
        """What a widget gets: a file whose text is not the key of the master."""
        if isinstance(value, Recrop):
            return replace(value, initial=self.prepare_value(value.initial))
        return value.for_widgets() if isinstance(value, fields.AvatarFieldFile) else value

    def _recropped(self, choice: Choice | None, initial: Any) -> fields.AvatarFieldFile:
        """The present avatar with another part of it."""
        name = initial.avatar_name if isinstance(initial, fields.AvatarFieldFile) else None
        if choice is None:
            raise self._error("invalid_crop")
        if name is None or not choice.is_of(name):
            raise self._error("replaced")
        try:
            if choice.size != (name.width, name.height):
                raise self._error("invalid_crop")
            return cast("fields.AvatarFieldFile", initial.recropped(choice.box))
        except InvalidCrop as error:
            raise self._error("invalid_crop") from error

    def _error(self, code: str, **params: Any) -> ValidationError:
        return ValidationError(self.error_messages[code], code, params)


def _removes_nothing(initial: Any, data: Any) -> bool:
    """Whether "remove" was sent for an avatar that is empty, or the default of its field."""
    if data is not False:
        return False
    return not initial or (isinstance(initial, fields.AvatarFieldFile) and not has_avatar(initial))


class AvatarForm(forms.ModelForm):  # type: ignore[type-arg]
    """``AvatarForm(request.POST, request.FILES, instance=profile)`` changes the avatar of one row.

    It works for the model of its ``instance`` and has all avatar fields of that model. The
    ``Meta`` of a subclass may name fewer or other ``fields``, labels, or the ``model`` itself,
    which makes it a ``ModelForm`` like any other.

    Of an existing row only the columns of the form are saved, so that a form which was open for an
    hour does not undo what was changed elsewhere meanwhile.
    """

    def __init__(self, *args: Any, instance: Model | None = None, **kwargs: Any) -> None:
        if not self.has_model():
            if instance is None:
                raise ValueError(
                    f"{type(self).__name__} has no model. Pass it instance=…, or name the model "
                    "in the Meta of a subclass."
                )
            form_class = avatar_form_class(instance._meta.model, form=type(self))
            # Set on the instance, since the class serves other models as well.
            self._meta = form_class._meta
            self.base_fields = form_class.base_fields  # type: ignore[misc]
        super().__init__(*args, instance=instance, **kwargs)  # type: ignore[misc]

    @classmethod
    def has_model(cls) -> bool:
        """Whether the class names its model in ``Meta``."""
        return cls._meta.model is not None

    def save(self, commit: bool = True) -> Any:
        """Save the row, or insert it if it does not exist yet.

        Raises :class:`~django_avatar_kit.exceptions.StorageError` where the files could not be
        written; the row keeps its old avatar.
        """
        if not commit or self.errors or self.instance._state.adding:
            return super().save(commit)
        # The condition of django.forms.models.construct_instance().
        columns = [
            field.name
            for field in self.instance._meta.concrete_fields
            if field.name in self.cleaned_data
            and not field.primary_key
            and (self._meta.fields is None or field.name in self._meta.fields)
            and field.name not in (self._meta.exclude or ())
        ]
        self.instance.save(update_fields=[*columns, *time_stamps(self.instance)])
        self._save_m2m()  # type: ignore[attr-defined]
        return self.instance

    save.alters_data = True  # type: ignore[attr-defined]


def avatar_form_class(
    model: type[Model],
    field_name: str | None = None,
    *,
    form: type[AvatarForm] = AvatarForm,
) -> type[AvatarForm]:
    """A subclass of ``form`` for ``model``, with the avatar ``field_name``.

    Where that is None, it has the ``fields`` and ``exclude`` of the form's ``Meta``, if there are
    any, else all avatars of the model. Raises ``ImproperlyConfigured`` where it has none.
    """
    names: list[str] | None = None
    if field_name is not None:
        names = [field_name]
    elif form._meta.fields is None and form._meta.exclude is None:
        names = avatar_field_names(model)
    return forms.modelform_factory(model, form=form, fields=names)  # type: ignore[return-value]


def avatar_field_names(model: type[Model]) -> list[str]:
    """The names of a model's avatar fields; the one that ``{% avatar %}`` shows comes first.

    Raises ``ImproperlyConfigured`` where the model has none.
    """
    columns = model._meta.concrete_fields
    names = [field.name for field in columns if isinstance(field, fields.AvatarField)]
    if not names:
        raise ImproperlyConfigured(
            f"{model._meta.label} has no AvatarField. Mix AvatarMixin into it."
        )
    return sorted(names, key=lambda name: name != "avatar")


def time_stamps(row: Model) -> list[str]:
    """The ``auto_now`` fields, which Django sets only if ``update_fields`` has their names."""
    return [field.name for field in row._meta.concrete_fields if getattr(field, "auto_now", False)]
