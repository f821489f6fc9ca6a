"""A site full of people, ready to be looked at."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import transaction
from django.utils import timezone
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from example import local_s3
from profiles.cast import CAST, TEAMS, Person
from profiles.inventory import locate
from profiles.models import Profile, Team

ACCOUNT = "demo"


class Command(BaseCommand):
    help = (
        "Migrate, make a dozen people with pictures and an account to log in with, and serve. "
        "Safe to run again: whoever is there already is left alone."
    )
    # The tables may not exist yet; "migrate" and "runserver" run the checks that they need.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            default=os.environ.get("PORT") or 8000,
            help="Serve on this port of 127.0.0.1 (default: $PORT, else 8000).",
        )
        parser.add_argument(
            "--no-serve",
            action="store_false",
            dest="serve",
            help="Only set up; do not start the development server.",
        )
        parser.add_argument(
            "--noreload",
            action="store_false",
            dest="use_reloader",
            help="Do not restart the server when a file of the project changes.",
        )

    def handle(
        self, *, port: int, serve: bool, use_reloader: bool, verbosity: int, **options: Any
    ) -> None:
        if not settings.DEBUG:
            raise CommandError(
                f"The account “{ACCOUNT}” has a password that everybody knows, so this is for "
                "development only. Set DJANGO_DEBUG=1."
            )
        # The autoreloader runs the whole command again in a child, which has only to serve.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            self.set_up(verbosity)
            if serve and verbosity:
                self.say_how_to_sweep()
                self.stdout.write(f"Open http://127.0.0.1:{port}/")
            # Into a pipe, nothing would be seen of it before the server ends.
            self.stdout.flush()
        if serve:
            call_command("runserver", f"127.0.0.1:{port}", use_reloader=use_reloader)

    def set_up(self, verbosity: int) -> None:
        call_command("migrate", interactive=False, verbosity=max(verbosity - 1, 0))
        made = sum(self.make_person(person, seed) for seed, person in enumerate(CAST))
        for name, purpose, members in TEAMS:
            self.make_team(name, purpose, members)
        password_known = self.make_account()
        if verbosity:
            pictured = Profile.objects.exclude(avatar="").count()
            self.stdout.write(
                f"{made} people made, {len(CAST) - made} were here already; "
                f"{pictured} have a picture."
            )
            self.stdout.write(f"Pictures are in the {locate()}.")
            secret = f"“{ACCOUNT}”" if password_known else "the password that it was given since"
            self.stdout.write(f"Log in as “{ACCOUNT}” with {secret}.")

    def make_person(self, person: Person, seed: int) -> bool:
        """Whether the person is new. One who is not may have changed their picture: leave it."""
        # All or nothing, so that an interrupted run is made good by the next.
        with transaction.atomic():
            # They did not all come today.
            joined = timezone.now() - timedelta(days=97 * (len(CAST) - seed))
            user, created = get_user_model().objects.get_or_create(
                username=person.username, defaults={"password": "!", "date_joined": joined}
            )
            if not created:
                return False
            profile = Profile(user=user, display_name=person.name, headline=person.headline)
            if person.kind is not None:
                profile.avatar = ContentFile(person.picture(seed), name="upload")
            profile.save()
        return True

    def make_team(self, name: str, purpose: str, members: tuple[str, ...]) -> None:
        """With those of its members who are here, unless the team is."""
        with transaction.atomic():
            team, created = Team.objects.get_or_create(name=name, defaults={"purpose": purpose})
            if created:
                team.members.set(Profile.objects.filter(user__username__in=members))

    def make_account(self) -> bool:
        """The account to log in with; whether its password is still the one that is printed."""
        with transaction.atomic():
            user, created = get_user_model().objects.get_or_create(
                username=ACCOUNT, defaults={"is_staff": True}
            )
            if created:
                user.set_password(ACCOUNT)
                user.save(update_fields=["password"])
                # Enough to see the profiles in the admin, and nothing else.
                user.user_permissions.set(
                    Permission.objects.filter(content_type__app_label=Profile._meta.app_label)
                )
                Profile.objects.create(
                    user=user, display_name="Robin Demo", headline="That’s you, looking around"
                )
        return created or user.check_password(ACCOUNT)

    def say_how_to_sweep(self) -> None:
        """For a bucket that only this process knows of, and that ends with it."""
        if local_s3.environment:
            manage = str(settings.BASE_DIR / "manage.py")
            self.stdout.write(
                "The bucket and its database end with this demo. To sweep them meanwhile, from a "
                f"second terminal:\n{local_s3.line(sys.executable, manage, 'avatar_sweep')}"
            )
