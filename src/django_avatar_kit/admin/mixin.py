"""What a ``ModelAdmin`` or an inline gets: columns of the list, and the widget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import FieldDoesNotExist
from django.db.models import prefetch_related_objects
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from ..display import owners
from ..display.display_names import display_name
from ..exceptions import AvatarError, AvatarReplaced, UploadError
from ..fields import AvatarField
from ..rendering import avatar_html
from ..widgets import AvatarInput
from .actions import AvatarActions
from .fields import own_fields

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

logger = logging.getLogger(__name__)


class AvatarAdminMixin(AvatarActions):
    """For a ``ModelAdmin`` or an inline, in front of that class.

    - ``list_display`` may name the avatar fields of the model, or ``"avatar"``, also where a
      one-to-one profile has it. The page takes the same number of queries for any number of rows.
    - Forms have :class:`~django_avatar_kit.widgets.AvatarInput`, unless ``formfield_overrides``
      has another widget for ``AvatarField``.
    - There are two actions for those who may change the rows: rebuild and remove.
    """

    #: Side of a picture in the list, in px.
    avatar_size = 32
    #: Which actions there are, beside those in ``actions``.
    avatar_actions: Sequence[str] = ("rebuild_avatars", "remove_avatars")
    #: Shown where files could not be written; nothing was saved.
    storage_message = _(
        "Nothing was saved, because the picture could not be stored. Please try again later."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django has merged the class's own with its defaults, into a dictionary of the instance.
        overrides: Any = self.formfield_overrides
        overrides.setdefault(AvatarField, {}).setdefault("widget", AvatarInput)
        # An inline has none. None stands for an admin without actions.
        if (actions := getattr(self, "actions", None)) is not None:
            own = [name for name in self.avatar_actions if name not in actions]
            self.actions = [*actions, *own]

    @property
    def media(self) -> Media:
        """As Django's, with the style of the pictures in the list."""
        return super().media + Media(css={"all": ["avatar_kit/admin.css"]})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """As Django's; what cannot be saved becomes a message."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except AvatarError as error:
            # The page itself, which is only looked at, would lead to itself for ever.
            if request.method != "POST":
                raise
            return self._not_saved(request, error)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """As Django's; what cannot be saved in the list becomes a message."""
        try:
            return super().changelist_view(request, *args, **kwargs)
        except AvatarError as error:
            # As Django knows the rows that were edited in the list. An action of a site may have
            # saved other rows before.
            if "_save" not in request.POST:
                raise
            return self._not_saved(request, error)

    def _not_saved(self, request: HttpRequest, error: AvatarError) -> HttpResponse:
        """The same page again, with a message; Django has rolled back what was written."""
        if isinstance(error, UploadError | AvatarReplaced):
            text = str(error)
        else:
            logger.error("The files of an avatar could not be written.", exc_info=error)
            text = str(self.storage_message)
        self.message_user(request, text, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    # --- the list ---

    def avatar(self, row: Any) -> str:
        """A column of the list."""
        return avatar_html(row, self.avatar_size, alt="", class_="avatar-kit-thumbnail")

    avatar.short_description = _("avatar")  # type: ignore[attr-defined]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """As Django's, with pictures in the columns of avatars."""
        changelist = super().get_changelist_instance(request)
        # Not in get_list_display(), which a site may override to add the column.
        columns: dict[Any, Any] = {
            name: self._column(name, changelist) for name in self._names(changelist)
        }
        if columns:
            changelist.list_display = [columns.get(name, name) for name in changelist.list_display]
            links = changelist.list_display_links
            changelist.list_display_links = links and [columns.get(n, n) for n in links]
            self._load(changelist.result_list)
        return changelist

    def _names(self, changelist: ChangeList) -> list[str]:
        """The avatars in ``list_display``, without those that are edited in the list."""
        own = {field.name for field in own_fields(self.model)}
        if type(self).avatar is AvatarAdminMixin.avatar:
            own.add("avatar")
        editable = changelist.list_editable or ()
        return [n for n in changelist.list_display if n in own and n not in editable]  # type: ignore[misc]

    def _column(self, name: str, changelist: ChangeList) -> Callable[[Any], str]:
        links = changelist.list_display_links or ()
        try:
            field: Any = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None

        def column(row: Any) -> str:
            shown = row if field is None else getattr(row, field.name)
            alt = ""
            if name in links:
                # Nothing else in the link has a name.
                owner, _field, _key = owners.locate(shown)
                alt = display_name(owner) or str(row)
            return avatar_html(shown, self.avatar_size, alt=alt, class_="avatar-kit-thumbnail")

        column.__name__ = name
        title = _("avatar") if field is None else field.verbose_name
        column.short_description = title  # type: ignore[attr-defined]
        return column

    def _load(self, rows: Any) -> None:
        """What the pictures of a page need beside their rows, in at most one query."""
        if not own_fields(self.model):
            owners.prefetch_avatars(rows)
        elif link := owners.link_of(self.model):
            # Initials are those of the user.
            prefetch_related_objects(list(rows), link.name)
