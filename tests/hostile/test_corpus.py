"""A thousand odd uploads through the change page: each is taken or refused as it should be."""

from __future__ import annotations

import pytest

from tests.support import corpus
from tests.support.corpus.page import rows_with_marker

#: With which errors a picture may be refused that is neither right nor quite wrong.
REFUSALS = {
    "truncated",
    "too_many_pixels",
    "too_much_memory",
    "too_much_time",
    "decompression_bomb",
    "invalid_image",
}


def test_there_are_more_than_400_different_uploads():
    assert len({case.data for case in corpus.everything()}) >= 400


def test_each_has_a_name_of_its_own():
    names = [(group, case.name) for group in corpus.GROUPS for case in corpus.of_group(group)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("group", corpus.GROUPS)
def test_the_change_page_takes_or_refuses_each(page, group):
    wrong = {}
    for case in corpus.of_group(group):
        outcome = page.upload(case.data)
        allowed = {case.expected}
        if case.expected == corpus.EITHER:
            allowed = {corpus.TAKEN, *REFUSALS}
        if outcome.code not in allowed or outcome.problems:
            wrong[case.name] = (case.expected, outcome.code, outcome.problems)
    assert wrong == {}
    assert rows_with_marker() == []
