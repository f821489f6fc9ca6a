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
from django.db.models import Prefetch
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, ListView, TemplateView, UpdateView, View

from django_avatar_kit.widgets import AvatarInput

from . import portraits
from .forms import ProfileForm
from .inventory import take_stock
from .models import Profile, Team
from .rounds import WAYS, WAYS_BY_SLUG, Way, WayView, send

if TYPE_CHECKING:
    from django.db.models import QuerySet


class PeopleView(ListView):
    """Everyone, with one query."""

    template_name = "profiles/people.html"
    context_object_name = "people"
    #: A longer list would want pages, and a page the count of all: a second query.
    shown = 200
    #: Pictures near the top of the page, which are loaded at once; all others when they come near.
    extra_context = {"eager": 12}

    def get_queryset(self) -> QuerySet[Any]:
        # The profiles come along: a list made elsewhere gets them from prefetch_avatars(users).
        users = get_user_model().objects.filter(is_active=True).select_related("profile")
        return users.order_by(Lower("profile__display_name").asc(nulls_last=True), "username")[
            : self.shown
        ]


class PersonView(DetailView):
    """What everybody sees of a person."""

    template_name = "profiles/person.html"
    context_object_name = "person"
    slug_field = slug_url_kwarg = "username"

    def get_queryset(self) -> QuerySet[Any]:
        return get_user_model().objects.filter(is_active=True).select_related("profile")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        profile = getattr(self.object, "profile", None)
        teams = teams_and_members(profile.teams) if profile is not None else ()
        return super().get_context_data(profile=profile, teams=teams, **kwargs)


class TeamsView(ListView):
    """The teams, with two queries: one for them, one for all of their members."""

    template_name = "profiles/teams.html"
    context_object_name = "teams"

    def get_queryset(self) -> QuerySet[Team]:
        return teams_and_members(Team.objects)


class TeamView(DetailView):
    """A team, and everybody in it."""

    template_name = "profiles/team.html"
    context_object_name = "team"

    def get_queryset(self) -> QuerySet[Team]:
        return teams_and_members(Team.objects)


def teams_and_members(teams: Any) -> QuerySet[Team]:
    """Teams, and their members in the order of their names."""
    members = Profile.objects.filter(user__is_active=True).select_related("user")
    return teams.prefetch_related(Prefetch("members", members.order_by(Lower("display_name"))))


class MeView(LoginRequiredMixin, SuccessMessageMixin, UpdateView):
    """My picture, and the words beside it."""

    template_name = "profiles/me.html"
    form_class = ProfileForm
    context_object_name = "profile"
    success_url = reverse_lazy("profiles:me")
    success_message = _("Your profile has been saved.")

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
        ways = [WayView(way, self.request.user) for way in WAYS]
        # What the kit takes, and so what all of them take; said as the kit's own input says it.
        hint = AvatarInput().get_context("picture", None, {})["widget"]["hint"]
        return super().get_context_data(ways=ways, hint=hint, **kwargs)


class _RoundAction(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def ways(self) -> tuple[Way, ...]:
        slug = self.kwargs["slug"]
        if slug == "all":
            return WAYS
        if slug in WAYS_BY_SLUG:
            return (WAYS_BY_SLUG[slug],)
        raise Http404(f"No round is called “{slug}”.")


class RoundSendView(_RoundAction):
    """Store a picture in one way, or in all of them; what is there already is replaced."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        upload = _portrait() if "draw" in request.POST else request.FILES.get("picture")
        ways = self.ways()
        errors = send(upload, ways, request.user)
        for error in errors:
            messages.error(request, error)
        if not errors:
            messages.success(
                request, gettext("The picture has been stored. Below, see what has changed.")
            )
        return redirect("profiles:rounds")


class RoundDeleteView(_RoundAction):
    """Delete the row that keeps a picture in one way, or in all of them."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        for way in self.ways():
            row = way.row(request.user)
            if row is not None:
                row.delete()
        messages.success(request, gettext("It has been deleted. Below, see which files are left."))
        return redirect("profiles:rounds")


def _portrait() -> UploadedFile:
    """Somebody new each time, for a reader without a picture at hand."""
    seed = secrets.randbelow(1000)
    image = portraits.draw(seed, "landscape")
    return SimpleUploadedFile(f"portrait-{seed}.jpg", portraits.encode(image), "image/jpeg")
