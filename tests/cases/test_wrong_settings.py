"""Case E7: settings of every wrong type have a numbered check, and pages name the key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, Storage
from django.test.utils import isolate_apps
from django.utils.translation import gettext_lazy

from django_avatar_kit.checks import check_settings
from django_avatar_kit.conf import KEYS, get_config
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.rendering import avatar_html
from tests.support.markdown import ROOT
from tests.testapp.models import Channel, Team

#: A value of each type.
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
#: Which of these values each key accepts.
RIGHT = {
    "SIZES": {"list of int"},
    "QUALITY": {"empty dict"},
    "IMG_ATTRS": {"dict", "empty dict", "dict of text", "nested dict"},
    "MASTER_SIDE": {"int"},
    "MAX_UPLOAD_SIZE": {"int"},
    "MAX_PIXELS": {"int"},
    "MAX_DECODE_MEMORY": {"int"},
    "GALLERY_LIMIT": {"int"},
    "DEFAULT_SIZE": {"int"},
    "BACKGROUND": {"none"},
    "RENDITION_STORAGE": {"none"},
    "DISPLAY_NAME": {"none", "class"},
    "BASE_URL": {"none"},
    "OWNER": {"none", "empty dict"},
    "ANIMATED": {"true"},
    "DELETE_FILES": {"true"},
    "FALLBACK_IF_MISSING": {"true"},
}
#: Every other key reports a wrong value as E003.
CHECKS = {
    "SIZES": {"avatar_kit.E004"},
    "FORMATS": {"avatar_kit.E005"},
    # Not a list, or a list of something else.
    "FALLBACKS": {"avatar_kit.E003", "avatar_kit.E006"},
    "STORAGE": {"avatar_kit.E007"},
    "RENDITION_STORAGE": {"avatar_kit.E007"},
}


@pytest.mark.parametrize("key", sorted(KEYS))
def test_e7_every_key_with_every_kind_of_value(key, settings):
    # One of the keys is for development.
    settings.DEBUG = True
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
    """Servers run no checks. A wrong value raises an error that names it, or does no harm."""
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
    """Run ``manage.py`` with these settings in its own process."""
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


def test_e7_only_a_site_that_has_started_is_told_at_once(settings, monkeypatch):
    settings.AVATAR_KIT = {"STORAGE": "nowhere"}
    with monkeypatch.context() as patch:
        patch.setattr(apps, "ready", False)
        assert type(Team._meta.get_field("avatar").storage) is Storage
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


@pytest.mark.parametrize("where", ["settings", "field"])
@isolate_apps("tests.testapp")
def test_e7_a_format_that_is_given_twice_would_be_written_twice(where, settings):
    class Checked(AvatarMixin):
        avatar = AvatarField(formats=["webp", "webp"] if where == "field" else None)

        class Meta:
            app_label = "testapp"

    settings.AVATAR_KIT = {"FORMATS": ["webp", "jpeg", "webp"]} if where == "settings" else {}
    messages = [*check_settings(), *Checked.check()]
    assert [message.id for message in messages] == ["avatar_kit.E005"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"BACKEND": "static", "OPTIONS": {"path": 5}}, "path is 5. It must be that of a static"),
        ({"BACKEND": "static", "OPTIONS": {"path": None}}, "path is None"),
        ({"BACKEND": "static", "OPTIONS": {"path": b"a.svg"}}, "path is b'a.svg'"),
        ({"BACKEND": "static", "OPTIONS": {"path": Path("a.svg")}}, "path is PosixPath"),
        ({"BACKEND": "static", "OPTIONS": {"path": ""}}, "path is ''"),
        ({"BACKEND": "static", "OPTIONS": {"file": "a.svg"}}, "unexpected keyword argument"),
        ({"BACKEND": "static", "OPTIONS": None}, 'The "OPTIONS" of a fallback are None'),
        ({"BACKEND": "static", "OPTIONS": ["path"]}, "are ['path']. They must be a dictionary"),
        ({"BACKEND": "static", "OPTIONS": {5: "a"}}, "are {5: 'a'}"),
        ({"BACKEND": "initials", "OPTIONS": "x"}, "are 'x'"),
        ({"BACKEND": "initials", "OPTIONS": {"path": "x"}}, "takes no arguments"),
    ],
)
def test_e7_options_that_a_fallback_does_not_take(entry, said, settings):
    settings.AVATAR_KIT = {"FALLBACKS": [entry]}
    (message,) = check_settings()
    assert message.id == "avatar_kit.E006"
    assert said in message.msg
    with pytest.raises(ImproperlyConfigured):
        avatar_html(Team(name="red"), 64)


@pytest.mark.parametrize("given", [["jpeg", "jpeg"], ["png", "jpeg", "png"], ["bmp"], []])
def test_e7_formats_of_uploads_are_known_and_given_once(given, settings):
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": given}
    (message,) = check_settings()
    assert message.id == "avatar_kit.E003"
    assert message.msg == f"AVATAR_KIT['UPLOAD_FORMATS'] is {tuple(given)!r}."
    assert message.hint.startswith("It must be one or more of ['avif', ")
    assert message.hint.endswith("'webp'], each once.")


@pytest.mark.parametrize("length", ["255", b"255", [255]], ids=["text", "bytes", "list"])
@isolate_apps("tests.testapp")
def test_e7_a_length_that_is_no_number(length):
    class Checked(AvatarMixin):
        avatar = AvatarField(max_length=length)

        class Meta:
            app_label = "testapp"

    assert [message.id for message in Checked.check()] == ["avatar_kit.E014"]
