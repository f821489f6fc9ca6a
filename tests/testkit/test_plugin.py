"""The plugin of pytest, which all tests of the kit have; and runs of other projects' kinds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.test import TestCase, override_settings

from django_avatar_kit.test import assert_avatar_files, settle
from tests.support.lifecycle import make_profile, upload
from tests.support.processes import environment
from tests.testapp.models import Profile

#: As the settings have it: plugins are loaded before tests, and isolate when these run.
REAL_MEDIA = Path(live_settings.MEDIA_ROOT)
#: A test module of a site whose media is in a bucket.
SITE = """
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from django_avatar_kit.test import assert_avatar_files, make_upload
from tests.testapp.models import Profile


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        user = User.objects.create(username="ada")
        Profile.objects.create(user=user, avatar=make_upload(size=(40, 40)))


@pytest.mark.parametrize("time", [1, 2])
def test_data_of_the_session(db, time):
    profile = Profile.objects.get()
    assert_avatar_files(profile)
    profile.avatar.delete()


@pytest.mark.usefixtures("no_avatar_litter")
def test_that_litters():
    Profile.objects.update(avatar="")
"""


@pytest.fixture(scope="module")
def of_the_module() -> str:
    return default_storage.save("module.txt", ContentFile(b"x"))


def test_a_wider_fixture_may_store_files(of_the_module):
    assert not (REAL_MEDIA / of_the_module).exists()


@pytest.mark.parametrize("time", [1, 2])
def test_no_test_sees_the_files_of_another(time):
    assert not default_storage.exists("a.txt")
    default_storage.save("a.txt", ContentFile(b"x"))


class TestClass:
    @pytest.mark.parametrize("time", [1, 2])
    def test_nor_do_those_of_a_class(self, time):
        assert not default_storage.exists("a.txt")
        default_storage.save("a.txt", ContentFile(b"x"))


@pytest.mark.usefixtures("small", "no_avatar_litter")
def test_no_litter_where_everything_is_settled():
    profile = make_profile()
    profile.delete()


@override_settings(AVATAR_KIT={"SIZES": (16, 32)})
class CaseWithoutTheMixin(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.profile = make_profile()
        cls.profile.avatar.save("new.jpg", upload())
        cls.location = storages["default"].base_location

    def test_has_storages_of_its_own(self):
        assert storages["default"].base_location != self.location
        Profile.objects.all().delete()
        settle()
        assert_avatar_files(self.profile)

    def test_begins_with_the_files_of_its_class(self):
        settle()
        assert_avatar_files(self.profile)


# --- processes of their own ---


def run(*command: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python with what a command line says, and with an empty folder for temporary files."""
    return subprocess.run(
        [sys.executable, *command],
        env={**environment(), "TMPDIR": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_site_on_s3(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "test_site.py").write_text(SITE)
    (tmp_path / "s3_settings.py").write_text(
        "from tests.settings import *\n"
        'STORAGES["default"] = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": '
        '{"bucket_name": "faces", "endpoint_url": "http://127.0.0.1:9"}}\n'
    )
    done = run(
        *("-m", "pytest", "-q", "-p", "django_avatar_kit.test.pytest_plugin"),
        *("-p", "no:cacheprovider", "-p", "no:randomly", "--no-migrations", "-c", os.devnull),
        *("--rootdir", str(tmp_path), "--ds", "s3_settings", str(tmp_path)),
        folder=tmp_path / "tmp",
        PYTHONPATH=os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]]),
    )
    assert "3 passed" in done.stdout, done.stdout
    assert "1 error" in done.stdout
    assert "Surplus, named by no row:" in done.stdout
    assert not list((tmp_path / "tmp").glob("avatars-*"))


def test_the_test_runner_of_django_in_parallel(tmp_path):
    done = run(
        *("-W", "error", "-m", "django", "test", "tests.testkit.test_testcases"),
        *("--parallel", "2", "--settings", "tests.settings"),
        folder=tmp_path,
    )
    assert "Ran 10 tests" in done.stderr, done.stderr
    assert "\nOK\n" in done.stderr, done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert not [name for name in left if name.startswith(("avatars-", "django-avatar-kit"))]
