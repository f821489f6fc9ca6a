"""Pictures that Django itself answers with, instead of the storage."""

from __future__ import annotations

import logging
from http.cookies import Morsel, SimpleCookie
from typing import Any

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.connection import ConnectionDoesNotExist
from django.utils.decorators import method_decorator
from django.views.generic import View

from .display import identicons, initials
from .exceptions import StorageError
from .fields import AvatarFieldFile
from .formats import media_type_of, with_extension
from .storage import base as storage
from .widget_data import unseal_master

logger = logging.getLogger(__name__)


class NoCookies(SimpleCookie):
    """Ignores every cookie that is set: the response is the same for all visitors.

    A shared cache would hand out a cookie together with the response. Middleware may set one on
    the next page. Django copies this object to the response 304 that it makes of this one.
    """

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def __missing__(self, key: str) -> Morsel[str]:
        # HttpResponse.set_cookie() sets the attributes of the cookie it has just assigned.
        return Morsel()

    def load(self, *args: Any, **kwargs: Any) -> None:
        pass

    update = load


@method_decorator(login_not_required, name="dispatch")
class PictureView(View):
    """An SVG file that any cache may keep for a year: its URL says all that it shows.

    The URL never holds a name; the view asks neither session nor database.
    """

    http_method_names = ["get", "head"]

    def answer(self, svg: str | None) -> HttpResponse:
        """The response with a whole document; None raises ``Http404``."""
        if svg is None:
            raise Http404("No such picture.")
        session = getattr(self.request, "session", None)
        if session is not None and not session.modified:
            # SessionMiddleware (Django 5.2 to 6.1) saves a session at every request where
            # SESSION_SAVE_EVERY_REQUEST is on, and has no way to except a view; it does nothing
            # to a session without this attribute. Other middleware may go on reading the session.
            vars(session).pop("accessed", None)
        response = HttpResponse(
            svg,
            content_type="image/svg+xml",
            headers={
                "Cache-Control": "public, max-age=31536000, immutable",
                # A browser that opens an SVG by itself would run scripts in it.
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "X-Content-Type-Options": "nosniff",
            },
        )
        response.cookies = NoCookies()
        return response


@method_decorator(login_not_required, name="dispatch")
class MasterView(View):
    """The stored master, for the widget that crops it anew.

    It shows what the crop hides. So its URL is sealed, is given to nobody but who is shown the
    form, and is good for a day, and only as long as the row has this avatar.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, seal: str) -> HttpResponse:
        avatar = self.avatar(seal)
        name = None if avatar is None else avatar.avatar_name
        if avatar is None or name is None:
            raise Http404("No such picture.")
        try:
            data = storage.read(avatar.field.storage, str(name))
        except StorageError as error:
            logger.warning("A master cannot be shown: %s", error)
            raise Http404("No such picture.") from error
        return HttpResponse(
            data,
            content_type=media_type_of(with_extension(name.ext) or name.ext),
            headers={
                "Cache-Control": "private, max-age=3600, immutable",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cross-Origin-Resource-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def avatar(self, seal: str) -> AvatarFieldFile | None:
        """The avatar that was sealed; None if the row has another one by now."""
        what = unseal_master(seal)
        if what is None:
            return None
        label, key, field, using, token = what
        try:
            row = apps.get_model(label)._base_manager.using(using).filter(pk=key).first()
        except (LookupError, ConnectionDoesNotExist, ValueError, TypeError, ValidationError):
            # The models have changed since.
            return None
        avatar = getattr(row, field, None)
        if not isinstance(avatar, AvatarFieldFile) or avatar.avatar_name is None:
            return None
        return avatar if avatar.avatar_name.token == token else None


class InitialsView(PictureView):
    """Initials on a colour, which the URL says sealed."""

    def get(self, request: HttpRequest, sealed: str) -> HttpResponse:
        shown = initials.unseal_initials(sealed)
        return self.answer(None if shown is None else initials.initials_svg(*shown))


class LettersView(PictureView):
    """The same for URLs of earlier releases, in which the letters stand as they are."""

    def get(self, request: HttpRequest, letters: str, hue: int) -> HttpResponse:
        cleaned = initials.clean_letters(letters)
        known = cleaned is not None and hue < 360
        return self.answer(initials.initials_svg(cleaned or "", hue) if known else None)


class IdenticonView(PictureView):
    """A figure on a colour; the URL has both as a number."""

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        drawing = identicons.drawing_of(code)
        return self.answer(None if drawing is None else initials.svg_document(drawing))
