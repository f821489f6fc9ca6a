"""Profiles in the admin, and an inline for the page of their user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model

from ...admin import AvatarAdminMixin, HasAvatarFilter
from .models import Profile

__all__ = ["ProfileAdmin", "ProfileInline"]

if TYPE_CHECKING:
    from django.http import HttpRequest

    _ModelAdmin = admin.ModelAdmin[Profile]
    _StackedInline = admin.StackedInline[Profile, Any]
else:
    _ModelAdmin, _StackedInline = admin.ModelAdmin, admin.StackedInline


@admin.register(Profile)
class ProfileAdmin(AvatarAdminMixin, _ModelAdmin):
    """The list of all profiles, with their pictures."""

    list_display = ("user", "avatar")
    list_filter = (HasAvatarFilter,)
    list_select_related = ("user",)
    # A list of all users to choose from would be as long as the site is large.
    raw_id_fields = ("user",)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [f"user__{get_user_model().USERNAME_FIELD}"]


class ProfileInline(AvatarAdminMixin, _StackedInline):
    """The picture on the page of its user: ``inlines = [ProfileInline]`` of a ``UserAdmin``."""

    model = Profile
    # The widget removes the picture. Nothing else is in the row.
    can_delete = False
