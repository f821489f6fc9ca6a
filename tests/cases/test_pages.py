"""What people run into on the pages and in the settings, each case under its number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError
from django.test.utils import isolate_apps
from django.utils.translation import gettext_lazy

from django_avatar_kit.checks import check_settings
from django_avatar_kit.conf import KEYS, get_config
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.rendering import avatar_html
from tests.testapp.models import Channel, Team

ROOT = Path(__file__).resolve().parent.parent.parent

# --- E7: settings that are not what they should be ---------------------------------------------

#: One of each kind of thing.
VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "int": 5,
    "float": 2.5,
    "infinity": float("inf"),
    "text": "x",
    "digits": "64",
    "empty text": "",
    "bytes": b"webp",
    "lazy text": gettext_lazy("Save"),
    "empty list": [],
    "list of text": ["x"],
    "list of int": [5],
    "list of none": [None],
    "nested list": [["webp"]],
    "mixed list": ["webp", 64, {}],
    "set": {"x"},
    "dict": {"x": 1},
    "empty dict": {},
    "dict of text": {"webp": "x"},
    "dict by number": {1: 2},
    "dict by none": {None: None},
    "nested dict": {"webp": {"webp": 80}},
    "object": object(),
    "class": str,
}

#: What is as it should be: these may be given.
RIGHT = {
    "SIZES": {"list of int"},
    "QUALITY": {"empty dict"},
    "IMG_ATTRS": {"dict", "empty dict", "dict of text", "nested dict"},
    "MASTER_SIDE": {"int"},
    "MAX_UPLOAD_SIZE": {"int"},
    "MAX_PIXELS": {"int"},
    "MAX_DECODE_MEMORY": {"int"},
    "DEFAULT_SIZE": {"int"},
    "BACKGROUND": {"none"},
    "RENDITION_STORAGE": {"none"},
    "DISPLAY_NAME": {"none", "class"},
    "OWNER": {"none", "empty dict"},
    "DELETE_FILES": {"true"},
}

#: Every other key reports a wrong value as E003.
CHECKS = {
    "SIZES": {"avatar_kit.E004"},
    "FORMATS": {"avatar_kit.E005"},
    # No list at all, or one of something else.
    "FALLBACKS": {"avatar_kit.E003", "avatar_kit.E006"},
    "STORAGE": {"avatar_kit.E007"},
    "RENDITION_STORAGE": {"avatar_kit.E007"},
}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_e7_every_key_with_every_kind_of_value(key, settings):
    for kind, value in VALUES.items():
        settings.AVATAR_KIT = {key: value}
        messages = [*check_settings(), *Team.check(), *Channel.check()]
        if kind in RIGHT.get(key, ()):
            assert (kind, messages) == (kind, [])
            get_config()
            continue
        (message,) = messages
        assert message.id in CHECKS.get(key, {"avatar_kit.E003"}), kind
        assert message.msg.startswith(f"AVATAR_KIT['{key}'] "), kind
        assert message.hint


@pytest.mark.parametrize("key", sorted(KEYS))
def test_e7_a_page_says_which_key_is_wrong(key, settings):
    """A server does not run the checks. What it cannot use is told by name, or does no harm."""
    for kind, value in VALUES.items():
        settings.AVATAR_KIT = {key: value}
        try:
            avatar_html(Team(name="red"), 64)
        except ImproperlyConfigured as error:
            assert key in str(error) or "fallback" in str(error), kind  # noqa: PT017


@pytest.mark.parametrize("value", [["x"], [], (), "", "SIZES", 5, 0, False, object(), dict])
def test_e7_the_whole_setting_is_no_dictionary(value, settings):
    settings.AVATAR_KIT = value
    (message,) = run_checks()
    assert message.id == "avatar_kit.E002"
    assert message.msg == f"AVATAR_KIT is {value!r}. It must be a dictionary."
    with pytest.raises(ImproperlyConfigured, match="AVATAR_KIT is"):
        avatar_html(None, 64)


def run(folder: Path, command: list[str], values: dict[str, Any]) -> Any:
    """``manage.py`` with these settings, in a process of its own."""
    (folder / "wrong.py").write_text(f"from tests.settings import *\nAVATAR_KIT = {values!r}\n")
    paths = [folder, ROOT, *(path for path in sys.path if path)]
    return subprocess.run(
        [sys.executable, "-m", "django", *command, "--settings", "wrong"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [["check"], ["makemigrations", "--check", "--dry-run"]])
def test_e7_commands_end_with_the_checks(command, tmp_path):
    wrong = {"QUALITY": 90, "SIZES": 64, "FORMATS": 5, "UPLOAD_FORMATS": None, "STORAGE": 5}
    done = run(tmp_path, command, {**wrong, "FALLBACKS": None})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for key in [*wrong, "FALLBACKS"]:
        assert f"AVATAR_KIT['{key}'] is " in done.stderr


def test_e7_a_site_starts_whose_storage_is_not_there(tmp_path):
    """django-cleanup asks every field for its storage before any check has run."""
    done = run(tmp_path, ["check"], {"STORAGE": "nowhere"})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "avatar_kit.E007" in done.stderr


def test_e7_a_site_that_has_started_is_told_at_once(settings):
    settings.AVATAR_KIT = {"STORAGE": "nowhere"}
    with pytest.raises(InvalidStorageError, match="nowhere"):
        assert Team._meta.get_field("avatar").storage


@pytest.mark.parametrize("kind", VALUES)
@isolate_apps("tests.testapp")
def test_e7_what_a_field_is_given(kind):
    class Checked(AvatarMixin):
        avatar = AvatarField(sizes=VALUES[kind], formats=VALUES[kind])

        class Meta:
            app_label = "testapp"

    expected = {"none": [], "list of int": ["avatar_kit.E005"]}
    assert [message.id for message in Checked.check()] == expected.get(
        kind, ["avatar_kit.E004", "avatar_kit.E005"]
    )
