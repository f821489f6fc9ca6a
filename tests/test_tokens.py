from __future__ import annotations

import pytest
from django.db import connections

from django_avatar_kit import tokens


def test_a_token_is_32_digits_and_never_the_same():
    made = {tokens.new_token("default") for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) == 32 and int(token, 16) >= 0 for token in made)


@pytest.mark.parametrize("using", ["default", "other"])
def test_a_token_of_any_database_of_the_site_is_ours(using):
    assert tokens.is_ours(tokens.new_token(using))


def test_any_other_token_is_not():
    token = tokens.new_token("default")
    last = "0" if token[-1] != "0" else "1"
    assert not tokens.is_ours(token[:-1] + last)
    assert not tokens.is_ours("0" * 32)


def test_a_key_that_was_replaced_is_still_known(settings):
    token = tokens.new_token("default")
    settings.SECRET_KEY, old = "a new one", settings.SECRET_KEY
    assert not tokens.is_ours(token)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tokens.is_ours(token)


def test_a_database_that_a_service_file_names(monkeypatch):
    known = connections["default"].settings_dict
    monkeypatch.setitem(known, "NAME", None)
    monkeypatch.setitem(known, "OPTIONS", {"service": "avatars"})
    token = tokens.new_token("default")
    assert tokens.is_ours(token)
    monkeypatch.setitem(known, "OPTIONS", {"service": "others"})
    assert not tokens.is_ours(token)
