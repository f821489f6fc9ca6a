"""Pages on which users change and delete their own avatar."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.forms import FileField
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, get_language_bidi, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import FormView, TemplateView, View
from django.views.generic.base import ContextMixin

from .display import owners
from .exceptions import AvatarError, StorageError, UploadError
from .forms import AvatarForm, avatar_field_names, avatar_form_class, time_stamps
from .lazy import unwrap
from .rendering import avatar_html, has_avatar
from .widgets import AvatarInput

if TYPE_CHECKING:
    from django.db.models import Model

logger = logging.getLogger(__name__)


@method_decorator([never_cache, csrf_protect], name="dispatch")
class OwnAvatarMixin(LoginRequiredMixin, ContextMixin, View):
    """The avatar of the user who sends the request, and where to go after it has been changed.

    The row is found from the session alone: neither the URL nor the form names one.
    """

    #: Without PUT, PATCH and DELETE, so that POST is the only way to change anything.
    http_method_names = ["get", "post", "head", "options"]
    #: Which avatar, where the row has several; None for the one that ``{% avatar %}`` shows.
    field_name: str | None = None
    #: Where to go without a ``next``: what ``redirect()`` takes. None for ``get_default_url()``.
    success_url: Any = None
    #: Hosts that ``next`` may lead to, beside the one of the request.
    success_url_allowed_hosts: set[str] = set()

    def get_object(self) -> Model:
        """The row that holds the avatar; a new one, not saved, where there is none yet.

        To be overridden where that is neither the user nor a one-to-one profile of theirs.
        """
        return owners.own_row(unwrap(self.request.user))

    @cached_property
    def object(self) -> Model:
        """What ``get_object()`` gave for this request."""
        return self.get_object()

    def create_object(self, new: Model) -> Model:
        """Insert the row that ``get_object()`` did not find, or load it if it exists by now.

        To be overridden where a profile has more columns that must be filled.
        """
        link = owners.link_of(type(new))
        if link is None:
            # There is no owner to look for; the form saves the row together with the avatar.
            return new
        # The base manager, as for user.profile: another manager may hide an existing row.
        owner = getattr(new, link.name)
        row: Model
        row, _created = new._meta.model._base_manager.get_or_create(**{link.name: owner})
        # The page may show the owner's avatar as well, and would find the unsaved row.
        link.remote_field.set_cached_value(owner, row)
        return row

    def get_field_name(self) -> str:
        """The name of the avatar field that this view is about."""
        return self.field_name or avatar_field_names(self.object._meta.model)[0]

    def get_next(self) -> str:
        """The ``next`` of the form, else of the URL; "" if it leads to another site."""
        name = self.redirect_field_name or "next"
        url = self.request.POST.get(name, self.request.GET.get(name, ""))
        safe = url_has_allowed_host_and_scheme(
            url,
            allowed_hosts={self.request.get_host(), *self.success_url_allowed_hosts},
            require_https=self.request.is_secure(),
        )
        return url if safe else ""

    def get_success_url(self) -> str:
        return self.get_next() or self.get_default_url()

    def get_default_url(self) -> str:
        """Where to go without a ``next``: to ``success_url``, else to this page again."""
        return self.request.path if self.success_url is None else resolve_url(self.success_url)

    def page_url(self, name: str) -> str:
        """The URL of one of the pages in ``django_avatar_kit.urls``. Raises ``NoReverseMatch``."""
        match = self.request.resolver_match
        return reverse(f"avatar_kit:{name}", current_app=match.namespace if match else None)

    def shows_own_avatar(self) -> bool:
        """Whether the pages in ``django_avatar_kit.urls`` are about the avatar of this view."""
        # Not looked up on the class: as_view(get_object=…) sets it on the instance.
        own_row = getattr(self.get_object, "__func__", None) is OwnAvatarMixin.get_object
        return own_row and self.get_field_name() == avatar_field_names(self.object._meta.model)[0]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        avatar = getattr(self.object, self.get_field_name())
        context = {
            "object": self.object,
            "avatar": avatar,
            # The default of the field is nobody's own: it is neither shown here nor deleted.
            "picture": avatar_html(avatar, AvatarInput.size, alt="") if has_avatar(avatar) else "",
            "next": self.get_next(),
            "next_name": self.redirect_field_name,
            # For Jinja2, which has neither Django's tags nor its context processors.
            "gettext": gettext,
            "LANGUAGE_CODE": get_language(),
            "LANGUAGE_BIDI": get_language_bidi(),
            "messages": messages.get_messages(self.request),
        }
        return super().get_context_data(**{**context, **kwargs})


class AvatarChangeView(OwnAvatarMixin, FormView):  # type: ignore[type-arg]
    """GET shows the form, POST changes the avatar.

    ``form_class`` is a subclass of :class:`~django_avatar_kit.forms.AvatarForm`. A row that does
    not exist is made once a picture has been accepted.
    """

    form_class = AvatarForm
    template_name = "avatar_kit/change.html"
    #: Shown where the storage failed, and where any other error is not about the upload. The error
    #: itself is logged: it names keys.
    storage_message = _(
        "Your picture could not be saved, since the storage could not be reached or is full. "
        "Nothing has changed; please try again later.",
    )
    failure_message = _(
        "Your picture could not be saved, and nothing has changed. Please try again later.",
    )
    #: Shown where nothing was chosen, and the form has no fields but pictures.
    nothing_message = _("Choose a picture first.")
    #: Shown where the request has no form in it, to whoever wrote the client.
    not_a_form_message = _(
        "Nothing came that could be read: the request was sent as “%(type)s”. "
        "Send it as “multipart/form-data”."
    )
    #: Where the link to the deletion leads: what ``redirect()`` takes, "" for no link. None for
    #: the kit's own page, if that is about the same picture.
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

    def form_valid(self, form: AvatarForm) -> HttpResponse:
        name = self.get_field_name()
        if nothing := self._missing_upload(form):
            return self._refused(form, nothing)
        if not form.has_changed():
            messages.info(self.request, _("Nothing has changed."), fail_silently=True)
            return HttpResponseRedirect(self.get_success_url())
        if form.instance._state.adding:
            row = self.create_object(form.instance)
            form.instance = construct_instance(form, row, form._meta.fields, form._meta.exclude)
        try:
            self.object = form.save()
        except AvatarError as error:
            return self._refused(form, self._save_error(form, error))
        if name not in form.changed_data:
            message = _("Your changes are saved.")
        elif form.cleaned_data.get(name) is False:
            message = _("Your picture has been removed.")
        else:
            message = _("Your picture is saved.")
        messages.success(self.request, message, fail_silently=True)
        return HttpResponseRedirect(self.get_success_url())

    def get_delete_url(self) -> str:
        """Where the link to the deletion leads, "" for no link.

        The kit's own page deletes the user's own avatar. A view that is about another one names
        its own in ``delete_url``, or overrides this.
        """
        if self.delete_url is not None:
            return resolve_url(self.delete_url) if self.delete_url else ""
        try:
            return self.page_url("delete") if self.shows_own_avatar() else ""
        except NoReverseMatch:
            return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        delete_url = self.get_delete_url() if context["picture"] else ""
        if delete_url and context["next"]:
            query = urlencode({context["next_name"]: context["next"]}, safe="/")
            delete_url += f"{'&' if '?' in delete_url else '?'}{query}"
        return {"delete_url": delete_url, **context}

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
        if isinstance(error, UploadError):
            shown = ValidationError(error.message, error.code, dict(error.params))
        else:
            logger.error("An avatar could not be saved: %s", error, exc_info=error.__cause__)
            storage_failed = isinstance(error, StorageError)
            message = self.storage_message if storage_failed else self.failure_message
            shown = ValidationError(message, error.code)
        # The page shows the avatar that is in the row, not the one that could not be saved.
        if form.instance._state.adding:
            setattr(form.instance, self.get_field_name(), "")
        else:
            form.instance.refresh_from_db(fields=[self.get_field_name()])
        return shown

    def _refused(self, form: AvatarForm, error: ValidationError) -> HttpResponse:
        """The page again, with an error beside the field of the avatar, if the form has it."""
        name = self.get_field_name()
        form.add_error(name if name in form.fields else None, error)
        return self.form_invalid(form)


class AvatarDeleteView(OwnAvatarMixin, TemplateView):
    """GET asks for confirmation, POST deletes the avatar; without an avatar it does nothing.

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
        # Before the deletion: it raises where no URL to go to can be found.
        response = HttpResponseRedirect(self.get_success_url())
        row, name = self.object, self.get_field_name()
        if has_avatar(getattr(row, name)) and not row._state.adding:
            # Not avatar.delete(), which saves all columns as this request has read them.
            getattr(row, name).field.save_form_data(row, False)
            row.save(update_fields=[name, *time_stamps(row)])
            messages.success(request, _("Your picture has been deleted."), fail_silently=True)
        return response
