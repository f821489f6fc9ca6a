from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import include, path

from django_avatar_kit.contrib.gallery.admin import PictureAdmin, PictureInline
from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.contrib.profile.admin import ProfileAdmin, ProfileInline
from django_avatar_kit.contrib.profile.models import Profile

#: Of its own, so that no test changes the UserAdmin of another.
site = admin.AdminSite()
site.register(Profile, ProfileAdmin)
site.register(Picture, PictureAdmin)


@admin.register(User, site=site)
class UserWithAvatarAdmin(UserAdmin):
    inlines = [*UserAdmin.inlines, ProfileInline, PictureInline]


urlpatterns = [
    path("admin/", site.urls),
    path("avatar/", include("django_avatar_kit.contrib.gallery.urls")),
    # Those of the kit, for users with a profile, and for sites that have not changed theirs.
    path("kit/", include("django_avatar_kit.urls", namespace="kit")),
    # A browser asks for it.
    path("favicon.ico", lambda request: HttpResponse(status=204)),
]
