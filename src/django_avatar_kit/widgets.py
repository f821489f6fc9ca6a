"""The form widget: choose a picture, move and zoom it under a mask, replace or remove it.

Without JavaScript it is a file input with a checkbox. The script reads its texts and limits from
the HTML, so that a browser says what the server would say, in the same language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.forms import ClearableFileInput, Script
from django.forms.widgets import FILE_INPUT_CONTRADICTION
from django.utils.translation import gettext_lazy

from . import widget_data
from .crops import TEXT, Recrop
from .fields import AvatarField, AvatarFieldFile
from .rendering import avatar_html, has_avatar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.files.uploadedfile import UploadedFile
    from django.utils.datastructures import MultiValueDict

__all__ = ["AvatarInput"]


class AvatarInput(ClearableFileInput):
    """A file input with a preview, a cropper and a button to remove the picture.

    The value it shows is a field file of an ``AvatarField``. A site overrides the template
    ``avatar_kit/widgets/avatar_input.html``, and the custom properties of the style sheet.
    """

    class Media:
        css = {"all": ["avatar_kit/avatar-input.css"]}
        js = [Script("avatar_kit/avatar-input.js", type="module")]

    template_name = "avatar_kit/widgets/avatar_input.html"
    clear_checkbox_label = gettext_lazy("Remove")  # type: ignore[assignment]
    #: Side of the current avatar, in px.
    size = 96
    #: The model field, for the sizes that are to be cut; the form field sets it.
    model_field: AvatarField | None = None

    def is_initial(self, value: object) -> bool:
        # Django asks whether there is a URL, which a bucket with signed URLs would have to sign.
        return isinstance(value, AvatarFieldFile) and has_avatar(value)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        crop = value.text_again() if isinstance(value, Recrop) else ""
        value = value.initial if isinstance(value, Recrop) else value
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        # Django puts "checked" among the attributes of the file input, where it is not valid HTML.
        widget["checked"] = widget["attrs"].pop("checked")
        shown = value if isinstance(value, AvatarFieldFile) else None
        # No alternative text: the field's label says whose picture this is.
        widget["picture"] = avatar_html(shown, self.size, alt="", loading="eager")
        widget["crop"] = {"name": self.crop_name(name), "value": crop}
        if (identity := widget["attrs"].get("id")) is not None:
            widget["hint_id"] = f"{identity}_hint"
            described = widget["attrs"].get("aria-describedby", "")
            widget["attrs"]["aria-describedby"] = f"{described} {widget['hint_id']}".strip()
        widget["hint"], widget["words"] = widget_data.hint(), widget_data.words()
        # Without the kit's form field, a part that is chosen would be lost.
        crops = self.model_field is not None
        field = self.model_field or AvatarField()
        widget["data"] = {
            "limits": widget_data.limits(field.spec, crops=crops),
            "texts": widget_data.texts(),
            "master": widget_data.master(shown if crops else None),
        }
        return context

    def crop_name(self, name: str) -> str:
        """The name of the hidden input with the part that was chosen; see ``crops``."""
        return f"{name}-crop"

    def value_from_datadict(
        self,
        data: Mapping[str, Any],
        files: MultiValueDict[str, UploadedFile[Any]],
        name: str,
    ) -> Any:
        """As ``ClearableFileInput``, with the part that was chosen, and with what is refused.

        Several files under one name are returned as a list, of which Django takes the last. A text
        is returned as it is: a form without ``enctype`` sends the name of the file alone. An
        upload carries the text of its crop; without an upload, that is a ``Recrop``.
        """
        value = super().value_from_datadict(data, files, name)
        uploads = files.getlist(name) if hasattr(files, "getlist") else ()
        if value in uploads and len(uploads) > 1:
            return uploads
        crop = data.get(self.crop_name(name))
        crop = crop.strip() if isinstance(crop, str) else ""
        text = data.get(name)
        # A file input in which nothing was chosen sends an empty text.
        if not value and isinstance(text, str) and text.strip():
            return FILE_INPUT_CONTRADICTION if value is False else text
        if crop and value is None:
            # The new row of an admin's "Save as new" does not have the picture of the old one.
            return None if "_saveasnew" in data else Recrop(text=crop)
        if isinstance(value, File):
            setattr(value, TEXT, crop)
        return value

    def value_omitted_from_data(
        self, data: Mapping[str, Any], files: Mapping[str, Any], name: str
    ) -> bool:
        omitted = super().value_omitted_from_data(data, files, name)  # type: ignore[arg-type]
        return omitted and not data.get(self.crop_name(name))
