"""The sites that are moved: their settings, and their users with small pictures."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import django
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Different pictures; each user has a file of their own.
PICTURES = 40


class Site(ABC):
    """A site that has followed its how-to as far as the step that moves the pictures."""

    #: Packages beside the kit's own.
    apps: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[dict[str, Any]] = {}
    #: Shows an avatar of each of ``users``.
    template: ClassVar[str]
    #: The command that moves the pictures, and its options.
    command: ClassVar[tuple[str, dict[str, Any]]]
    #: What the command does with the old files.
    keeps_old_files: ClassVar[bool]

    def configure(self, folder: Path) -> None:
        settings.configure(
            SECRET_KEY="only for benchmarks",
            USE_TZ=True,
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            INSTALLED_APPS=[
                "django.contrib.auth",
                "django.contrib.contenttypes",
                *self.apps,
                "easy_thumbnails",
                "django_avatar_kit",
                "django_avatar_kit.contrib.profile",
            ],
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": folder / "database.sqlite3",
                    # As Django's documentation advises for a site that is in use.
                    "OPTIONS": {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
                }
            },
            MEDIA_ROOT=str(folder / "media"),
            MEDIA_URL="/media/",
            STATIC_URL="/static/",
            TEMPLATES=[
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                }
            ],
            **self.options,
        )
        django.setup()

    def populate(self, folder: Path, users: int, width: int) -> None:
        from django.contrib.auth.models import User
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        User.objects.bulk_create(
            [User(username=f"user{number}") for number in range(users)], batch_size=1000
        )
        pks = list(User.objects.order_by("pk").values_list("pk", flat=True))
        self.store(folder / "media", pks, pictures(folder, width))

    @abstractmethod
    def store(self, media: Path, users: Sequence[int], originals: Sequence[bytes]) -> None:
        """Give each of these users one of the originals, with files and rows as they were."""

    @abstractmethod
    def old_files(self, media: Path) -> int:
        """How many of the originals are still where they were."""


def pictures(folder: Path, width: int) -> list[bytes]:
    """JPEGs of 4:3 with some grain, so that they take as long to encode as a photograph."""
    from PIL import Image

    size = width, width * 3 // 4
    seeded = random.Random(1)  # The same pictures each time.
    originals = []
    path = folder / "original.jpg"
    for _ in range(PICTURES):
        with Image.effect_noise((size[0] // 8, size[1] // 8), 60) as noise:
            tint = tuple(seeded.randrange(256) for _ in range(3))
            with Image.new("RGB", noise.size, tint) as plain, noise.convert("RGB") as grain:
                picture = Image.blend(plain, grain, 0.4).resize(size)
        picture.save(path, quality=88)
        originals.append(path.read_bytes())
    return originals


class DjangoAvatarSite(Site):
    """On django-avatar: its table, with an original and a thumbnail for each user."""

    apps = ("avatar",)
    options = {
        "AVATAR_AUTO_GENERATE_SIZES": (64,),
        "AVATAR_KIT": {
            "FALLBACKS": ("django_avatar_kit.contrib.django_avatar.DjangoAvatar", "initials")
        },
    }
    template = (
        "{% load avatar_kit_compat %}{% for user in users %}"
        '{% avatar user 64 class="round" %}{% endfor %}'
    )
    command = ("avatar_import", {"source": "avatar.Avatar"})
    keeps_old_files = True

    def store(self, media: Path, users: Sequence[int], originals: Sequence[bytes]) -> None:
        from avatar.models import Avatar

        from django_avatar_kit.test import make_image

        thumbnail = make_image((64, 64), format="png")
        rows = []
        for number, pk in enumerate(users):
            of_user = media / "avatars" / str(pk)
            (of_user / "resized/64/64").mkdir(parents=True)
            (of_user / "photo.jpg").write_bytes(originals[number % len(originals)])
            (of_user / "resized/64/64/photo.png").write_bytes(thumbnail)
            rows.append(Avatar(user_id=pk, primary=True, avatar=f"avatars/{pk}/photo.jpg"))
        Avatar.objects.bulk_create(rows, batch_size=1000)

    def old_files(self, media: Path) -> int:
        return sum(1 for _ in media.glob("avatars/*/photo.jpg"))


class ImageFieldSite(Site):
    """On an ``ImageField`` that has become an ``AvatarField``: the rows hold the old names."""

    template = "{% load avatar_kit %}{% for user in users %}{% avatar user 64 %}{% endfor %}"
    command = ("avatar_build", {})
    keeps_old_files = False

    def store(self, media: Path, users: Sequence[int], originals: Sequence[bytes]) -> None:
        from django.db import connection, transaction

        from django_avatar_kit.contrib.profile.models import Profile

        (media / "photos").mkdir(parents=True)
        rows = []
        for number, pk in enumerate(users):
            name = f"photos/{pk}.jpg"
            (media / name).write_bytes(originals[number % len(originals)])
            rows.append((pk, name))
        # As the old field left them: the kit has seen none of these rows.
        table = connection.ops.quote_name(Profile._meta.db_table)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table} (user_id, avatar) VALUES (%s, %s)",  # noqa: S608
                rows,
            )

    def old_files(self, media: Path) -> int:
        return sum(1 for _ in media.glob("photos/*.jpg"))


SITES: dict[str, type[Site]] = {"django-avatar": DjangoAvatarSite, "in-place": ImageFieldSite}
