"""The contenders' names, and their titles for readers."""

from __future__ import annotations

TITLES = {
    "kit": "django-avatar-kit",
    "stock": "`ImageField`, django-cleanup",
    "easy": "easy-thumbnails, django-cleanup",
    "avatar": "django-avatar",
    "imagekit": "django-imagekit, django-cleanup",
    "pictures": "django-pictures, django-cleanup",
    "sorl": "sorl-thumbnail, django-cleanup",
    "stdimage": "django-stdimage",
    "versatile": "django-versatileimagefield, django-cleanup",
}
#: Short titles for narrow columns and for plots.
SHORT = {name: title.removesuffix(", django-cleanup").strip("`") for name, title in TITLES.items()}
SHORT["versatile"] = "versatileimagefield"
#: Everybody who cuts sizes, and of these everybody but the kit.
CUTTERS = [name for name in TITLES if name != "stock"]
PEERS = [name for name in CUTTERS if name != "kit"]
