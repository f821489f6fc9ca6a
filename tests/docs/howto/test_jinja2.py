from __future__ import annotations

import pytest
from jinja2 import Environment

from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile


@pytest.mark.django_db
def test_the_functions(settings):
    settings.AVATAR_KIT = {"BASE_URL": "https://example.org", "SIZES": (32, 64)}
    environment = run(code("jinja2", "def environment"))["environment"](autoescape=True)
    assert isinstance(environment, Environment)
    page = environment.from_string(code("jinja2", "{{ avatar(user", "jinja"))
    user = make_profile().user
    shown = page.render(user=user, users=[user], comments=[])
    assert 'class="rounded"' in shown
    assert shown.rstrip().endswith("…")
