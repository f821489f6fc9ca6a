"""Pictures that Django itself answers with, instead of the storage."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.generic import View

from .display import identicons, initials


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
