"""The pages. Changing and deleting an avatar are the kit's own views, in this site's clothes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.core.paginator import Paginator
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.views.generic import ListView, TemplateView, UpdateView, View

from . import portraits
from .forms import ProfileForm
from .inventory import take_stock
from .models import Profile
from .rounds import LANES, LANES_BY_SLUG, Lane, LaneView, send

if TYPE_CHECKING:
    from django.db.models import QuerySet


class PeopleView(ListView):
    """Everyone, in several sizes, with one query."""

    template_name = "profiles/people.html"
    context_object_name = "people"
    #: A longer list would want pages, and a page the count of all: a second query.
    shown = 200

    def get_queryset(self) -> QuerySet[Any]:
        # The profiles come along: a list made elsewhere gets them from prefetch_avatars(users).
        users = get_user_model().objects.filter(is_active=True).select_related("profile")
        return users.order_by(Lower("profile__display_name").asc(nulls_last=True), "username")[
            : self.shown
        ]


class MeView(LoginRequiredMixin, SuccessMessageMixin, UpdateView):
    """My avatar in its sizes, and the words beside it."""

    template_name = "profiles/me.html"
    form_class = ProfileForm
    context_object_name = "profile"
    success_url = reverse_lazy("profiles:me")
    success_message = "Your profile has been saved."
    #: Sizes on show, in px; each is served by the rendition next above it.
    extra_context = {"sizes": (24, 32, 48, 64, 96, 144)}

    def get_object(self, queryset: QuerySet[Any] | None = None) -> Profile:
        # Looking at the page makes no row; saving the form or sending a picture does.
        user = self.request.user
        return getattr(user, "profile", None) or Profile(user=user)


class StorageView(UserPassesTestMixin, TemplateView):
    """What lies in storage. For staff: the keys of masters are not for everyone's eyes."""

    template_name = "profiles/storage.html"
    per_page = 40

    def test_func(self) -> bool:
        return self.request.user.is_staff

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        stock = take_stock()
        page = Paginator(stock.groups, self.per_page).get_page(self.request.GET.get("page"))
        return super().get_context_data(stock=stock, page=page, **kwargs)


class RoundsView(LoginRequiredMixin, TemplateView):
    """One picture, kept in five ways."""

    template_name = "profiles/rounds.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lanes = [LaneView(lane, self.request.user) for lane in LANES]
        return super().get_context_data(lanes=lanes, **kwargs)


class _RoundAction(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def lanes(self) -> tuple[Lane, ...]:
        slug = self.kwargs["slug"]
        if slug == "all":
            return LANES
        if slug in LANES_BY_SLUG:
            return (LANES_BY_SLUG[slug],)
        raise Http404(f"There is no lane “{slug}”.")


class RoundSendView(_RoundAction):
    """Upload to a lane, or to all of them; what is there already is replaced."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        upload = _portrait() if "draw" in request.POST else request.FILES.get("picture")
        lanes = self.lanes()
        errors = send(upload, lanes, request.user)
        for error in errors:
            messages.error(request, error)
        if not errors:
            messages.success(request, "The picture has been stored. See what changed below.")
        return redirect("profiles:rounds")


class RoundDeleteView(_RoundAction):
    """Delete the row of a lane, or of all of them."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        for lane in self.lanes():
            row = lane.row(request.user)
            if row is not None:
                row.delete()
        messages.success(request, "The row is gone. See what is left of its files below.")
        return redirect("profiles:rounds")


def _portrait() -> UploadedFile:
    """Somebody new each time, for a reader without a picture at hand."""
    seed = secrets.randbelow(1000)
    image = portraits.draw(seed, "landscape")
    return SimpleUploadedFile(f"portrait-{seed}.jpg", portraits.encode(image), "image/jpeg")
