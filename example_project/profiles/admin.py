from __future__ import annotations

from django.contrib import admin

from .models import Profile, Team


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    list_display = ("__str__", "user", "headline")
    list_select_related = ("user",)
    search_fields = ("display_name", "user__username")


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ("name", "purpose")
    search_fields = ("name",)
    filter_horizontal = ("members",)
