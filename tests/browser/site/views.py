"""Pages with the widget in them: alone, several, in a formset, and inserted later."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import inlineformset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.views import AvatarChangeView
from tests.browser.site.models import Player
from tests.testapp.models import Channel, Profile, Team

PlayerFormSet = inlineformset_factory(Team, Player, fields=["name", "avatar"], extra=1)


class ProfileForm(AvatarForm):
    """A form of the site's own: the avatar is one field of several."""

    class Meta:
        model = Profile
        fields = ["bio", "avatar"]
        widgets = {"bio": forms.TextInput}


class WordyForm(ProfileForm):
    """A form with a rule of the site's own."""

    def clean_bio(self) -> str:
        if self.cleaned_data["bio"] == "rude":
            raise forms.ValidationError("Be polite.")
        return str(self.cleaned_data["bio"])


class WordyView(AvatarChangeView):
    """The kit's page with that form, which goes where the site wants it to."""

    form_class = WordyForm

    def form_valid(self, form: Any) -> HttpResponse:
        super().form_valid(form)
        return redirect("plain")


class ChannelForm(AvatarForm):
    class Meta:
        model = Channel
        fields = ["name", "avatar", "banner", "badge"]


def _posted(request: HttpRequest) -> dict[str, Any]:
    return {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}


@login_required
def plain(request: HttpRequest) -> HttpResponse:
    profile = Profile.objects.get(user=request.user)
    form = ProfileForm(**_posted(request), instance=profile)
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("plain")
    return render(request, "site/form.html", {"form": form, "title": "Profile"})


@login_required
def nonced(request: HttpRequest) -> HttpResponse:
    """With Django's own tag for media under a policy with nonces (Django 6.1)."""
    form = ProfileForm(instance=Profile.objects.get(user=request.user))
    return render(request, "site/nonced.html", {"form": form, "title": "Profile"})


def several(request: HttpRequest, pk: int) -> HttpResponse:
    channel = get_object_or_404(Channel, pk=pk)
    form = ChannelForm(**_posted(request), instance=channel)
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("several", pk)
    return render(request, "site/form.html", {"form": form, "title": "Channel"})


def players(request: HttpRequest, pk: int) -> HttpResponse:
    team = get_object_or_404(Team, pk=pk)
    formset = PlayerFormSet(**_posted(request), instance=team, prefix="players")
    if formset.is_bound and formset.is_valid():
        formset.save()
        messages.success(request, "Saved.")
        return redirect("players", pk)
    return render(request, "site/players.html", {"formset": formset, "title": "Players"})


@login_required
def swapped(request: HttpRequest) -> HttpResponse:
    """The form is not in the page: htmx fetches it at the press of a button."""
    return render(
        request,
        "site/swapped.html",
        {"media": ProfileForm.base_fields["avatar"].widget.media, "title": "Later"},
    )


@login_required
def swapped_form(request: HttpRequest) -> HttpResponse:
    profile = Profile.objects.get(user=request.user)
    form = ProfileForm(**_posted(request), instance=profile)
    saved = form.is_bound and form.is_valid()
    if saved:
        form.save()
        form = ProfileForm(instance=Profile.objects.get(user=request.user))
    return render(request, "site/_swapped_form.html", {"form": form, "saved": saved})


@login_required
def swapped_kit(request: HttpRequest) -> HttpResponse:
    """The kit's own change page as a part of another, whose header has the avatar as well."""
    media = ProfileForm.base_fields["avatar"].widget.media
    profile = Profile.objects.get(user=request.user)
    context = {"media": media, "title": "Kit", "kit": True, "profile": profile}
    return render(request, "site/swapped.html", context)


def favicon(request: HttpRequest) -> HttpResponse:
    """The browser asks for it by itself, and a 404 would be an error in its console."""
    return HttpResponse(status=204)
