"""The pages of a gallery: add, choose, move, crop and remove pictures.

They take the place of the kit's own two pages, and answer as these do: with a page, with a part of
one for htmx, or in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.forms import Media
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ...conf import get_config
from ...exceptions import GalleryFull
from ...forms import AvatarForm
from ...rendering import avatar_html
from ...view_answers import avatar_data, json_error, wants_json, wants_part
from ...views import AvatarChangeView, AvatarDeleteView, OwnAvatarMixin
from .models import Picture

__all__ = [
    "GalleryView",
    "PictureChangeView",
    "PictureChooseView",
    "PictureDeleteView",
    "PictureMoveView",
]

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

#: The looks of the gallery, beside those of the kit's own pages.
GALLERY = Media(css={"all": ["avatar_kit/gallery.css"]})
#: Side of a picture in the gallery, in px.
SIZE = 96


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture on the page."""

    pk: int
    #: Its place in the order: 1 is the first.
    place: int
    is_primary: bool
    is_last: bool
    html: SafeString
    choose_url: str
    move_url: str
    change_url: str
    delete_url: str

    @property
    def label(self) -> str:
        return gettext("Picture %(number)d") % {"number": self.place}


class GalleryMixin(OwnAvatarMixin):
    """The user's own pictures. Nobody else's are found."""

    missing_message = _("This picture does not exist any more.")

    def get_queryset(self) -> Any:
        rows = Picture._default_manager.filter(owner=self.request.user)
        # The text of the picture that is shown is the name of its user, where that is loaded.
        return rows.select_related("primary_of")

    def may_change(self, row: Any) -> bool:  # noqa: ARG002 - as it is called for any row
        return True

    def get_object(self) -> Any:
        """The picture that the URL names, else the primary one; a new one where there is none."""
        if self.pk_url_kwarg in self.kwargs:
            return super().get_object()
        return self.get_primary()

    def get_primary(self) -> Picture:
        """The picture that is shown, as it is in the database now; a new one where there is none.

        Not that of ``request.user``, which may have been loaded before it was changed.
        """
        user = self.request.user
        found = self.get_queryset().filter(primary_of=user).first()
        return found or Picture(owner=user, primary_of=user)

    def get_shown_avatar(self) -> Any:
        return self.get_primary().avatar

    def get_default_url(self) -> str:
        return self.page_url("change") if self.success_url is None else super().get_default_url()

    def json_answer(self, message: Any, url: str) -> JsonResponse:
        """The avatar as it is now, and all pictures in their order."""
        pictures = [
            {"id": each.pk, "is_primary": each.is_primary, **avatar_data(each.avatar)}
            for each in self.get_queryset()
        ]
        return JsonResponse(
            {
                "ok": True,
                "message": str(message),
                "url": url,
                "avatar": avatar_data(self.get_shown_avatar()),
                "pictures": pictures,
                "limit": get_config().gallery_limit,
            }
        )


class AddPictureForm(AvatarForm):
    class Meta:
        model = Picture
        fields = ("avatar",)
        labels = {"avatar": _("Add a picture")}


class GalleryView(GalleryMixin, AvatarChangeView):
    """GET shows the user's pictures, POST adds one, which is shown from then on."""

    form_class = AddPictureForm
    template_name = "avatar_kit/gallery.html"
    delete_url = ""

    def get_object(self) -> Any:
        return Picture(owner=self.request.user, primary_of=self.request.user)

    def create_object(self, new: Any) -> Any:
        # It is inserted together with its picture.
        return new

    def show(
        self, notice: Any = "", kind: str = "", status: int = 200, **context: Any
    ) -> HttpResponse:
        # After a picture was added, the form is for the next one.
        if "form" not in context:
            self.object = self.get_object()
        return super().show(notice, kind, status, **context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        pictures = list(self.get_queryset())
        limit = get_config().gallery_limit
        count = {"count": len(pictures), "limit": limit}
        return {
            "pictures": self._tiles(pictures, context),
            "count": gettext("Pictures: %(count)d of %(limit)d") % count,
            "full": str(GalleryFull(limit=limit)) if len(pictures) >= limit else "",
            **context,
            "action": self._with_next(self.page_url("change"), context["next"]),
            "assets": context["assets"] + GALLERY,
        }

    def _tiles(self, pictures: list[Picture], context: dict[str, Any]) -> list[Tile]:
        """What the page shows of each picture.

        Who chooses one goes on to ``next``; from all else the way leads back to this page.
        """
        here = self._with_next(self.page_url("change"), context["next"])
        return [
            Tile(
                pk=each.pk,
                place=place,
                is_primary=each.is_primary,
                is_last=place == len(pictures),
                html=avatar_html(each, SIZE, alt=""),
                choose_url=self._with_next(url("picture-choose"), context["next"]),
                move_url=self._with_next(url("picture-move"), f"{here}#picture-{each.pk}"),
                change_url=self._with_next(url("picture"), here),
                delete_url=self._with_next(url("picture-delete"), here),
            )
            for place, each in enumerate(pictures, 1)
            for url in [partial(self.page_url, pk=each.pk)]
        ]

    def _with_next(self, url: str, following: str) -> str:
        if not following:
            return url
        return f"{url}?{urlencode({self.redirect_field_name or 'next': following}, safe='/')}"


class PictureActionView(GalleryMixin):
    """POST does something with one picture. GET, as after a log-in, leads to the gallery."""

    def show(self, notice: Any = "", kind: str = "", status: int = 200, **_: Any) -> HttpResponse:
        if wants_part(self.request):
            return _gallery(self.request).show(notice, kind, status)
        if notice:
            messages.error(self.request, notice, fail_silently=True)
        return HttpResponseRedirect(self.get_success_url())

    def get_picture(self) -> Picture:
        """The picture that the URL names. Raises ``Http404``."""
        picture: Picture = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return picture


class PictureChooseView(PictureActionView):
    """POST makes a picture the one that is shown."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """404 where the picture does not exist, or is somebody else's."""
        with _found():
            self.get_picture().make_primary()
        return self.done(_("This is your picture now."), url=self.get_success_url())


class PictureMoveView(PictureActionView):
    """POST gives a picture another ``place`` in the order: 1 is the first."""

    #: Shown to whoever wrote the client: the page has buttons.
    place_message = _("The place “%(place)s” cannot be used. It must be a whole number.")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """404 where the picture does not exist, and 400 where ``place`` is no whole number."""
        place = request.POST.get("place", "")
        if not (place.isascii() and place.isdecimal() and len(place) < 5):
            # Half a character of UTF-16 could not be sent.
            shown = place.encode(errors="replace").decode()
            message = self.place_message % {"place": shown}
            if wants_json(request):
                return json_error(message, "invalid_place", 400)
            return HttpResponseBadRequest(message, content_type="text/plain; charset=utf-8")
        with _found():
            self.get_picture().move_to(int(place))
        return self.done(_("The order is saved."), url=self.get_success_url())


class OnePictureMixin(GalleryMixin):
    """A page about one picture, from which the way leads back to all of them."""

    def done(self, message: Any, level: int = messages.SUCCESS, url: str = "") -> HttpResponse:
        # A part of the page, for htmx, is the gallery as it is now.
        return _gallery(self.request).done(message, level, url)


class PictureChangeView(OnePictureMixin, AvatarChangeView):
    """GET shows the form for one picture, POST replaces it or takes another part of it."""

    def get_delete_url(self) -> str:
        return self.page_url("picture-delete", pk=self.object.pk)


class PictureDeleteView(OnePictureMixin, AvatarDeleteView):
    """GET asks for confirmation, POST deletes the picture; without one it does nothing.

    If it was the one that is shown, the first of the others is shown.
    """

    def has_picture(self) -> bool:
        # Also a place that something else has emptied: "avatar_build --missing=clear" for one.
        return not self.object._state.adding


def _gallery(request: HttpRequest) -> GalleryView:
    """The page itself, to answer a request to another URL."""
    page = GalleryView()
    page.setup(request)
    return page


@contextmanager
def _found() -> Iterator[None]:
    """Answer with 404 where the picture was deleted after it had been found."""
    try:
        yield
    except ObjectDoesNotExist as error:
        raise Http404 from error
