"""The actions of a list: rebuild and remove the pictures of selected rows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import action, helpers
from django.contrib.auth import get_permission_codename
from django.db import transaction
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop, ngettext, override
from django.utils.translation import gettext_lazy as _

from ..display import owners
from ..exceptions import StorageError, UploadError
from ..forms import time_stamps
from ..interruptions import is_interruption
from ..maintenance.avatars import Row
from ..maintenance.build import build_rows
from ..rendering import avatar_html, has_avatar
from .fields import own_fields

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db import models
    from django.http import HttpRequest, HttpResponse

    from ..columns import AvatarColumn

    _Base = ModelAdmin[Any]
else:
    _Base = object

logger = logging.getLogger(__name__)

# The history of a row names its fields with a capital letter, and translates that.
gettext_noop("Avatar")

#: Of many rows that failed, so many are named in messages. The log has all.
_NAMED = 5
#: Of many pictures, so many are shown before they are removed.
_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class _Avatar:
    """One stored avatar of a row in the list."""

    #: The row in the list, and the one with the avatar: itself, or its profile.
    row: Any
    holder: Any
    field: AvatarColumn

    @property
    def file(self) -> Any:
        return getattr(self.holder, self.field.name)

    @property
    def picture(self) -> str:
        return avatar_html(self.file, 64, alt="", class_="avatar-kit-thumbnail")

    @property
    def is_removable(self) -> bool:
        """Whether it is the owner's own, and the column may be without it."""
        return has_avatar(self.file) and (self.field.blank or self.field.has_default())

    def as_row(self) -> Row:
        """As the commands know it. The column may be in the table of a parent."""
        pk = getattr(self.holder, self.field.model._meta.pk.attname)
        using = self.holder._state.db
        return Row(field=self.field, using=using, pk=pk, key=self.file.name)


class AvatarActions(_Base):
    """The half of ``AvatarAdminMixin`` with its actions."""

    #: Names of the avatar fields that the actions are about, also those of a profile; None for
    #: all.
    avatar_fields: Sequence[str] | None = None
    #: The page that asks before pictures are removed.
    remove_avatars_template: str | None = None

    @action(
        permissions=["change"],
        description=_("Rebuild avatars of selected %(verbose_name_plural)s"),
    )
    def rebuild_avatars(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Make missing files, follow changed settings, and adopt files from before the kit."""
        found = self._avatars(request, queryset)
        results = [(avatar, build) for avatar in found for build in build_rows([avatar.as_row()])]
        counts = Counter(build.outcome for _avatar, build in results)
        for avatar, build in results:
            if build.outcome in {"adopt", "rebuild"}:
                self._log(request, avatar)
        made = counts["adopt"] + counts["rebuild"]
        done = ngettext("%(count)d picture was rebuilt.", "%(count)d pictures were rebuilt.", made)
        self._tell(request, messages.SUCCESS, done, made)
        # What changed meanwhile is as new as can be.
        same = counts["up to date"] + counts["superseded"]
        text = ngettext(
            "%(count)d picture was up to date.", "%(count)d pictures were up to date.", same
        )
        self._tell(request, messages.INFO, text, same)
        self._report(request, [(avatar, build.error) for avatar, build in results])

    @action(
        permissions=["change"], description=_("Remove avatars of selected %(verbose_name_plural)s")
    )
    def remove_avatars(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask, and then take the pictures out of their rows; files go after the commit."""
        found = [each for each in self._avatars(request, queryset) if each.is_removable]
        if found and not request.POST.get("post"):
            return self._confirmation(request, found)
        results = [(avatar, _remove(avatar)) for avatar in found]
        removed = [avatar for avatar, error in results if error is None]
        for avatar in removed:
            self._log(request, avatar)
        done = ngettext(
            "%(count)d picture was removed.", "%(count)d pictures were removed.", len(removed)
        )
        self._tell(request, messages.SUCCESS, done, len(removed))
        self._report(request, results)
        return None

    def _avatars(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[_Avatar]:
        """The stored avatars of selected rows and profiles that the user may change."""
        rows = [row for row in queryset if self.has_change_permission(request, row)]
        own = bool(own_fields(self.model))
        if not own:
            owners.prefetch_avatars(rows)
        found: list[_Avatar] = []
        for row in rows:
            holder = row if own else owners.holder_of(row)
            if own or _may_change(request, holder):
                found.extend(self._avatars_of(row, holder))
        return found

    def _avatars_of(self, row: Any, holder: Any) -> Iterator[_Avatar]:
        for field in own_fields(type(holder)):
            avatar = _Avatar(row=row, holder=holder, field=field)
            if avatar.file and (self.avatar_fields is None or field.name in self.avatar_fields):
                yield avatar

    def _confirmation(self, request: HttpRequest, found: list[_Avatar]) -> HttpResponse:
        options = self.model._meta
        count = len(found)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Remove avatars"),
            "question": ngettext(
                "Are you sure you want to remove this picture? It cannot be brought back.",
                "Are you sure you want to remove these %(count)d pictures? They cannot be "
                "brought back.",
                count,
            )
            % {"count": count},
            "avatars": found[:_SHOWN],
            "labelled": len({each.field for each in found}) > 1,
            "not_shown": max(0, count - _SHOWN),
            "pks": list(dict.fromkeys(each.row.pk for each in found)),
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "back_url": request.get_full_path(),
            "opts": options,
            "media": self.media,
        }
        folder = f"admin/{options.app_label}"
        templates = [
            f"{folder}/{options.model_name}/remove_avatars.html",
            f"{folder}/remove_avatars.html",
            "admin/avatar_kit/remove_avatars.html",
        ]
        return TemplateResponse(request, self.remove_avatars_template or templates, context)

    def _log(self, request: HttpRequest, avatar: _Avatar) -> None:
        # As Django writes it for a form: in English, and translated for whoever reads the history.
        with override(None):
            label = capfirst(str(avatar.field.verbose_name))
        self.log_change(request, avatar.row, [{"changed": {"fields": [label]}}])

    def _report(
        self, request: HttpRequest, results: list[tuple[_Avatar, Exception | None]]
    ) -> None:
        """Say what went wrong; in full for a few rows, and of all in the log."""
        failed = [(avatar, error) for avatar, error in results if error is not None]
        for avatar, error in failed:
            logger.error("%s of %r: %s", avatar.field, avatar.holder, error, exc_info=error)
        for avatar, error in failed[:_NAMED]:
            self.message_user(request, f"{avatar.row}: {_reason(error)}", messages.ERROR)
        more = max(0, len(failed) - _NAMED)
        text = ngettext("%(count)d more picture failed.", "%(count)d more pictures failed.", more)
        self._tell(request, messages.ERROR, text, more)
        if not results:
            text = gettext("None of the selected rows has a picture that you can change.")
            self.message_user(request, text, messages.WARNING)

    def _tell(self, request: HttpRequest, level: int, text: str, count: int) -> None:
        if count:
            self.message_user(request, text % {"count": count}, level)


def _may_change(request: HttpRequest, holder: Any) -> bool:
    """Whether the user may change the profile, which need not have an admin of its own."""
    if holder is None:
        return False
    options = holder._meta
    permission = f"{options.app_label}.{get_permission_codename('change', options)}"
    # Django's own backend grants permissions for all rows only, others for single ones as well.
    return bool(request.user.has_perm(permission) or request.user.has_perm(permission, holder))


def _remove(avatar: _Avatar) -> Exception | None:
    """Remove a picture; the error where the row could not be saved."""
    holder, field = avatar.holder, avatar.field
    try:
        # Such a row must not spoil the transaction of the request.
        with transaction.atomic(using=holder._state.db):
            field.save_form_data(holder, False)
            holder.save(update_fields=[field.name, *time_stamps(holder)])
    except Exception as error:
        # Whatever a database, or a receiver of the site, may raise.
        if is_interruption(error):
            raise
        return error
    return None


def _reason(error: Exception) -> str:
    """What went wrong, for people."""
    if isinstance(error, UploadError):
        return " ".join(error.messages)
    if isinstance(error, StorageError):
        # The error itself names the key of the master.
        return gettext("Its file could not be read or written.")
    return gettext("The log of the site has the details.")
