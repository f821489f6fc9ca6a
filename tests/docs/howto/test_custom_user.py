from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from django_avatar_kit.rendering import avatar_html
from tests.support.howtos import code, page, run
from tests.support.small_site import Site


@pytest.mark.docs
def test_the_site_of_the_page(tmp_path):
    site = Site(tmp_path)
    site.add_page(page("custom-user"))
    site.write("templates/me.html", code("custom-user", "Change your picture", "django"))
    # The last setting of the page is for sites that have profiles, too.
    settings = (tmp_path / "settings.py").read_text()
    site.write("settings.py", settings.rpartition("# settings.py\n")[0])
    site.run(
        """
        from django.template.loader import render_to_string
        from people.models import User

        ada = User.objects.create_superuser("ada")
        client = Client()
        client.force_login(ada)
        assert client.post("/avatar/", {"avatar": make_upload()}).status_code == 302
        ada = User.objects.get()
        shown = render_to_string("me.html", {"user": ada})
        assert '.64.webp"' in shown and 'href="/avatar/"' in shown, shown
        assert b".32.webp" in client.get("/admin/people/user/").content
        change = client.get(f"/admin/people/user/{ada.pk}/change/").content
        assert b'type="file" name="avatar"' in change
        """,
    )


def test_a_name_for_initials(settings):
    found = run(code("custom-user", "def display_name"))
    settings.AVATAR_KIT = {"DISPLAY_NAME": found["display_name"]}
    user = User(username="ada@example.org")
    user.nickname = "Countess"
    assert 'aria-label="Countess"' in avatar_html(user, 64)
