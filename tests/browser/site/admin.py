"""The admin: a profile in a form of its own, players as inlines of their team."""

from __future__ import annotations

from django.contrib import admin

from django_avatar_kit.admin import AvatarAdminMixin
from tests.browser.site.models import Player
from tests.testapp.models import Profile, Team


@admin.register(Profile)
class ProfileAdmin(AvatarAdminMixin, admin.ModelAdmin):
    fields = ["user", "bio", "avatar"]


class PlayerInline(AvatarAdminMixin, admin.StackedInline):
    model = Player
    extra = 0


@admin.register(Team)
class TeamAdmin(AvatarAdminMixin, admin.ModelAdmin):
    inlines = [PlayerInline]
