"""Pictures in the admin, and an inline for the page of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from ...admin import AvatarAdminMixin
from ...conf import get_config
from .models import Picture

__all__ = ["PictureAdmin", "PictureAdminMixin", "PictureInline"]

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    _ModelAdmin = admin.ModelAdmin[Picture]
    _TabularInline = admin.TabularInline[Picture, Any]
else:
    _ModelAdmin, _TabularInline = admin.ModelAdmin, admin.TabularInline


class PictureAdminMixin(AvatarAdminMixin):
    """For a subclass of ``PictureBase``: a column that says which picture is shown."""

    # Removing a picture is deleting its row, for which Django has an action.
    avatar_actions = ("rebuild_avatars",)

    @admin.display(boolean=True, description=_("shown"), ordering="primary_of")
    def is_shown(self, picture: Any) -> bool:
        """A column of the list, and a line of the inline."""
        return bool(picture.is_primary)


@admin.register(Picture)
class PictureAdmin(PictureAdminMixin, _ModelAdmin):
    """The list of all pictures, those of one user side by side."""

    list_display = ("avatar", "owner", "is_shown")
    list_select_related = ("owner",)
    # Those of one owner side by side.
    ordering = ("owner", "position", "pk")
    # A list of all users to choose from would be as long as the site is large.
    raw_id_fields = ("owner",)
    actions = ("make_primary",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        # In another gallery, it would have no place in the order, and might be one too many.
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, "owner")

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [f"owner__{get_user_model().USERNAME_FIELD}"]

    @admin.action(
        permissions=["change"], description=_("Show the selected %(verbose_name_plural)s")
    )
    def make_primary(self, request: HttpRequest, queryset: QuerySet[Picture]) -> None:
        """An action: of several pictures of one user, the last is shown."""
        for picture in queryset:
            picture.make_primary()


class PictureInline(PictureAdminMixin, _TabularInline):
    """All pictures on the page of their user: ``inlines = [PictureInline]`` of a ``UserAdmin``."""

    model = Picture
    # There is another relation to the user, primary_of.
    fk_name = "owner"
    readonly_fields = ("is_shown",)
    extra = 0

    def get_max_num(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        # Where the limit was lowered, the page of a user with more pictures can still be saved.
        there = 0 if obj is None else obj.avatar_pictures.count()
        return max(get_config().gallery_limit, there)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # Each new row by itself would be within the limit.
        return super().get_formset(request, obj, **{"validate_max": True, **kwargs})
