"""The file input, with the current picture and a checkbox to remove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.forms import ClearableFileInput
from django.forms.widgets import FILE_INPUT_CONTRADICTION
from django.utils.translation import gettext_lazy as _

from .fields import AvatarFieldFile
from .rendering import avatar_html, has_avatar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.files.uploadedfile import UploadedFile
    from django.utils.datastructures import MultiValueDict


class AvatarInput(ClearableFileInput):
    """A plain file input: no script, no inline style.

    The value it shows is a field file of an ``AvatarField``.
    """

    template_name = "avatar_kit/widgets/avatar_input.html"
    clear_checkbox_label = _("Remove")  # type: ignore[assignment]
    #: Side of the current avatar, in px.
    size = 96

    def is_initial(self, value: object) -> bool:
        # Django asks whether there is a URL, which a bucket with signed URLs would have to sign.
        return isinstance(value, AvatarFieldFile) and has_avatar(value)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        # Django puts "checked" among the attributes of the file input, where it is not valid HTML.
        widget["checked"] = widget["attrs"].pop("checked")
        # No alternative text: the field's label says whose picture this is.
        widget["picture"] = avatar_html(value, self.size, alt="") if widget["is_initial"] else ""
        return context

    def value_from_datadict(
        self,
        data: Mapping[str, Any],
        files: MultiValueDict[str, UploadedFile[Any]],
        name: str,
    ) -> Any:
        """As ``ClearableFileInput``, and two kinds of data that the form field refuses.

        Several files under one name are returned as a list, of which Django takes the last. A text
        is returned as it is: a form without ``enctype`` sends the name of the file alone.
        """
        value = super().value_from_datadict(data, files, name)
        uploads = files.getlist(name) if hasattr(files, "getlist") else ()
        if value in uploads and len(uploads) > 1:
            return uploads
        text = data.get(name)
        # A file input in which nothing was chosen sends an empty text.
        if value or not isinstance(text, str) or not text.strip():
            return value
        return FILE_INPUT_CONTRADICTION if value is False else text
