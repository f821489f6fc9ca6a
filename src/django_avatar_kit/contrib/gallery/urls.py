"""``path("avatar/", include("django_avatar_kit.contrib.gallery.urls"))``

In place of ``django_avatar_kit.urls``, whose names are all here: ``avatar_kit:change`` is the
gallery, and ``avatar_kit:delete`` removes the picture that is shown.
"""

from __future__ import annotations

from django.urls import path

from ... import urls as kit
from . import views

__all__ = ["app_name", "urlpatterns"]

#: The namespace, which is that of the kit.
app_name = kit.app_name

_REPLACED = {"change", "delete"}

#: The pages of the gallery, and the pictures that the kit's own URLs answer with.
urlpatterns = [
    path("", views.GalleryView.as_view(), name="change"),
    path("delete/", views.PictureDeleteView.as_view(), name="delete"),
    path("<int:pk>/", views.PictureChangeView.as_view(), name="picture"),
    path("<int:pk>/choose/", views.PictureChooseView.as_view(), name="picture-choose"),
    path("<int:pk>/move/", views.PictureMoveView.as_view(), name="picture-move"),
    path("<int:pk>/delete/", views.PictureDeleteView.as_view(), name="picture-delete"),
    *(pattern for pattern in kit.urlpatterns if pattern.name not in _REPLACED),
]
