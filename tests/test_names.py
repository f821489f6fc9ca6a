from __future__ import annotations

import pytest

from django_avatar_kit.names import Group, Name, group_of, random_ids

TOKEN = "3f9c0123456789abcdef0123456789e1"
SECRET = "5be1000000000007"
KEY = f"avatars/3f/{TOKEN}-{SECRET}-k1-1000x750-32_64_128-webp-full-7a6a5c.jpg"


def test_a_key_tells_everything():
    name = Name.parse(KEY)
    assert name == Name(
        folder="avatars/3f/",
        token=TOKEN,
        secret=SECRET,
        width=1000,
        height=750,
        sizes=(32, 64, 128),
        formats=("webp",),
        crop=None,
        fit="cover",
        color="7a6a5c",
        ext="jpg",
    )
    assert str(name) == KEY


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        KEY.removeprefix("avatars/"),
        KEY.replace("avatars/", "a b/ü\n/"),
        KEY.replace("-full-", "-fit-"),
        KEY.replace("-full-", "-0_12_300_300-"),
        KEY.replace("-webp-", "-webp_jpeg-"),
        KEY.replace("-webp-", "-webp_animated-"),
        KEY.replace("32_64_128", "7"),
        KEY.replace(".jpg", ".webp"),
    ],
)
def test_what_is_read_is_written_alike(key):
    name = Name.parse(key)
    assert name is not None
    assert str(name) == key


def test_what_moves_has_one_more_file_of_each_size():
    name = Name.parse(KEY.replace("-webp-", "-webp_jpeg_animated-"))
    assert name.animated
    assert name.formats == ("webp", "jpeg")
    stem = f"avatars/3f/{TOKEN}"
    assert name.renditions == (
        *(f"{stem}.{size}.{format}" for format in ("webp", "jpeg") for size in (32, 64, 128)),
        *(f"{stem}.{size}.animated.webp" for size in (32, 64, 128)),
    )
    assert name.files == (str(name), *name.renditions)
    assert {group_of(key).token for key in name.files} == {TOKEN}
    assert not Name.parse(KEY).animated
    # Nothing is left that stands still.
    assert Name.parse(KEY.replace("-webp-", "-animated-")) is None


def test_a_crop_box_and_the_whole_picture():
    box = Name.parse(KEY.replace("-full-", "-0_12_300_300-"))
    whole = Name.parse(KEY.replace("-full-", "-fit-"))
    assert (box.crop, box.fit) == ((0, 12, 300, 300), "cover")
    assert (whole.crop, whole.fit) == (None, "contain")


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "photo.jpg",
        "avatars/photo.jpg",
        KEY.replace("k1", "k2"),
        KEY.replace("/3f/", "/40/"),
        KEY.replace("/3f/", "/"),
        KEY.replace("avatars/3f/", ""),
        KEY.upper(),
        KEY.replace("3f9c", "3g9c"),
        KEY.replace("1000x750", "0x750"),
        KEY.replace("1000x750", "1000x"),
        KEY.replace("32_64_128", "0_64"),
        KEY.replace("32_64_128", ""),
        KEY.replace("-webp-", "--"),
        KEY.replace("-full-", "-0_0_0_300-"),
        KEY.replace("-full-", "-half-"),
        KEY.replace("-full-", "-007_0_300_300-"),
        KEY.replace("7a6a5c", "7a6a5"),
        KEY.replace("1000x750", "1000x\N{ARABIC-INDIC DIGIT SEVEN}"),
        KEY.removesuffix(".jpg"),
        KEY + "\n",
        KEY + ".64x64_q85_crop.jpg",
        f"avatars/3f/{TOKEN}.64.webp",
        KEY.replace("1000x750", f"{'9' * 5000}x750"),
    ],
)
def test_other_keys_are_not_of_this_grammar(key):
    assert Name.parse(key) is None


def test_a_name_lists_its_files():
    name = Name.parse(KEY.replace("-webp-", "-webp_jpeg-").replace("32_64_128", "32_64"))
    assert name.renditions == (
        f"avatars/3f/{TOKEN}.32.webp",
        f"avatars/3f/{TOKEN}.64.webp",
        f"avatars/3f/{TOKEN}.32.jpeg",
        f"avatars/3f/{TOKEN}.64.jpeg",
    )
    assert name.files == (str(name), *name.renditions)
    assert name.rendition(64, "webp") in name.renditions


def test_a_rendition_does_not_tell_the_secret_of_the_master():
    assert all(SECRET not in key for key in Name.parse(KEY).renditions)


@pytest.mark.parametrize(("wanted", "best"), [(1, 32), (32, 32), (33, 64), (128, 128), (999, 128)])
def test_the_best_size_covers_what_is_wanted_or_is_the_largest(wanted, best):
    assert Name.parse(KEY).best(wanted) == best


def new_name() -> Name:
    return Name(
        *random_ids(),
        width=1000,
        height=750,
        sizes=(32, 64),
        formats=("webp",),
        crop=(1, 2, 3, 4),
        fit="cover",
        color="7a6a5c",
        ext="jpg",
    )


def test_a_new_name_is_random_and_reads_back():
    first, second = new_name(), new_name()
    assert first.token != second.token
    assert first.secret != second.secret
    assert len(first.token) == 32
    assert len(first.secret) == 16
    assert first.folder == f"{first.token[:2]}/"
    assert Name.parse(str(first)) == first


def test_a_new_name_for_a_token():
    assert random_ids(TOKEN)[:2] == ("3f/", TOKEN)


@pytest.mark.parametrize(
    ("key", "group"),
    [
        (KEY, Group("avatars/3f/", TOKEN, KEY)),
        (f"avatars/3f/{TOKEN}.64.webp", Group("avatars/3f/", TOKEN, None)),
        (f"{KEY}.64x64_q85_crop.jpg", Group("avatars/3f/", TOKEN, KEY)),
        (f"{KEY}.64x64_q85_crop-smart.png", Group("avatars/3f/", TOKEN, KEY)),
        ("avatars/photo.jpg", None),
        (f"{KEY}/64x64.jpg", None),
    ],
)
def test_which_avatar_a_stored_file_belongs_to(key, group):
    assert group_of(key) == group
