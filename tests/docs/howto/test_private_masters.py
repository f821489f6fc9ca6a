from __future__ import annotations

import pytest
from django.core.management import call_command

from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


def test_renditions_move_to_a_storage_of_their_own(settings, renditions, files):
    make_profile()
    copy = ["avatar_copy", "--from", "default", "--to", "renditions", "--only", "renditions"]
    call_command(*copy, verbosity=0)
    settings.AVATAR_KIT = {"RENDITION_STORAGE": "renditions"}
    call_command(*copy, verbosity=0)
    call_command(*copy, "--delete-source", verbosity=0)
    name = Profile.objects.get().avatar.avatar_name
    there = {path.name for path in renditions.rglob("*.webp")}
    assert files() == {str(name)}
    assert {f"avatars/{key[:2]}/{key}" for key in there} == set(name.files) - {str(name)}


def test_masters_in_a_folder_that_is_not_served(settings, tmp_path, files):
    found = run(code("private-masters", '"masters"'), BASE_DIR=tmp_path)
    settings.STORAGES, settings.AVATAR_KIT = found["STORAGES"], found["AVATAR_KIT"]
    name = make_profile().avatar.avatar_name
    masters = {path.name for path in (tmp_path / "private").rglob("*.jpg")}
    assert masters == {str(name).rpartition("/")[2]}
    assert files() == set(name.files) - {str(name)}
