"""Pages on which users change and remove an avatar: their own, or one that they look after."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import ClearableFileInput, FileField
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import NoReverseMatch
from django.utils.http import escape_leading_slashes
from django.utils.translation import get_language, get_language_bidi, gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView, TemplateView
from django.views.generic.base import TemplateResponseMixin

from .assets import PAGES, avatar_media
from .exceptions import AvatarError, AvatarReplaced, StorageError, UploadError
from .forms import AvatarForm, avatar_form_class, time_stamps
from .rendering import avatar_html, has_avatar
from .view_answers import AnswerMixin, wants_json, wants_part
from .view_targets import RowGoneError, TargetMixin, reload, save_row
from .widgets import AvatarInput

if TYPE_CHECKING:
    from .fields import AvatarFieldFile

__all__ = ["AvatarChangeView", "AvatarDeleteView"]

logger = logging.getLogger(__name__)


class OwnAvatarMixin(TemplateResponseMixin, TargetMixin, AnswerMixin):
    """What both views have in common: one avatar, and a page about it."""

    def get_avatar(self) -> AvatarFieldFile:
        """The field file that the view is about."""
        avatar: AvatarFieldFile = getattr(self.object, self.get_field_name())
        return avatar

    def has_picture(self) -> bool:
        """Whether there is a picture to show and to remove.

        The default of the field is nobody's own: it is neither shown here nor removed.
        """
        return has_avatar(self.get_avatar())

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, its part for htmx, or JSON; nothing changes."""
        if wants_json(request):
            return self.json_answer("", self.get_success_url())
        return self.show(*self._notice)

    def show(
        self, notice: Any = "", kind: str = "", status: int = 200, **context: Any
    ) -> HttpResponse:
        """The page, or its part for htmx, as it is now.

        ``notice`` is a message above it, and ``kind`` one of Django's tags of messages.
        """
        context = self.get_context_data(notice=notice, notice_kind=kind, **context)
        return self.render_to_response(context, status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        avatar = self.get_avatar()
        part = wants_part(self.request)
        context = {
            "object": self.object,
            "avatar": avatar,
            "picture": avatar_html(avatar, AvatarInput.size, alt="") if self.has_picture() else "",
            "next": self.get_next(),
            "next_name": self.redirect_field_name,
            # htmx gets what is inside of the page.
            "part": part,
            "frame": "avatar_kit/part.html" if part else "avatar_kit/base.html",
            # The file and the token must not be sent to another host, see get_default_url().
            "action": escape_leading_slashes(self.request.get_full_path()),
            "assets": PAGES,
            # For Jinja2, which has neither Django's tags nor its context processors.
            "avatar_media": avatar_media,
            "gettext": gettext,
            "LANGUAGE_CODE": get_language(),
            "LANGUAGE_BIDI": get_language_bidi(),
            # Those of the page are not used up by a part of it.
            "messages": () if part else messages.get_messages(self.request),
        }
        return super().get_context_data(**{**context, **kwargs})


class AvatarChangeView(OwnAvatarMixin, FormView):  # type: ignore[type-arg]
    """GET shows the form, POST changes the avatar.

    ``form_class`` is a subclass of :class:`~django_avatar_kit.forms.AvatarForm`. A row that does
    not exist is made once a picture has been accepted.
    """

    form_class = AvatarForm
    template_name = "avatar_kit/change.html"
    #: Shown where the storage failed. The error itself is logged: it names keys.
    storage_message = _(
        "Your picture could not be saved, since the storage could not be reached or is full. "
        "Nothing has changed; please try again later.",
    )
    #: Shown where anything else failed as the picture was saved.
    failure_message = _(
        "Your picture could not be saved, and nothing has changed. Please try again later.",
    )
    #: Errors whose own sentence is for people.
    told_errors = (UploadError, AvatarReplaced)
    #: Shown where nothing was chosen, and the form has no fields but pictures.
    nothing_message = _("Choose a picture first.")
    #: Shown where the request has no form in it, to whoever wrote the client.
    not_a_form_message = _(
        "Nothing came that could be read: the request was sent as “%(type)s”. "
        "Send it as “multipart/form-data”."
    )
    #: Where the link to the removal leads: what ``redirect()`` takes, "" for no link. None for
    #: the kit's own page, if that is about the same picture and the form has no other way.
    delete_url: Any = None

    def get_form_class(self) -> type[AvatarForm]:
        form_class = super().get_form_class()
        if form_class.has_model():
            return form_class
        # Only the avatar of this view, though the row may have several.
        fixed = form_class._meta.fields is not None or form_class._meta.exclude is not None
        name = None if fixed else self.get_field_name()
        return avatar_form_class(self.object._meta.model, name, form=form_class)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.object}

    def show(
        self, notice: Any = "", kind: str = "", status: int = 200, **context: Any
    ) -> HttpResponse:
        if "form" not in context:
            # As after GET: what was sent is done, or was not even looked at.
            kwargs = self.get_form_kwargs()
            kwargs.update(data=None, files=None)
            context["form"] = self.get_form_class()(**kwargs)
        return super().show(notice, kind, status, **context)

    def form_invalid(self, form: AvatarForm) -> HttpResponse:
        if wants_json(self.request):
            return self._json_errors(form)
        return self.show(form=form)

    def form_valid(self, form: AvatarForm) -> HttpResponse:
        name = self.get_field_name()
        if nothing := self._missing_upload(form):
            return self._refused(form, nothing)
        url = self.get_success_url()
        if not form.has_changed():
            return self.done(_("Nothing has changed."), messages.INFO, url)
        try:
            if form.instance._state.adding:
                row = self.create_object(form.instance)
                meta = form._meta
                form.instance = construct_instance(form, row, meta.fields, meta.exclude)
            self.object = save_row(form.instance, form.save)
        except AvatarError as error:
            refused = self._save_error(form, error)
            status = 404 if isinstance(error, RowGoneError) else 503
            if isinstance(error, self.told_errors):
                status = 400
            return self._refused(form, refused, status)
        if name not in form.changed_data:
            message = _("Your changes are saved.")
        elif form.cleaned_data.get(name) is False:
            message = _("Your picture has been removed.")
        else:
            message = _("Your picture is saved.")
        return self.done(message, url=url)

    def get_delete_url(self) -> str:
        """Where the link to the removal leads, "" for no link.

        The kit's own page removes the user's own avatar. A view that is about another one names
        its own in ``delete_url``, or overrides this.
        """
        if self.delete_url is not None:
            return self.resolve(self.delete_url) if self.delete_url else ""
        try:
            return self.page_url("delete") if self.shows_own_avatar() else ""
        except NoReverseMatch:
            return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        form = context["form"]
        delete_url = self.get_delete_url() if context["picture"] else ""
        if delete_url and not self._names_delete_url() and _can_remove(form):
            # One way to remove a picture is enough.
            delete_url = ""
        if delete_url and context["next"]:
            query = urlencode({context["next_name"]: context["next"]}, safe="/")
            delete_url += f"{'&' if '?' in delete_url else '?'}{query}"
        return {
            "delete_url": delete_url,
            "summary": _focus_on_errors(form),
            **context,
            "assets": context["assets"] + form.media,
        }

    def _names_delete_url(self) -> bool:
        """Whether the site has said where the link to the removal leads."""
        own = getattr(self.get_delete_url, "__func__", None) is not AvatarChangeView.get_delete_url
        return own or self.delete_url is not None

    def _missing_upload(self, form: AvatarForm) -> ValidationError | None:
        """The error where nothing was sent: a redirect would look as if a picture were saved."""
        kind = self.request.content_type
        form_types = {"application/x-www-form-urlencoded", "multipart/form-data"}
        if not (self.request.POST or self.request.FILES) and kind not in form_types:
            # No field of the form was sent. Saving it would empty the other columns.
            return ValidationError(self.not_a_form_message, "not_multipart", {"type": kind})
        pictures_only = all(isinstance(each.field, FileField) for each in form.visible_fields())
        if pictures_only and not form.has_changed():
            return ValidationError(self.nothing_message, "nothing_chosen")
        return None

    def _save_error(self, form: AvatarForm, error: AvatarError) -> ValidationError:
        """What to show for the error of a failed save: no keys."""
        if isinstance(error, self.told_errors):
            shown = ValidationError(error.message, error.code, dict(error.params))
        else:
            logger.error("An avatar could not be saved: %s", error, exc_info=error.__cause__)
            storage_failed = isinstance(error, StorageError)
            message = self.storage_message if storage_failed else self.failure_message
            shown = ValidationError(message, error.code)
        # The page shows the avatar that is in the row, not the one that could not be saved.
        row, name = form.instance, self.get_field_name()
        reload(row, name)
        if name in form.fields:
            form[name].initial = getattr(row, name)
        return shown

    def _refused(
        self, form: AvatarForm, error: ValidationError, status: int = 400
    ) -> HttpResponse:
        """The page again, with an error beside the field of the avatar, if the form has it."""
        name = self.get_field_name()
        form.add_error(name if name in form.fields else None, error)
        if wants_json(self.request):
            return self._json_errors(form, status)
        return self.form_invalid(form)

    def _json_errors(self, form: AvatarForm, status: int = 400) -> JsonResponse:
        return JsonResponse({"ok": False, "errors": form.errors.get_json_data()}, status=status)


class AvatarDeleteView(OwnAvatarMixin, TemplateView):
    """GET asks for confirmation, POST removes the avatar; without an avatar it does nothing.

    A view whose ``get_object()`` or ``field_name`` is its own says in ``success_url`` where to go.
    """

    template_name = "avatar_kit/confirm_delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        back = self.get_success_url()
        # No link from this page to itself.
        back_url = "" if back == self.request.path else back
        return super().get_context_data(**{"back_url": back_url, **kwargs})

    def get_default_url(self) -> str:
        if self.success_url is None and self.shows_own_avatar():
            return self.page_url("change")
        # Where the kit's change page is about another avatar, this one says that there is none.
        return super().get_default_url()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Remove the avatar, unless there is none."""
        # Before the removal: it raises where no URL to go to can be found.
        url = self.get_success_url()
        row, name = self.object, self.get_field_name()
        if not self.has_picture() or row._state.adding:
            return self.done(_("You have no picture."), messages.INFO, url)
        # Not avatar.delete(), which saves all columns as this request has read them.
        getattr(row, name).field.save_form_data(row, False)
        try:
            save_row(row, lambda: row.save(update_fields=[name, *time_stamps(row)]))
        except RowGoneError:
            reload(row, name)
            return self.done(_("You have no picture."), messages.INFO, url)
        return self.done(_("Your picture has been removed."), url=url)


def _can_remove(form: AvatarForm) -> bool:
    """Whether a field of the form lets users remove the picture that it shows."""
    bound = [form[name] for name, field in form.fields.items() if isinstance(field, FileField)]
    return any(
        isinstance(each.field.widget, ClearableFileInput)
        and not (each.field.widget.is_required or each.field.disabled)
        and each.field.widget.is_initial(each.initial)
        for each in bound
    )


def _focus_on_errors(form: AvatarForm) -> list[tuple[str, str]]:
    """Put the focus on the field that is in error, if it is one.

    Otherwise returns what a list of all errors at the top of the page says: the id of each field,
    "" for what is about none of them, and its error.
    """
    if not form.is_bound:
        return []
    if list(form.errors) == [name for name in form.errors if name in form.fields][:1]:
        for name in form.errors:
            form.fields[name].widget.attrs["autofocus"] = True
        return []
    return [
        (form[name].id_for_label if name in form.fields else "", str(message))
        for name, found in form.errors.items()
        for message in found
    ]
