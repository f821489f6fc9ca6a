"""The file input with the picture that is there now, and a box to remove it."""

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
        # Django asks for the URL here, which a bucket with signed URLs would sign for nothing.
        return isinstance(value, AvatarFieldFile) and has_avatar(value)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        # Django leaves it among the attributes of the file input, where it is not valid HTML.
        widget["checked"] = widget["attrs"].pop("checked")
        # The alternative text is empty: the field's label says whose picture this is.
        widget["picture"] = avatar_html(value, self.size, alt="") if widget["is_initial"] else ""
        return context

    def value_from_datadict(
        self,
        data: Mapping[str, Any],
        files: MultiValueDict[str, UploadedFile[Any]],
        name: str,
    ) -> Any:
        """As ``ClearableFileInput``, but nothing that was sent is dropped without a word.

        Several files under one name come back as a list, where Django takes the last one. A text
        comes back as it is: it is the name of a file whose content did not come along. The field
        refuses both.
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
