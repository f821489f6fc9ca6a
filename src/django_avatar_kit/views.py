"""Pages on which users change and delete their own avatar, and the picture of their initials."""

from __future__ import annotations

import logging
from http.cookies import Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.forms import FileField
from django.forms.models import construct_instance
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, get_language_bidi, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import FormView, TemplateView, View

from . import fallbacks
from .display import owners
from .exceptions import AvatarError, StorageError, UploadError
from .forms import AvatarForm, avatar_field_names, avatar_form_class, time_stamps
from .rendering import avatar_html, has_avatar
from .widgets import AvatarInput

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

    from .fields import AvatarFieldFile

logger = logging.getLogger(__name__)

#: What Django reads a form from.
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


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
        return self.kit_url("change")

    def kit_url(self, name: str) -> str:
        """The URL of a page of the kit's own. Raises ``NoReverseMatch``."""
        match = self.request.resolver_match
        return reverse(f"avatar_kit:{name}", current_app=match.namespace if match else None)

    def is_the_kits(self) -> bool:
        """Whether the kit's own pages are about the avatar of this view, too."""
        # Asked of the method, since one that is passed to as_view() stands on the view alone.
        if getattr(self.get_object, "__func__", None) is not OwnAvatarMixin.get_object:
            return False
        row = self.get_object()
        return bool(self.get_avatar(row).field.name == avatar_field_names(row._meta.model)[0])

    def get_page_context(self, row: Model) -> dict[str, Any]:
        """What the templates of both pages need, in either template language."""
        avatar = self.get_avatar(row)
        own = has_avatar(avatar)
        return {
            "object": row,
            "avatar": avatar,
            # A default is nobody's own: nothing to show as theirs, and nothing to delete.
            "picture": avatar_html(avatar, AvatarInput.size, alt="") if own else "",
            "next": self.get_next(),
            "next_name": self.redirect_field_name or "next",
            # For Jinja2, which has neither tags for these nor Django's context processors.
            "gettext": gettext,
            "LANGUAGE_CODE": get_language(),
            "LANGUAGE_BIDI": get_language_bidi(),
            "messages": messages.get_messages(self.request),
        }

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
    #: Where nothing was chosen, and the form asks for nothing else.
    nothing_message = _("Choose a picture first.")
    #: Where the request was not one of a form. It is for whoever sends it.
    not_a_form_message = _(
        "Nothing came that could be read: the request was sent as “%(type)s”. "
        "Send it as “multipart/form-data”."
    )
    #: Where the link to the deletion leads: what ``redirect()`` takes, "" for no link. None for
    #: the kit's own page, if that is about the same picture.
    delete_url: Any = None

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
        name = self.get_avatar(self.object).field.name
        if nothing := self._nothing_came(form):
            form.add_error(name if name in form.fields else None, nothing)
            return self.form_invalid(form)
        if not form.has_changed():
            # Somebody has looked through their profile, and is content with it.
            messages.info(self.request, _("Nothing has changed."), fail_silently=True)
            return HttpResponseRedirect(self.get_success_url())
        if form.instance._state.adding:
            row = self.create_object(form.instance)
            form.instance = construct_instance(form, row, form._meta.fields, form._meta.exclude)
        try:
            self.object = form.save()
        except AvatarError as error:
            self._refuse(form, name, error)
            return self.form_invalid(form)
        if name not in form.changed_data:
            self.tell(_("Your changes are saved."))
        elif form.cleaned_data.get(name) is False:
            self.tell(_("Your picture has been removed."))
        else:
            self.tell(_("Your picture is saved."))
        return HttpResponseRedirect(self.get_success_url())

    def get_delete_url(self) -> str:
        """Where the link to the deletion leads, "" for no link.

        The kit's own page deletes the user's own avatar. A view that is about another one names
        its own in ``delete_url``, or overrides this.
        """
        if self.delete_url is not None:
            return resolve_url(self.delete_url) if self.delete_url else ""
        try:
            return self.kit_url("delete") if self.is_the_kits() else ""
        except NoReverseMatch:
            return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = self.get_page_context(self.object)
        delete_url = self.get_delete_url() if page["picture"] else ""
        if delete_url and page["next"]:
            query = urlencode({page["next_name"]: page["next"]}, safe="/")
            delete_url += f"{'&' if '?' in delete_url else '?'}{query}"
        return super().get_context_data(**{**page, "delete_url": delete_url, **kwargs})

    def get_default_url(self) -> str:
        # This page, wherever a site has put it.
        return self.request.path if self.success_url is None else super().get_default_url()

    def _nothing_came(self, form: AvatarForm) -> ValidationError | None:
        """What to say where nothing came, and a redirect would look as if it were saved."""
        request = self.request
        kind = request.content_type
        if not (request.POST or request.FILES) and kind not in FORM_TYPES:
            # None of its fields came: the others would be taken for emptied.
            return ValidationError(self.not_a_form_message, "not_multipart", {"type": kind})
        pictures_only = all(isinstance(each.field, FileField) for each in form.visible_fields())
        if pictures_only and not form.has_changed():
            return ValidationError(self.nothing_message, "nothing_chosen")
        return None

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
    """GET asks, POST deletes the avatar. To delete what is not there is no error.

    A view whose ``get_object()`` or ``field_name`` is its own says in ``success_url`` where to go.
    """

    template_name = "avatar_kit/confirm_delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = self.get_page_context(self.get_object())
        back = self.get_success_url()
        # No link from this page to itself.
        page["back_url"] = "" if back == self.request.path else back
        return super().get_context_data(**{**page, **kwargs})

    def get_default_url(self) -> str:
        if self.success_url is None and not self.is_the_kits():
            # The kit's page is about another picture. This one says that there is none any more.
            return self.request.path
        return super().get_default_url()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # First: a view that does not know where to go next should not delete anything.
        response = HttpResponseRedirect(self.get_success_url())
        row = self.get_object()
        avatar = self.get_avatar(row)
        if has_avatar(avatar) and not row._state.adding:
            # Not avatar.delete(), which saves the whole row as this request has read it.
            avatar.field.save_form_data(row, False)
            row.save(update_fields=[avatar.field.name, *time_stamps(row)])
            self.tell(_("Your picture has been deleted."))
        return response


class NoCookies(SimpleCookie):
    """Cookies that are not set: each is one visitor's, and goes with the next page instead."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def __missing__(self, key: str) -> Morsel[str]:
        # What a response writes to after it has put a cookie in.
        return Morsel()

    def load(self, *args: Any, **kwargs: Any) -> None:
        pass

    update = load


class PublicResponse(HttpResponse):
    """One answer for everybody, which a shared cache hands out again: no middleware's cookie.

    Django gives the same cookies to the answer that nothing has changed (304), which it makes of
    this one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cookies = NoCookies()


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
        session = getattr(request, "session", None)
        if session is not None and not session.modified:
            # Without this mark SessionMiddleware passes on, even with SESSION_SAVE_EVERY_REQUEST.
            # The session itself stays, for whoever reads it after this view.
            vars(session).pop("accessed", None)
        return PublicResponse(
            fallbacks.initials_svg(cleaned, hue),
            content_type="image/svg+xml",
            headers={
                "Cache-Control": "public, max-age=31536000, immutable",
                # An SVG that is opened by itself is a document, which could run scripts.
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
            },
        )
