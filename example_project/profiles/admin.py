from __future__ import annotations

from django.contrib import admin

from django_avatar_kit.admin import AvatarAdminMixin, HasAvatarFilter

from .models import Profile, Team


@admin.register(Profile)
class ProfileAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_display = ("avatar", "display_name", "user", "headline")
    list_display_links = ("avatar", "display_name")
    list_filter = (HasAvatarFilter, "teams")
    list_select_related = ("user",)
    search_fields = ("display_name", "user__username")

    class Media:
        css = {"all": ["profiles/admin.css"]}


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ("name", "purpose")
    search_fields = ("name",)
    filter_horizontal = ("members",)
