import django.db.models.deletion
import django_avatar_kit.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Picture",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "avatar",
                    django_avatar_kit.fields.AvatarField(
                        upload_to="avatars", verbose_name="picture"
                    ),
                ),
                ("position", models.PositiveIntegerField(editable=False, verbose_name="position")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="avatar_pictures",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "primary_of",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="primary_avatar",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="shown for",
                    ),
                ),
            ],
            options={
                "verbose_name": "picture",
                "verbose_name_plural": "pictures",
                "ordering": ["position", "pk"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("primary_of__isnull", True),
                            ("primary_of", models.F("owner")),
                            _connector="OR",
                        ),
                        name="avatar_kit_gallery_picture_own",
                    )
                ],
            },
        ),
    ]
