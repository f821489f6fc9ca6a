from __future__ import annotations

import pytest

from django_avatar_kit.display.sealed import seal, unseal

CONTENTS = [b"a", b"A" * 14, b"A" * 15, b"A" * 16, "李明".encode(), bytes(range(1, 106))]


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_sealed_is_read_again(content) -> None:
    assert unseal(seal(content)) == content
    # One picture in every cache.
    assert seal(content) == seal(content)


def test_lengths_say_next_to_nothing() -> None:
    assert [len(seal(each)) for each in CONTENTS] == [40, 40, 40, 64, 40, 184]


def test_similar_contents_have_nothing_in_common() -> None:
    one, other = seal(b"AL"), seal(b"AM")

    assert sum(a == b for a, b in zip(one, other, strict=True)) < 10


def test_keys_of_before(settings) -> None:
    sealed = seal(b"AL")

    settings.SECRET_KEY = "another"
    assert unseal(sealed) is None
    assert seal(b"AL") != sealed
    settings.SECRET_KEY_FALLBACKS = ["one of before", "only for tests"]
    assert unseal(sealed) == b"AL"


def test_key_of_bytes(settings) -> None:
    settings.SECRET_KEY = b"\xff\x00"

    assert unseal(seal(b"AL")) == b"AL"


def flipped(text: str) -> str:
    return ("b" if text[0] == "a" else "a") + text[1:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AL",
        "a" * 40,
        "a" * 39,
        "a" * 41,
        "a" * 192,
        "ä" * 40,
        "1" * 40,
        seal(b"AL").upper(),
        seal(b"AL")[:-8],
        seal(b"AL") + "a" * 24,
        seal(b"AL") + "\n",
        flipped(seal(b"AL")),
        flipped(seal(b"AL")[::-1])[::-1],
    ],
)
def test_anything_else(text) -> None:
    assert unseal(text) is None
