"""Mutations of the corpus, which hypothesis chooses, through the change page."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from tests.support import corpus
from tests.support.corpus import mutations
from tests.support.corpus.mutations import pieces, seeds, with_checksums


def files(*words: str) -> st.SearchStrategy[bytes]:
    """Seeds of all cases, or of those with one of these words in their names."""
    named = [one for one in corpus.everything() if not words or any(w in one.name for w in words)]
    return st.sampled_from(seeds([one.data for one in named]))


# Made when the first test asks for them.
SEEDS = st.deferred(files)
ANIMATIONS = st.deferred(lambda: files("animation", "frame", "disposal"))

# The same examples each time: what fails on one machine fails on all. No database of examples, so
# that nothing is left in the folder.
REPEATABLE = options(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    # One page takes all uploads, one after the other, as a page does.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def moving(settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "ANIMATED": True}


@REPEATABLE
@given(chance=st.randoms(use_true_random=False), data=SEEDS, other=SEEDS)
def test_no_mutation_gets_in_or_falls_over(page, chance, data, other):
    assert page.upload(mutations.mutated(chance, data, other)).problems == []


@options(REPEATABLE, max_examples=100)
@given(chance=st.randoms(use_true_random=False), data=ANIMATIONS, other=ANIMATIONS)
def test_nor_does_one_of_an_animation_that_keeps_moving(page, moving, chance, data, other):
    assert page.upload(mutations.mutated(chance, data, other)).problems == []


# --- the mutations ----------------------------------------------------------------------------


@pytest.mark.parametrize("group", corpus.GROUPS)
def test_the_pieces_of_a_file_are_all_of_it(group):
    for case in corpus.of_group(group):
        assert b"".join(pieces(case.data)) == case.data


@pytest.mark.parametrize("group", ["jpeg", "png", "webp", "gif", "avif"])
def test_a_file_has_more_than_one_piece(group):
    assert len(pieces(corpus.of_group(group)[0].data)) > 1


@pytest.mark.parametrize("change", mutations.CHANGES)
def test_every_change_survives_every_kind_of_file(change):
    files = [corpus.of_group(group)[0].data for group in corpus.GROUPS]
    for number, data in enumerate([b"", b"x", *files]):
        assert isinstance(change(random.Random(number), data, files[0]), bytes)


def test_a_number_repeats_its_mutation():
    data, other = (corpus.of_group(group)[0].data for group in ("png", "jpeg"))
    first, again, third = (
        mutations.mutated(random.Random(seed), data, other) for seed in (1, 1, 2)
    )
    assert first == again != third


def test_checksums_of_a_png_are_made_right():
    good = corpus.of_group("png")[0].data
    spoilt = good[:16] + b"\0\0\0\x09" + good[20:]
    assert with_checksums(spoilt) != spoilt
    assert with_checksums(with_checksums(spoilt)) == with_checksums(spoilt)
    assert with_checksums(good) == good
