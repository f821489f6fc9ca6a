"""An admin of the test app: models with an avatar, and users whose profile has it."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from django_avatar_kit.admin import AvatarAdminMixin, HasAvatarFilter
from tests.testapp.models import Bare, Channel, Default, Guest, League, Member, Pet, Profile, Team

#: Of its own, so that other tests have nothing to do with it.
site = admin.AdminSite()


class HasBanner(HasAvatarFilter):
    title = "banner"
    parameter_name = "has_banner"
    field_name = "banner"


class ProfileInline(AvatarAdminMixin, admin.StackedInline):
    model = Profile


@admin.register(User, site=site)
class UserWithAvatarAdmin(AvatarAdminMixin, UserAdmin):
    list_display = ("avatar", "username")
    list_filter = (HasAvatarFilter,)
    inlines = [ProfileInline]


@admin.register(Profile, site=site)
class ProfileAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_display = ("bio", "avatar")
    list_filter = (HasAvatarFilter,)


@admin.register(Team, site=site)
class TeamAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_display = ("avatar", "name")
    list_filter = (HasAvatarFilter,)


@admin.register(League, site=site)
class LeagueAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_display = ("name", "avatar")
    list_filter = (HasAvatarFilter,)


@admin.register(Channel, site=site)
class ChannelAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_display = ("name", "avatar", "banner", "badge")
    list_filter = (HasAvatarFilter, HasBanner)
    show_facets = admin.ShowFacets.ALWAYS


@admin.register(Default, site=site)
class DefaultAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_filter = (HasAvatarFilter,)


@admin.register(Guest, site=site)
class GuestAdmin(AvatarAdminMixin, admin.ModelAdmin):
    list_filter = (HasAvatarFilter,)


@admin.register(Pet, site=site)
class PlainPetAdmin(admin.ModelAdmin):
    """Without the mixin."""

    list_display = ("name", "avatar")


site.register([Bare, Member])
