from __future__ import annotations

from django_avatar_kit.rendering import avatar_html
from tests.support.howtos import code, run
from tests.testapp.models import Team


def test_the_class_of_all_avatars(settings):
    settings.AVATAR_KIT = run(code("looks", "IMG_ATTRS"))["AVATAR_KIT"]
    assert 'class="round"' in avatar_html(Team(name="Rockets"), 64)
    assert 'class="big"' in avatar_html(Team(name="Rockets"), 64, class_="big")
