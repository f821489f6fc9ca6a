"""Pages on which users change and delete their own avatar, and the picture of their initials."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.forms.models import construct_instance
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import FormView, TemplateView, View

from . import fallbacks, owners
from .exceptions import AvatarError, StorageError, UploadError
from .forms import AvatarForm, avatar_field_names, avatar_form_class, time_stamps

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

    from .fields import AvatarFieldFile

logger = logging.getLogger(__name__)


@method_decorator([never_cache, csrf_protect], name="dispatch")
class OwnAvatarMixin(LoginRequiredMixin, View):
    """The avatar of the user who asks, and where to go when it has been changed.

    Whose avatar it is comes from the session alone: no URL and no form names a row.
    """

    #: Other methods would be one more way to write.
    http_method_names = ["get", "post", "head", "options"]
    #: Which avatar, where the row has several; None for the one that ``{% avatar %}`` shows.
    field_name: str | None = None
    #: Where to go without a ``next``: what ``redirect()`` takes. None for the change page.
    success_url: Any = None
    #: Hosts that ``next`` may lead to, beside the one of the request.
    success_url_allowed_hosts: set[str] = set()

    def get_object(self) -> Model:
        """The row that holds the avatar; a new one, not saved, where there is none yet.

        To be overridden where that is neither the user nor a one-to-one profile of theirs.
        """
        user: Model = owners.unwrap(self.request.user)
        relation = owners.profile_relation(user)
        if relation is None:
            return user
        try:
            return getattr(user, relation.get_accessor_name())  # type: ignore[no-any-return]
        except ObjectDoesNotExist:
            return relation.related_model(**{relation.field.name: user})

    def create_object(self, new: Model) -> Model:
        """Make the row that ``get_object()`` found missing, or take the one made meanwhile.

        To be overridden where a profile has more columns that must be filled.
        """
        link = owners.link_of(type(new))
        if link is None:
            # Nothing to find it by: it is saved with the avatar in it.
            return new
        # The base manager, as for user.profile: another may hide a row that is there.
        owner = getattr(new, link.name)
        row: Model
        row, _created = new._meta.model._base_manager.get_or_create(**{link.name: owner})
        # The page may show the owner's avatar, too.
        link.remote_field.set_cached_value(owner, row)
        return row

    def get_avatar(self, row: Model) -> AvatarFieldFile:
        """The avatar of the row that this view is about."""
        name = self.field_name or avatar_field_names(row._meta.model)[0]
        return getattr(row, name)  # type: ignore[no-any-return]

    def get_next(self) -> str:
        """The ``next`` of the form, else of the URL; "" where it would lead to another site."""
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
        if self.success_url is not None:
            return resolve_url(self.success_url)
        match = self.request.resolver_match
        return reverse("avatar_kit:change", current_app=match.namespace if match else None)

    def tell(self, message: Any) -> None:
        """Leave a message for the next page, where the site shows messages."""
        messages.success(self.request, message, fail_silently=True)


class AvatarChangeView(OwnAvatarMixin, FormView):  # type: ignore[type-arg]
    """GET shows the form, POST changes the avatar.

    ``form_class`` is a subclass of :class:`~django_avatar_kit.forms.AvatarForm`. A row that does
    not exist is made once a picture has been accepted.
    """

    form_class = AvatarForm
    template_name = "avatar_kit/change.html"
    #: What the user reads where the storage failed, and where anything else did that is not about
    #: the upload. The details are logged: they name keys.
    storage_message = _(
        "Your picture could not be saved, since the storage could not be reached or is full. "
        "Nothing has changed; please try again later.",
    )
    failure_message = _(
        "Your picture could not be saved, and nothing has changed. Please try again later.",
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        return super().post(request, *args, **kwargs)

    def get_form_class(self) -> type[AvatarForm]:
        form_class = super().get_form_class()
        if form_class.has_model():
            return form_class
        # One avatar, though a row may have more: the others are about something else.
        fixed = form_class._meta.fields is not None or form_class._meta.exclude is not None
        name = None if fixed else self.get_avatar(self.object).field.name
        return avatar_form_class(self.object._meta.model, name, form=form_class)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.object}

    def form_valid(self, form: AvatarForm) -> HttpResponse:
        if not form.has_changed():
            return HttpResponseRedirect(self.get_success_url())
        name = self.get_avatar(self.object).field.name
        if form.instance._state.adding:
            row = self.create_object(form.instance)
            form.instance = construct_instance(form, row, form._meta.fields, form._meta.exclude)
        try:
            self.object = form.save()
        except AvatarError as error:
            self._refuse(form, name, error)
            return self.form_invalid(form)
        removed = form.cleaned_data.get(name) is False
        self.tell(_("Your picture has been removed.") if removed else _("Your picture is saved."))
        return HttpResponseRedirect(self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "object": self.object,
                "avatar": self.get_avatar(self.object),
                "next": self.get_next(),
                **kwargs,
            }
        )

    def get_default_url(self) -> str:
        # This page, wherever a site has put it.
        return self.request.path if self.success_url is None else super().get_default_url()

    def _refuse(self, form: AvatarForm, name: str, error: AvatarError) -> None:
        """Turn a failed save into an error beside the field."""
        message, params = error.message, error.params
        # What is not about the upload is the site's to know, and names keys.
        if not isinstance(error, UploadError):
            logger.error("An avatar could not be saved: %s", error, exc_info=error.__cause__)
            storage_failed = isinstance(error, StorageError)
            message = self.storage_message if storage_failed else self.failure_message
            params = {}
        form.add_error(
            name if name in form.fields else None,
            ValidationError(message, code=error.code, params=dict(params)),
        )
        # The page may show the avatar elsewhere, too: the one that is in the row.
        if form.instance._state.adding:
            setattr(form.instance, name, "")
        else:
            form.instance.refresh_from_db(fields=[name])


class AvatarDeleteView(OwnAvatarMixin, TemplateView):
    """GET asks, POST deletes the avatar. To delete what is not there is no error."""

    template_name = "avatar_kit/confirm_delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.get_object()
        return super().get_context_data(
            **{
                "object": row,
                "avatar": self.get_avatar(row),
                "next": self.get_next(),
                "back_url": self.get_success_url(),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # First: a view that does not know where to go next should not delete anything.
        response = HttpResponseRedirect(self.get_success_url())
        row = self.get_object()
        avatar = self.get_avatar(row)
        if avatar.name and not row._state.adding:
            name = avatar.field.name
            # Not avatar.delete(), which saves the whole row as this request has read it.
            setattr(row, name, "")
            row.save(update_fields=[name, *time_stamps(row)])
            self.tell(_("Your picture has been deleted."))
        return response


@method_decorator(login_not_required, name="dispatch")
class InitialsView(View):
    """A circle's worth of initials as an SVG file that any cache may keep for good.

    The URL holds letters and a hue, never a name; the view asks neither session nor database.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, letters: str, hue: int) -> HttpResponse:
        cleaned = fallbacks.clean_letters(letters)
        if cleaned is None or hue >= 360:
            raise Http404("No such initials.")
        return HttpResponse(
            fallbacks.initials_svg(cleaned, hue),
            content_type="image/svg+xml",
            headers={
                "Cache-Control": "public, max-age=31536000, immutable",
                # An SVG that is opened by itself is a document, which could run scripts.
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
            },
        )
