"""The form field that checks and decodes an upload, and a form for any model with an avatar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.base import File
from django.forms.widgets import FILE_INPUT_CONTRADICTION
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from . import fields, pipeline
from .conf import get_config
from .exceptions import EmptyUpload, UploadError
from .rendering import has_avatar
from .widgets import AvatarInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model

__all__ = ["AvatarField", "AvatarForm", "AvatarInput", "avatar_form_class"]


class AvatarField(forms.FileField):
    """Takes one picture, and refuses everything that is none.

    ``clean()`` returns what ``FileField`` does: the upload, ``False`` for "remove", or the initial
    value where nothing was sent. The upload carries its decoded picture, so that saving it to an
    avatar of the same kind does not decode it again. What is wrong with an upload is a
    ``ValidationError`` with the ``code`` of the :mod:`~django_avatar_kit.exceptions` class.

    ``model_field`` says which renditions the picture must serve. A field that belongs to no model
    decodes for the sizes in the settings.
    """

    widget = AvatarInput
    default_error_messages = {
        "contradiction": _("Either choose a picture or tick “%(remove)s”, not both."),
        "empty": EmptyUpload.message,
        "multiple": ngettext_lazy(
            "Choose one picture, not %(count)d.",
            "Choose one picture, not %(count)d.",
            "count",
        ),
        # For whoever writes the form: no user can do anything about it.
        "not_multipart": _(
            "Only the name “%(filename)s” came, without the file. The form needs the encoding "
            "“multipart/form-data”, and an input of the type “file”."
        ),
    }

    def __init__(self, *, model_field: fields.AvatarField | None = None, **kwargs: Any) -> None:
        self.model_field = model_field or fields.AvatarField()
        # The name that the client gave the file is not kept, so its length does not matter; and
        # an empty file is refused by the pipeline, in a sentence that names it.
        super().__init__(**{**kwargs, "max_length": None, "allow_empty_file": True})

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        # Here and not in widget_attrs(), which runs once, when the form class is made: the
        # setting is read for every form.
        self.widget.attrs.setdefault(
            "accept", ",".join(f"image/{name}" for name in get_config().upload_formats)
        )
        return super().get_bound_field(form, field_name)

    def clean(self, data: Any, initial: Any = None) -> Any:
        # A disabled field is cleaned with its own initial value. That is no upload, and to look
        # into it would open the stored file.
        if data and data is initial:
            return initial
        if data is FILE_INPUT_CONTRADICTION:
            # In the words that stand beside the box, which a site may have changed.
            label = getattr(self.widget, "clear_checkbox_label", AvatarInput.clear_checkbox_label)
            raise ValidationError(
                self.error_messages["contradiction"],
                code="contradiction",
                params={"remove": label},
            )
        if isinstance(data, File) and data is not initial and not data.name:
            # Django would take a file without a name for none.
            data.name = "upload"
        return super().clean(None if _removes_nothing(initial, data) else data, initial)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not _removes_nothing(initial, data) and super().has_changed(initial, data)

    def to_python(self, data: Any) -> Any:
        """The checked upload, or None. Raises ``ValidationError``."""
        if data and isinstance(data, list):
            raise ValidationError(
                self.error_messages["multiple"], code="multiple", params={"count": len(data)}
            )
        if data and isinstance(data, str):
            # Cut as in every other message.
            params = UploadError(filename=data).params
            raise ValidationError(
                self.error_messages["not_multipart"], code="not_multipart", params=dict(params)
            )
        upload = super().to_python(data)
        if upload is None:
            return None
        try:
            pipeline.receive(upload, self.model_field)
        except UploadError as error:
            raise ValidationError(
                self.error_messages.get(error.code, error.message),
                code=error.code,
                params=dict(error.params),
            ) from error
        return upload


def _removes_nothing(initial: Any, data: Any) -> bool:
    """Whether "remove" was sent where no avatar is: there may be a default, and that stays."""
    if data is not False:
        return False
    return not initial or (isinstance(initial, fields.AvatarFieldFile) and not has_avatar(initial))


class AvatarForm(forms.ModelForm):  # type: ignore[type-arg]
    """``AvatarForm(request.POST, request.FILES, instance=profile)`` changes the avatar of one row.

    It works for the model of its ``instance`` and shows all of that model's avatar fields. A
    subclass may say more in its ``Meta``: fewer or other ``fields``, labels, or the ``model``
    itself, after which it is a ``ModelForm`` as any other.

    An existing row is saved by the columns of the form alone, so that a form which lay open for an
    hour does not put back what was changed elsewhere meanwhile.
    """

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        instance: Model | None = None,
        **kwargs: Any,
    ) -> None:
        if not self.has_model():
            if instance is None:
                raise ValueError(
                    f"{type(self).__name__} has no model. Pass it instance=…, or name the model "
                    "in the Meta of a subclass."
                )
            form_class = avatar_form_class(instance._meta.model, form=type(self))
            # On this instance only: the class goes on serving other models.
            self._meta = form_class._meta
            self.base_fields = form_class.base_fields  # type: ignore[misc]
        super().__init__(data, files, instance=instance, **kwargs)

    @classmethod
    def has_model(cls) -> bool:
        """Whether the class itself says which model it is for."""
        return cls._meta.model is not None

    def save(self, commit: bool = True) -> Any:
        """Save the row, or make it where it does not exist yet.

        Raises :class:`~django_avatar_kit.exceptions.StorageError` where the files could not be
        written; the row then has its old avatar still.
        """
        if not commit or self.errors or self.instance._state.adding:
            return super().save(commit)
        self.instance.save(update_fields=list(self._columns()))
        self._save_m2m()  # type: ignore[attr-defined]
        return self.instance

    save.alters_data = True  # type: ignore[attr-defined]

    def _columns(self) -> Iterable[str]:
        """The columns of the form, and the time stamps that Django would keep with them."""
        options = self._meta
        for field in self.instance._meta.concrete_fields:
            if (
                field.name in self.cleaned_data
                and not field.primary_key
                and (options.fields is None or field.name in options.fields)
                and field.name not in (options.exclude or ())
            ):
                yield field.name
        yield from time_stamps(self.instance)


def avatar_form_class(
    model: type[Model],
    field_name: str | None = None,
    *,
    form: type[AvatarForm] = AvatarForm,
) -> type[AvatarForm]:
    """``form`` for ``model``: for one of its avatars, or for all of them.

    A ``fields`` or ``exclude`` in the form's own ``Meta`` is kept where ``field_name`` is None.
    Raises ``ImproperlyConfigured`` where the model has no avatar field.
    """
    names: list[str] | None
    if field_name is not None:
        names = [field_name]
    elif form._meta.fields is not None or form._meta.exclude is not None:
        names = None
    else:
        names = avatar_field_names(model)
    return forms.modelform_factory(model, form=form, fields=names)  # type: ignore[return-value]


def avatar_field_names(model: type[Model]) -> list[str]:
    """The names of a model's avatar fields; first the one that ``{% avatar %}`` shows.

    Raises ``ImproperlyConfigured`` where the model has none.
    """
    names = [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, fields.AvatarField)
    ]
    if not names:
        raise ImproperlyConfigured(
            f"{model._meta.label} has no AvatarField. Mix AvatarMixin into it."
        )
    return sorted(names, key=lambda name: name != "avatar")


def time_stamps(row: Model) -> list[str]:
    """The fields that Django sets at every save, to be named among ``update_fields``."""
    return [field.name for field in row._meta.concrete_fields if getattr(field, "auto_now", False)]
