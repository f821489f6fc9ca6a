from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_avatar_kit.conf import KEYS, Config, get_config


def test_the_defaults_are_those_of_the_documentation(settings):
    del settings.AVATAR_KIT
    config = get_config()
    assert config == Config()
    assert config.sizes == (32, 64, 128, 256, 512)
    assert config.formats == ("webp",)
    assert config.quality == {"webp": 80, "jpeg": 80, "avif": 60}
    assert config.master_side == 1000
    assert config.max_upload_size == 10 * 1024 * 1024
    assert config.max_pixels == 52_000_000
    assert config.max_decode_memory == 256 * 1024 * 1024
    assert config.upload_formats == ("jpeg", "png", "webp", "gif", "avif")
    assert config.background is None
    assert config.fallbacks == ("initials",)
    assert config.default_size == 64
    assert config.img_attrs == {"loading": "lazy"}
    assert config.storage == "default"
    assert config.rendition_storage is None
    assert config.display_name is None
    assert config.owner is None
    assert config.delete_files is True


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_setting_is_all_defaults(settings, empty):
    settings.AVATAR_KIT = empty
    assert get_config() == Config()


def test_the_settings_are_read_live(settings):
    settings.AVATAR_KIT = {"DEFAULT_SIZE": 48}
    assert get_config().default_size == 48
    assert get_config() is get_config()
    settings.LANGUAGE_CODE = "de"
    assert get_config().default_size == 48
    settings.AVATAR_KIT = {"DEFAULT_SIZE": 96}
    assert get_config().default_size == 96


def test_sizes_are_sorted_and_each_stands_once(settings):
    settings.AVATAR_KIT = {"SIZES": [64, 16, 64]}
    assert get_config().sizes == (16, 64)


def test_quality_is_merged_over_the_defaults(settings):
    settings.AVATAR_KIT = {"QUALITY": {"webp": 60}}
    assert get_config().quality == {"webp": 60, "jpeg": 80, "avif": 60}


def test_lists_become_tuples(settings):
    settings.AVATAR_KIT = {"FORMATS": ["webp", "jpeg"], "UPLOAD_FORMATS": ["png"], "FALLBACKS": []}
    config = get_config()
    assert (config.formats, config.upload_formats, config.fallbacks) == (
        ("webp", "jpeg"),
        ("png",),
        (),
    )


def test_a_set_has_the_same_order_in_every_process(settings):
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": {"png", "jpeg"}, "SIZES": {64, 16}}
    assert get_config().upload_formats == ("jpeg", "png")
    assert get_config().sizes == (16, 64)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"SIZES": 64}, "AVATAR_KIT['SIZES'] is 64. It must be a list or tuple of whole numbers."),
        ({"DELETE_FILES": "no"}, "AVATAR_KIT['DELETE_FILES'] is 'no'. It must be True or False."),
        (["x"], "AVATAR_KIT is ['x']. It must be a dictionary."),
        ([], "AVATAR_KIT is []. It must be a dictionary."),
    ],
)
def test_a_value_of_the_wrong_type(settings, value, said):
    """The error names the key, instead of a ``TypeError`` where the value is used."""
    settings.AVATAR_KIT = value
    for _attempt in range(2):
        with pytest.raises(ImproperlyConfigured) as caught:
            get_config()
        assert str(caught.value) == said


def test_what_is_out_of_range_is_left_to_the_check(settings):
    """A site may have silenced the check."""
    settings.AVATAR_KIT = {"MAX_PIXELS": 0, "SIZES": (), "QUALITY": {"tiff": 500}}
    assert get_config().max_pixels == 0


def test_an_unknown_key_is_left_to_the_check(settings):
    settings.AVATAR_KIT = {"SIZE": (1,), "sizes": (1,)}
    assert get_config() == Config()


def test_the_configuration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        get_config().sizes = ()  # type: ignore[misc]


def test_every_key_is_in_capitals():
    assert {key.lower() for key in KEYS} == set(Config.__dataclass_fields__)
